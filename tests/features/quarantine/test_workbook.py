"""The workbook of what waits: every cell a text, the reasons in Chinese, faulty cells marked."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from features.checking.table_check import TableCheck
from features.errors import GuanjiaError
from features.imports.reading.workbooks import read_sheets
from features.lake import Lake
from features.quarantine.summary import summarise
from features.quarantine.workbook import HEADINGS, export_workbook

Check = Callable[[], dict[str, TableCheck]]


@pytest.fixture
def workbook(deliver: Callable[..., None], check: Check, exported: Callable[[], Path]) -> Path:
    deliver()
    check()
    return exported()


def sheet_of(path: Path, name: str) -> list[list[str]]:
    (sheet,) = [sheet for sheet in read_sheets(path) if sheet.name == name]
    return sheet.rows


def test_a_row_a_waiting_row_with_its_place_and_its_reasons(workbook: Path) -> None:
    head, *rows = sheet_of(workbook, "保单年度")
    assert tuple(head[:5]) == HEADINGS
    assert head[5:7] == ["保单号/policy_id", "客户号/customer_id"]
    assert [(row[2], row[3], row[4], row[5]) for row in rows] == [
        ("终保日期应晚于起保日期", "a.csv", "4", "P3"),
        ("保单号无法识别", "a.csv", "5", "6.2E+17"),
        ("客户号不在客户表中", "a.csv", "6", "P5"),
    ]


def test_the_sheets_are_a_guide_the_tables_and_the_rules(workbook: Path) -> None:
    assert [sheet.name for sheet in read_sheets(workbook)] == ["说明", "保单年度", "规则"]
    assert "保单年度：3 行" in {row[0] for row in sheet_of(workbook, "说明")}


def test_every_cell_is_a_text(workbook: Path) -> None:
    sheet = CalamineWorkbook.from_path(str(workbook)).get_sheet_by_name("保单年度")
    assert {type(cell) for row in sheet.to_python() for cell in row} == {str}


def test_the_faulty_cell_is_marked_the_heading_stays_and_rows_can_be_filtered(
    workbook: Path,
) -> None:
    with zipfile.ZipFile(workbook) as archive:
        sheet = archive.read("xl/worksheets/sheet2.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    style_of = dict(re.findall(r'<c r="([A-Z]+2)" s="(\d+)"', sheet))
    inception, expiry, premium = style_of["L2"], style_of["M2"], style_of["O2"]
    assert inception == expiry != premium
    assert "FFFFF2CC" in styles
    assert '<pane xSplit="3" ySplit="1"' in sheet
    assert "<autoFilter" in sheet
    assert '<formula1>"已改,丢弃"</formula1>' in sheet
    # Every style of a cell is of the format of texts, "@".
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    assert {formats[int(style)] for style in style_of.values()} == {"49"}


def test_what_waits_is_counted_with_masked_examples(
    deliver: Callable[..., None], check: Check, lake: Lake
) -> None:
    deliver(
        customers="customer_id,registered_at,name,phone,birth_date,recorded_at\n"
        "C1,2022-01-05T02:00:00Z,甲一,13800000001,1980-01-01,2022-01-05T02:00:00Z\n"
        "C2,2022-03-05T02:00:00Z,乙二,13800000002,1890-01-01,2022-01-05T02:00:00Z\n"
    )
    check()
    summary = summarise(lake)
    assert summary.rows == {"customers": 1, "policies": 4}
    rules = {rule.rule: (rule.rows, rule.examples) for rule in summary.rules}
    late = "recorded_at is before registered_at"
    assert rules[late] == (1, ("a.csv, line 3: 2022-03-05T02:00:00Z",))
    early = ("a.csv, line 4: inception 2025-08-01, expiry 2024-08-01",)
    assert rules["cover ends after it begins"] == (1, early)
    left = "birth_date is left out: a customer is born at most 110 years before registration"
    assert rules[left] == (1, ("a.csv, line 3: 18******01",))


def test_an_empty_quarantine_is_said(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="the quarantine: is empty"):
        export_workbook(lake, tmp_path / "waiting.xlsx")
    assert not (tmp_path / "waiting.xlsx").exists()


def test_who_takes_it_is_noted_before_it_is_there(
    deliver: Callable[..., None], check: Check, lake: Lake, tmp_path: Path
) -> None:
    deliver()
    check()
    path = tmp_path / "waiting.xlsx"

    def refuse(customers: object) -> None:
        assert customers == ["C2", "C9"]
        raise GuanjiaError("the records", "do not answer", "start them")

    with pytest.raises(GuanjiaError, match="do not answer"):
        export_workbook(lake, path, refuse)
    assert not path.exists()
