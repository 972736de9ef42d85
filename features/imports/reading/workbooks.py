"""Read sheets of workbooks (.xlsx, .xls, .xlsb) as texts."""

import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.text_tables import LINE, Part, Rejected
from features.sql import quoted

if TYPE_CHECKING:
    import duckdb

EXACT = 1e15
"""From here a spreadsheet has lost digits: 15 are all that it keeps."""
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet.

    Attributes
    ----------
    name : str
        Its name.
    rows : list of list of str
        Texts from the first row and column on; "" is an empty cell.
    spans : list of (int, int, int)
        Cells merged over columns: row, first and last column.
    notes : list of str
        What is odd: hidden rows, cells merged over rows, that the sheet is hidden.
    """

    name: str
    rows: list[list[str]]
    spans: list[tuple[int, int, int]]
    notes: list[str]


def read_sheets(path: Path) -> list[Sheet]:
    """Read all sheets of a workbook, hidden ones too.

    Raises
    ------
    GuanjiaError
        If the file is no workbook, or asks for a password.
    """
    book = _opened(path)
    hidden = {
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible is not SheetVisibleEnum.Visible
    }
    sheets = []
    for name in book.sheet_names:
        sheet = _read(path, book, name)
        notes = [f"sheet {name} is hidden"] if name in hidden else []
        sheets.append(Sheet(name, sheet.rows, sheet.spans, [*notes, *sheet.notes]))
    return sheets


def read_workbook(con: "duckdb.DuckDBPyConnection", path: Path, source: Source, table: str) -> Part:
    """Read the sheet of a source into a table of c0, c1, ... and `LINE` (the number of the row).

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Gets the table.
    path : Path
        The workbook.
    source : Source
        Its sheet and headings.
    table : str
        Name of the table.

    Raises
    ------
    GuanjiaError
        If the workbook has no such sheet.
    """
    book = _opened(path)
    if source.sheet not in book.sheet_names:
        raise GuanjiaError(
            f"workbook {path}",
            f"has no sheet {source.sheet}",
            f"name one of {', '.join(book.sheet_names)} in the mapping",
        )
    sheet = _read(path, book, str(source.sheet))
    width, skipped = len(source.columns), source.heading_row - 1 + source.heading_rows
    part = Part(path, len(sheet.rows), notes=sheet.notes)
    part.left_out["titles and headings"] = min(skipped, len(sheet.rows))
    rows: list[tuple[int, list[str]]] = []
    for number, cells in enumerate(sheet.rows[skipped:], skipped + 1):
        if any(cells[width:]):
            text = "\t".join(cells)
            part.rejected.append(Rejected(number, text, "the line has too many cells"))
        else:
            rows.append((number, cells))
    lines: pa.Array = pa.array([number for number, _ in rows], pa.int64())
    columns = [
        pa.array([(cells[place : place + 1] or [""])[0] or None for _, cells in rows], pa.string())
        for place in range(width)
    ]
    names = [LINE, *(f"c{place}" for place in range(width))]
    con.register("import_sheet", pa.table([lines, *columns], names=names))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS FROM import_sheet")
    con.unregister("import_sheet")
    return part


def _opened(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, zipfile.BadZipFile) as fault:
        raise GuanjiaError(
            f"workbook {path}", f"cannot be read: {fault}", "save it anew, without a password"
        ) from fault


def _read(path: Path, book: CalamineWorkbook, name: str) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    rows = [[text_of(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    spans, notes = [], []
    merged_rows = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if right > left:
            spans.append((top, left, right))
        if bottom > top and top < len(rows):
            merged_rows += 1
            _fill_down(rows, top, bottom, left)
    if merged_rows:
        notes.append(f"{merged_rows} cells merged over rows count for each of their rows")
    hidden = _hidden_rows(path, name)
    if hidden:
        notes.append(f"{hidden} hidden rows are read like others")
    return Sheet(name, rows, spans, notes)


def _fill_down(rows: list[list[str]], top: int, bottom: int, column: int) -> None:
    for row in rows[top + 1 : bottom + 1]:
        if column < len(row) and column < len(rows[top]):
            row[column] = rows[top][column]


def text_of(cell: Any) -> str:
    """Write a cell as text: a whole number without fraction, a day as YYYY-MM-DD.

    A number of which a spreadsheet has lost digits is written with its exponent, so that it is
    known for damaged where it stands for an identifier.

    Examples
    --------
    >>> text_of(13800000001.0), text_of(0.1 + 0.2), text_of(620000199001011234.0)
    ('13800000001', '0.3', '6.20000199001011E+17')
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _number_text(cell)
    if isinstance(cell, datetime):
        midnight = not (cell.hour or cell.minute or cell.second or cell.microsecond)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _number_text(number: float) -> str:
    if abs(number) >= EXACT:
        return f"{number:.15G}"
    if number == int(number):
        return str(int(number))
    text = f"{number:.15g}"
    return text if "e" not in text else f"{number:.12f}".rstrip("0")


def _hidden_rows(path: Path, name: str) -> int:
    """Count the hidden rows of a sheet; only .xlsx files tell them."""
    if path.suffix.lower() != ".xlsx":
        return 0
    with zipfile.ZipFile(path) as archive:
        files = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= files:
            return 0
        targets = {
            relation.get("Id"): str(relation.get("Target"))
            for relation in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        }
        sheets = ElementTree.fromstring(archive.read("xl/workbook.xml")).iter()
        relations = [item.get(RELATION) for item in sheets if item.get("name") == name]
        inside = next((targets[relation] for relation in relations if relation in targets), "")
        inside = inside.lstrip("/") if inside.startswith("/") else f"xl/{inside}"
        if inside not in files:
            return 0
        return len(re.findall(rb"<row [^>]*hidden=\"(?:1|true)\"", archive.read(inside)))
