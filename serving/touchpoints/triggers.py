"""Find who is due for which touchpoint (triggers 触发), in one pass over a snapshot's tags.

What is known at the end of a date decides who is contacted on the day after it. Tags that count
days have the value of that day. Every touchpoint is one query over a batch of customers; its
conditions were checked when the catalogue was loaded. Customers who already had the contact, or
renewed or bought what it is about, as far as is known by the date, are left out. Consent, caps and
priorities are decided later.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.loaded_rows import load_rows, rows_as_file
from features.progress import Report, quiet
from features.publishing import published
from features.settings import cutoff
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.snapshots.tag_columns import snapshot_batches
from features.sql import instant_sql, sql_text
from features.texts import Sentence
from serving.touchpoints.catalogue import Catalogue, load_touchpoints
from serving.touchpoints.endings import (
    BOUGHT_DAYS,
    RENEWED_DAYS,
    SIGNED_BEFORE,
    Recorded,
    what_ended,
)
from serving.touchpoints.occasions import load_occasions, no_holiday_declared
from serving.touchpoints.trigger_sql import (
    BATCH,
    DUE_COLUMNS,
    batch_query,
    day_text,
    due_query,
)

DUE = "due_touchpoints"
"""The name of the table of what is due."""
CONTACTS, RENEWED, BOUGHT = "contacts_made", "renewals_reported", "purchases_reported"
"""Tables of what the records know."""
HIDDEN = ("place", "counts_from", "renews", "lines", "signed_on")
SHOWN = tuple(name for name in DUE_COLUMNS if name not in HIDDEN)
NOTHING = Recorded()
ROWS = 100_000
UNANSWERED = "no_answer"


@dataclass(frozen=True)
class TouchpointCount:
    """Number of customers who are due for a touchpoint."""

    touchpoint: str
    label: str
    kind: str
    by: str
    customers: int


@dataclass(frozen=True)
class TriggerRun:
    """Summary of a run.

    Attributes
    ----------
    as_of : date
        Date of the tags.
    path : Path
        The file written.
    customers : int
        Customers of the snapshot.
    due : int
        Rows of the file: pairs of a customer and a touchpoint.
    counts : list of TouchpointCount
        By touchpoint, in the order of the catalogue; those for which nobody is due are left out.
    contacts : {"checked", "not recorded"}
        Whether contacts that the core system made could be left out.
    snapshot_id : str
        The snapshot that was read.
    warnings : list of Sentence
        What somebody should add to the catalogue.
    """

    as_of: date
    path: Path
    customers: int
    due: int
    counts: list[TouchpointCount]
    contacts: Literal["checked", "not recorded"]
    snapshot_id: str
    warnings: list[Sentence]


def find_due(
    lake: Lake, as_of: date, report: Report = quiet, recorded: Recorded = NOTHING
) -> TriggerRun:
    """Find who is due for which touchpoint on the day after a date, and publish the file at once.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot and the touchpoints.
    as_of : date
        Date of the tags.
    report : Report
        Called with the progress: step, customers done, customers in all.
    recorded : Recorded
        What our own records knew at the end of the date. Default: nothing.

    Raises
    ------
    GuanjiaError
        If the date has no snapshot, a file of it is missing, or the catalogue has a fault.
    """
    snapshot, declared = read_snapshot(lake, as_of), load_touchpoints(lake.home)
    occasions = load_occasions(declared.shared, lake.home)
    query, tags = due_query(declared, occasions, as_of)
    path = triggers_path(lake, as_of)
    table = ", ".join(f'"{name}" {type_}' for name, type_ in DUE_COLUMNS.items())
    connection = lake.con
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {DUE} ({table})")
    try:
        done = 0
        for batch in snapshot_batches(lake, snapshot, tags, ROWS):
            # Read once into a table of the engine: each touchpoint scans it anew.
            with rows_as_file(lake, pa.Table.from_batches([batch])) as rows:
                moved = batch_query(tags, rows)
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {BATCH} AS {moved}")
            if query:
                connection.execute(f"INSERT INTO {DUE} {query}")
            done += len(batch)
            report("triggers", done, snapshot.customers)
        _load(recorded, lake, declared)
        with published(path) as draft:
            remaining = _not_yet_made(lake, as_of, snapshot)
            connection.execute(f"COPY ({remaining}) TO {sql_text(draft)} (FORMAT parquet)")
    finally:
        for name in (BATCH, DUE, CONTACTS, RENEWED, BOUGHT):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
    counts = _counts(lake, path, declared)
    return TriggerRun(
        as_of=as_of,
        path=path,
        customers=done,
        due=sum(count.customers for count in counts),
        counts=counts,
        contacts="checked" if lake.has("interactions") else "not recorded",
        snapshot_id=snapshot.snapshot_id,
        warnings=_warnings(declared, as_of + timedelta(1)),
    )


def triggers_path(lake: Lake, as_of: date) -> Path:
    """Return the path of the triggers of a date."""
    return lake.data / "triggers" / f"as_of={as_of.isoformat()}.parquet"


def first_due(lake: Lake, as_of: date, touchpoint: str, rows: int) -> list[dict[str, Any]]:
    """Read the first customers who are due for a touchpoint, by customer id.

    Parameters
    ----------
    lake : Lake
        The home with the published file.
    as_of : date
        Date of the tags.
    touchpoint : str
        Name of the touchpoint.
    rows : int
        Maximal number of customers.
    """
    query = (
        f"SELECT customer_id, reason, due_on, window_end, channels, service, star "
        f"FROM read_parquet({sql_text(triggers_path(lake, as_of))}) "
        f"WHERE touchpoint = {sql_text(touchpoint)} ORDER BY customer_id LIMIT {int(rows)}"
    )
    return list(lake.con.execute(query).to_arrow_table().to_pylist())


def _not_yet_made(lake: Lake, as_of: date, snapshot: Snapshot) -> str:
    """Write the query of what is due less what was made or has ended, one row per pair."""
    shown = ", ".join(f'f."{name}"' for name in SHOWN)
    fixed = f"{day_text(as_of)} AS as_of, {sql_text(snapshot.snapshot_id)} AS snapshot_id"
    # Two warnings can be out at once.
    once = (
        "QUALIFY row_number() OVER (PARTITION BY f.customer_id, f.touchpoint "
        "ORDER BY f.due_on, f.window_end DESC, f.reason) = 1 ORDER BY f.customer_id, f.place"
    )
    contacts = f"SELECT customer_id, touchpoint, made_on FROM {CONTACTS}"
    if lake.has("interactions"):
        recorded = made_contacts(lake, cutoff(as_of, lake.settings.timezone))
        contacts += f" UNION ALL {recorded} AND occurred_on >= (SELECT min(counts_from) FROM {DUE})"
    day = day_text(as_of + timedelta(1))
    pending = (
        f"{day} < r.renewed_on + {RENEWED_DAYS} "
        f"AND (f.signed_on >= r.renewed_on - {SIGNED_BEFORE}) IS NOT TRUE"
    )
    return (
        f"SELECT {shown}, {fixed} FROM {DUE} f "
        f"LEFT JOIN (SELECT customer_id, touchpoint, max(made_on) AS last_made FROM ({contacts}) "
        "GROUP BY ALL) m ON m.customer_id = f.customer_id AND m.touchpoint = f.touchpoint "
        f"LEFT JOIN {RENEWED} r ON r.customer_id = f.customer_id "
        f"LEFT JOIN (SELECT customer_id, list(line) AS lines FROM {BOUGHT} "
        f"WHERE {day} < bought_on + {BOUGHT_DAYS} GROUP BY ALL) b "
        "ON b.customer_id = f.customer_id "
        "WHERE (m.last_made >= f.counts_from) IS NOT TRUE "
        f"AND (f.renews AND {pending}) IS NOT TRUE "
        f"AND list_has_any(f.lines, b.lines) IS NOT TRUE {once}"
    )


def made_contacts(lake: Lake, closes: datetime) -> str:
    """Write the query of the contacts that the core system made before an instant.

    Parameters
    ----------
    lake : Lake
        The home with the checked table `interactions`.
    closes : datetime
        The instant before which contacts happened and are known.
    """
    # A call that nobody answered is no contact yet.
    return (
        "SELECT customer_id, touchpoint, occurred_on "
        f"FROM read_parquet({sql_text(lake.checked('interactions'))}) "
        f"WHERE direction = 'out' AND result IS DISTINCT FROM '{UNANSWERED}' "
        f"AND {known_sql(closes)} AND occurred_at < {instant_sql(closes)}"
    )


def _load(recorded: Recorded, lake: Lake, declared: Catalogue) -> None:
    """Load what the records knew into tables of the engine."""
    zone = ZoneInfo(lake.settings.timezone)
    contacts = [
        (customer, touchpoint, at.astimezone(zone).date())
        for customer, touchpoint, at in recorded.contacts
    ]
    renewed: dict[str, date] = {}
    bought: dict[tuple[str, str], date] = {}
    for customer, won in recorded.won:
        day = won.at.astimezone(zone).date()
        is_renewal, lines = what_ended(declared, won)
        if is_renewal:
            renewed[customer] = max(day, renewed.get(customer, day))
        for line in lines:
            bought[customer, line] = max(day, bought.get((customer, line), day))
    who = {"customer_id": "VARCHAR"}
    load_rows(lake, CONTACTS, {**who, "touchpoint": "VARCHAR", "made_on": "DATE"}, contacts)
    load_rows(lake, RENEWED, {**who, "renewed_on": "DATE"}, renewed.items())
    purchases = [(*pair, day) for pair, day in bought.items()]
    load_rows(lake, BOUGHT, {**who, "line": "VARCHAR", "bought_on": "DATE"}, purchases)


def _counts(lake: Lake, path: Path, declared: Catalogue) -> list[TouchpointCount]:
    query = (
        'SELECT touchpoint, kind, "by", count(*) AS customers '
        f"FROM read_parquet({sql_text(path)}) GROUP BY ALL"
    )
    rows = lake.con.execute(query).fetchall()
    place = {name: number for number, name in enumerate(declared.names)}
    labels = {
        name: next(variant.label for variant in variants.values() if variant is not None)
        for name, variants in declared.variants.items()
        if any(variants.values())
    }
    counts = [TouchpointCount(row[0], labels[row[0]], *row[1:]) for row in rows]
    return sorted(counts, key=lambda count: (place[count.touchpoint], count.kind, count.by))


def _warnings(declared: Catalogue, day: date) -> list[Sentence]:
    touchpoints = declared.touchpoints_for().values()
    waits = any(touchpoint.trigger.occasion == "holiday" for touchpoint in touchpoints)
    if waits and no_holiday_declared(declared.shared, day):
        english = f"no holiday of {day.year} is declared: add its days to [holidays]"
        chinese = f"没有写明 {day.year} 年的节日：请把日期写进 [holidays]"
        return [Sentence(english, chinese)]
    return []
