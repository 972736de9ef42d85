"""Events in, fresh tags out: what `POST /v1/events` does with a request."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from features.errors import GuanjiaError
from features.events.event_types import Event
from features.events.inbox import ConflictError, EventInbox, StoredEvent
from features.events.intake import Intake, RefusedError
from features.lake import Lake
from features.online.push_events import FreshTags
from serving.events.due_touchpoints import DueTouchpoints, told_due
from serving.events.schemas import DueTold, EventAnswer, EventsRequest, EventsResponse, Malformed
from serving.schemas import Fault

logger = logging.getLogger(__name__)


class EventDoor:
    """Takes events in, keeps the online tags of their customers fresh, says what is due then.

    Parameters
    ----------
    lake : Lake
    due : DueTouchpoints, optional
        Keeps the touchpoints that events make due; without it none are.
    """

    def __init__(self, lake: Lake, due: DueTouchpoints | None = None) -> None:
        self._lake = lake
        self._due = due
        self._inbox = EventInbox(lake)
        self._intake = Intake(lake, self._inbox)
        self._fresh = FreshTags(lake, self._inbox)

    def start(self) -> None:
        """Get ready for the first event, and bring online what an earlier process left undone."""
        if not self._lake.has("customers"):
            return
        try:
            self._fresh.prepare()
        except Exception:
            logger.exception("events that were not online are not yet")

    def take(
        self,
        request: EventsRequest,
        received: datetime,
        branches: frozenset[str] | None = None,
    ) -> EventsResponse:
        """Keep the events that can be, bring their tags online, answer for each.

        Parameters
        ----------
        branches : frozenset of str, optional
            Of whose customers they may tell; others are not known. Default: those of every branch.

        Raises
        ------
        GuanjiaError
            If nothing was checked yet, or the inbox cannot be written; events before that are kept.
        """
        self._lake.require("customers")
        told = request.told()
        try:
            results = [self._one(event, received, branches) for event in told]
        except sqlite3.Error as fault:
            raise GuanjiaError(
                "the inbox", f"cannot keep events ({fault})", "free the disk, then send them again"
            ) from fault
        self._refresh(
            {
                event.customer_id
                for event, kept in zip(told, results, strict=True)
                if isinstance(event, Event) and isinstance(kept, StoredEvent)
            }
        )
        due = self._made_due(told, results, received)
        return EventsResponse(
            events=[
                self._answer(event, result, due)
                for event, result in zip(told, results, strict=True)
            ]
        )

    def tell(self, event: Mapping[str, Any], received: datetime) -> None:
        """Take in an event of our own making, as `POST /v1/events` would.

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

    def _one(
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
            # The events are kept, and the answer says that their tags are not online.
            logger.exception("tags of %d customers are not online", len(customers))

    def _made_due(
        self,
        told: Sequence[Event | Malformed],
        results: Sequence[StoredEvent | list[GuanjiaError]],
        received: datetime,
    ) -> Mapping[str | None, list[DueTold]]:
        """By event, what it makes due; events of which that is not known yet are left out."""
        if self._due is None:
            return {}
        kept = [
            event
            for event, result in zip(told, results, strict=True)
            if isinstance(event, Event) and isinstance(result, StoredEvent)
        ]
        try:
            found = self._due.after(kept, received)
        except Exception:
            # The events are kept: who asks next what is due has it written down.
            logger.exception("what %d events make due is not written down yet", len(kept))
            return {}
        return {event: [told_due(one) for one in some] for event, some in found.items()}

    def _answer(
        self,
        event: Event | Malformed,
        result: StoredEvent | list[GuanjiaError],
        due: Mapping[str | None, list[DueTold]],
    ) -> EventAnswer:
        if isinstance(result, StoredEvent):
            return EventAnswer(
                event_id=event.event_id,
                status="repeated" if result.repeated else "accepted",
                recorded_at=result.recorded_at,
                tags="online" if self._inbox.is_online(result.sequence) else "pending",
                due=due.get(event.event_id),
            )
        faults = [Fault(thing=one.thing, fault=one.fault, cure=one.cure) for one in result]
        conflict = any(isinstance(one, ConflictError) for one in result)
        return EventAnswer(
            event_id=event.event_id, status="refused", conflict=conflict, faults=faults
        )
