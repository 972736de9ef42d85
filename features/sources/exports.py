"""Write raw tables as a core system exports them, for the tutorial: six text files, one workbook.

The files are in GB18030 with Chinese headings, codes and forms of their own, as
`guanjia import plan` has to read them. Instants are civil times of China.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from features.contracts.vocabulary import CHANNEL_LABELS, CONTACT_CHANNEL_LABELS
from features.lake import Lake
from features.publishing import published, published_folder
from features.sql import quoted, sql_text

ZONE = ZoneInfo("Asia/Shanghai")
WORKBOOK = "客户服务.xlsx"
LINES = {
    "motor_compulsory": "交强险",
    "motor_commercial": "商业险",
    "accident": "意外险",
    "health": "健康险",
    "household": "家财险",
    "other": "其他",
}
YES_NO = {True: "是", False: "否"}
CODES: Mapping[str, Mapping[Any, str]] = {
    "line": LINES,
    # The last one is a word that no list of synonyms has: the tutorial says it.
    "channel": {**CONTACT_CHANNEL_LABELS, **CHANNEL_LABELS, "dealer": "4S店", "broker": "合作单位"},
    "gender": {"M": "男", "F": "女"},
    "private_car": {True: "家庭自用", False: "企业非营业"},
    "business_type": {"new": "新保", "transfer": "转保", "renewal": "续保"},
    "injury": YES_NO,
    "at_fault": {True: "有责", False: "无责"},
    "granted": {True: "同意", False: "拒绝"},
    "purpose": {"marketing": "营销", "profiling": "画像", "location": "定位"},
    "kind": {"car": "客车", "survey": "回访", "complaint": "投诉"},
    "energy": {
        "petrol": "汽油",
        "diesel": "柴油",
        "hybrid": "油电混合",
        "plug_in": "插电式混合动力",
        "electric": "纯电动",
    },
}


@dataclass(frozen=True)
class Sheet:
    """A file or a sheet: the table that it has, its name, and heading by column."""

    table: str
    name: str
    headings: Mapping[str, str]


FILES = (
    Sheet("customers", "客户信息", {
        "customer_id": "客户编号", "name": "客户姓名", "gender": "性别", "birth_date": "出生日期",
        "phone": "手机号码", "branch": "归属机构", "registered_at": "建档时间",
        "recorded_at": "更新时间"}),
    Sheet("vehicles", "车辆信息", {
        "vehicle_id": "车辆编号", "customer_id": "客户编号", "plate": "号牌号码",
        "kind": "车辆类型",
        "energy": "燃料种类", "first_registered": "初次登记日期", "list_price": "新车购置价",
        "acquired_at": "登记时间", "recorded_at": "更新时间"}),
    Sheet("policies", "保单信息", {
        "policy_id": "保险单号", "customer_id": "投保人编号", "vehicle_id": "车辆编号",
        "line": "险种名称", "private_car": "使用性质", "signed_at": "签单时间",
        "inception": "保险起期", "expiry": "保险止期", "cancelled_on": "退保日期",
        "written_premium": "签单保费", "third_party_limit": "三者险保额",
        "ncd_level": "无赔款优待等级",
        "channel": "业务来源", "business_type": "新续转", "recorded_at": "更新时间"}),
    Sheet("claims", "理赔案件", {
        "claim_id": "报案号", "customer_id": "客户编号", "policy_id": "保单号",
        "vehicle_id": "车辆编号", "occurred_at": "出险时间", "reported_at": "报案时间",
        "paid_at": "赔付时间", "closed_at": "结案时间", "injury": "人伤标志",
        "at_fault": "是否有责",
        "recorded_at": "更新时间"}),
    Sheet("claim_movements", "赔款流水", {
        "movement_id": "流水号", "claim_id": "报案号", "customer_id": "客户编号",
        "moved_at": "变动时间", "paid_change": "已决变动额", "outstanding_change": "未决变动额",
        "recorded_at": "更新时间"}),
    Sheet("quotes", "报价记录", {
        "quote_id": "报价单号", "customer_id": "客户编号", "policy_id": "到期保单号",
        "vehicle_id": "车辆编号", "line": "险种名称", "quoted_at": "报价时间",
        "premium": "报价保费",
        "delivered_at": "触达时间", "viewed_at": "查看时间", "recorded_at": "更新时间"}),
)  # fmt: skip
SHEETS = (
    Sheet("consents", "客户授权", {
        "consent_id": "授权号", "customer_id": "客户编号", "purpose": "授权用途",
        "channel": "授权渠道", "granted": "是否同意", "changed_at": "变更时间",
        "recorded_at": "更新时间"}),
    Sheet("surveys_and_complaints", "回访投诉", {
        "case_id": "工单号", "customer_id": "客户编号", "kind": "类型", "topic": "主题",
        "claim_id": "报案号", "occurred_at": "发生时间", "score": "评分",
        "resolved_at": "解决时间", "recorded_at": "更新时间"}),
)  # fmt: skip
TOPICS = {"claims": "理赔", "service": "服务", "sales": "销售", "price": "价格",
          "underwriting": "承保"}  # fmt: skip


def write_exports(lake: Lake, folder: Path) -> dict[str, int]:
    """Write raw tables of a home as six text files and a workbook.

    Parameters
    ----------
    lake : Lake
        The home with raw Parquet tables.
    folder : Path
        The folder of the files; what it holds is replaced.

    Returns
    -------
    dict of str to int
        File, or file and sheet -> rows.
    """
    import xlsxwriter

    written = {}
    with published_folder(folder) as draft:
        for sheet in FILES:
            name, rows = f"{sheet.name}_20260630.csv", _rows(lake, sheet)
            with (
                published(draft / name, 0o644) as file,
                file.open("w", encoding="gb18030", newline="") as text,
            ):
                csv.writer(text).writerows([list(sheet.headings.values()), *rows])
            written[name] = len(rows)
        with xlsxwriter.Workbook(str(draft / WORKBOOK)) as book:
            for sheet in SHEETS:
                page, rows = book.add_worksheet(sheet.name), _rows(lake, sheet)
                page.write(0, 0, f"{sheet.name}（截至2026年6月30日）")
                for place, row in enumerate([list(sheet.headings.values()), *rows], 1):
                    for column, cell in enumerate(row):
                        page.write_string(place, column, cell)
                page.write_row(len(rows) + 2, 0, ["合计", len(rows)])
                written[f"{WORKBOOK}, {sheet.name}"] = len(rows)
    return written


def _rows(lake: Lake, sheet: Sheet) -> list[Sequence[str]]:
    """Read the rows of a table as texts of the export."""
    columns = ", ".join(map(quoted, sheet.headings))
    path = sql_text(lake.raw(sheet.table) / "*.parquet")
    rows = lake.con.execute(f"SELECT {columns} FROM read_parquet({path}) ORDER BY ALL").fetchall()
    names = list(sheet.headings)
    return [[_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    codes = TOPICS if name == "topic" else CODES.get(name, {})
    if value in codes:
        return codes[value]
    if isinstance(value, datetime):
        return value.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return f"{value.year}/{value.month}/{value.day}"
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)
