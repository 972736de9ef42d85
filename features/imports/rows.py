"""Make the rows of raw tables from the rows of sources: read, completed, good ones told from bad.

For each raw table there is a temporary table `ready_<table>` afterwards: the contract's columns,
where a row came from (`_source`, `_file`, `_line`) and `_reasons`, why it cannot go on (empty: it
can).
"""

from collections.abc import Mapping as Map
from dataclasses import dataclass, field

from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.deliveries.known import LATEST_HOLDS, drop_overtaken
from features.imports.lookups import complete
from features.imports.mapping import ColumnMap, Mapping, TableMap
from features.imports.masking import mask
from features.imports.reading.text_tables import TextTable, replace_part
from features.imports.typed_rows import MASKS, select_plain, select_steps
from features.imports.values import read_column
from features.lake import Lake
from features.sql import quoted, sql_text

EXAMPLES = 3
"""Places that a finding names."""
UNREAD = "cannot be read"
FAULTS = {
    "_unread": UNREAD,
    "_hourless": "is a day without its hour",
    "_rounded": "has more than two decimal places",
}
"""Columns of bits (`MASKS`) -> what their bits say."""


@dataclass(frozen=True)
class Finding:
    """Something odd in the delivered cells.

    Attributes
    ----------
    table, column : str
        Raw table and column.
    fault : str
        What is odd.
    effect : str
        What follows for the row: "the row waits", "the cell is empty", "noon is taken".
    rows : int
        Rows with it.
    examples : tuple of str
        Some of them: "policies.csv, line 7: 6.2E+17".
    """

    table: str
    column: str
    fault: str
    effect: str
    rows: int
    examples: tuple[str, ...] = ()


@dataclass
class Prepared:
    """The rows of one raw table, ready in `ready_<table>`.

    Attributes
    ----------
    table : str
        The raw table.
    rows : int
        Rows of its sources that are rows of this table.
    good, waiting, repeated, overtaken, erased : int
        Rows that go on, that cannot, that say what another row of the delivery says, of which a
        later file of the delivery says something else, and of customers who were erased;
        rows == good + waiting + repeated + overtaken + erased.
    left_out : dict of str to int
        Why rows of a source are none of this table -> rows.
    """

    table: str
    rows: int
    good: int = 0
    waiting: int = 0
    repeated: int = 0
    overtaken: int = 0
    erased: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


def prepare_rows(
    lake: Lake,
    mapping: Mapping,
    sources: Map[str, TextTable],
    findings: list[Finding],
    *,
    beside_known: bool = False,
) -> dict[str, Prepared]:
    """Read the rows of all raw tables of a mapping.

    Parameters
    ----------
    lake : Lake
        Whose engine holds the sources and gets `ready_<table>`.
    mapping : Mapping
        Where each column comes from.
    sources : mapping of str to TextTable
        The rows of each source.
    findings : list of Finding
        Findings are added here.
    beside_known : bool
        True if the raw tables of the lake are looked up too: an increment does not name again what
        is known.

    Raises
    ------
    GuanjiaError
        If the order of day and month is still to be said.
    """
    prepared: dict[str, Prepared] = {}
    for name in CONTRACTS:
        maps = [table for table in mapping.tables if table.name == name]
        if not maps:
            continue
        prepared[name] = Prepared(name, 0)
        parts = [
            _read_part(lake, mapping, table, sources, place, prepared[name], findings)
            for place, table in enumerate(maps)
        ]
        first, *others = parts
        for part in others:
            lake.con.execute(f"INSERT INTO {first} SELECT * FROM {part}; DROP TABLE {part}")
        lake.con.execute(f"DROP TABLE IF EXISTS ready_{name}")
        lake.con.execute(f"ALTER TABLE {first} RENAME TO ready_{name}")
    complete(lake, mapping, prepared.keys(), beside_known=beside_known)
    for name, table in prepared.items():
        table.overtaken = drop_overtaken(lake, CONTRACTS[name], mapping, sources)
        _judge(lake, CONTRACTS[name], table, findings)
    return prepared


def drop_rows(lake: Lake, tables: Map[str, Prepared]) -> None:
    """Drop what `prepare_rows` created."""
    for name in tables:
        lake.con.execute(f"DROP TABLE IF EXISTS ready_{name}")


def _read_part(
    lake: Lake,
    mapping: Mapping,
    table: TableMap,
    sources: Map[str, TextTable],
    place: int,
    prepared: Prepared,
    findings: list[Finding],
) -> str:
    """Read the rows that one source gives to a table; return the name of their temporary table."""
    contract, source = CONTRACTS[table.name], sources[table.source]
    for name, column in table.columns.items():
        if column.order == "ask":
            raise GuanjiaError(
                f"table {table.name}, column {name}",
                "has days whose order of day and month nobody said",
                'replace order = "ask" in the mapping by "dmy" or "mdy"',
            )
    con, part = lake.con, f"part_{table.name}_{place}"
    readings = [
        read_column(contract, name, column, source, mapping, lake.settings.timezone)
        for name, column in table.columns.items()
    ]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {part} AS SELECT {sql_text(table.source)} AS _source,"
        f" []::VARCHAR[] AS _reasons, * FROM ({select_plain(contract, readings, source)})"
    )
    counts = con.execute(f"SELECT {', '.join(f'count(r_{r.name})' for r in readings)} FROM {part}")
    odd = [r for r, left in zip(readings, counts.fetchone() or (), strict=True) if left]
    if odd:
        steps = select_steps(contract, readings, odd, part)
        replace_part(con, part, f"SELECT * REPLACE ({_reasons(table)} AS _reasons) FROM ({steps})")
    for needed in table.only_with:
        cell = (
            f"{quoted(needed)} IS NULL OR CAST({quoted(needed)} AS VARCHAR) SIMILAR TO '0(\\.0*)?'"
        )
        # A premium that cannot be read is no sign that there is no cover.
        read = f"_unread & {1 << list(table.columns).index(needed)} = 0" if odd else "true"
        without = f"FROM {part} WHERE ({cell}) AND {read}"
        (number,) = con.execute(f"SELECT count(*) {without}").fetchone() or (0,)
        if number:
            heading = table.columns[needed].heading
            why = f"rows of {table.source} without {heading}"
            prepared.left_out[why] = prepared.left_out.get(why, 0) + number
            con.execute(f"DELETE {without}")
    (rows,) = con.execute(f"SELECT count(*) FROM {part}").fetchone() or (0,)
    prepared.rows += rows
    if odd:
        findings += _findings(lake, table, source, part)
    texts = [f"r_{reading.name}" for reading in readings]
    for surplus in [*texts, *MASKS] if odd else texts:
        con.execute(f"ALTER TABLE {part} DROP COLUMN {surplus}")
    return part


def _reasons(table: TableMap) -> str:
    """Write the SQL of the reasons for which a row waits: required cells that cannot be read."""
    contract, names = CONTRACTS[table.name], list(table.columns)
    required = [name for name in names if not contract.declared[name].nullable]
    unreadable = ", ".join(
        f"CASE WHEN _unread & {1 << names.index(name)} > 0 THEN '{name} cannot be read' END"
        for name in required
    )
    reasons = f"list_filter([{unreadable}], x -> x IS NOT NULL)" if required else "[]::VARCHAR[]"
    return f"CASE WHEN _unread = 0 THEN []::VARCHAR[] ELSE {reasons} END"


def _findings(lake: Lake, table: TableMap, source: TextTable, part: str) -> list[Finding]:
    """List what is odd in the cells of the rows in the temporary table `part`."""
    contract = CONTRACTS[table.name]
    names = list(table.columns)
    counts = [
        f"count(*) FILTER ({bits} & {1 << place} > 0)"
        for bits in FAULTS
        for place in range(len(names))
    ]
    numbers = lake.con.execute(f"SELECT {', '.join(counts)} FROM {part}").fetchone() or ()
    findings = []
    for number, (bits, fault, place) in zip(
        numbers,
        [(bits, fault, place) for bits, fault in FAULTS.items() for place in range(len(names))],
        strict=True,
    ):
        if not number:
            continue
        name = names[place]
        odd = f"{part} WHERE {bits} & {1 << place} > 0"
        examples = _examples(lake, source, table.name, name, table.columns[name], odd)
        waits = not contract.declared[name].nullable
        effect = {
            "_unread": "the row waits" if waits else "the cell is empty",
            "_hourless": "noon is taken",
            "_rounded": "it is rounded",
        }[bits]
        findings.append(Finding(table.name, name, fault, effect, number, examples))
    return findings


def _examples(
    lake: Lake, source: TextTable, table: str, name: str, column: ColumnMap, odd: str
) -> tuple[str, ...]:
    """Name the first places of a finding: file, line and the cell, masked if it is personal."""
    if column.heading is None:
        return ()
    rows = lake.con.execute(
        f"SELECT _file, _line, {source.cell(column.heading)} FROM {quoted(source.view)}"
        f" JOIN (SELECT _file, _line FROM {odd} ORDER BY ALL LIMIT {EXAMPLES})"
        " USING (_file, _line) ORDER BY 1, 2"
    ).fetchall()
    declared = CONTRACTS[table].declared[name]
    return tuple(
        f"{source.parts[file].path.name}, line {line}: {mask(str(cell), declared)}"
        for file, line, cell in rows
    )


def _judge(lake: Lake, contract: Contract, prepared: Prepared, findings: list[Finding]) -> None:
    """Find repeated rows and those that lack a required cell, and count all."""
    con, table = lake.con, f"ready_{contract.name}"
    required = [
        name
        for name in contract.columns
        if not contract.declared[name].nullable and name != "recorded_at"
    ]
    missing = ", ".join(
        f"CASE WHEN {quoted(name)} IS NULL AND NOT list_contains(_reasons, '{name} cannot be read')"
        f" THEN '{name} is missing' END"
        for name in required
    )
    complete = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in required)
    con.execute(
        f"UPDATE {table} SET _reasons = list_concat(_reasons, list_filter([{missing}],"
        f" x -> x IS NOT NULL)) WHERE NOT ({complete})"
    )
    if _shares_keys(lake, contract):
        prepared.repeated = _drop_repeated(lake, contract)
    (prepared.good, prepared.waiting) = con.execute(
        f"SELECT count(*) FILTER (len(_reasons) = 0), count(*) FILTER (len(_reasons) > 0)"
        f" FROM {table}"
    ).fetchone() or (0, 0)
    for reason, number in con.execute(
        f"SELECT reason, count(*) FROM (SELECT unnest(_reasons) AS reason FROM {table})"
        " WHERE reason NOT LIKE '% cannot be read' GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall():
        column = str(reason).split(" ", 1)[0]
        column = column if column in contract.columns else contract.key
        fault = str(reason).removeprefix(f"{column} ")
        findings.append(Finding(contract.name, column, fault, "the row waits", number))


def _shares_keys(lake: Lake, contract: Contract) -> bool:
    """Check quickly whether rows may share key and instant: numbers are counted, not texts."""
    (shared,) = lake.con.execute(
        f"SELECT count(*) > count(DISTINCT hash({quoted(contract.key)}, recorded_at))"
        f" FROM ready_{contract.name} WHERE len(_reasons) = 0"
    ).fetchone() or (True,)
    return bool(shared)


def _drop_repeated(lake: Lake, contract: Contract) -> int:
    """Mark rows of one key and instant that disagree; drop repeated ones but the last, count them.

    Parameters
    ----------
    lake : Lake
        Its engine holds `ready_<table>`.
    contract : Contract
        Of the table.
    """
    con, table, key = lake.con, f"ready_{contract.name}", quoted(contract.key)
    listed = ", ".join(quoted(name) for name in contract.columns if name != "recorded_at")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE shared AS WITH often AS (SELECT {key} AS k, recorded_at AS r"
        f" FROM {table} WHERE len(_reasons) = 0 GROUP BY ALL HAVING count(*) > 1)"
        f" SELECT k, r, count(DISTINCT ROW({listed})) > 1 AS disagree FROM {table} JOIN often"
        f" ON {key} = k AND recorded_at IS NOT DISTINCT FROM r WHERE len(_reasons) = 0 GROUP BY ALL"
    )
    same = f"{key} = k AND recorded_at IS NOT DISTINCT FROM r"
    if contract.name in LATEST_HOLDS:
        # Read from rows of policies, a customer is told of in each: the latest says what holds.
        con.execute("UPDATE shared SET disagree = false")
    con.execute(
        f"UPDATE {table} SET _reasons = [{sql_text(f'rows with the same {contract.key} disagree')}]"
        f" FROM shared WHERE {same} AND disagree AND len(_reasons) = 0"
    )
    (repeated,) = con.execute(
        f"SELECT count(*) - count(DISTINCT ({key}, recorded_at)) FROM {table} SEMI JOIN shared"
        f" ON {same} AND NOT disagree WHERE len(_reasons) = 0"
    ).fetchone() or (0,)
    if repeated:
        con.execute(
            f"DELETE FROM {table} WHERE len(_reasons) = 0 AND rowid NOT IN ("
            f"SELECT max_by(rowid, ({quoted(contract.event_time)}, _file, _line)) FROM {table}"
            f" WHERE len(_reasons) = 0 GROUP BY {key}, recorded_at)"
        )
    con.execute("DROP TABLE shared")
    return int(repeated)
