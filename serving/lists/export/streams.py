"""Stream the rows of an export as CSV or JSON, row by row: memory does not grow with the rows."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

from features.errors import GuanjiaError
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import NUMBERS, ExportColumn, shown_row, with_mark
from serving.spreadsheet import cell, phone_cell

Encoding = Literal["utf-8", "gb18030"]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "gb18030")
Rows = Iterable[Sequence[Any]]
CHUNK = 500
"""Rows of a chunk of bytes."""
YES_NO = {True: "是", False: "否"}


def stream_csv(
    columns: Sequence[ExportColumn], rows: Rows, about: AboutExport, encoding: Encoding = "utf-8"
) -> Iterator[bytes]:
    """Stream rows as CSV that a spreadsheet opens without ruining a number.

    Parameters
    ----------
    columns : sequence of ExportColumn
        The columns, without that of the export's number.
    rows : iterable of sequence
        One value a column.
    about : AboutExport
        Its number is the last column; it says whether personal data are masked.
    encoding : {"utf-8", "gb18030"}
        UTF-8 begins with a byte-order mark.

    Yields
    ------
    bytes
        Some hundred lines.

    Raises
    ------
    GuanjiaError
        If the encoding is another one, or a value is of another kind than its column.
    """
    if encoding not in ENCODINGS:
        cure = f"use one of {', '.join(ENCODINGS)}"
        raise GuanjiaError(f"encoding {encoding}", "is not offered", cure)
    marked = with_mark(columns)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow([cell(column.heading) for column in marked])
    start = b"\xef\xbb\xbf" if encoding == "utf-8" else b""
    for chunk in _chunks(_shown(columns, rows, about)):
        for row in chunk:
            writer.writerow(
                [_cell(column, value) for column, value in zip(marked, row, strict=True)]
            )
        yield start + lines.getvalue().encode(encoding)
        start = b""
        lines.seek(0)
        lines.truncate()
    if lines.tell():
        yield start + lines.getvalue().encode(encoding)


def stream_json_lines(
    columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> Iterator[bytes]:
    """Stream rows as JSON objects, one a line (NDJSON); each bears the number of the export.

    Parameters
    ----------
    columns, rows, about
        As in `stream_csv`.

    Yields
    ------
    bytes
        Some hundred lines.
    """
    for chunk in _chunks(json_rows(columns, rows, about)):
        yield b"".join(_json(row) + b"\n" for row in chunk)


def stream_json(columns: Sequence[ExportColumn], rows: Rows, about: AboutExport) -> Iterator[bytes]:
    """Stream one JSON object: `about` says how it was made, `rows` are its rows.

    Parameters
    ----------
    columns, rows, about
        As in `stream_csv`.

    Yields
    ------
    bytes
        A part of the text.
    """
    yield b'{"about": ' + _json(about.fields()) + b', "rows": [\n'
    separator = b""
    for chunk in _chunks(json_rows(columns, rows, about)):
        yield separator + b",\n".join(map(_json, chunk))
        separator = b",\n"
    yield b"\n]}\n"


def json_page(
    columns: Sequence[ExportColumn], rows: Rows, about: AboutExport, start: int, limit: int
) -> dict[str, Any]:
    """Return a page of rows, and where the next page starts.

    Parameters
    ----------
    columns, about
        As in `stream_csv`.
    rows : iterable of sequence
        The rows from `start` on; no more than one above `limit` are taken from it.
    start : int
        Rows before this page.
    limit : int
        Rows of a page at most.

    Returns
    -------
    dict
        `about`, `rows`, and `next`: the start of the next page, None after the last.
    """
    page = [*islice(json_rows(columns, rows, about), limit + 1)]
    more = start + limit if len(page) > limit else None
    return {"about": about.fields(), "rows": page[:limit], "next": more}


def json_rows(
    columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> Iterator[dict[str, Any]]:
    """Iterate over rows as objects for JSON: numbers are numbers, dates are ISO texts.

    Parameters
    ----------
    columns, rows, about
        As in `stream_csv`.
    """
    names = [column.name for column in with_mark(columns)]
    for row in _shown(columns, rows, about):
        yield dict(zip(names, map(_plain, row), strict=True))


def _shown(columns: Sequence[ExportColumn], rows: Rows, about: AboutExport) -> Iterator[list[Any]]:
    return (shown_row(columns, row, about.masked, about.export_id) for row in rows)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _cell(column: ExportColumn, value: Any) -> str:
    if value is None:
        return ""
    if column.kind == "phone":
        return phone_cell(value)
    if isinstance(value, bool):
        return YES_NO[value]
    if column.kind in NUMBERS:
        return f"{value:.{column.digits}f}"
    return value.isoformat() if isinstance(value, date) else cell(value)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
