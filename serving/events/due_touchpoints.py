"""What events make due, written down once and told to those who make the contacts.

The inbox has every event for good, with a mark once what it makes due is in the records. Whoever
comes next does what is not marked: after a kill, or while the records were away, nothing is lost,
and what is written twice is kept once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.conditions import columns_of
from features.events.event_types import Event
from features.events.inbox import EventInbox
from features.tags.catalogue import catalogue
from serving.events.schemas import DueTold
from serving.predictions.service import Door, UnknownCustomerError
from serving.records.contacts.due_touchpoints import (
    NewDue,
    StoredDue,
    due_of_events,
    list_open_due,
    write_due,
)
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.event_triggers import still_due, triggered_by

AT_ONCE = 500
"""Events that are looked at in one go."""
ALWAYS = ("star_level", "branch", "life_cycle_stage")


@dataclass(frozen=True)
class Page:
    """Some of what is due.

    Attributes
    ----------
    next : str or None
        Where the next page begins; None: this is the last.
    degraded : bool
        Whether tags of the latest snapshot were used, since those online are away.
    """

    due: list[StoredDue]
    next: str | None
    degraded: bool


class DueTouchpoints:
    """Writes down and lists what events make due; threads share it.

    Parameters
    ----------
    door : Door
        Reads the tags.
    records : Records
    """

    def __init__(self, door: Door, records: Records) -> None:
        lake = door.lake
        self._door, self._records = door, records
        self._inbox = EventInbox(lake)
        self._catalogue = load_touchpoints(lake.home)
        self._zone = lake.settings.timezone
        self._types, self._tags = self._waited_for()

    def after(self, events: Sequence[Event], now: datetime) -> dict[str | None, list[StoredDue]]:
        """What some events made due, by event; those not known yet are left out.

        Raises
        ------
        GuanjiaError
            If the records or the tags do not answer.
        """
        found: dict[str | None, list[StoredDue]] = {event.event_id: [] for event in events}
        asked = {event.event_id: event for event in events if event.type.name in self._types}
        if not asked:
            return found
        self._catch_up(now, sorted({event.customer_id for event in asked.values()}))
        known = self._inbox.triggered(sorted(asked))
        for event_id in asked.keys() - known:
            del found[event_id]
        with self._records.reading() as connection:
            for one in due_of_events(connection, known):
                found[one.due.event_id].append(one)
        return found

    def open(
        self,
        now: datetime,
        by: datetime,
        most: int,
        *,
        subject: str = "",
        branches: frozenset[str] | None = None,
        after: str | None = None,
    ) -> Page:
        """What is due by an instant and holds by the tags of now, in the order of time.

        Parameters
        ----------
        by : datetime
            Now, or later: what will be due by then.
        most : int
            Rows of a page.
        subject, branches, after
            See `serving.records.contacts.due_touchpoints.list_open_due`.

        Raises
        ------
        GuanjiaError
            If the records or the tags do not answer.
        """
        self._catch_up(now)
        holds: list[StoredDue] = []
        degraded = False
        while True:
            with self._records.reading() as connection:
                rows = list_open_due(
                    connection, now, by, most, subject=subject, branches=branches, after=after
                )
            for place, one in enumerate(rows):
                tags, snapshot = self._tags_of(one.due.customer_id, branches)
                degraded = degraded or snapshot
                if tags is not None and self._holds(one, tags, now):
                    holds.append(one)
                if len(holds) == most:
                    more = place + 1 < len(rows) or len(rows) == most
                    return Page(holds, one.place if more else None, degraded)
            if len(rows) < most:
                return Page(holds, None, degraded)
            after = rows[-1].place

    def _catch_up(self, now: datetime, customers: Sequence[str] | None = None) -> None:
        """Write down what events make due whose tags are online and that nobody has seen to."""
        first = None
        while waiting := self._inbox.to_trigger(self._types, customers, AT_ONCE):
            if waiting[0][0] == first:
                return  # the online store is away: it is left for the next
            first = waiting[0][0]
            done, found = self._found(waiting, now)
            if found:
                with self._records.writing() as connection:
                    write_due(connection, found, now)
            self._inbox.mark_triggered(done)

    def _found(
        self, events: Sequence[tuple[int, Event]], now: datetime
    ) -> tuple[list[int], list[NewDue]]:
        """Which events were looked at, and what they make due that is timely yet."""
        done, found = [], []
        for sequence, event in events:
            tags, degraded = self._tags_of(event.customer_id)
            if degraded:  # the snapshot does not know of the event
                continue
            done.append(sequence)
            if tags is not None:
                due = triggered_by(self._catalogue, event, tags, self._zone)
                where = event.type.name, event.occurred_at, tags["branch"]
                found += [NewDue(one, *where) for one in due if one.until > now]
        return done, found

    def _holds(self, kept: StoredDue, tags: Mapping[str, Any], now: datetime) -> bool:
        there = kept.due.touchpoint in self._catalogue.variants
        return there and still_due(self._catalogue, kept.due, tags, max(now, kept.due.due_at))

    def _tags_of(
        self, customer: str, branches: frozenset[str] | None = None
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """A customer's tags, None if nobody knows him; and whether they are the snapshot's."""
        try:
            (row,), degraded = self._door.tags([customer], self._tags, branches)
        except UnknownCustomerError:
            return None, False
        return row, degraded

    def _waited_for(self) -> tuple[list[str], list[str]]:
        """The events that touchpoints wait for, and the tags that these touchpoints read."""
        known, types, tags = catalogue(), set(), set(ALWAYS)
        for one in self._declared():
            types.update(one.trigger.events)
            if one.trigger.events and one.trigger.condition:
                tags.update(columns_of(one.trigger.condition, known))
        return sorted(types), sorted(tags)

    def _declared(self) -> Iterator[Any]:
        for variants in self._catalogue.variants.values():
            yield from (one for one in variants.values() if one is not None)


def told_due(kept: StoredDue) -> DueTold:
    """A row as the API tells it."""
    due = kept.due
    return DueTold(
        due_id=kept.due_id,
        touchpoint=due.touchpoint,
        due_at=due.due_at,
        until=due.until,
        kind=due.kind,  # type: ignore[arg-type]
        by=due.by,  # type: ignore[arg-type]
        channels=list(due.channels),
        service=due.service,
        reason=due.reason,
    )
