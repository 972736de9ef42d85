"""Workbooks of old and of binary formats are read as those of today."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import xlwt
from xlsb import write_xlsb

from features.imports.run import Delivery

HEADINGS = (
    "保单号", "客户编号", "车架号", "险种名称", "使用性质", "签单时间", "保险起期", "保险止期",
    "签单保费",
)  # fmt: skip
ROW = ("007", "C1", "LSV1", "商业险", "家庭自用")
Importer = Callable[[Path], Delivery]


def write_xls(path: Path) -> None:
    """A workbook of Excel 97 with a title, days as days, a number as text and a totals row."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("保单")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    sheet.write_merge(0, 0, 0, 8, "保单清单")
    for column, heading in enumerate(HEADINGS):
        sheet.write(1, column, heading)
    for column, cell in enumerate((*ROW, "2024-07-01 09:00:00")):
        sheet.write(2, column, cell)
    sheet.write(2, 6, date(2024, 7, 2), day)
    sheet.write(2, 7, date(2025, 7, 2), day)
    sheet.write(2, 8, 3000.5)
    sheet.write(3, 0, "合计")
    sheet.write(3, 8, 3000.5)
    book.add_sheet("空")
    book.save(str(path))


def check(folder: Path, imported: Importer, rows: Callable[[str], list[dict[str, Any]]]) -> None:
    delivery = imported(folder)
    (part,) = delivery.files
    assert part.left_out == {"titles and headings": 2, "rows of totals": 1}
    (policy,) = rows("policies")
    assert policy["policy_id"] == "007"
    assert policy["line"] == "motor_commercial"
    assert policy["inception"] == date(2024, 7, 2)
    assert policy["expiry"] == date(2025, 7, 2)
    assert str(policy["written_premium"]) == "3000.50"


def test_a_workbook_of_excel_97(tmp_path: Path, imported: Importer, rows: Any) -> None:
    folder = tmp_path / "xls"
    folder.mkdir()
    write_xls(folder / "保单.xls")
    check(folder, imported, rows)


def test_a_binary_workbook(tmp_path: Path, imported: Importer, rows: Any) -> None:
    folder = tmp_path / "xlsb"
    folder.mkdir()
    write_xlsb(
        folder / "保单.xlsb",
        "保单",
        [
            ["保单清单"],
            HEADINGS,
            # Without a style, a day is the number that Excel keeps.
            [*ROW, "2024-07-01 09:00:00", 45475.0, 45840.0, 3000.5],
            ["合计", *[""] * 7, 3000.5],
        ],
    )
    check(folder, imported, rows)
