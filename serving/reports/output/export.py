"""Write the sections of a report as CSV or as a workbook, in which numbers are numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from features.errors import GuanjiaError
from features.publishing import published
from serving.reports.output.sections import Cell, Percent, Section
from serving.spreadsheet import FORMULA_STARTS, write_csv

SHEET_NAME = 31
"""Characters that a workbook takes as the name of a sheet."""
WIDEST, NARROWEST = 40, 10
REMARKS = "说明"


def write_report(path: Path, sections: Sequence[Section], notes: Sequence[str]) -> int:
    """Write a report to a file, all of it or nothing.

    Parameters
    ----------
    path : Path
        The file; its ending decides: `.csv` (UTF-8 with BOM) or `.xlsx`.
    sections : sequence of Section
        The parts; a sheet each in a workbook.
    notes : sequence of str
        How the report was made: on a sheet of its own, or in the last rows.

    Returns
    -------
    int
        Rows of all tables.

    Raises
    ------
    GuanjiaError
        If the ending is another one.
    """
    ending = path.suffix.lower()
    if ending == ".csv":
        write_csv(path, ("部分", "行", "列", "值"), _long_rows(sections, notes))
    elif ending == ".xlsx":
        _write_workbook(path, sections, notes)
    else:
        raise GuanjiaError(str(path), "ends neither in .csv nor in .xlsx", "name it report.xlsx")
    return sum(len(section.rows) for section in sections)


def _long_rows(sections: Sequence[Section], notes: Sequence[str]) -> Iterator[list[object]]:
    """Give every cell of every table a row: tables with different columns fit into one file.

    The notes are the last rows.
    """
    for section in sections:
        for row in section.rows:
            for heading, value in zip(section.headings[1:], row[1:], strict=True):
                yield [section.title, row[0], heading, _plain(value)]
    for number, note in enumerate(notes, 1):
        yield [REMARKS, number, "", note]


def _plain(value: Cell) -> object:
    return value.share if isinstance(value, Percent) else value


def _write_workbook(path: Path, sections: Sequence[Section], notes: Sequence[str]) -> None:
    import xlsxwriter

    with published(path, 0o600) as draft:
        book = xlsxwriter.Workbook(
            str(draft), {"strings_to_formulas": False, "strings_to_urls": False}
        )
        bold = book.add_format({"bold": True, "bg_color": "#EEF1F5"})
        formats = {
            "percent": book.add_format({"num_format": "0.0%"}),
            "whole": book.add_format({"num_format": "#,##0"}),
            "part": book.add_format({"num_format": "#,##0.0#"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for section in sections:
            if not section.rows:
                continue
            sheet = book.add_worksheet(section.title[:SHEET_NAME])
            sheet.write_row(0, 0, section.headings, bold)
            sheet.freeze_panes(1, 1)
            for column, heading in enumerate(section.headings):
                sheet.set_column(column, column, min(max(2 * len(heading), NARROWEST), WIDEST))
            for number, row in enumerate(section.rows, 1):
                for column, value in enumerate(row):
                    _write_cell(sheet, number, column, value, formats)
        remarks = book.add_worksheet(REMARKS)
        remarks.set_column(0, 0, 100)
        lines = [*notes, *(note for section in sections for note in section.notes)]
        for number, line in enumerate(lines):
            remarks.write_string(number, 0, line)
        book.close()


def _write_cell(sheet: object, number: int, column: int, value: Cell, formats: object) -> None:
    from datetime import date
    from typing import Any

    page: Any = sheet
    known: Any = formats
    if isinstance(value, Percent):
        if value.share is not None:
            page.write_number(number, column, value.share, known["percent"])
    elif isinstance(value, date):
        page.write_datetime(number, column, value, known["day"])
    elif isinstance(value, int | float):
        page.write_number(number, column, value, known["whole" if value == int(value) else "part"])
    elif value is not None:
        text = f"'{value}" if value.startswith(FORMULA_STARTS) else value
        page.write_string(number, column, text)
