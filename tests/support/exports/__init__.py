"""Write the raw tables of a home as exports of core systems: other headings, codes, forms, bytes.

A style is a `Style`; `write_export` writes the tables in it. More styles are more instances.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

Row = dict[str, Any]
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Style:
    """How a core system exports.

    Attributes
    ----------
    name : str
        For the names of tests.
    write : callable of (Path, name, headings, rows)
        Writes one table.
    headings : mapping of str to mapping of str to str
        Table -> column -> heading; columns that are not named are not exported.
    files : mapping of str to str
        Table -> name of the file or sheet.
    codes : mapping of str to mapping
        "table.column" or column -> value -> what the system writes.
    day, instant : callable
        Write a day and an instant (civil time).
    versions : bool
        True if every version of a row is exported, with the time of its change; False: the latest.
    """

    name: str
    write: Callable[[Path, str, Sequence[str], Sequence[Sequence[str]]], None]
    headings: Mapping[str, Mapping[str, str]]
    files: Mapping[str, str]
    codes: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    day: Callable[[date], str] = str
    instant: Callable[[datetime], str] = lambda moment: moment.isoformat(" ")
    money: Callable[[Decimal], str] = str
    versions: bool = True


def raw_rows(home: Path, table: str) -> list[Row]:
    """All rows of a raw table."""
    files = sorted((home / "raw" / table).glob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def latest_rows(rows: Sequence[Row], key: str) -> list[Row]:
    """The latest version of each row."""
    latest: dict[Any, Row] = {}
    for row in sorted(rows, key=lambda row: row["recorded_at"]):
        latest[row[key]] = row
    return list(latest.values())


def write_export(home: Path, folder: Path, style: Style, keys: Mapping[str, str]) -> None:
    """Write the tables of a home in a style."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, headings in style.headings.items():
        rows = raw_rows(home, table)
        if not style.versions:
            rows = latest_rows(rows, keys[table])
        cells = [[cell(style, table, name, row[name]) for name in headings] for row in rows]
        style.write(folder, style.files[table], list(headings.values()), cells)


def cell(style: Style, table: str, name: str, value: Any) -> str:
    """One cell as the style writes it."""
    codes = style.codes.get(f"{table}.{name}", style.codes.get(name))
    if value is None:
        return ""
    if codes is not None:
        return codes[value]
    if isinstance(value, datetime):
        return style.instant(value.astimezone(ZONE).replace(tzinfo=None))
    if isinstance(value, date):
        return style.day(value)
    if isinstance(value, Decimal):
        return style.money(value)
    return str(value)


def csv_writer(encoding: str, delimiter: str, ending: str, title: str = "") -> Callable[..., None]:
    """A writer of text files."""

    def write(folder: Path, name: str, headings: Sequence[str], rows: Sequence[Any]) -> None:
        path = folder / f"{name}{ending}"
        with path.open("w", encoding=encoding, newline="") as stream:
            if title:
                stream.write(f"{title}\r\n")
            writer = csv.writer(stream, delimiter=delimiter)
            writer.writerows([headings, *rows])

    return write


def write_sheets(folder: Path, sheets: Mapping[str, tuple[Sequence[str], Sequence[Any]]]) -> None:
    """Write a workbook with a title row above and a totals row below each sheet's rows."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(folder / "导出.xlsx"))
    for name, (headings, rows) in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.merge_range(0, 0, 0, max(1, len(headings) - 1), f"{name}（截至2026年6月30日）")
        sheet.write_row(1, 0, headings)
        for place, row in enumerate(rows, 2):
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(place, column, text)
        sheet.write_string(len(rows) + 2, 0, "合计")
        sheet.write_number(len(rows) + 2, 1, len(rows))
    book.close()


class Workbook:
    """A writer that collects the tables of one workbook; `close` writes it."""

    def __init__(self) -> None:
        self.sheets: dict[str, tuple[Sequence[str], Sequence[Any]]] = {}
        self.folder = Path()

    def __call__(self, folder: Path, name: str, headings: Sequence[str], rows: Any) -> None:
        self.folder = folder
        self.sheets[name] = (headings, rows)

    def close(self) -> None:
        write_sheets(self.folder, self.sheets)


LINES = {
    "motor_compulsory": "机动车交通事故责任强制保险",
    "motor_commercial": "机动车商业保险",
    "accident": "意外伤害保险",
    "health": "健康险",
    "household": "家庭财产保险",
    "other": "其他险种",
}
CHANNELS = {
    "direct": "柜面",
    "telephone": "电话销售",
    "online": "网销",
    "agent": "个人代理",
    "broker": "经纪公司",
    "dealer": "4S店",
}
CHINESE = Style(
    name="chinese",
    write=csv_writer("gb18030", ",", "_20260630.csv", title="数据导出清单"),
    versions=True,
    day=lambda day: f"{day.year}/{day.month}/{day.day}",
    instant=lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
    money=lambda amount: f"{amount:,.2f}",
    files={
        "customers": "客户信息",
        "vehicles": "车辆信息",
        "policies": "保单信息",
        "claims": "理赔案件",
        "claim_movements": "赔款流水",
        "quotes": "报价记录",
    },
    codes={
        "line": LINES,
        "channel": CHANNELS,
        "gender": {"M": "男", "F": "女"},
        "private_car": {True: "家庭自用", False: "企业非营业"},
        "business_type": {"new": "新保", "transfer": "转保", "renewal": "续保"},
        "injury": {True: "是", False: "否"},
        "at_fault": {True: "有责", False: "无责"},
        "vehicles.kind": {"car": "客车", "van": "货车", "motorbike": "摩托车"},
        "energy": {
            "petrol": "汽油",
            "diesel": "柴油",
            "hybrid": "油电混合",
            "plug_in": "插电式混合动力",
            "electric": "纯电动",
        },
    },
    headings={
        "customers": {
            "customer_id": "客户编号",
            "registered_at": "建档日期",
            "name": "客户姓名",
            "phone": "手机号码",
            "birth_date": "出生日期",
            "gender": "性别",
            "recorded_at": "更新时间",
        },
        "vehicles": {
            "vehicle_id": "车辆编号",
            "customer_id": "客户编号",
            "acquired_at": "登记时间",
            "kind": "车辆类型",
            "energy": "燃料种类",
            "first_registered": "初次登记日期",
            "list_price": "新车购置价(元)",
            "plate": "号牌号码",
            "vin": "车辆识别代号",
            "recorded_at": "更新时间",
        },
        "policies": {
            "policy_id": "保险单号",
            "customer_id": "投保人编号",
            "vehicle_id": "车辆编号",
            "line": "险种名称",
            "private_car": "使用性质",
            "signed_at": "签单时间",
            "inception": "保险起期",
            "expiry": "保险止期",
            "cancelled_on": "退保日期",
            "written_premium": "签单保费",
            "channel": "业务来源",
            "business_type": "新续转",
            "recorded_at": "更新时间",
        },
        "claims": {
            "claim_id": "报案号",
            "customer_id": "客户编号",
            "policy_id": "保单号",
            "occurred_at": "出险时间",
            "reported_at": "报案时间",
            "surveyed_at": "查勘时间",
            "assessed_at": "定损时间",
            "paid_at": "赔付时间",
            "closed_at": "结案时间",
            "injury": "人伤标志",
            "at_fault": "是否有责",
            "recorded_at": "更新时间",
        },
        "claim_movements": {
            "movement_id": "流水号",
            "claim_id": "报案号",
            "customer_id": "客户编号",
            "moved_at": "变动时间",
            "paid_change": "已决变动额",
            "outstanding_change": "未决变动额",
            "recorded_at": "更新时间",
        },
        "quotes": {
            "quote_id": "报价单号",
            "customer_id": "客户编号",
            "policy_id": "到期保单号",
            "line": "险种名称",
            "quoted_at": "报价时间",
            "premium": "报价保费",
            "delivered_at": "触达时间",
            "viewed_at": "查看时间",
            "recorded_at": "更新时间",
        },
    },
)
"""Text files in GB18030 with a title line, every version of a row."""


def oracle_style() -> Style:
    """Text files of a database: capitals, tabs, compact days, the last day of cover."""
    headings = {
        "customers": {"customer_id": "CUST_NO", "registered_at": "CREATE_TIME", "name": "CUST_NAME",
                      "phone": "MOBILE_NO", "birth_date": "DOB", "gender": "SEX_CODE"},
        "policies": {"policy_id": "POLICY_NO", "customer_id": "CUST_NO", "vehicle_id": "CAR_ID",
                     "line": "RISK_CODE", "private_car": "USE_NATURE", "signed_at": "ISSUE_TIME",
                     "inception": "START_DATE", "expiry": "END_DATE",
                     "cancelled_on": "CANCEL_DATE", "written_premium": "SUM_PREMIUM"},
        "claims": {"claim_id": "CLAIM_NO", "policy_id": "POLICY_NO", "occurred_at": "LOSS_DATE",
                   "reported_at": "REPORT_TIME", "closed_at": "END_CASE_DATE"},
    }  # fmt: skip
    codes = {
        "line": {**dict.fromkeys(LINES, "9999"), "motor_compulsory": "0507",
                 "motor_commercial": "0511"},
        "private_car": {True: "家庭自用汽车", False: "非营业企业"},
        "gender": {"M": "1", "F": "2"},
    }  # fmt: skip
    return Style(
        name="oracle",
        write=csv_writer("utf-8-sig", "\t", ".TXT"),
        headings=headings,
        files={"customers": "T_CUST", "policies": "T_PLCY", "claims": "T_CLM"},
        codes=codes,
        day=lambda day: day.strftime("%Y%m%d"),
        instant=lambda moment: moment.strftime("%Y%m%d%H%M%S"),
        versions=False,
    )


def workbook_style() -> tuple[Style, Workbook]:
    """A workbook with a sheet a table, and the writer to close."""
    book = Workbook()
    style = Style(
        name="workbook",
        write=book,
        versions=False,
        headings={table: columns for table, columns in CHINESE.headings.items()
                  if table in {"customers", "policies", "claims", "claim_movements"}},
        files={"customers": "客户", "policies": "保单", "claims": "赔案",
               "claim_movements": "赔款变动"},
        codes=CHINESE.codes,
        day=lambda day: f"{day.year}年{day.month}月{day.day}日",
        instant=lambda moment: moment.strftime("%Y/%m/%d %H:%M:%S"),
    )  # fmt: skip
    return style, book
