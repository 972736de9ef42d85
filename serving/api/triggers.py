"""`GET /v1/triggers`: who is due for which touchpoint by the tags of a date."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import Field

from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.predictions.service import PredictionService
from serving.schemas import NO_NUL, Message
from serving.touchpoints.trigger_pages import read_triggers

router = guarded()
MOST_TRIGGERS = 1_000
BETWEEN = "/"
"""Between touchpoint and customer in `next`: no touchpoint's name has it."""


class TriggerRow(Message):
    """A customer who is due for a touchpoint: ask `/v1/decide` about them."""

    customer_id: str
    touchpoint: str
    reason: str = Field(description="What makes it due. 触发原因")
    due_on: date = Field(description="First day on which the contact is timely. 起始日")
    window_end: date | None = Field(description="Last day on which it is timely. 截止日")
    kind: Literal["service", "marketing"]
    by: Literal["system", "person"]
    channels: list[str] = Field(description="Candidate channels, best first. 候选触达方式")
    service: str = Field(description="Service level of the customer's star. 服务等级")
    star: int | None


class TriggersResponse(Message):
    """A page of the triggers of a date, by customer and touchpoint."""

    as_of: date = Field(description="Date of the tags. 标签日期")
    snapshot_id: str | None = Field(description="Snapshot they were found from; null: no row.")
    triggers: list[TriggerRow]
    next: str | None = Field(description="Value of `after` for the next page; null: the last page.")


@router.get("/v1/triggers", response_model=TriggersResponse, responses=refusal_schemas(404))
def triggers(
    request: Request,
    as_of: Annotated[
        date | None, Query(description="Date of the tags. Default: the latest. 标签日期")
    ] = None,
    touchpoint: Annotated[
        str | None,
        Query(min_length=1, max_length=64, pattern=NO_NUL, description="Only this touchpoint."),
    ] = None,
    after: Annotated[
        str | None,
        Query(max_length=140, pattern=NO_NUL, description="`next` of the previous page."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_TRIGGERS)] = 100,
) -> TriggersResponse:
    """List what `guanjia triggers` found due on the day after a date.

    \f
    Parameters
    ----------
    request : Request
        The request.
    as_of : date, optional
        Date of the tags.
    touchpoint : str, optional
        Only this touchpoint.
    after : str, optional
        `next` of the previous page.
    limit : int
        Rows of a page.
    """
    service: PredictionService = request.app.state.service
    branches = caller(request).branches
    last, _, customer = (after or "").partition(BETWEEN)
    page = read_triggers(
        service.lake,
        as_of,
        limit,
        touchpoint=touchpoint,
        branches=branches,
        after=(customer, last),
    )
    # By the tags of now: who was erased or has moved to another branch since is left out.
    visible = service.visible({row["customer_id"] for row in page.rows}, branches)
    rows = [TriggerRow(**row) for row in page.rows if row["customer_id"] in visible]
    if rows:
        note(request, [row.customer_id for row in rows])
    last_row = page.rows[-1] if page.more else None
    return TriggersResponse(
        as_of=page.as_of,
        snapshot_id=page.snapshot_id,
        triggers=rows,
        next=f"{last_row['touchpoint']}{BETWEEN}{last_row['customer_id']}" if last_row else None,
    )
