"""Read a table that an office sends: CSV in the usual encodings, or the first sheet of a workbook.

Texts stay as they are written; a leading apostrophe, which keeps a spreadsheet from turning a text
into a number, is taken off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError
from features.imports.reading.dialects import find_dialect, split_lines
from features.imports.reading.encodings import ASK, find_encoding, read_lines
from features.imports.reading.readers import kind_of

LARGEST_ROWS = 1_000_000
HEADING_ROWS = 10
"""Rows in which the headings are looked for: a title may stand above them."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Attributes
    ----------
    line : int
        Its line in the file, from 1, as a spreadsheet shows it.
    cells : Mapping[str, str]
        Text by heading; empty cells are left out.
    """

    line: int
    cells: Mapping[str, str]


def read_table(path: Path, wanted: Sequence[str]) -> tuple[list[str], list[TableRow]]:
    """Read the headings and the rows of a file.

    Parameters
    ----------
    path : Path
        A CSV file or a workbook.
    wanted : sequence of str
        Names of a column that the table must have, one of them.

    Returns
    -------
    headings : list of str
        In the order of the file.
    rows : list of TableRow
        Rows that are not empty.

    Raises
    ------
    GuanjiaError
        If the file cannot be read, or no row of its beginning has such a heading.
    """
    if not path.is_file():
        raise GuanjiaError(f"file {path}", "is not there", "name the file that was sent back")
    kind = kind_of(path)
    if kind == "workbook":
        from features.imports.reading.workbooks import read_sheets

        sheets = read_sheets(path)
        lines = list(enumerate(sheets[0].rows, start=1)) if sheets else []
    elif kind == "text":
        lines = _read_text(path)
    else:
        cure = "save it as .csv or .xlsx"
        raise GuanjiaError(f"file {path}", "is neither CSV nor a workbook", cure)
    for place, (_, cells) in enumerate(lines[:HEADING_ROWS]):
        headings = [_clean(cell) for cell in cells]
        if any(heading in wanted for heading in headings):
            rows = [_row(line, headings, cells) for line, cells in lines[place + 1 :]]
            return headings, [row for row in rows if row.cells]
    fault = f"has no column {wanted[0]}"
    raise GuanjiaError(f"file {path}", fault, "keep the headings of the list that was sent out")


def _read_text(path: Path) -> list[tuple[int, list[str]]]:
    reading = find_encoding(path)
    if reading.encoding == ASK:
        raise GuanjiaError(f"file {path}", reading.why, "save it as CSV UTF-8")
    lines = read_lines(path, reading.encoding, LARGEST_ROWS)
    lines = [line.lstrip("\ufeff") for line in lines[:1]] + lines[1:]
    return split_lines(lines, find_dialect(lines[:100]))


def _row(line: int, headings: Sequence[str], cells: Sequence[str]) -> TableRow:
    texts = {
        heading: text
        for heading, cell in zip(headings, cells, strict=False)
        if heading and (text := _clean(cell))
    }
    return TableRow(line, texts)


def _clean(cell: str) -> str:
    return cell.strip().removeprefix("'").strip()
