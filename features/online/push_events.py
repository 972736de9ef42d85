"""Bring online what events changed: compute the tags of their customers, push them, note it.

Pushed rows carry the `recorded_at` of the customer's last event, so whatever order pushes arrive
in, the store keeps the one that knows most. Who is first brings what waits, and so what was left
while the store was away.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from itertools import islice

import pyarrow as pa

from features.erased import Erased
from features.events.inbox import EventInbox
from features.lake import Lake
from features.online.event_tags import LiveTags
from features.online.store import push
from features.settings import cutoff

CUSTOMERS = 200
"""Customers of one computation."""
OTHERS = 20
"""Waiting customers that a request brings along with its own."""


class FreshTags:
    """Keeps the online tags of customers with events fresh; threads share it.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables and the registry.
    inbox : EventInbox
        Says what happened.
    """

    def __init__(self, lake: Lake, inbox: EventInbox) -> None:
        self._lake = lake
        self._inbox = inbox
        self._live = LiveTags(lake, inbox)
        self._erased = Erased(lake.settings)
        self._working = threading.Lock()

    def prepare(self) -> None:
        """Do now what the first event would wait for; then what an earlier process left undone."""
        self._live.prepare()
        for some in _batches(self._inbox.waiting_customers()):
            self._bring(self._inbox.waiting(some))

    def refresh(self, customers: Collection[str]) -> None:
        """Bring online what events of these customers changed, unless another thread just did."""
        with self._working:
            if self._inbox.waiting(list(customers)):
                others = self._inbox.waiting_customers(OTHERS)
                for some in _batches(sorted({*customers, *others})):
                    self._bring(self._inbox.waiting(some))

    def again(self, events: Sequence[tuple[int, str, str]], computed_at: datetime) -> int:
        """Compute the customers of some events anew; return how many they are."""
        customers = sorted({customer for _, customer, _ in events})
        for some in _batches(customers):
            self._bring([one for one in events if one[1] in set(some)], computed_at)
        return len(customers)

    def _bring(
        self, events: Sequence[tuple[int, str, str]], computed_at: datetime | None = None
    ) -> None:
        if not events:
            return
        customers = self._inbox.last_recorded(sorted({customer for _, customer, _ in events}))
        names = self._live.groups_of({table for _, _, table in events})
        computed = self._live.compute(customers, names)
        gone = self._erased.among(customers)
        for group, rows in computed.items():
            # Who was erased while his tags were computed stays away.
            stay = [one not in gone for one in rows["customer_id"].to_pylist()]
            push(self._lake, group, _computed(rows.filter(stay) if gone else rows, computed_at))
        self._inbox.mark_online([sequence for sequence, _, _ in events])


def catch_up(lake: Lake, as_of: date, now: datetime) -> int:
    """After a snapshot was loaded: the customers whose rows are newer than the snapshot's.

    Their rows stayed, but were computed without what `guanjia check` has brought since.

    Parameters
    ----------
    as_of : date
        Of the snapshot that was loaded.
    now : datetime
        The time it is.

    Returns
    -------
    int
        How many customers were computed anew.
    """
    inbox = EventInbox(lake)
    events = inbox.since(cutoff(as_of, lake.settings.timezone))
    done = FreshTags(lake, inbox).again(events, now) if events else 0
    inbox.mark_past_online(cutoff(as_of, lake.settings.timezone))
    return done


def _batches(customers: Sequence[str]) -> Iterator[list[str]]:
    left = iter(customers)
    while some := list(islice(left, CUSTOMERS)):
        yield some


def _computed(rows: pa.Table, at: datetime | None) -> pa.Table:
    """The rows with the instant of their computation, which is never before their event."""
    if at is None:
        return rows
    created = [max(at, event) for event in rows["event_timestamp"].to_pylist()]
    place = rows.column_names.index("created_timestamp")
    column = pa.array(created, pa.timestamp("us", "UTC"))
    return rows.set_column(place, "created_timestamp", column)
