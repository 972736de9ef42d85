"""Keep online tags fresh after events: compute the tags of the customers, push and mark them.

Pushed rows carry the `recorded_at` of the customer's last event: in whatever order pushes arrive,
the store keeps the row that knows most. The first caller also processes the backlog, including
events that came while the store was away.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import islice

import pyarrow as pa

from features.erased import Erased
from features.events.inbox import EventInbox
from features.lake import Lake
from features.online.event_tags import LiveTags
from features.online.rows import NotFilledError
from features.online.store import push
from features.settings import cutoff

CUSTOMERS = 200
"""Customers of one computation."""
OTHERS = 20
"""Customers of the backlog that a request processes along with its own."""


class FreshTags:
    """Keep the online tags of customers with events fresh; threads share it.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables; its settings name the online store.
    inbox : EventInbox
        The log of events.
    marks : bool
        Whether to mark events as online once their tags are pushed. Not for a slot that is not
        live yet: if it never becomes live, they still wait.
    """

    def __init__(self, lake: Lake, inbox: EventInbox, *, marks: bool = True) -> None:
        self._lake = lake
        self._inbox = inbox
        self._marks = marks
        self._live = LiveTags(lake, inbox)
        self._erased = Erased(lake.settings)
        self._working = threading.Lock()

    def prepare(self) -> None:
        """Prepare what the first event would wait for, then process the backlog."""
        self._live.prepare()
        for batch in _batches(self._inbox.waiting_customers()):
            self._compute_and_push(self._inbox.waiting(batch))

    def refresh(self, customers: Collection[str]) -> None:
        """Refresh the online tags of customers with new events; another thread may have done it."""
        with self._working:
            if self._inbox.waiting(list(customers)):
                others = self._inbox.waiting_customers(OTHERS)
                for batch in _batches(sorted({*customers, *others})):
                    self._compute_and_push(self._inbox.waiting(batch))

    def recompute(self, events: Sequence[tuple[int, str, str]], computed_at: datetime) -> int:
        """Recompute the customers of events (sequence, customer, table); return their number."""
        customers = sorted({customer for _, customer, _ in events})
        for batch in _batches(customers):
            self._compute_and_push(
                [event for event in events if event[1] in set(batch)], computed_at
            )
        return len(customers)

    def _compute_and_push(
        self, events: Sequence[tuple[int, str, str]], computed_at: datetime | None = None
    ) -> None:
        if not events:
            return
        customers = self._inbox.last_recorded(sorted({customer for _, customer, _ in events}))
        names = self._live.groups_of({table for _, _, table in events})
        # A day that is published meanwhile waits, and then takes these events along.
        with self._lake.live() as live:
            computed = self._live.compute(customers, names, live)
            gone = self._erased.among(customers)
            for group, rows in computed.items():
                # Do not push customers who were erased while their tags were computed.
                stay = [customer not in gone for customer in rows["customer_id"].to_pylist()]
                stamped = _stamped(rows.filter(stay) if gone else rows, computed_at)
                push(live, group, stamped)
                if self._lake.slot != live.slot:
                    # A request that began before the publication reads on where it began.
                    with suppress(NotFilledError):
                        push(self._lake, group, stamped)
            if self._marks:
                self._inbox.mark_online([sequence for sequence, _, _ in events])


def catch_up(lake: Lake, as_of: date, now: datetime) -> int:
    """Recompute the customers whose online rows are newer than a snapshot that was just loaded.

    The load left their rows as they were, but these do not yet contain what `guanjia check` has
    brought since.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables; its settings name the online store.
    as_of : date
        Of the snapshot that was loaded.
    now : datetime
        The current time (UTC).

    Returns
    -------
    int
        Number of customers computed anew.
    """
    return SlotEvents(lake, as_of).catch_up(now)


class SlotEvents:
    """Bring events of after a day into the slot of a lake, also before the slot is live.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables of the day; its slot is written.
    as_of : date
        The day whose snapshot the slot was loaded with.
    live : bool
        Whether the slot is live: only then events count as online.
    """

    def __init__(self, lake: Lake, as_of: date, *, live: bool = True) -> None:
        self._inbox = EventInbox(lake)
        self._end = cutoff(as_of, lake.settings.timezone)
        self._fresh = FreshTags(lake, self._inbox, marks=live)
        self._live = live
        self._seen: list[int] = []

    def catch_up(self, now: datetime) -> int:
        """Compute customers with events since the day's end anew, or since the last call.

        Parameters
        ----------
        now : datetime
            The current time (UTC).

        Returns
        -------
        int
            Number of customers computed anew.
        """
        last = max(self._seen, default=0)
        events = [event for event in self._inbox.since(self._end) if event[0] > last]
        done = self._fresh.recompute(events, now) if events else 0
        self._seen += [sequence for sequence, _, _ in events]
        if self._live:
            self._inbox.mark_past_online(self._end)
        return done

    def mark_online(self) -> None:
        """Mark the events as online, once the slot is live."""
        if self._seen:
            self._inbox.mark_online(self._seen)
        self._inbox.mark_past_online(self._end)


def _batches(customers: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(customers)
    while batch := list(islice(remaining, CUSTOMERS)):
        yield batch


def _stamped(rows: pa.Table, at: datetime | None) -> pa.Table:
    """Set the instant at which the rows were computed, never before their event."""
    if at is None:
        return rows
    created = [max(at, event) for event in rows["event_timestamp"].to_pylist()]
    place = rows.column_names.index("created_timestamp")
    column = pa.array(created, pa.timestamp("us", "UTC"))
    return rows.set_column(place, "created_timestamp", column)
