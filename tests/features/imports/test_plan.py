"""A plan understands what it can, marks what it cannot, and leaves nothing unsaid."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.mapping import load_mapping
from features.imports.matching.evidence import Evidence
from features.imports.matching.matcher import match_table
from features.imports.matching.vocabulary import vocabulary
from features.imports.overview import column_rows, doubts
from features.imports.plan import Plan
from features.imports.run import Delivery

Planned = Callable[..., Plan]
Imported = Callable[[Path], Delivery]
Rows = Callable[[str], list[dict[str, Any]]]


def table(plan: Plan, name: str) -> Any:
    (only,) = [table for table in plan.mapping.tables if table.name == name]
    return only


def test_the_mapping_on_file_is_the_mapping_planned(exports: Path, planned: Planned) -> None:
    plan = planned(exports)
    assert load_mapping(exports / "mapping.toml") == plan.mapping


def test_samples_of_persons_are_masked_everywhere(exports: Path, planned: Planned) -> None:
    plan = planned(exports)
    text = (exports / "mapping.toml").read_text("utf-8")
    shown = " ".join(row.samples for row in column_rows(plan))
    for page in (text, shown):
        assert "13800000001" not in page
        assert "甲一" not in page
        assert "13*******01" in page


def test_everything_that_is_not_used_is_named(exports: Path, planned: Planned) -> None:
    (exports / "~$保单.xlsx").write_bytes(b"x")
    (exports / "说明.pdf").write_bytes(b"x")
    (exports / "机构考核.csv").write_text("考核项,得分率\n甲,好\n乙,差\n", encoding="gb18030")
    path = exports / "客户.csv"
    text = path.read_text("gb18030").replace("建档时间\n", "建档时间,爱好\n")
    path.write_text(text.replace(":00:00\n", ":00:00,钓鱼\n"), encoding="gb18030")
    plan = planned(exports)
    assert set(plan.described.unread) == {"~$保单.xlsx", "说明.pdf"}
    assert plan.unmatched == ["机构考核"]
    assert plan.unused == {"客户": ["爱好"], "机构考核": ["考核项", "得分率"]}
    assert "source 机构考核 is no table that Guanjia knows" in doubts(plan)


def test_big5_is_asked_and_read_when_said(exports: Path, planned: Planned) -> None:
    path = exports / "客户.csv"
    names = path.read_text("gb18030").replace(
        "客户编号,客户姓名,手机号码,建档时间", "客户編號,姓名,手機,建檔時間"
    )
    names = names.replace("客户", "客戶").replace("甲一", "陳大偉").replace("乙二", "林志聰")
    path.write_text(names, encoding="big5")
    plan = planned(exports)
    assert "its encoding has to be said" in plan.described.unread["客户.csv"]
    plan = planned(exports, encoding="big5")
    assert plan.described.sources["客户"].encoding == "big5"


def test_day_or_month_first_is_asked_and_never_guessed(exports: Path, planned: Planned) -> None:
    path = exports / "保单.csv"
    text = path.read_text("gb18030")
    for before, after in (("2024-07-01,2025-07-01", "01/07/2024,01/07/2025"),
                          ("2024-08-01,2025-08-01", "01/08/2024,01/08/2025")):  # fmt: skip
        text = text.replace(before, after)
    path.write_text(text, encoding="gb18030")
    plan = planned(exports)
    assert table(plan, "policies").columns["inception"].order == "ask"
    assert len(plan.questions) == 2
    text = text.replace("01/08/2024", "13/08/2024").replace("01/08/2025", "13/08/2025")
    path.write_text(text, encoding="gb18030")
    assert table(planned(exports), "policies").columns["inception"].order == "dmy"


def test_the_last_day_of_cover_is_noticed(exports: Path, imported: Imported, rows: Rows) -> None:
    path = exports / "保单.csv"
    text = path.read_text("gb18030").replace("2025-07-01", "2025-06-30")
    path.write_text(text.replace("2025-08-01", "2025-07-31"), encoding="gb18030")
    imported(exports)
    assert [row["expiry"] for row in rows("policies")] == [date(2025, 7, 1), date(2025, 8, 1)]


def test_premiums_of_a_few_yuan_are_in_10000(exports: Path, planned: Planned) -> None:
    path = exports / "保单.csv"
    text = path.read_text("gb18030").replace("3000.00", "0.30").replace("950.00", "0.095")
    path.write_text(text, encoding="gb18030")
    premium = table(planned(exports), "policies").columns["written_premium"]
    assert (premium.unit, premium.confidence) == ("万元", "look")


def test_a_row_with_both_covers_is_two_terms(
    exports: Path, planned: Planned, imported: Imported, rows: Rows
) -> None:
    (exports / "保单.csv").write_text(
        "保单号,客户编号,车架号,使用性质,签单时间,保险起期,保险止期,交强险保费,商业险保费\n"
        "P1,C1,V1,家庭自用,2024-07-01 09:00:00,2024-07-01,2025-07-01,950.00,3000.00\n"
        "P2,C2,V2,家庭自用,2024-08-01 09:00:00,2024-08-01,2025-08-01,665.00,\n",
        encoding="gb18030",
    )
    delivery = imported(exports)
    terms = {(row["policy_id"], row["line"]): row["written_premium"] for row in rows("policies")}
    assert terms == {
        ("P1", "motor_commercial"): Decimal("3000.00"),
        ("P1-JQ", "motor_compulsory"): Decimal("950.00"),
        ("P2-JQ", "motor_compulsory"): Decimal("665.00"),
    }
    policies = next(prepared for prepared in delivery.tables if prepared.table == "policies")
    assert policies.left_out == {"rows of 保单 without 商业险保费": 1}


def test_customers_are_taken_from_policies_where_there_is_no_file_of_them(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    (exports / "客户.csv").unlink()
    path = exports / "保单.csv"
    text = path.read_text("gb18030").replace("客户编号,", "客户编号,投保人姓名,")
    text = text.replace("P1,C1,", "P1,C1,甲一,").replace("P2,C2,", "P2,C2,乙二,")
    path.write_text(text, encoding="gb18030")
    imported(exports)
    first, _ = rows("customers")
    assert (first["customer_id"], first["name"]) == ("C1", "甲一")
    assert first["registered_at"].isoformat() == "2024-07-01T01:00:00+00:00"


def test_a_sheet_with_merged_headings_hidden_rows_and_totals_is_read(
    tmp_path: Path, planned: Planned
) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    book = xlsxwriter.Workbook(str(folder / "客户.xlsx"))
    sheet = book.add_worksheet("客户")
    book.add_worksheet("空")
    book.add_worksheet("隐").hide()
    sheet.write_string(0, 0, "客户清单")
    sheet.merge_range(1, 0, 1, 1, "客户")
    sheet.merge_range(1, 2, 1, 3, "联系")
    sheet.write_row(2, 0, ["客户编号", "姓名", "手机号", "建档时间"])
    sheet.write_row(3, 0, ["C1", "甲一", 13800000001, 44256.5])
    sheet.write_row(4, 0, [6.2e17, "乙二", "13800000002", 44257.5])
    sheet.set_row(4, None, None, {"hidden": True})
    sheet.write_row(5, 0, ["合计", 2])
    book.close()
    plan = planned(folder)
    (part,) = plan.parts["客户"]
    assert part.left_out == {"titles and headings": 3, "rows of totals": 1}
    assert part.notes == ["1 hidden rows are read like others"]
    assert plan.described.sources["客户"].columns == (
        "客户/客户编号", "客户/姓名", "联系/手机号", "联系/建档时间"
    )  # fmt: skip
    assert {name.partition(", ")[2] for name in plan.described.unread} == {"sheet 空", "sheet 隐"}
    damaged = [finding for finding in plan.findings if finding.column == "customer_id"]
    assert [(finding.fault, finding.examples) for finding in damaged] == [
        ("cannot be read", ("客户.xlsx, line 5: 6.2E+17",))
    ]


def test_days_of_a_zone_in_parquet_stay_their_day(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    (exports / "保单.csv").unlink()
    midnight = pa.timestamp("us", tz="Asia/Shanghai")
    start = pa.array(["2024-06-30T16:00:00"]).cast(pa.timestamp("us")).cast(midnight)
    end = pa.array(["2025-06-30T16:00:00"]).cast(pa.timestamp("us")).cast(midnight)
    columns = {
        "policy_no": ["P1"], "cust_no": ["C1"], "vin": ["V1"], "risk_code": ["0511"],
        "use_nature": ["家庭自用"], "issue_time": start, "start_date": start, "end_date": end,
        "premium": pa.array([3000.0]),
    }  # fmt: skip
    (exports / "dt=2026-06-30").mkdir()
    pq.write_table(pa.table(columns), exports / "dt=2026-06-30" / "policy.parquet")
    imported(exports)
    (row,) = rows("policies")
    assert (row["inception"], row["expiry"]) == (date(2024, 7, 1), date(2025, 7, 1))
    assert row["line"] == "motor_commercial"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('encoding = "gb18030"', 'encodng = "gb18030"', "encodng: is not known. Did you mean enc"),
        ('name = "claims"', 'name = "claim"', "claim is not known. Did you mean claims"),
        ("signed_at = {", "signd_at = {", "signd_at: is not known. Did you mean signed_at"),
        (
            'from = "签单保费"',
            'from = "签单保弗"',
            "heading 签单保弗: is none. Did you mean 签单保费",
        ),
        ('source = "理赔"', 'source = "理培"', "source 理培: is not known"),
        ('{from = "签单保费"', '{from = "签单保费", value = "1"', "has not exactly one of from"),
        ("folder =", "folder :", "is not valid TOML"),
    ],
)
def test_a_misspelt_mapping_names_the_word(
    exports: Path, planned: Planned, before: str, after: str, said: str
) -> None:
    planned(exports)
    path = exports / "mapping.toml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(GuanjiaError) as error:
        load_mapping(path)
    assert said in str(error.value)


def test_every_word_of_the_vocabulary_names_something() -> None:
    words = vocabulary()
    assert set(words.tables) == set(CONTRACTS)
    for name, listed in words.tables.items():
        assert set(listed.columns) <= set(CONTRACTS[name].columns)
    for name, meanings in words.codes.items():
        columns = [
            contract.declared[column]
            for table, contract in CONTRACTS.items()
            for column in contract.columns
            if words.code_lists.get(f"{table}.{column}", column) == name
        ]
        assert columns
        allowed = {value for column in columns for value in column.allowed} | {"true", "false", ""}
        assert set(meanings) <= allowed


def test_cells_that_are_no_days_are_no_day_column() -> None:
    def looks(day: float) -> Evidence:
        shares = dict.fromkeys(
            ("number", "comma", "mobile", "plate", "damaged", "identity", "vin"), 0.0
        )
        return Evidence("起保日期", 2, 2, ("x", "y"), {}, {**shares, "day": day})

    assert "inception" in match_table("policies", "", {"起保日期": looks(1.0)}).columns
    assert "inception" not in match_table("policies", "", {"起保日期": looks(0.0)}).columns
