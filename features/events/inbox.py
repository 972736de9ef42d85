"""Append-only log of accepted events, written before the request is acknowledged.

The log is a table of SQLite under the home folder. It gives each row a `recorded_at` strictly later
than that of the customer's event before, so that events of one instant have one order. Its readers:
the tags of a customer now (`features.online.event_tags`), and `guanjia check`, which merges its
rows with the deliveries of the core system.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from features.contracts.tables import CONTRACTS
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
class StoredEvent:
    """An event in the inbox.

    Attributes
    ----------
    sequence : int
        Its position in the log.
    recorded_at : datetime
        When it was recorded, UTC.
    repeated : bool
        True if it was stored by an earlier request.
    """

    sequence: int
    recorded_at: datetime
    repeated: bool


class EventInbox:
    """The event log in the folder of a home, shared by threads and processes."""

    def __init__(self, lake: Lake) -> None:
        self.path = lake.inbox
        self._local = threading.local()

    def store(
        self,
        event: Event,
        received: datetime,
        version: Callable[[datetime, Row | None], Row],
    ) -> StoredEvent:
        """Store an event once; an event that is sent again changes nothing.

        Parameters
        ----------
        event : Event
            The event as it was sent.
        received : datetime
            When it reached us.
        version : callable of (datetime, row or None)
            Makes the row from the instant at which it would be recorded and the latest version of
            its key in the inbox (None if there is none). It may set a later `recorded_at`, and may
            raise to refuse the event.

        Raises
        ------
        ConflictError
            If another event has the same id.
        """
        stored = self.find(event)
        if stored is not None:
            return stored
        with transaction(self._connection()) as connection:
            stored = self.find(event)
            if stored is not None:
                return stored
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
                    text(event.columns_set(recorded)),
                ],
            )
            return StoredEvent(int(done.lastrowid or 0), recorded, repeated=False)

    def find(self, event: Event) -> StoredEvent | None:
        """Find an event that is stored already.

        Raises
        ------
        ConflictError
            If another event has the same id.
        """
        row = (
            self._connection()
            .execute(
                "SELECT sequence, recorded_us, content FROM events WHERE event_id = ?",
                [event.event_id],
            )
            .fetchone()
        )
        if row is None:
            return None
        if row[2] != event.content:
            raise ConflictError(
                f"event {event.event_id}",
                "was sent before with other content",
                "give every event an id of its own",
            )
        return StoredEvent(int(row[0]), instant_of(row[1]), repeated=True)

    def owner(self, table: str, key: str) -> str | None:
        """Return the customer of a row that an event made, None if no event made it."""
        row = (
            self._connection()
            .execute(
                'SELECT customer_id FROM events WHERE "table" = ? AND key = ? LIMIT 1', [table, key]
            )
            .fetchone()
        )
        return None if row is None else str(row[0])

    def rows(self, table: str, customers: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read the rows of a table as batches of `features.events.versions.ROWS`.

        Parameters
        ----------
        table : str
            A raw table.
        customers : sequence of str, optional
            Only rows of these customers; default: of all.
        """
        if not self.path.exists():
            return
        query, given = 'SELECT row, told FROM events WHERE "table" = ?', [table]
        if customers is not None:
            query += f" AND customer_id IN ({', '.join('?' * len(customers))})"
            given += customers
        cursor = self._connection().execute(query + " ORDER BY sequence", given)
        while rows := cursor.fetchmany(BATCH):
            columns = dict(zip(ROWS.names, zip(*rows, strict=True), strict=True))
            yield pa.record_batch(columns, schema=ROWS)

    def tables(self) -> set[str]:
        """Return the raw tables of which events made rows."""
        if not self.path.exists():
            return set()
        return {table for table in CONTRACTS if self._has(table)}

    def _has(self, table: str) -> bool:
        query = 'SELECT 1 FROM events WHERE "table" = ? LIMIT 1'
        return self._connection().execute(query, [table]).fetchone() is not None

    def is_online(self, sequence: int) -> bool | None:
        """Check whether the tags that an event changes are online; None: it is erased."""
        cursor = self._connection().execute(
            "SELECT online FROM events WHERE sequence = ?", [sequence]
        )
        row = cursor.fetchone()
        return None if row is None else bool(row[0])

    def waiting(self, customers: Sequence[str]) -> list[tuple[int, str, str]]:
        """List events of customers whose tags are not online yet: (sequence, customer, table)."""
        cursor = self._connection().execute(
            'SELECT sequence, customer_id, "table" FROM events WHERE online = 0'
            f" AND customer_id IN ({', '.join('?' * len(customers))})",
            list(customers),
        )
        return [tuple(row) for row in cursor]

    def waiting_customers(self, most: int = -1) -> list[str]:
        """List customers with events whose tags are not online, at most `most`; -1: all."""
        if not self.path.exists():
            return []
        cursor = self._connection().execute(
            "SELECT DISTINCT customer_id FROM events WHERE online = 0 LIMIT ?", [most]
        )
        return [customer for (customer,) in cursor]

    def since(self, instant: datetime) -> list[tuple[int, str, str]]:
        """List events recorded at an instant or later: (sequence, customer, table)."""
        if not self.path.exists():
            return []
        cursor = self._connection().execute(
            'SELECT sequence, customer_id, "table" FROM events WHERE recorded_us >= ?',
            [microseconds(instant)],
        )
        return [tuple(row) for row in cursor]

    def last_recorded(self, customers: Sequence[str]) -> dict[str, datetime]:
        """Return when the last event of each customer was recorded, UTC."""
        marks = ", ".join("?" * len(customers))
        cursor = self._connection().execute(
            "SELECT customer_id, max(recorded_us) FROM events"
            f" WHERE customer_id IN ({marks}) GROUP BY 1",
            list(customers),
        )
        return {str(customer): instant_of(us) for customer, us in cursor}

    def mark_online(self, sequences: Sequence[int]) -> None:
        """Mark events whose tags are online."""
        with transaction(self._connection()) as connection:
            connection.executemany(
                "UPDATE events SET online = 1 WHERE sequence = ?",
                [(sequence,) for sequence in sequences],
            )

    def mark_past_online(self, instant: datetime) -> None:
        """Mark events recorded before an instant: a snapshot has brought their tags online."""
        if self.path.exists():
            with transaction(self._connection()) as connection:
                connection.execute(
                    "UPDATE events SET online = 1 WHERE online = 0 AND recorded_us < ?",
                    [microseconds(instant)],
                )

    def to_trigger(
        self, types: Sequence[str], customers: Sequence[str] | None = None, most: int = -1
    ) -> list[tuple[int, Event]]:
        """List events whose tags are online and whose due touchpoints are not recorded yet.

        Parameters
        ----------
        types : sequence of str
            Only events of these types.
        customers : sequence of str, optional
            Only events of these customers; default: of all.
        most : int
            At most so many; -1: all.

        Returns
        -------
        list of (int, Event)
            Position in the log and event, in the order of the log.
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
        cursor = self._connection().execute(f"{query} ORDER BY sequence LIMIT ?", [*given, most])
        return [(int(row[0]), _event(row[1], row[2])) for row in cursor]

    def triggered(self, event_ids: Sequence[str]) -> set[str]:
        """Select the events whose due touchpoints are recorded."""
        cursor = self._connection().execute(
            "SELECT event_id FROM events WHERE triggered = 1"
            f" AND event_id IN ({', '.join('?' * len(event_ids))})",
            list(event_ids),
        )
        return {event for (event,) in cursor}

    def mark_triggered(self, sequences: Sequence[int]) -> None:
        """Mark events whose due touchpoints are recorded."""
        with transaction(self._connection()) as connection:
            connection.executemany(
                "UPDATE events SET triggered = 1 WHERE sequence = ?",
                [(sequence,) for sequence in sequences],
            )

    def erase(self, customers: Sequence[str]) -> dict[str, int]:
        """Delete the events of customers and count them by customer; see `scrub`."""
        if not self.path.exists():
            return {}
        deleted = {}
        with transaction(self._connection()) as connection:
            for customer in customers:
                done = connection.execute("DELETE FROM events WHERE customer_id = ?", [customer])
                deleted[customer] = done.rowcount
        return deleted

    def scrub(self) -> None:
        """Remove deleted rows from the bytes of the file as well.

        Raises
        ------
        GuanjiaError
            If other connections keep the file in use for 30 seconds.
        """
        scrub(self.path, "the inbox", PATIENCE_SECONDS)

    def _latest(self, event: Event) -> Row | None:
        """Return the latest version of the event's row that events made."""
        stored = (
            self._connection()
            .execute(
                'SELECT row FROM events WHERE "table" = ? AND key = ? AND customer_id = ?'
                " ORDER BY recorded_us DESC LIMIT 1",
                [event.type.table, event.key, event.customer_id],
            )
            .fetchone()
        )
        if stored is None:
            return None
        content = json.loads(stored[0])
        types = CONTRACTS[event.type.table].columns
        return {name: typed(content.get(name), type_) for name, type_ in types.items()}

    def _connection(self) -> sqlite3.Connection:
        """Return the connection of this thread."""
        if not hasattr(self._local, "connection"):
            self._local.connection = inbox_connection(self.path)
        connection: sqlite3.Connection = self._local.connection
        return connection


def _event(event_id: str, content: str) -> Event:
    """Rebuild the event as it was sent from its content."""
    name, customer, at, values = json.loads(content)
    type_ = EVENTS[name]
    columns = type_.contract.columns
    fields = {
        field: typed(values.get(field), columns[column]) for field, column in type_.fields.items()
    }
    return Event(event_id, type_, customer, datetime.fromisoformat(at), fields)
