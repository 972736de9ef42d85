"""Read lines of a text file that are not all plain: each is a row, or is named with its reason."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.layout import FOOTER, TOTAL
from features.imports.reading.text_tables import KINDS, LINE, Part, Rejected
from features.sql import quoted, sql_text

if TYPE_CHECKING:
    import duckdb

REASONS = {
    "MISSING COLUMNS": "the line has too few cells",
    "TOO MANY COLUMNS": "the line has too many cells",
    "UNQUOTED VALUE": "a quotation mark is not closed",
    "LINE SIZE OVER MAXIMUM": "the line is too long",
    "INVALID ENCODING": "the line holds bytes that are no text",
}
LONGEST_LINE = 16_000_000


def read_odd_lines(
    con: "duckdb.DuckDBPyConnection",
    copy: Path,
    source: Source,
    table: str,
    part: Part,
    first: int,
) -> None:
    """Read lines into a table of c0, c1, ... and `LINE`; note in the part what is no row.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Gets the table.
    copy : Path
        The lines as UTF-8.
    source : Source
        Dialect and headings.
    table : str
        Name of the table.
    part : Part
        The file; its lines before `first` are rows or headings.
    first : int
        Number of the first line in the file, from 1.

    Raises
    ------
    GuanjiaError
        If lines are not accounted for.
    """
    width, quote = len(source.columns), sql_text(source.quote)
    types = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    # In the order of the file, so that the number of a row gives its line.
    con.execute("SET preserve_insertion_order = true")
    con.execute("DROP TABLE IF EXISTS import_rejects; DROP TABLE IF EXISTS import_scans")
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS"
            f" SELECT row_number() OVER () + {first - 1} AS {LINE}, * FROM read_csv("
            f"{sql_text(copy)}, delim={sql_text(source.delimiter)}, quote={quote}, escape={quote},"
            f" header=false, auto_detect=false, columns={{{types}}}, store_rejects=true,"
            f" rejects_limit=0, rejects_table='import_rejects', rejects_scan='import_scans',"
            f" max_line_size={LONGEST_LINE})"
        )
        footers = _take_rejected(con, copy, source, part, first)
    finally:
        con.execute("SET preserve_insertion_order = false")
        con.execute("DROP TABLE IF EXISTS import_rejects; DROP TABLE IF EXISTS import_scans")
    (rows,) = con.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone() or (0,)
    # `make_view` tells rows from totals later and counts them anew.
    before = first - 1 - part.left_out["titles and headings"]
    surplus = part.unaccounted - before - rows - sum(footers.values())
    if surplus > 0:
        continued = _continued(con, table, width)
        blank = surplus - continued
        part.left_out |= {"lines that continue a cell": continued} if continued else {}
        part.left_out |= {KINDS["empty"]: blank} if blank else {}
        surplus = min(blank, 0)
    if surplus < 0:
        raise GuanjiaError(
            f"file {part.path}",
            f"has {part.lines:,} lines, but {part.lines - surplus:,} were read",
            "see whether delimiter and quote in the mapping are the file's",
        )
    part.left_out |= footers
    if len(part.left_out) > 1 or part.rejected:
        _shift_lines(con, copy, source, table, first)


def _take_rejected(
    con: "duckdb.DuckDBPyConnection", copy: Path, source: Source, part: Part, first: int
) -> dict[str, int]:
    """Note the lines that do not fit; return the number of totals and footers among them."""
    rejects = con.execute(
        "SELECT line_byte_position, first(error_type::VARCHAR), first(csv_line)"
        " FROM import_rejects GROUP BY 1 ORDER BY 1"
    ).fetchall()
    kinds: dict[str, int] = {}
    with copy.open("rb") as stream:
        position, line = 0, first
        for place, error, content in rejects:
            line += stream.read(place - 1 - position).count(b"\n")
            position = place - 1
            text = str(content)
            begins = line + len(text) - len(text.lstrip("\n"))
            text = text.strip("\n")
            kind = _kind_of(text, source)
            if kind:
                kinds[KINDS[kind]] = kinds.get(KINDS[kind], 0) + 1
            else:
                reason = REASONS.get(error, f"the line cannot be read: {error.lower()}")
                part.rejected.append(Rejected(begins, text, reason, text.count("\n") + 1))
    return kinds


def _kind_of(text: str, source: Source) -> str | None:
    """Tell totals, footers and further headings from rows of a wrong width."""
    cells = [cell.strip(source.quote + " \t") for cell in text.split(source.delimiter)]
    filled = [cell for cell in cells if cell]
    if not filled:
        return "empty"
    if re.search(TOTAL, filled[0], re.IGNORECASE):
        return "total"
    if len(filled) == 1 and re.search(FOOTER, filled[0], re.IGNORECASE):
        return "footer"
    headings = set(source.columns)
    return "heading" if len(headings.intersection(filled)) > len(filled) / 2 else None


def _continued(con: "duckdb.DuckDBPyConnection", table: str, width: int) -> int:
    """Count the line ends inside cells."""
    ends = " + ".join(
        f"coalesce(length(c{place}) - length(replace(c{place}, chr(10), '')), 0)"
        for place in range(width)
    )
    row = con.execute(f"SELECT coalesce(sum({ends}), 0) FROM {quoted(table)}").fetchone()
    return int(row[0]) if row else 0


def _shift_lines(
    con: "duckdb.DuckDBPyConnection", copy: Path, source: Source, table: str, first: int
) -> None:
    """Number the rows of a file in which some lines are no rows."""
    shifts: list[tuple[int, int]] = []
    with copy.open(encoding="utf-8", newline="") as stream:
        for row, line in enumerate(_lines_of_rows(stream, source)):
            if not shifts or shifts[-1][1] != line - 1 - row:
                shifts.append((row + first, line - 1 - row))
    if not shifts:
        return
    con.execute("CREATE OR REPLACE TEMP TABLE import_shifts (begins BIGINT, shift BIGINT)")
    con.executemany("INSERT INTO import_shifts VALUES (?, ?)", shifts)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS"
        f" SELECT * EXCLUDE (begins, shift) REPLACE ({LINE} + shift AS {LINE})"
        f" FROM {quoted(table)} ASOF JOIN import_shifts ON {LINE} >= begins"
    )
    con.execute("DROP TABLE import_shifts")


def _lines_of_rows(lines: Iterable[str], source: Source) -> Iterator[int]:
    """Yield the first line of each row that has the width of the headings, from 1."""
    width, number = len(source.columns), 1
    if len(source.delimiter) > 1 or not source.quote:
        for number, line in enumerate(lines, 1):
            if line.strip("\n") and line.count(source.delimiter) + 1 == width:
                yield number
        return
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote)
    for cells in reader:
        if len(cells) == width:
            yield number
        number = reader.line_num + 1
