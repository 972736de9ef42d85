"""Let the cells of several columns speak: numbers that another table knows, days a year apart.

A claim's policy is a number that the table of policies has; cover begins a year before it ends. So
a column is found whose heading says nothing, and one that a heading proposed becomes certain.
"""

from collections.abc import Iterable
from collections.abc import Mapping as Map
from itertools import permutations
from typing import TYPE_CHECKING

from features.contracts.tables import CONTRACTS
from features.imports import days
from features.imports.mapping import ColumnMap, TableMap
from features.imports.matching.evidence import LOOKED_AT, Evidence, tidy_cells
from features.imports.matching.vocabulary import score_heading
from features.imports.reading.text_tables import TextTable

if TYPE_CHECKING:
    import duckdb

LINKS = (
    ("policies", "customer_id", "customers"),
    ("policies", "vehicle_id", "vehicles"),
    ("vehicles", "customer_id", "customers"),
    ("claims", "policy_id", "policies"),
    ("claims", "customer_id", "customers"),
    ("claim_movements", "claim_id", "claims"),
    ("quotes", "customer_id", "customers"),
    ("interactions", "customer_id", "customers"),
    ("entitlements", "customer_id", "customers"),
    ("consents", "customer_id", "customers"),
)
"""Table, its column, and the table whose key the column names."""
KNOWN = 0.9
"""Share of the numbers of a column that the other table has to have."""
AGREES = 0.8
"""Score of a heading from which it and the cells say the same."""
LEAST_NUMBERS = 10
"""Different numbers that a column has to have: few may be in another table by chance."""
YEAR = (364, 367)
"""Days between the first and the last day of a year of cover, delivered either way."""


def link_columns(
    con: "duckdb.DuckDBPyConnection",
    tables: list[TableMap],
    sources: Map[str, TextTable],
    evidence: Map[str, Map[str, Evidence]],
    zone: str,
) -> list[TableMap]:
    """Find and confirm columns by the cells of others.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Where the views of the sources are.
    tables : list of TableMap
        The matched tables.
    sources : mapping of str to TextTable
        By name.
    evidence : mapping of str to mapping of str to Evidence
        Source -> heading -> what its cells look like.
    zone : str
        The insurer's time zone.
    """
    linked = []
    for table in tables:
        columns = dict(table.columns)
        source, looks = sources[table.source], evidence[table.source]
        for name, column, other in LINKS:
            keys = _keys(tables, sources, other)
            if table.name == name and keys and not _same_source(tables, table, other):
                _link(con, table.name, column, columns, source, looks, keys)
        if table.name == "policies":
            _link_cover(con, columns, source, looks, zone)
        in_order = {
            name: columns[name] for name in CONTRACTS[table.name].columns if name in columns
        }
        rest = {name: columns[name] for name in columns if name not in in_order}
        linked.append(table.model_copy(update={"columns": in_order | rest}))
    return linked


def _keys(
    tables: Iterable[TableMap], sources: Map[str, TextTable], other: str
) -> list[tuple[TextTable, str]]:
    """List the sources of a table with the headings of its key."""
    key = CONTRACTS[other].key
    return [
        (sources[table.source], str(table.columns[key].heading))
        for table in tables
        if table.name == other and key in table.columns and table.columns[key].heading
    ]


def _same_source(tables: Iterable[TableMap], table: TableMap, other: str) -> bool:
    return any(there.name == other and there.source == table.source for there in tables)


def _link(
    con: "duckdb.DuckDBPyConnection",
    name: str,
    column: str,
    columns: dict[str, ColumnMap],
    source: TextTable,
    looks: Map[str, Evidence],
    keys: list[tuple[TextTable, str]],
) -> None:
    """Take the heading whose numbers the other table knows."""
    mapped = columns.get(column)
    if mapped is not None and (mapped.heading is None or mapped.confidence == "sure"):
        return
    used_elsewhere = {other.heading for place, other in columns.items() if place != column}
    candidates = [
        heading
        for heading, seen in looks.items()
        if heading not in used_elsewhere
        and seen.distinct >= LEAST_NUMBERS
        and seen.shares["day"] < KNOWN
    ]
    if mapped is not None:
        candidates.sort(key=lambda heading: heading != mapped.heading)
    for heading in candidates:
        if _share_known(con, source, heading, keys) >= KNOWN:
            agrees = score_heading(heading, name, column) >= AGREES
            columns[column] = ColumnMap.model_validate(
                {"from": heading, "confidence": "sure" if agrees else "look"}
            )
            return


def _share_known(
    con: "duckdb.DuckDBPyConnection",
    source: TextTable,
    heading: str,
    keys: list[tuple[TextTable, str]],
) -> float:
    numbers = tidy_cells(source, [heading], LOOKED_AT)
    known = " UNION ALL ".join(f"FROM {tidy_cells(table, [key])}" for table, key in keys)
    (share,) = con.execute(
        f"SELECT avg((t0 IN (SELECT t0 FROM ({known}) WHERE t0 IS NOT NULL))::INT)"
        f" FROM (SELECT DISTINCT t0 FROM {numbers} WHERE t0 IS NOT NULL)"
    ).fetchone() or (None,)
    return float(share or 0.0)


def _link_cover(
    con: "duckdb.DuckDBPyConnection",
    columns: dict[str, ColumnMap],
    source: TextTable,
    looks: Map[str, Evidence],
    zone: str,
) -> None:
    """Take the two columns of days that lie a year apart as first and last day of cover."""
    ends = [columns.get(name) for name in ("inception", "expiry")]
    if all(column is not None and column.confidence == "sure" for column in ends):
        return
    used_elsewhere = {
        column.heading for name, column in columns.items() if name not in ("inception", "expiry")
    }
    dated = [
        heading for heading, seen in looks.items()
        if seen.filled and seen.shares["day"] > KNOWN and heading not in used_elsewhere
    ]  # fmt: skip
    pairs = _year_apart(con, source, dated, zone)
    proposed = tuple(None if column is None else column.heading for column in ends)
    if proposed not in pairs and len(pairs) != 1:
        return
    pair = proposed if proposed in pairs else pairs[0]
    for name, heading in zip(("inception", "expiry"), pair, strict=True):
        agrees = score_heading(str(heading), "policies", name) >= AGREES
        columns[name] = ColumnMap.model_validate(
            {"from": heading, "confidence": "sure" if agrees else "look"}
        )


def _year_apart(
    con: "duckdb.DuckDBPyConnection", source: TextTable, headings: list[str], zone: str
) -> list[tuple[str, str]]:
    """Find the pairs of columns of days of which the second lies mostly a year after the first."""
    places = list(permutations(range(len(headings)), 2))
    if not places:
        return []
    read = ", ".join(f"{days.day(f't{n}', 'dmy', zone)} AS d{n}" for n in range(len(headings)))
    apart = [f"d{last} - d{first} BETWEEN {YEAR[0]} AND {YEAR[1]}" for first, last in places]
    shares = con.execute(
        f"SELECT {', '.join(f'avg(({condition})::INT)' for condition in apart)}"
        f" FROM (SELECT {read} FROM {tidy_cells(source, headings, LOOKED_AT)})"
    ).fetchone() or (None,) * len(places)
    return [
        (headings[first], headings[last])
        for (first, last), share in zip(places, shares, strict=True)
        if (share or 0.0) > 0.5
    ]
