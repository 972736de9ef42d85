"""Look at the cells of a source's columns: how many, which, and of what kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.imports import cells, days
from features.imports.mapping import NULLS
from features.imports.reading.text_tables import TextTable
from features.sql import quoted, sql_text

if TYPE_CHECKING:
    import duckdb

LOOKED_AT = 20_000
"""Rows whose cells are looked at for their kind."""
MOST_CODES = 60
"""Different values up to which a column may be one of codes."""
KINDS = ("day", "number", "comma", "mobile", "plate", "damaged")
"""Kinds of cells that the engine counts."""
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
VIN_DIGITS = "12345678123457923456789" + "0123456789"
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
PLATE = (
    "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·• -]?"
    "[A-Z0-9]{4,5}[A-Z0-9学挂港澳]"
)


@dataclass(frozen=True)
class Evidence:
    """What the cells of a column look like.

    Attributes
    ----------
    heading : str
        The column's heading.
    filled, distinct : int
        Cells that say something; different ones among them, roughly.
    samples : tuple of str
        Three of them.
    values : dict of str to int
        Every value with its count, most first, if they are few; else empty.
    shares : dict of str to float
        Kind -> share of the filled cells looked at: day, number, comma (a number with a decimal
        comma), mobile, identity, vin, plate, damaged.
    """

    heading: str
    filled: int
    distinct: int
    samples: tuple[str, ...]
    values: dict[str, int]
    shares: dict[str, float]


def look_at(con: "duckdb.DuckDBPyConnection", source: TextTable, zone: str) -> dict[str, Evidence]:
    """Look at all columns of a source.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Where the source's view is.
    source : TextTable
        The source.
    zone : str
        The insurer's time zone.

    Returns
    -------
    dict of str to Evidence
        By heading.
    """
    if not source.columns:
        return {}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE looked_at AS FROM"
        f" {tidy_cells(source, source.columns, LOOKED_AT)}"
    )
    (row_count,) = con.execute("SELECT count(*) FROM looked_at").fetchone() or (0,)
    few = row_count < LOOKED_AT
    names = [f"t{number}" for number in range(len(source.columns))]
    counts = con.execute(
        f"SELECT {', '.join(f'count({t}), approx_count_distinct({t})' for t in names)}"
        f" FROM {'looked_at' if few else tidy_cells(source, source.columns)}"
    ).fetchone()
    assert counts is not None
    kinds = _count_kinds(con, len(source.columns), zone)
    evidence = {}
    for number, heading in enumerate(source.columns):
        filled, distinct = counts[2 * number : 2 * number + 2]
        values: dict[str, int] = {}
        if distinct <= 2 * MOST_CODES:
            rows = "looked_at" if few else tidy_cells(source, [heading])
            values = _count_values(con, rows, f"t{number}" if few else "t0")
            distinct = len(values)
            values = values if distinct <= MOST_CODES else {}
        looked_at = _texts(con, f"t{number}")
        samples = tuple(dict.fromkeys(looked_at))[:3]
        shares = kinds.get(number, dict.fromkeys(KINDS, 0.0)) | {
            "identity": _share(looked_at, is_identity_number),
            "vin": _share(looked_at, is_vin),
        }
        evidence[heading] = Evidence(heading, filled, distinct, samples, values, shares)
    con.execute("DROP TABLE looked_at")
    return evidence


def tidy_cells(source: TextTable, headings: Sequence[str], limit: int | None = None) -> str:
    """Write the query of the tidy cells under headings, `t0`, `t1`, ..., null where they say none.

    Each step is a query of its own: the text of a step stands many times in the next, and the
    engine would plan it as often.

    Parameters
    ----------
    source : TextTable
        The source.
    headings : sequence of str
        Its columns.
    limit : int or None
        Rows that are read at most.
    """
    cut = f" LIMIT {limit}" if limit else ""
    tidied = ", ".join(f"{cells.tidy(source.cell(h))} AS s{n}" for n, h in enumerate(headings))
    filled = ", ".join(
        f"{cells.without_nulls(f's{n}', NULLS)} AS t{n}" for n in range(len(headings))
    )
    return (
        f"(SELECT {filled} FROM (SELECT {tidied} FROM {quoted(source.view)}"
        f" WHERE _kind IS NULL{cut}))"
    )


def _count_values(con: "duckdb.DuckDBPyConnection", rows: str, column: str) -> dict[str, int]:
    counted = con.execute(
        f"SELECT {column}, count(*) FROM {rows} WHERE {column} IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return {str(value): int(number) for value, number in counted}


def _texts(con: "duckdb.DuckDBPyConnection", column: str) -> list[str]:
    """List the filled cells of a column of `looked_at`."""
    query = f"SELECT {column} AS t FROM looked_at WHERE t IS NOT NULL"
    return [str(text) for (text,) in con.execute(query).fetchall()]


def _count_kinds(
    con: "duckdb.DuckDBPyConnection", columns: int, zone: str
) -> dict[int, dict[str, float]]:
    """Count the shares of the filled cells of each column of `looked_at` that are of each kind.

    One query asks of all columns: the engine takes longer to plan it than to run it.
    """
    texts = " UNION ALL ".join(
        f"SELECT {number} AS place, t{number} AS t FROM looked_at" for number in range(columns)
    )
    counted = con.execute(
        f"SELECT place, avg(({days.day('t', 'dmy', zone)} IS NOT NULL AND NOT"
        f" regexp_full_match(t, {sql_text(days.SERIAL)}))::INT),"
        f" avg(({cells.number('t', '1')} IS NOT NULL)::INT),"
        f" avg(({cells.number('t', '1', ',')} IS NOT NULL)::INT),"
        f" avg(regexp_full_match(t, '{cells.MOBILE}')::INT),"
        f" avg(regexp_full_match(upper(t), '{PLATE}')::INT),"
        f" avg(regexp_matches(t, {sql_text(cells.DAMAGED)}, 'i')::INT)"
        f" FROM ({texts}) WHERE t IS NOT NULL GROUP BY place"
    ).fetchall()
    return {
        place: {kind: float(share or 0) for kind, share in zip(KINDS, shares, strict=True)}
        for place, *shares in counted
    }


def is_identity_number(text: str) -> bool:
    """Check an identity number of 18 places by its last one (GB 11643-1999).

    Examples
    --------
    >>> is_identity_number("11010519491231002X"), is_identity_number("110105194912310021")
    (True, False)
    """
    if len(text) != 18 or not text[:17].isdecimal():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, WEIGHTS, strict=False))
    return CHECK_DIGITS[total % 11] == text[17].upper()


def is_vin(text: str) -> bool:
    """Check a vehicle identification number by its ninth place (GB 16735-2019).

    Examples
    --------
    >>> is_vin("1HGCM82633A004352"), is_vin("1HGCM82633A004353")
    (True, False)
    """
    letters = text.upper()
    if len(letters) != 17 or any(letter not in VIN_LETTERS for letter in letters):
        return False
    total = sum(
        int(VIN_DIGITS[VIN_LETTERS.index(letter)]) * weight
        for letter, weight in zip(letters, VIN_WEIGHTS, strict=True)
    )
    return letters[8] == "0123456789X"[total % 11]


def _share(values: Sequence[str], check: Callable[[str], bool]) -> float:
    listed = values[:1000]
    return sum(map(check, listed)) / len(listed) if listed else 0.0
