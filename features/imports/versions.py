"""Turn the rows of a delivery into versions of raw rows: what is new, since when it is known.

The rules of `recorded_at`, the instant at which we came to know a row:

- In the first delivery of a table it is what the source tells (更新时间), else the time of the
  event: a policy was known when it was signed. What is known only later (`LATER`) begins a second
  version, so that no replay of a past date sees a cancellation before it happened.
- In a later delivery it is the time of the delivery; a source that tells it is believed, but never
  before the delivery that came before this one: nothing known as of an earlier day changes.
- A row that is known as it is delivered adds nothing; one that changed is a new version.
- A delivery that comes after one of a later day was recorded when it came. Where that later
  delivery said something else of the same row, the row is overtaken: it adds nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from features.contracts.contract import Contract
from features.errors import GuanjiaError
from features.imports.days import NOON
from features.imports.mapping import ENDS
from features.lake import Lake
from features.sql import instant_sql, quoted, sql_text

LATER = {"policies": "cancelled_on"}
"""Days of a row that are not known at its event -> known from that day on."""
TICK = "INTERVAL 1 MICROSECOND"
"""Two versions of a row are never of one instant."""
EXAMPLES = 3


@dataclass(frozen=True)
class Arrival:
    """How the rows of a table came.

    Attributes
    ----------
    delivered : datetime
        The instant whose state the delivery tells.
    recorded : datetime
        Since when its rows are known; later than `delivered` if it came late.
    floor : datetime or None
        The earliest instant that may be recorded: nothing known before changes. None: any.
    overtaken : bool
        True if it is a dump, and a dump of a later day was read before: of known rows it says
        nothing new.
    complete : bool
        True if it is a dump that was read wholly: a known row that it does not hold has vanished.
    ends : bool
        True if vanished rows end.
    """

    delivered: datetime
    recorded: datetime
    floor: datetime | None = None
    overtaken: bool = False
    complete: bool = True
    ends: bool = False

    @property
    def late(self) -> bool:
        """True if a delivery of a later day was read before."""
        return self.recorded > self.delivered


@dataclass(frozen=True)
class Versions:
    """What a delivery adds to a raw table.

    Attributes
    ----------
    table : str
        The raw table.
    first : bool
        True if nothing of the table was known before.
    new, changed, unchanged, overtaken : int
        Rows of the delivery: of a key not known before; other than the latest version; as known;
        of which something later is known. Together they are the good rows.
    vanished : int
        Known keys that a whole dump does not hold, and that have not ended.
    ended : int
        Those of them that end by this delivery.
    examples : tuple of str
        Keys of vanished rows.
    versions : int
        Rows that are added to the raw table; a row can be two versions.
    recorded : str
        Where `recorded_at` comes from, as a sentence.
    """

    table: str
    first: bool
    new: int
    versions: int
    recorded: str
    changed: int = 0
    unchanged: int = 0
    overtaken: int = 0
    vanished: int = 0
    ended: int = 0
    examples: tuple[str, ...] = ()


def find_versions(
    lake: Lake, contract: Contract, arrival: Arrival, *, tells_recorded: bool
) -> Versions:
    """Create `added_<table>`: the versions that the rows of `ready_<table>` add to a raw table.

    Parameters
    ----------
    lake : Lake
        The home with the raw tables.
    contract : Contract
        Of the table.
    arrival : Arrival
        When the delivery came, and what it holds.
    tells_recorded : bool
        Whether the source has a column that is mapped to `recorded_at`.

    Raises
    ------
    GuanjiaError
        If the raw table there is CSV: it is not read together with Parquet.
    """
    name, con = contract.name, lake.con
    refuse_csv(lake, name)
    columns = ", ".join(map(quoted, contract.columns))
    ready = f"(SELECT {columns} FROM ready_{name} WHERE len(_reasons) = 0)"
    if not list(lake.raw(name).glob("*.parquet")):
        query = _first(lake, contract, ready, arrival.recorded)
        con.execute(f"CREATE OR REPLACE TEMP TABLE added_{name} AS {query}")
        new, versions = _count(lake, ready), _count(lake, f"added_{name}")
        rule = _recorded_first(contract, tells_recorded)
        return Versions(table=name, first=True, new=new, versions=versions, recorded=rule)
    known = known_rows(lake, contract)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE latest AS SELECT * FROM {known}"
        f" QUALIFY row_number() OVER (PARTITION BY {quoted(contract.key)}"
        " ORDER BY recorded_at DESC) = 1"
    )
    query = _compared(contract, ready, known, arrival)
    con.execute(f"CREATE OR REPLACE TEMP TABLE compared AS {query}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE added_{name} AS SELECT {columns} FROM (SELECT * REPLACE"
        " (_at AS recorded_at) FROM compared WHERE _fate IN ('new', 'changed'))"
    )
    fates = dict(con.execute("SELECT _fate, count(*) FROM compared GROUP BY 1").fetchall())
    vanished, ended, examples = _take_vanished(lake, contract, arrival)
    versions = _count(lake, f"added_{name}")
    con.execute("DROP TABLE compared; DROP TABLE latest")
    new, changed, unchanged, overtaken = (
        int(fates.get(fate, 0)) for fate in ("new", "changed", "unchanged", "overtaken")
    )
    rule = _recorded_later(lake, arrival, tells_recorded)
    return Versions(
        table=name,
        first=False,
        new=new,
        changed=changed,
        unchanged=unchanged,
        overtaken=overtaken,
        vanished=vanished,
        ended=ended,
        examples=examples,
        versions=versions,
        recorded=rule,
    )


def refuse_csv(lake: Lake, table: str) -> None:
    """Refuse a raw table that was not imported.

    Raises
    ------
    GuanjiaError
        If its files are CSV.
    """
    if list(lake.raw(table).glob("*.csv")):
        raise GuanjiaError(
            f"folder {lake.raw(table)}",
            "holds CSV files that were not imported",
            "set GUANJIA_HOME to another folder, or move them away",
        )


def known_rows(lake: Lake, contract: Contract) -> str:
    """Write the query, in brackets, of all versions of a raw table."""
    paths = ", ".join(sql_text(path) for path in sorted(lake.raw(contract.name).glob("*.parquet")))
    columns = ", ".join(map(quoted, contract.columns))
    return f"(SELECT {columns} FROM read_parquet([{paths}], union_by_name=true))"


def _first(lake: Lake, contract: Contract, ready: str, recorded: datetime) -> str:
    """Write the query of the versions of a first delivery."""
    event, later = quoted(contract.event_time), LATER.get(contract.name)
    known = f"greatest(coalesce(recorded_at, {event}), {event})"
    if later is None:
        return f"SELECT * REPLACE ({known} AS recorded_at) FROM {ready}"
    zone, cell = sql_text(lake.settings.timezone), quoted(later)
    # Of a day that is still to come the delivery has told.
    day = (
        f"least((CAST({cell} AS TIMESTAMP) + {NOON}) AT TIME ZONE {zone}, {instant_sql(recorded)})"
    )
    unknown_yet = f"recorded_at IS NULL AND {cell} IS NOT NULL AND {day} > {known}"
    return (
        f"SELECT * REPLACE ({known} AS recorded_at, CASE WHEN NOT ({unknown_yet})"
        f" THEN {cell} END AS {cell}) FROM {ready} UNION ALL"
        f" SELECT * REPLACE ({day} AS recorded_at) FROM {ready} WHERE {unknown_yet}"
    )


def _compared(contract: Contract, ready: str, known: str, arrival: Arrival) -> str:
    """Write the query of the good rows with their fate, and `_at`, since when they are known."""
    key, event = quoted(contract.key), quoted(contract.event_time)
    moment, delivered = instant_sql(arrival.recorded), instant_sql(arrival.delivered)
    others = [quoted(column) for column in contract.columns if column != "recorded_at"]
    content, before = (f"ROW({', '.join(f'{x}.{name}' for name in others)})" for x in ("d", "l"))
    floor = f"greatest({event}, recorded_at)"
    if arrival.floor is not None:
        floor = f"greatest({floor}, {instant_sql(arrival.floor)})"
    # Where a later day is known, the row is older than what is known.
    older = f"_late AND (_latest > {delivered} OR {_bool(arrival.overtaken)})"
    gone = f"_late AND _latest IS NULL AND {_bool(arrival.overtaken and arrival.ends)}"
    return (
        f"WITH beside AS (SELECT d.*, l.{key} IS NULL AS _new, l.recorded_at AS _latest,"
        f" {_bool(arrival.late)} AS _late, {content} AS _content, {before} AS _before,"
        f" l.{key} IS NOT NULL AND {content} IS NOT DISTINCT FROM {before} AS _same,"
        f" greatest(d.recorded_at, d.{event}) AS _told, k.k IS NOT NULL AS _known"
        f" FROM {ready} d LEFT JOIN latest l USING ({key}) LEFT JOIN (SELECT {key} AS k,"
        f" recorded_at AS r FROM {known}) k ON k = d.{key}"
        f" AND r = greatest(d.recorded_at, d.{event})),"
        # Versions that tell when they were recorded: those after the latest that is known, and of
        # those that came late at one instant the last.
        f" told AS (SELECT *, {floor} AS _at,"
        " CASE WHEN _told <= _latest THEN CASE WHEN _same OR _known THEN 'unchanged'"
        " ELSE 'overtaken' END END AS _fate FROM beside WHERE recorded_at IS NOT NULL),"
        " last AS (SELECT * FROM told WHERE _fate IS NULL QUALIFY row_number() OVER"
        f" (PARTITION BY {key}, _at ORDER BY _told DESC) = 1),"
        " following AS (SELECT * REPLACE (CASE WHEN _content IS NOT DISTINCT FROM"
        f" lag(_content, 1, _before) OVER (PARTITION BY {key} ORDER BY _at)"
        " THEN 'unchanged' WHEN _new THEN 'new' ELSE 'changed' END AS _fate) FROM last)"
        f" SELECT * EXCLUDE (_content, _before) FROM (SELECT *,"
        f" greatest({moment}, {event}, _latest + {TICK}) AS _at,"
        " CASE WHEN _same THEN 'unchanged'"
        f" WHEN {gone} OR (NOT _new AND {older}) THEN 'overtaken'"
        " WHEN _new THEN 'new' ELSE 'changed' END AS _fate FROM beside WHERE recorded_at IS NULL"
        " UNION ALL SELECT * FROM told WHERE _fate IS NOT NULL UNION ALL FROM following"
        " UNION ALL SELECT * REPLACE ('overtaken' AS _fate) FROM told WHERE _fate IS NULL"
        f" QUALIFY row_number() OVER (PARTITION BY {key}, _at ORDER BY _told DESC) > 1)"
    )


def _take_vanished(
    lake: Lake, contract: Contract, arrival: Arrival
) -> tuple[int, int, tuple[str, ...]]:
    """Count the keys that a whole dump does not hold; add the ends of their rows if they end."""
    if not arrival.complete or arrival.overtaken:
        return 0, 0, ()
    name, con, key = contract.name, lake.con, quoted(contract.key)
    # A row that waits has not vanished.
    absent = f"(SELECT l.* FROM latest l ANTI JOIN ready_{name} d USING ({key}))"
    ended = 0
    condition = "true"
    if name in ENDS:
        begin, end, last = map(quoted, ENDS[name])
        day = arrival.delivered.astimezone(ZoneInfo(lake.settings.timezone)).date()
        condition = f"{end} IS NULL AND {last} > DATE '{day}'"
        if arrival.ends:
            columns = ", ".join(map(quoted, contract.columns))
            at = f"greatest({instant_sql(arrival.recorded)}, recorded_at + {TICK})"
            con.execute(
                f"INSERT INTO added_{name} SELECT {columns} FROM (SELECT * REPLACE ({at} AS"
                f" recorded_at, greatest({begin}, DATE '{day}') AS {end}) FROM {absent}"
                f" WHERE {condition})"
            )
            ended = _count(lake, f"{absent} WHERE {condition}")
    examples = con.execute(
        f"SELECT {key} FROM {absent} WHERE {condition} ORDER BY 1 LIMIT {EXAMPLES}"
    ).fetchall()
    return _count(lake, f"{absent} WHERE {condition}"), ended, tuple(str(k) for (k,) in examples)


def _recorded_first(contract: Contract, tells_recorded: bool) -> str:
    rule = f"the row's own {contract.event_time}"
    if tells_recorded:
        rule = f"as the source tells it, never before {contract.event_time}"
    later = LATER.get(contract.name)
    return f"{rule}; {later} is known from its day on" if later else rule


def _recorded_later(lake: Lake, arrival: Arrival, tells_recorded: bool) -> str:
    zone = ZoneInfo(lake.settings.timezone)
    rule = f"the delivery, {arrival.recorded.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if arrival.late:
        day = arrival.delivered.astimezone(zone)
        rule += f": that of {day:%Y-%m-%d} came after it"
    if not tells_recorded:
        return rule
    since = ""
    if arrival.floor is not None:
        floor = arrival.floor.astimezone(zone) - timedelta(seconds=1)
        since = f", never before the delivery of {floor:%Y-%m-%d}"
    return f"as the source tells it{since}; else {rule}"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _count(lake: Lake, rows: str) -> int:
    row = lake.con.execute(f"SELECT count(*) FROM {rows}").fetchone()
    return int(row[0]) if row else 0
