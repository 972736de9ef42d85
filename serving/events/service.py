"""Handle requests to `POST /v1/events`: store events, refresh online tags, find due touchpoints."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from features.errors import GuanjiaError
from features.events.event_types import Event
from features.events.inbox import ConflictError, EventInbox, StoredEvent
from features.events.intake import Intake, RefusedError, unknown_customer
from features.lake import Lake
from features.online.push_events import FreshTags
from serving.events.due_touchpoints import DueTouchpoints, due_answer
from serving.events.schemas import DueTold, EventAnswer, EventsRequest, EventsResponse, Malformed
from serving.schemas import Fault

logger = logging.getLogger(__name__)


class EventService:
    """Store events, refresh the online tags of their customers, and find due touchpoints.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables and the inbox.
    due : DueTouchpoints, optional
        Stores the touchpoints that events make due. Default: none are looked for.
    """

    def __init__(self, lake: Lake, due: DueTouchpoints | None = None) -> None:
        self._lake = lake
        self._due = due
        self._inbox = EventInbox(lake)
        self._intake = Intake(lake, self._inbox)
        self._fresh = FreshTags(lake, self._inbox)

    def start(self) -> None:
        """Prepare for the first event, and push events that an earlier process left pending."""
        if not self._lake.has("customers"):
            return
        try:
            self._fresh.prepare()
        except Exception:
            logger.exception(
                "events of an earlier process are not in the online tags yet; a later event, a"
                " restart of the service or the daily run adds them"
            )

    def take(
        self,
        request: EventsRequest,
        received: datetime,
        branches: frozenset[str] | None = None,
    ) -> EventsResponse:
        """Store the valid events of a request, refresh online tags, and answer for each event.

        Parameters
        ----------
        request : EventsRequest
            The events.
        received : datetime
            When the request reached us.
        branches : frozenset of str, optional
            Branches on whose customers the caller may report; others are unknown to them.
            Default: all.

        Raises
        ------
        GuanjiaError
            If `guanjia check` never ran, or the inbox cannot be written; events before that in the
            request are stored.
        """
        self._lake.require("customers")
        events = request.to_events()
        try:
            outcomes = [self._take_one(event, received, branches) for event in events]
        except sqlite3.Error as error:
            cure = "check that the disk is not full, then send the events again"
            raise GuanjiaError("event inbox", f"cannot be written ({error})", cure) from error
        stored = [
            event
            for event, outcome in zip(events, outcomes, strict=True)
            if isinstance(event, Event) and isinstance(outcome, StoredEvent)
        ]
        self._refresh({event.customer_id for event in stored})
        due = self._find_due(stored, received)
        return EventsResponse(
            events=[
                self._answer(event, outcome, due)
                for event, outcome in zip(events, outcomes, strict=True)
            ]
        )

    def take_own(self, event: Mapping[str, Any], received: datetime) -> None:
        """Take an event that the service itself reports, as `POST /v1/events` would.

        Raises
        ------
        GuanjiaError
            If it is refused.
        """
        request = EventsRequest.model_validate({"events": [dict(event)]})
        (answer,) = self.take(request, received).events
        if answer.faults:
            first = answer.faults[0]
            raise GuanjiaError(first.thing, first.fault, first.cure)

    def _take_one(
        self, event: Event | Malformed, received: datetime, branches: frozenset[str] | None
    ) -> StoredEvent | list[GuanjiaError]:
        if isinstance(event, Malformed):
            return event.faults
        try:
            return self._intake.take(event, received, branches)
        except (RefusedError, ConflictError) as error:
            return [error]

    def _refresh(self, customers: set[str]) -> None:
        if not customers:
            return
        try:
            self._fresh.refresh(customers)
        except Exception:
            # The events are stored, and the answer says that the tags are pending.
            logger.exception(
                "online tags of %d customers do not include their latest events yet; a later event,"
                " a restart of the service or the daily run adds them",
                len(customers),
            )

    def _find_due(
        self, stored: Sequence[Event], received: datetime
    ) -> Mapping[str | None, list[DueTold]]:
        """Find what stored events make due, by event id; events not processed yet are left out."""
        if self._due is None:
            return {}
        try:
            due = self._due.find_due(stored, received)
        except Exception:
            # The events are stored: the next request for due touchpoints processes them.
            logger.exception(
                "touchpoints that %d events make due are not stored yet; the next events or"
                " `GET /v1/due` store them",
                len(stored),
            )
            return {}
        return {event_id: [due_answer(row) for row in rows] for event_id, rows in due.items()}

    def _answer(
        self,
        event: Event | Malformed,
        outcome: StoredEvent | list[GuanjiaError],
        due: Mapping[str | None, list[DueTold]],
    ) -> EventAnswer:
        """Build the answer to an event: stored, or refused with faults."""
        if isinstance(outcome, StoredEvent) and isinstance(event, Event):
            online = self._inbox.is_online(outcome.sequence)
            if online is None:  # erased with the customer, before this answer
                return self._answer(event, [unknown_customer(event)], due)
            return EventAnswer(
                event_id=event.event_id,
                status="repeated" if outcome.repeated else "accepted",
                recorded_at=outcome.recorded_at,
                tags="online" if online else "pending",
                due=due.get(event.event_id),
            )
        assert not isinstance(outcome, StoredEvent), "a malformed event is never stored"
        faults = [Fault(thing=error.thing, fault=error.fault, cure=error.cure) for error in outcome]
        conflict = any(isinstance(error, ConflictError) for error in outcome)
        return EventAnswer(
            event_id=event.event_id, status="refused", conflict=conflict, faults=faults
        )
