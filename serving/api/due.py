"""`GET /v1/due`: the touchpoints that events made due, for those who make the contacts."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.events.due_touchpoints import DueTouchpoints, told_due
from serving.events.schemas import DueTold, Instant
from serving.schemas import Message

router = guarded()
MOST_DUE = 500


class DueRow(DueTold):
    """A touchpoint that is due to a customer, and what to ask `/decide`."""

    customer_id: str
    event_type: str = Field(description="For `happened` in the context of /decide.")
    occurred_at: datetime


class DueResponse(Message):
    """Touchpoints that are due, those due first at the top."""

    due: list[DueRow]
    next: str | None = Field(description="For `after`; null: there are no more.")
    degraded: bool = Field(description="Whether the tags online are away, and a snapshot's used.")


@router.get("/v1/due", response_model=DueResponse, responses=declared(422, 503))
def due(
    request: Request,
    until: Annotated[
        Instant | None, Query(description="What will be due by then. Default: now.")
    ] = None,
    after: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{15,64}$", description="`next` of the page before."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_DUE)] = 100,
) -> DueResponse:
    """What events made due and still holds; ask `/decide` about each, with its `due_id` as key."""
    desk: DueTouchpoints = request.app.state.due
    asks = caller(request)
    now = clock.now(request.app.state.service.lake.settings)
    page = desk.open(
        now, until or now, limit, subject=asks.subject, branches=asks.branches, after=after
    )
    rows = [
        DueRow(
            **told_due(one).model_dump(),
            customer_id=one.due.customer_id,
            event_type=one.event_type,
            occurred_at=one.occurred_at,
        )
        for one in page.due
    ]
    if rows:
        note(request, [one.customer_id for one in rows])
    return DueResponse(due=rows, next=page.next, degraded=page.degraded)
