"""`GET /v1/due`: open touchpoints that events made due, for the systems that make contacts."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.events.due_touchpoints import DueTouchpoints, due_answer
from serving.events.schemas import DueTold, Instant
from serving.schemas import Message

router = guarded()
MOST_DUE = 500


class DueRow(DueTold):
    """A due touchpoint, with the fields that a request to `/decide` needs."""

    customer_id: str
    event_type: str = Field(description="For `happened` in the context of /decide.")
    occurred_at: datetime


class DueResponse(Message):
    """Due touchpoints, the earliest first."""

    due: list[DueRow]
    next: str | None = Field(description="Value of `after` for the next page; null: the last page.")
    degraded: bool = Field(
        description="Whether tags of a snapshot were used because the online store did not answer."
    )


@router.get("/v1/due", response_model=DueResponse, responses=refusal_schemas(422, 503))
def due(
    request: Request,
    until: Annotated[
        Instant | None, Query(description="List what becomes due until then. Default: now.")
    ] = None,
    after: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{15,64}$", description="`next` of the previous page."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_DUE)] = 100,
) -> DueResponse:
    """List open touchpoints; ask `/decide` about each, with its `due_id` as client key.

    \f
    Parameters
    ----------
    request : Request
        The request.
    until : datetime, optional
        Touchpoints that become due until then are listed.
    after : str, optional
        `next` of the previous page.
    limit : int
        Rows of a page.
    """
    due_touchpoints: DueTouchpoints = request.app.state.due
    requester = caller(request)
    now = clock.now(request.app.state.service.lake.settings)
    page = due_touchpoints.list_due(
        now,
        until or now,
        limit,
        subject=requester.subject,
        branches=requester.branches,
        after=after,
    )
    rows = [
        DueRow(
            **due_answer(stored).model_dump(),
            customer_id=stored.due.customer_id,
            event_type=stored.event_type,
            occurred_at=stored.occurred_at,
        )
        for stored in page.due
    ]
    if rows:
        note(request, [row.customer_id for row in rows])
    return DueResponse(due=rows, next=page.next, degraded=page.degraded)
