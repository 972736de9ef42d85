"""Turn the rows of a delivery into versions of raw rows: what is new, since when it is known.

The rules of `recorded_at`, the instant at which we came to know a row:

- A source that tells it (更新时间) is believed.
- In the first delivery of a table it is the time of the event: a policy was known when it was
  signed. What is known only later (`LATER`) begins a second version, so that no replay of a past
  date sees a cancellation before it happened.
- In a later delivery it is the time of the delivery. A row that is known as it is delivered adds
  nothing; one that changed is a new version.
"""

from dataclasses import dataclass
from datetime import datetime

from features.contracts.contract import Contract
from features.errors import GuanjiaError
from features.imports.days import NOON
from features.lake import Lake
from features.sql import instant_sql, quoted, sql_text

LATER = {"policies": "cancelled_on"}
"""Days of a row that are not known at its event -> known from that day on."""


@dataclass(frozen=True)
class Versions:
    """What a delivery adds to a raw table.

    Attributes
    ----------
    table : str
        The raw table.
    first : bool
        True if nothing of the table was known before.
    new, changed, unchanged : int
        Rows of the delivery: of a key not known before; other than the latest version; as known.
    vanished : int
        Known keys that the delivery does not name: no change is made for them.
    versions : int
        Rows that are added to the raw table; a row can be two versions.
    recorded : str
        Where `recorded_at` comes from, as a sentence.
    """

    table: str
    first: bool
    new: int
    changed: int
    unchanged: int
    vanished: int
    versions: int
    recorded: str


def find_versions(
    lake: Lake, contract: Contract, delivered: datetime, *, tells_recorded: bool
) -> Versions:
    """Create `added_<table>`: the versions that the rows of `ready_<table>` add to a raw table.

    Parameters
    ----------
    lake : Lake
        The home with the raw tables.
    contract : Contract
        Of the table.
    delivered : datetime
        When the delivery was made.
    tells_recorded : bool
        Whether the source has a column that is mapped to `recorded_at`.

    Raises
    ------
    GuanjiaError
        If the raw table there is CSV: it is not read together with Parquet.
    """
    name, con = contract.name, lake.con
    if list(lake.raw(name).glob("*.csv")):
        raise GuanjiaError(
            f"folder {lake.raw(name)}",
            "holds CSV files that were not imported",
            "set GUANJIA_HOME to another folder, or move them away",
        )
    files = sorted(lake.raw(name).glob("*.parquet"))
    columns = ", ".join(map(quoted, contract.columns))
    key, event = quoted(contract.key), quoted(contract.event_time)
    ready = f"(SELECT {columns} FROM ready_{name} WHERE len(_reasons) = 0)"
    if not files:
        con.execute(f"CREATE OR REPLACE TEMP TABLE added_{name} AS {_first(lake, contract, ready)}")
        new = _count(lake, f"SELECT count(*) FROM {ready}")
        rule = _recorded_first(contract, tells_recorded)
        return Versions(name, True, new, 0, 0, 0, _count(lake, f"FROM added_{name}"), rule)
    paths = ", ".join(sql_text(path) for path in files)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW known AS SELECT {columns} FROM read_parquet([{paths}],"
        " union_by_name=true)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE latest AS SELECT * FROM known QUALIFY"
        f" row_number() OVER (PARTITION BY {key} ORDER BY recorded_at DESC) = 1"
    )
    others = [quoted(column) for column in contract.columns if column != "recorded_at"]
    content = f"ROW({', '.join(f'd.{column}' for column in others)})"
    before = f"ROW({', '.join(f'l.{column}' for column in others)})"
    moment = instant_sql(delivered)
    # Versions that tell when they were recorded are compared with all that is known.
    own_versions = f"SELECT * REPLACE (greatest(recorded_at, {event}) AS recorded_at) FROM {ready}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE added_{name} AS"
        f" SELECT d.*, l.{key} IS NULL AS _new FROM ({own_versions} WHERE recorded_at IS NOT NULL"
        f" EXCEPT FROM known) d LEFT JOIN latest l USING ({key}) UNION ALL"
        f" SELECT d.* REPLACE (greatest({moment}, d.{event}) AS recorded_at),"
        f" l.{key} IS NULL AS _new FROM {ready} d LEFT JOIN latest l USING ({key})"
        f" WHERE d.recorded_at IS NULL AND (l.{key} IS NULL"
        f" OR {content} IS DISTINCT FROM {before})"
    )
    new = _count(lake, f"FROM added_{name} WHERE _new")
    changed = _count(lake, f"FROM added_{name} WHERE NOT _new")
    con.execute(f"ALTER TABLE added_{name} DROP COLUMN _new")
    rows = _count(lake, f"FROM {ready}")
    vanished = _count(lake, f"FROM latest ANTI JOIN {ready} d USING ({key})")
    con.execute("DROP TABLE latest; DROP VIEW known")
    rule = (
        "as the source tells it, else the delivery"
        if tells_recorded
        else f"the delivery, {delivered:%Y-%m-%d %H:%M %Z}"
    )
    return Versions(name, False, new, changed, rows - new - changed, vanished, new + changed, rule)


def _first(lake: Lake, contract: Contract, ready: str) -> str:
    """Write the query of the versions of a first delivery."""
    event, later = quoted(contract.event_time), LATER.get(contract.name)
    known = f"greatest(coalesce(recorded_at, {event}), {event})"
    if later is None:
        return f"SELECT * REPLACE ({known} AS recorded_at) FROM {ready}"
    zone, cell = sql_text(lake.settings.timezone), quoted(later)
    day = f"(CAST({cell} AS TIMESTAMP) + {NOON}) AT TIME ZONE {zone}"
    unknown_yet = f"recorded_at IS NULL AND {day} > {known}"
    return (
        f"SELECT * REPLACE ({known} AS recorded_at, CASE WHEN NOT coalesce({unknown_yet}, false)"
        f" THEN {cell} END AS {cell}) FROM {ready} UNION ALL"
        f" SELECT * REPLACE ({day} AS recorded_at) FROM {ready} WHERE {unknown_yet}"
    )


def _recorded_first(contract: Contract, tells_recorded: bool) -> str:
    rule = f"the row's own {contract.event_time}"
    if tells_recorded:
        rule = f"as the source tells it, never before {contract.event_time}"
    later = LATER.get(contract.name)
    return f"{rule}; {later} is known from its day on" if later else rule


def _count(lake: Lake, query: str) -> int:
    counted = query if query.startswith("SELECT") else f"SELECT count(*) {query}"
    row = lake.con.execute(counted).fetchone()
    return int(row[0]) if row else 0
