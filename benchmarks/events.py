"""One event: from the request's hands to fresh tags online, against doing it by hand.

Ours: `Intake.take` and `FreshTags.refresh`, as the service calls them. The event is held against
the contract of its table and kept for good, all tags of the groups that its table touches are
computed, and pushed through Feast to the guarded online store. By hand: one durable insert into
SQLite, the customer's rows read from the same Parquet files, the sixty tags of `tags.sql` over them
with the event's own row, one row upserted in SQLite. That knows no contract, no repeated event and
no order of arrival, and no tag beyond the sixty.

Both take the same kinds of event in turn: a quote viewed, a claim reported, a payment started, an
entitlement used. Before anything is timed, those of the sixty tags that ours brought online must
equal the peer's. A round is the median over its events; the worst of all is held against the second
that is promised. `GUANJIA_ONLINE` says which store ours writes to; the default is SQLite.
"""

import itertools
import json
import random
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow.parquet as pq
from measuring import (
    Measured,
    alternate,
    arguments,
    compared,
    finish,
    insurer,
    say,
    seconds,
    snapshot,
)

from features.contracts.contract_sql import civil_columns, row_columns
from features.contracts.tables import CONTRACTS
from features.events.event_types import EVENTS, Event, text
from features.events.inbox import EventInbox
from features.events.intake import Intake
from features.lake import Lake
from features.online import feast_client
from features.online.push_events import FreshTags
from features.online.reader import read_tags
from features.settings import cutoff
from features.tags.catalogue import catalogue

AS_OF, TODAY = date(2026, 6, 30), date(2026, 7, 1)
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
LIMIT, WORST_MS = 4.0, 1000.0
ROUND = 40
TABLES = (
    "customers",
    "policies",
    "claims",
    "claim_movements",
    "quotes",
    "interactions",
    "entitlements",
)
KEYS = {
    "quote_viewed": ("quotes", "quote_id"),
    "claim_reported": ("policies", "policy_id"),
    "payment_started": ("policies", "policy_id"),
    "entitlement_used": ("entitlements", "entitlement_id"),
}


def main() -> int:
    """Verify that both agree, then measure."""
    asked = arguments(__doc__ or "", customers=100_000, repeats=5)
    with insurer(asked) as made, tempfile.TemporaryDirectory(prefix="guanjia-events-") as folder:
        snapshot(made, AS_OF)
        # Events leave no trace in a home that is kept.
        home = Path(folder)
        for name in ("checked", "tags", "snapshots"):
            (home / name).symlink_to((made.home / name).resolve())
        lake = Lake(made.settings.model_copy(update={"home": home}))
        say("loading the snapshot online, compiling the tags")
        feast_client.materialize(lake, AS_OF, now=NINE)
        ours, events = Ours(lake), some_events(lake)
        peer = ByHand(lake, home / "peer.db")
        agree(ours, peer, events)
        mine, theirs = alternate(
            lambda: median(ours.take(next(events)) for _ in range(ROUND)),
            lambda: median(peer.take(next(events)) for _ in range(ROUND)),
            asked.repeats,
        )
        ids = pq.read_table(lake.checked("customers"), columns=["customer_id"])["customer_id"]
    lines = [
        compared("one event, by hand", "ms", mine, theirs, at_most=LIMIT),
        Measured(f"worst of {len(ours.taken)} events", "ms", max(ours.taken), at_most=WORST_MS),
    ]
    return finish("events", len(ids.unique()), lines, asked.json)


def some_events(lake: Lake) -> Iterator[Event]:
    """Events of the four kinds in turn, of customers drawn at random."""
    draw = random.Random(1)
    rows = {
        table: pq.read_table(lake.checked(table), columns=["customer_id", key]).to_pylist()
        for table, key in set(KEYS.values())
    }
    for number, (name, (table, key)) in enumerate(itertools.cycle(KEYS.items())):
        row, at = draw.choice(rows[table]), NINE + timedelta(seconds=number)
        fields = dict.fromkeys(EVENTS[name].fields) | {key: row[key]}
        if name == "claim_reported":
            fields |= {"claim_id": f"K{uuid.uuid4()}", "accident_at": at - timedelta(days=1)}
        if name == "payment_started":
            fields |= {"interaction_id": f"I{uuid.uuid4()}", "channel": "app"}
        yield Event(str(uuid.uuid4()), EVENTS[name], row["customer_id"], at, fields)


class Ours:
    """What the service does with an event."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        inbox = EventInbox(lake)
        self._intake, self._fresh = Intake(lake, inbox), FreshTags(lake, inbox)
        self._fresh.prepare()
        self.taken: list[float] = []

    def take(self, event: Event) -> float:
        """Milliseconds of one event."""

        def step() -> None:
            self._intake.take(event, event.occurred_at)
            self._fresh.refresh([event.customer_id])

        self.taken.append(1000 * seconds(step))
        return self.taken[-1]


class ByHand:
    """The peer: two databases and one query."""

    def __init__(self, lake: Lake, path: Path) -> None:
        self._files = {name: lake.checked(name) for name in TABLES}
        self._zone = lake.settings.timezone
        self._events = sqlite3.connect(path, isolation_level=None)
        self._events.execute("PRAGMA journal_mode = WAL")
        self._events.execute("PRAGMA synchronous = FULL")
        self._events.execute("CREATE TABLE events (event_id TEXT PRIMARY KEY, row TEXT)")
        self._online = sqlite3.connect(f"{path}.online", isolation_level=None)
        self._online.execute("PRAGMA journal_mode = WAL")
        self._online.execute("PRAGMA synchronous = NORMAL")
        self._online.execute("CREATE TABLE tags (customer_id TEXT PRIMARY KEY, tags TEXT)")
        self._engine: Any = duckdb.connect(config={"threads": 1})
        self._engine.execute("SET TimeZone = 'UTC'")
        for name, file in self._files.items():
            self._engine.execute(f"CREATE TABLE {name} AS FROM '{file}' LIMIT 0")
        query = (Path(__file__).parent / "tags.sql").read_text(encoding="utf-8")
        for name in CONTRACTS:
            query = query.replace(f"'{{{name}}}'", name)
        self._query = query

    def take(self, event: Event) -> float:
        """Milliseconds of one event."""
        return 1000 * seconds(lambda: self.tags(event))

    def tags(self, event: Event) -> dict[str, Any]:
        """Take one event; the sixty tags of its customer."""
        table, key = event.type.table, event.type.contract.key
        for name, file in self._files.items():
            self._engine.execute(f"DELETE FROM {name}")
            self._engine.execute(
                f"INSERT INTO {name} FROM '{file}' WHERE customer_id = ?", [event.customer_id]
            )
        found = self._engine.execute(
            f"SELECT * FROM {table} WHERE {key} = ? ORDER BY recorded_at DESC LIMIT 1", [event.key]
        ).to_arrow_table()
        latest = {name: value for name, (value,) in found.to_pydict().items()} if len(found) else {}
        contract = event.type.contract
        row = text(event.row(latest or None, event.occurred_at))
        self._events.execute("INSERT INTO events VALUES (?, ?)", [event.event_id, row])
        self._engine.execute(
            f"UPDATE {table} SET superseded_at = ? WHERE {key} = ? AND superseded_at IS NULL",
            [event.occurred_at, event.key],
        )
        self._engine.execute(
            f"INSERT INTO {table} BY NAME SELECT *, {civil_columns(contract, self._zone)}"
            f" FROM (SELECT {row_columns(contract)} FROM (SELECT ?::VARCHAR AS row))",
            [row],
        )
        end = event.occurred_at + timedelta(microseconds=1)
        # Days are counted from the end of today, whatever the hour.
        midnight = cutoff(TODAY, self._zone)
        tags: dict[str, Any] = (
            self._engine.execute(
                self._query.format(
                    cutoff=f"TIMESTAMPTZ '{end.isoformat()}'",
                    end_us=int(midnight.timestamp()) * 1_000_000,
                    as_of=f"DATE '{TODAY}'",
                )
            )
            .to_arrow_table()
            .to_pylist()[0]
        )
        self._online.execute(
            "INSERT INTO tags VALUES (?, ?)"
            " ON CONFLICT (customer_id) DO UPDATE SET tags = excluded.tags",
            [event.customer_id, json.dumps(list(tags.values()))],
        )
        return tags


def agree(ours: Ours, peer: ByHand, events: Iterator[Event]) -> None:
    """Of one event of each kind: the tags online are those of the peer."""
    compared_tags = 0
    for event in itertools.islice(events, len(KEYS)):
        ours.take(event)
        theirs = peer.tags(event)
        groups = ours._fresh._live.groups_of([event.type.table])
        names = [
            name for name in theirs if name in catalogue() and catalogue()[name].group in groups
        ]
        (mine,) = read_tags(ours.lake, [event.customer_id], names)
        for name in names:
            assert mine[name] == theirs[name], (event.type.name, name, mine[name], theirs[name])
        compared_tags += len(names)
    say(f"{compared_tags} tags after one event of each kind agree")


if __name__ == "__main__":
    sys.exit(main())
