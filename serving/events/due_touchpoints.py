"""Find the touchpoints that events make due, store them once, and list those still open.

The inbox keeps every event, and marks it once its due touchpoints are in the records. Each call
first processes the events that are not marked yet: nothing is lost after a kill or while the
records did not answer, and a touchpoint that is written twice is stored once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.contracts.vocabulary import MOTOR_LINES
from features.events.event_types import Event
from features.events.inbox import EventInbox
from serving.events.schemas import DueTold
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.contacts.due_touchpoints import (
    NewDue,
    StoredDue,
    due_of_events,
    list_open_due,
    write_due,
)
from serving.records.contacts.made_contacts import made_contacts, release_reserved, won_outcomes
from serving.records.database import Records, lock_customer
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.due import CONTACTED, Customer, longest_memory, standing
from serving.touchpoints.endings import SIGNED, Past, Won, endings, recall, touchpoints_about
from serving.touchpoints.event_triggers import still_due, triggered_by

BATCH_EVENTS = 500
"""Events that are processed in one batch."""
ALWAYS = ("star_level", "branch", "life_cycle_stage")
SIGNED_EVENT = "policy_signed"


@dataclass(frozen=True)
class Page:
    """A page of due touchpoints.

    Attributes
    ----------
    due : list of StoredDue
        The touchpoints, in the order of time.
    next : str or None
        The argument `after` of the next page; None: this is the last.
    degraded : bool
        Whether tags came from the latest snapshot because the online store did not answer.
    """

    due: list[StoredDue]
    next: str | None
    degraded: bool


class DueTouchpoints:
    """Store and list the touchpoints that events make due; threads share it.

    Parameters
    ----------
    service : PredictionService
        Reads the tags.
    records : Records
        Where due touchpoints are stored.
    """

    def __init__(self, service: PredictionService, records: Records) -> None:
        lake = service.lake
        self._service, self._records = service, records
        self._inbox = EventInbox(lake)
        self._catalogue = load_touchpoints(lake.home)
        self._zone = ZoneInfo(lake.settings.timezone)
        self._memory = longest_memory(self._catalogue.every_variant)
        self._types, self._tags = self._event_types_and_tags()

    def find_due(self, events: Sequence[Event], now: datetime) -> dict[str | None, list[StoredDue]]:
        """Find what events made due, by event id; events not processed yet are left out.

        Raises
        ------
        GuanjiaError
            If the records or the tags do not answer.
        """
        self._end_signed(events, now)
        due: dict[str | None, list[StoredDue]] = {event.event_id: [] for event in events}
        triggering = {event.event_id: event for event in events if event.type.name in self._types}
        if not triggering:
            return due
        self._catch_up(now, sorted({event.customer_id for event in triggering.values()}))
        processed = self._inbox.triggered(sorted(triggering))
        for event_id in triggering.keys() - processed:
            del due[event_id]
        with self._records.reading() as connection:
            for row in due_of_events(connection, processed):
                due[row.due.event_id].append(row)
        return due

    def list_due(
        self,
        now: datetime,
        by: datetime,
        most: int,
        *,
        subject: str = "",
        branches: frozenset[str] | None = None,
        after: str | None = None,
    ) -> Page:
        """List open touchpoints whose conditions still hold by the present tags, in time order.

        Parameters
        ----------
        now : datetime
            Now.
        by : datetime
            Touchpoints that become due until then are listed.
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
        valid: list[StoredDue] = []
        degraded = False
        while True:
            with self._records.reading() as connection:
                rows = list_open_due(
                    connection, now, by, most, subject=subject, branches=branches, after=after
                )
                pasts = self._pasts(connection, {row.due.customer_id for row in rows}, now)
            for position, row in enumerate(rows):
                tags, from_snapshot = self._read_tags(row.due.customer_id, branches)
                degraded = degraded or from_snapshot
                if tags is not None and self._holds(row, tags, pasts[row.due.customer_id], now):
                    valid.append(row)
                if len(valid) == most:
                    more = position + 1 < len(rows) or len(rows) == most
                    return Page(valid, row.place if more else None, degraded)
            if len(rows) < most:
                return Page(valid, None, degraded)
            after = rows[-1].place

    def _end_signed(self, events: Sequence[Event], now: datetime) -> None:
        """Release what is reserved about the policies that events say were signed.

        Of a renewal, only touchpoints that are not due any more: a second car may be left to renew.
        """
        for event in events:
            if event.type.name != SIGNED_EVENT:
                continue
            customer_id, line = event.customer_id, str(event.fields["line"])
            renewal = line in MOTOR_LINES
            names = touchpoints_about(self._catalogue, renewal=renewal, lines=[line])
            if renewal:
                tags, degraded = self._read_tags(customer_id)
                if tags is None or degraded:
                    continue
                customer = Customer(tags, now.astimezone(self._zone).date(), self._zone)
                branch, stage = tags["branch"], tags["life_cycle_stage"]
                there = self._catalogue.touchpoints_for(branch, stage)
                names = [
                    name
                    for name in names
                    if name not in there
                    or standing(name, there[name], customer, customer.today).state == "not_due"
                ]
            with self._records.writing() as connection:
                lock_customer(connection, customer_id)
                release_reserved(connection, customer_id, names)

    def _catch_up(self, now: datetime, customers: Sequence[str] | None = None) -> None:
        """Process events that are not marked yet and whose tags are online; store what is due."""
        first = None
        while waiting := self._inbox.to_trigger(self._types, customers, BATCH_EVENTS):
            if waiting[0][0] == first:
                return  # the online store does not answer: the next call tries again
            first = waiting[0][0]
            processed, due = self._process(waiting, now)
            if due:
                with self._records.writing() as connection:
                    write_due(connection, due, now)
            self._inbox.mark_triggered(processed)

    def _process(
        self, events: Sequence[tuple[int, Event]], now: datetime
    ) -> tuple[list[int], list[NewDue]]:
        """Process events; return their numbers, and what they make due and has not expired."""
        processed, new = [], []
        for sequence, event in events:
            tags, degraded = self._read_tags(event.customer_id)
            if degraded:  # the snapshot does not include the event
                continue
            processed.append(sequence)
            if tags is not None:
                triggered = triggered_by(self._catalogue, event, tags, self._zone.key)
                origin = event.type.name, event.occurred_at, tags["branch"]
                new += [NewDue(due, *origin) for due in triggered if due.until > now]
        return processed, new

    def _holds(self, row: StoredDue, tags: Mapping[str, Any], past: Past, now: datetime) -> bool:
        """Check that a touchpoint still exists and is still due."""
        if row.due.touchpoint not in self._catalogue.variants:
            return False
        customer = Customer(tags, now.astimezone(self._zone).date(), self._zone, past)
        at = max(now, row.due.due_at)
        return still_due(self._catalogue, row.due, customer, at, row.event_type, row.occurred_at)

    def _pasts(
        self, connection: Connection, customers: Collection[str], now: datetime
    ) -> dict[str, Past]:
        """Read what the records know of some customers."""
        if not customers:
            return {}
        since = now - self._memory
        last_contacts: dict[str, dict[str, datetime]] = {customer: {} for customer in customers}
        won: dict[str, list[Won]] = {customer: [] for customer in customers}
        for customer, touchpoint, at in made_contacts(connection, now, since, customers):
            last_contacts[customer][touchpoint] = at
        for customer, outcome in won_outcomes(connection, now, since, customers):
            won[customer].append(outcome)
        return {
            customer: recall(self._catalogue, last_contacts[customer], won[customer])
            for customer in customers
        }

    def _read_tags(
        self, customer: str, branches: frozenset[str] | None = None
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """Read a customer's tags (None if unknown), and whether they are the snapshot's."""
        try:
            (row,), degraded = self._service.tags([customer], self._tags, branches)
        except UnknownCustomerError:
            return None, False
        return row, degraded

    def _event_types_and_tags(self) -> tuple[list[str], list[str]]:
        """Collect the event types that trigger touchpoints, and the tags of their conditions."""
        types: set[str] = set()
        tags = {*ALWAYS, CONTACTED, SIGNED}
        for touchpoint in self._catalogue.every_variant:
            types.update(touchpoint.trigger.events)
            if touchpoint.trigger.events or "renewed" in endings(touchpoint):
                tags.update(touchpoint.trigger.tags_read)
        return sorted(types), sorted(tags)


def due_answer(row: StoredDue) -> DueTold:
    """Convert a row to the answer of the API."""
    due = row.due
    return DueTold(
        due_id=row.due_id,
        touchpoint=due.touchpoint,
        due_at=due.due_at,
        until=due.until,
        kind=due.kind,  # type: ignore[arg-type]
        by=due.by,  # type: ignore[arg-type]
        channels=list(due.channels),
        service=due.service,
        reason=due.reason,
    )
