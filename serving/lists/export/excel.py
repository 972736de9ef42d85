"""Write an export as an Excel workbook: one sheet of rows, and one on how it was made."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import NUMBERS, ExportColumn, shown_row, with_mark
from serving.lists.export.streams import YES_NO, Rows

MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
LONGEST = 32_767
"""Characters of a cell."""
WIDTHS = {"date": 12, "phone": 14, "id": 16, "money": 14, "number": 12, "percent": 10}
WIDEST = 60
HEAD = {"bold": True, "bg_color": "#DDE6F0", "border": 1, "text_wrap": True, "valign": "vcenter"}


def write_excel(
    path: Path, columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> None:
    """Write rows to a workbook; texts are never formulas, links or numbers.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of ExportColumn
        The columns.
    rows : iterable of sequence
        One value a column; they go to the disk row by row.
    about : AboutExport
        How the export was made.

    Raises
    ------
    GuanjiaError
        If there are more rows, or a longer text, than a sheet takes.
    """
    import xlsxwriter

    # Named like the draft, so that what a killed writer leaves is cleared with it.
    scratch = path.with_name(f"{path.name}.parts")
    scratch.mkdir(mode=0o700)
    try:
        options = {
            "constant_memory": True,
            "tmpdir": str(scratch),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(str(path), options) as book:
            book.set_properties(
                {
                    "title": about.label,
                    "author": about.who,
                    "keywords": about.export_id,
                    "comments": f"{about.name}，{about.as_of}，导出号 {about.export_id}",
                    "created": about.at.replace(tzinfo=None),
                }
            )
            _write_rows(book, with_mark(columns), columns, rows, about)
            _write_about(book, about)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_rows(
    book: Any,
    marked: Sequence[ExportColumn],
    columns: Sequence[ExportColumn],
    rows: Rows,
    about: AboutExport,
) -> None:
    sheet = book.add_worksheet("名单")
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{about.label} {about.as_of}&C导出号 {about.export_id}&R&P / &N")
    head = book.add_format(HEAD)
    formats = [book.add_format(_style(column)) for column in marked]
    for place, column in enumerate(marked):
        sheet.set_column(place, place, _width(column))
        sheet.write_string(0, place, column.heading, head)
    count = 0
    for row in rows:
        count += 1
        if count > MOST_ROWS:
            fault = f"has more than {MOST_ROWS:,} rows, which no sheet of Excel takes"
            chinese = f"名单 {about.name}", f"超过 {MOST_ROWS:,} 行，Excel 放不下", "请导出为 CSV"
            cure = "export it as .csv or .parquet"
            raise GuanjiaError(f"list {about.name}", fault, cure, chinese=chinese)
        values = shown_row(columns, row, about.masked, about.export_id)
        for place, (column, value) in enumerate(zip(marked, values, strict=True)):
            if value is not None:
                _write_cell(sheet, (count, place), column, value, formats[place])
    sheet.autofilter(0, 0, count, len(marked) - 1)


def _write_cell(
    sheet: Any, place: tuple[int, int], column: ExportColumn, value: Any, style: Any
) -> None:
    if isinstance(value, bool):
        sheet.write_string(*place, YES_NO[value], style)
    elif column.kind in NUMBERS and not isinstance(value, str):
        sheet.write_number(*place, float(value), style)
    elif column.kind == "date" and not isinstance(value, str):
        sheet.write_datetime(*place, value, style)
    else:
        if len(value) > LONGEST:
            fault = f"holds a text of more than {LONGEST:,} characters"
            chinese = (
                f"“{column.heading}”列",
                f"有超过 {LONGEST:,} 个字的文字，Excel 放不下",
                "请导出为 CSV",
            )
            cure = "export it as .csv or .parquet"
            raise GuanjiaError(f"column {column.heading}", fault, cure, chinese=chinese)
        sheet.write_string(*place, value, style)


def _write_about(book: Any, about: AboutExport) -> None:
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 80)
    head, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
    number = book.add_format({"num_format": "#,##0", "align": "left"})
    for place, (heading, value) in enumerate(about.lines()):
        sheet.write_string(place, 0, heading, head)
        if isinstance(value, int):
            sheet.write_number(place, 1, value, number)
        else:
            sheet.write_string(place, 1, value[:LONGEST], wrapped)


def _style(column: ExportColumn) -> dict[str, str]:
    decimals = f".{'0' * column.digits}" if column.digits else ""
    if column.kind == "money":
        return {"num_format": f"#,##0{decimals}"}
    if column.kind == "percent":
        return {"num_format": "0.0%"}
    if column.kind == "number":
        return {"num_format": f"0{decimals}"}
    return {"num_format": "yyyy-mm-dd" if column.kind == "date" else "@"}


def _width(column: ExportColumn) -> int:
    # A Chinese character is as wide as two digits.
    heading = sum(1 + (ord(sign) > 0x2E7F) for sign in column.heading)
    return min(max(heading + 3, WIDTHS.get(column.kind, 10)), WIDEST)
