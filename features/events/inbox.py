"""The inbox: every event accepted, as the row it became, for good, before anyone is told so.

An append-only table of SQLite under the home folder. It gives each row its `recorded_at`, strictly
later than that of the customer's event before, so that events of one instant are all kept and in
one order. What reads it: the tags of a customer now (`features.online.event_tags`), and `guanjia
check`, which takes its rows along with what the core system delivers.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from features.contracts.contract import CONTRACTS
from features.errors import GuanjiaError
from features.events.event_file import inbox_connection
from features.events.event_types import EVENTS, Event, Row, text, typed
from features.events.versions import ROWS
from features.instants import TICK, instant_of, microseconds
from features.lake import Lake
from features.sqlite import scrub, transaction

BATCH = 10_000
PATIENCE_SECONDS = 30.0


class ConflictError(GuanjiaError):
    """An event id that was used for another event."""


@dataclass(frozen=True)
class Kept:
    """An event in the inbox: its place, when it was recorded, whether it had been there before."""

    sequence: int
    recorded_at: datetime
    repeated: bool


class EventInbox:
    """The inbox of a home; threads and processes share it.

    Parameters
    ----------
    lake : Lake
        Whose home folder holds it.
    """

    def __init__(self, lake: Lake) -> None:
        self.path = lake.inbox
        self._local = threading.local()

    def keep(
        self,
        event: Event,
        received: datetime,
        version: Callable[[datetime, Row | None], Row],
    ) -> Kept:
        """Keep an event, once: whoever sends it again changes nothing.

        Parameters
        ----------
        received : datetime
            When it reached us.
        version : callable of (datetime, row or None)
            Makes the row, from the instant at which it would be recorded and the latest version of
            its key in the inbox; may set a later `recorded_at`, may refuse.

        Raises
        ------
        ConflictError
            If the id is that of another event.
        """
        found = self.find(event)
        if found is not None:
            return found
        with transaction(self._connection()) as connection:
            found = self.find(event)
            if found is not None:
                return found
            last = connection.execute(
                "SELECT max(recorded_us) FROM events WHERE customer_id = ?", [event.customer_id]
            ).fetchone()[0]
            recorded = received if last is None else max(received, instant_of(last) + TICK)
            row = version(recorded, self._latest(event))
            recorded = row["recorded_at"]
            done = connection.execute(
                'INSERT INTO events (event_id, type, customer_id, "table", key, recorded_us,'
                " content, row, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    event.event_id,
                    event.type.name,
                    event.customer_id,
                    event.type.table,
                    event.key,
                    microseconds(recorded),
                    event.content,
                    text(row),
                    text(event.told(recorded)),
                ],
            )
            return Kept(int(done.lastrowid or 0), recorded, False)

    def find(self, event: Event) -> Kept | None:
        """The event if it is kept already; refuses an id that another event has."""
        found = (
            self._connection()
            .execute(
                "SELECT sequence, recorded_us, content FROM events WHERE event_id = ?",
                [event.event_id],
            )
            .fetchone()
        )
        if found is None:
            return None
        if found[2] != event.content:
            raise ConflictError(
                f"event {event.event_id}",
                "was sent before with other content",
                "give every event an id of its own",
            )
        return Kept(int(found[0]), instant_of(found[1]), True)

    def owner(self, table: str, key: str) -> str | None:
        """The customer of a row that an event made."""
        found = (
            self._connection()
            .execute(
                'SELECT customer_id FROM events WHERE "table" = ? AND key = ? LIMIT 1', [table, key]
            )
            .fetchone()
        )
        return None if found is None else str(found[0])

    def rows(self, table: str, customers: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Rows of a table, of some customers or of all, as `features.events.versions.ROWS`."""
        if not self.path.exists():
            return
        query, given = 'SELECT row, told FROM events WHERE "table" = ?', [table]
        if customers is not None:
            query += f" AND customer_id IN ({', '.join('?' * len(customers))})"
            given += customers
        found = self._connection().execute(query + " ORDER BY sequence", given)
        while some := found.fetchmany(BATCH):
            columns = dict(zip(ROWS.names, zip(*some, strict=True), strict=True))
            yield pa.record_batch(columns, schema=ROWS)

    def tables(self) -> set[str]:
        """The raw tables that events made rows of."""
        if not self.path.exists():
            return set()
        return {table for table in CONTRACTS if self._has(table)}

    def _has(self, table: str) -> bool:
        query = 'SELECT 1 FROM events WHERE "table" = ? LIMIT 1'
        return self._connection().execute(query, [table]).fetchone() is not None

    def is_online(self, sequence: int) -> bool:
        """Whether the tags that an event changes are online."""
        found = self._connection().execute(
            "SELECT online FROM events WHERE sequence = ?", [sequence]
        )
        return bool(found.fetchone()[0])

    def waiting(self, customers: Sequence[str]) -> list[tuple[int, str, str]]:
        """Events of some customers whose tags are not online: sequence, customer, table."""
        found = self._connection().execute(
            'SELECT sequence, customer_id, "table" FROM events WHERE online = 0'
            f" AND customer_id IN ({', '.join('?' * len(customers))})",
            list(customers),
        )
        return [tuple(row) for row in found]

    def waiting_customers(self, most: int = -1) -> list[str]:
        """Customers with events whose tags are not online, all of them or so many."""
        if not self.path.exists():
            return []
        found = self._connection().execute(
            "SELECT DISTINCT customer_id FROM events WHERE online = 0 LIMIT ?", [most]
        )
        return [customer for (customer,) in found]

    def since(self, instant: datetime) -> list[tuple[int, str, str]]:
        """Events recorded at an instant or later: sequence, customer, table."""
        if not self.path.exists():
            return []
        found = self._connection().execute(
            'SELECT sequence, customer_id, "table" FROM events WHERE recorded_us >= ?',
            [microseconds(instant)],
        )
        return [tuple(row) for row in found]

    def last_recorded(self, customers: Sequence[str]) -> dict[str, datetime]:
        """When the last event of each customer was recorded."""
        marks = ", ".join("?" * len(customers))
        found = self._connection().execute(
            "SELECT customer_id, max(recorded_us) FROM events"
            f" WHERE customer_id IN ({marks}) GROUP BY 1",
            list(customers),
        )
        return {str(customer): instant_of(us) for customer, us in found}

    def mark_online(self, sequences: Sequence[int]) -> None:
        """Note that the tags these events change are online."""
        with transaction(self._connection()) as connection:
            connection.executemany(
                "UPDATE events SET online = 1 WHERE sequence = ?", [(one,) for one in sequences]
            )

    def mark_past_online(self, instant: datetime) -> None:
        """Note that a snapshot brought online what was recorded before an instant."""
        if self.path.exists():
            with transaction(self._connection()) as connection:
                connection.execute(
                    "UPDATE events SET online = 1 WHERE online = 0 AND recorded_us < ?",
                    [microseconds(instant)],
                )

    def to_trigger(
        self, types: Sequence[str], customers: Sequence[str] | None = None, most: int = -1
    ) -> list[tuple[int, Event]]:
        """Events whose tags are online and of which nobody has noted yet what they make due.

        Parameters
        ----------
        types : sequence of str
            Events of these types alone.
        customers : sequence of str, optional
            And of these customers.
        """
        if not self.path.exists():
            return []
        query = (
            "SELECT sequence, event_id, content FROM events WHERE triggered = 0 AND online = 1"
            f" AND type IN ({', '.join('?' * len(types))})"
        )
        given: list[str | int] = [*types]
        if customers is not None:
            query += f" AND customer_id IN ({', '.join('?' * len(customers))})"
            given += customers
        found = self._connection().execute(f"{query} ORDER BY sequence LIMIT ?", [*given, most])
        return [(int(row[0]), _event(row[1], row[2])) for row in found]

    def triggered(self, event_ids: Sequence[str]) -> set[str]:
        """Those of some events of which it is written down what they make due."""
        found = self._connection().execute(
            "SELECT event_id FROM events WHERE triggered = 1"
            f" AND event_id IN ({', '.join('?' * len(event_ids))})",
            list(event_ids),
        )
        return {event for (event,) in found}

    def mark_triggered(self, sequences: Sequence[int]) -> None:
        """Note that what these events make due is written down."""
        with transaction(self._connection()) as connection:
            connection.executemany(
                "UPDATE events SET triggered = 1 WHERE sequence = ?", [(one,) for one in sequences]
            )

    def erase(self, customers: Sequence[str]) -> dict[str, int]:
        """Delete the events of customers; how many each had. `scrub` then cleans the file."""
        if not self.path.exists():
            return {}
        found = {}
        with transaction(self._connection()) as connection:
            for one in customers:
                done = connection.execute("DELETE FROM events WHERE customer_id = ?", [one])
                found[one] = done.rowcount
        return found

    def scrub(self) -> None:
        """Take what was deleted out of the file as well.

        Raises
        ------
        GuanjiaError
            If it is in use all the time.
        """
        scrub(self.path, "the inbox", PATIENCE_SECONDS)

    def _latest(self, event: Event) -> Row | None:
        """The latest version of the event's row that events made."""
        found = (
            self._connection()
            .execute(
                'SELECT row FROM events WHERE "table" = ? AND key = ? AND customer_id = ?'
                " ORDER BY recorded_us DESC LIMIT 1",
                [event.type.table, event.key, event.customer_id],
            )
            .fetchone()
        )
        if found is None:
            return None
        types = CONTRACTS[event.type.table].columns
        return {name: typed(json.loads(found[0]).get(name), type_) for name, type_ in types.items()}

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = inbox_connection(self.path)
        found: sqlite3.Connection = self._local.connection
        return found


def _event(event_id: str, content: str) -> Event:
    """The event as it was sent, from its content."""
    name, customer, at, said = json.loads(content)
    type_ = EVENTS[name]
    columns = type_.contract.columns
    fields = {
        field: typed(said.get(field), columns[column]) for field, column in type_.fields.items()
    }
    return Event(event_id, type_, customer, datetime.fromisoformat(at), fields)
