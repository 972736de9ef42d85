"""`POST /decide`, and decisions of the past: explained, and handed to a human."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.api.reviews import ReviewTold
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records, RecordsAwayError
from serving.records.people.reviews import find_review, request_review
from serving.schemas import Message

router = guarded()
DecisionId = Annotated[str, Path(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class Explained(Message):
    """A decision of the past: the answer as it was given, and every candidate as it was weighed."""

    answer: DecideResponse
    candidates: list[dict[str, Any]] = Field(
        description="Touchpoints, channels and offers weighed."
    )
    tags: dict[str, Any] = Field(description="What was known of the customer then.")
    review: ReviewTold | None = Field(description="Where a human was asked to look at it.")


class ReviewRequest(Message):
    """Why a human should look at a decision."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]


class ReviewAsked(Message):
    """The request for a review, kept."""

    review_id: str
    asked_at: datetime
    repeated: bool = Field(description="Whether it had been asked for before.")


@router.post("/decide", response_model=DecideResponse, responses=declared(404, 409, 413, 422, 503))
async def decide(request: Request, body: DecideRequest) -> Response:
    """The one next contact with a customer, or silence; reserved and written down."""
    decider: Decider = request.app.state.decider
    at = clock.now(request.app.state.door.lake.settings)
    asks = caller(request)
    answer: DecideResponse | None = None
    if decider.near:
        # Handing a request to a thread and back costs more than answering it. Where another writer
        # holds the records, nothing is decided yet, and a thread waits for its end.
        with suppress(RecordsAwayError):
            answer = decider.decide(body, at, asks.branches, asks.subject, seconds=0)
    if answer is None:
        answer = await run_in_threadpool(decider.decide, body, at, asks.branches, asks.subject)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(
    "/v1/decisions/{decision_id}", response_model=Explained, responses=declared(404, 413, 422, 503)
)
def explain(request: Request, decision_id: DecisionId) -> Explained:
    """A decision of the past with everything it rests on."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        row = find_decision(connection, decision_id, caller(request).branches)
        review = find_review(connection, decision_id)
    note(request, [row["customer_id"]])
    document = row["document"]
    facts = document["facts"]
    return Explained(
        answer=DecideResponse.model_validate(document["answer"]),
        candidates=facts["candidates"],
        tags=facts["tags"],
        review=None if review is None else ReviewTold(**vars(review)),
    )


@router.post(
    "/v1/decisions/{decision_id}/review",
    response_model=ReviewAsked,
    responses=declared(404, 413, 422, 503),
)
def ask_review(request: Request, decision_id: DecisionId, body: ReviewRequest) -> ReviewAsked:
    """Ask a human to review a decision (PIPL art. 24); asked again, the first request stands."""
    records: Records = request.app.state.records
    at = clock.now(request.app.state.door.lake.settings)
    asks = caller(request)
    with records.writing(durable=True) as connection:
        review = request_review(
            connection, decision_id, asks.subject, body.reason, at, asks.branches
        )
    return ReviewAsked(**vars(review))
