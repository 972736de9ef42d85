"""Hold the rows of a source as texts in the engine, each with its file and line.

Every line of every file is a row of the table, or is counted in `Part.left_out` with the reason,
or lies in `Part.rejected`: nothing is left out silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from features.imports.reading.layout import FOOTER, TOTAL
from features.sql import quoted, sql_text

if TYPE_CHECKING:
    import duckdb

FILE, LINE, KIND = "_file", "_line", "_kind"
"""Columns beside the cells: number of the file, line in it, why the row is none (null: it is)."""
KINDS = {
    "empty": "empty rows",
    "heading": "headings repeated",
    "total": "rows of totals",
    "footer": "footers",
}
"""Why a row is no row of data, with its words."""


@dataclass(frozen=True)
class Rejected:
    """A line that does not fit the layout of its file.

    Attributes
    ----------
    line : int
        Its number, from 1.
    text : str
        The line as delivered.
    reason : str
        What does not fit, as a sentence.
    lines : int
        Lines that it takes: an unclosed quote swallows the rest of a file.
    """

    line: int
    text: str
    reason: str
    lines: int = 1


@dataclass
class Part:
    """One file of a source: `lines` are its heading lines, rows, lines left out and rejected ones.

    Attributes
    ----------
    path : Path
        The file.
    lines, rows : int
        Lines (rows of a sheet) in all, and rows of data.
    left_out : dict of str to int
        Why lines are no rows of data -> lines.
    rejected : list of Rejected
        Lines that do not fit.
    notes : list of str
        What else a reader should know: hidden rows.
    """

    path: Path
    lines: int
    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def unaccounted(self) -> int:
        """Lines that are neither rows nor named: 0, or the file was read wrongly."""
        rejected = sum(line.lines for line in self.rejected)
        return self.lines - self.rows - sum(self.left_out.values()) - rejected


@dataclass
class TextTable:
    """The rows of a source in the engine.

    Attributes
    ----------
    view : str
        View of columns c0, c1, ... as texts (null: nothing) and `FILE`, `LINE`, `KIND`.
    columns : tuple of str
        The headings of c0, c1, ...
    parts : list of Part
        Its files; `FILE` is the place in this list.
    """

    view: str
    columns: tuple[str, ...]
    parts: list[Part]

    @property
    def rows(self) -> int:
        """Rows of data of all files."""
        return sum(part.rows for part in self.parts)

    def cell(self, heading: str) -> str:
        """Return the column that holds the cells under a heading."""
        return f"c{self.columns.index(heading)}"


def make_view(
    con: "duckdb.DuckDBPyConnection", name: str, columns: Sequence[str], parts: list[Part]
) -> TextTable:
    """Join the tables `<name>_0`, `<name>_1`, ... of a source's files and tell rows from the rest.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Where the tables lie, each with c0, c1, ... and `LINE`.
    name : str
        Name of the view.
    columns : sequence of str
        The headings.
    parts : list of Part
        The files; their rows and lines left out are counted here.
    """
    cells = ", ".join(f"c{place}" for place in range(len(columns)))
    rows = " UNION ALL ".join(
        f"SELECT {place} AS {FILE}, {LINE}, {cells} FROM {quoted(f'{name}_{place}')}"
        for place in range(len(parts))
    )
    view = f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT *,"
    con.execute(f"{view} {_kind(columns)} AS {KIND} FROM ({rows})")
    counts = con.execute(
        f"SELECT {FILE}, {KIND}, count(*) FROM {quoted(name)} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for place, kind, number in counts:
        if kind is None:
            parts[place].rows = number
        else:
            left_out = parts[place].left_out
            left_out[KINDS[kind]] = left_out.get(KINDS[kind], 0) + number
    if all(kind is None for _, kind, _ in counts):
        # Every reader of the view asks for the rows of data: here, that is all.
        con.execute(f"{view} NULL::VARCHAR AS {KIND} FROM ({rows})")
    return TextTable(name, tuple(columns), parts)


def drop_view(con: "duckdb.DuckDBPyConnection", table: TextTable) -> None:
    """Drop the view and its tables."""
    con.execute(f"DROP VIEW IF EXISTS {quoted(table.view)}")
    for place in range(len(table.parts)):
        drop_part(con, f"{table.view}_{place}")


def replace_part(con: "duckdb.DuckDBPyConnection", table: str, query: str) -> None:
    """Replace the rows of a file by those of a query, which may read them.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds the rows.
    table : str
        Name of the file's table, or of the view of its Arrow rows.
    query : str
        SQL of the new rows.
    """
    rows = f"{table}_rows"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(rows)} AS {query}")
    drop_part(con, table)
    con.execute(f"ALTER TABLE {quoted(rows)} RENAME TO {quoted(table)}")


def drop_part(con: "duckdb.DuckDBPyConnection", name: str) -> None:
    """Drop the rows of a file, which the engine holds, or sees in memory under a name."""
    con.unregister(name)
    con.execute(f"DROP TABLE IF EXISTS {quoted(name)}")


def _kind(columns: Sequence[str]) -> str:
    """Write the SQL that says why a row is no row of data."""
    cells = [f"c{place}" for place in range(len(columns))]
    first = f"coalesce({', '.join(cells)})" if len(cells) > 1 else "c0"
    others = f"coalesce({', '.join(cells[1:])})" if len(cells) > 1 else "NULL"
    # A row repeats the headings if the first three cells do: the others need not be compared, nor
    # are cells trimmed that do not hold the heading.
    repeated = " AND ".join(
        f"trim(c{place}) = {sql_text(heading)}" for place, heading in enumerate(columns[:3])
    )
    repeated = f"CASE WHEN contains(c0, {sql_text(columns[0])}) THEN {repeated} END"
    # No total holds a digit: most cells of other rows are known by a zero or a one.
    short = f"length({first}) < 20 AND NOT contains({first}, '0') AND NOT contains({first}, '1')"
    return (
        f"CASE WHEN {first} IS NULL THEN 'empty' WHEN {repeated} THEN 'heading'"
        f" WHEN {short} AND regexp_matches({first}, {sql_text(TOTAL)}, 'i')"
        f" THEN 'total' WHEN {others} IS NULL AND {len(cells)} > 1"
        f" AND regexp_matches(c0, {sql_text(FOOTER)}, 'i') THEN 'footer' END"
    )
