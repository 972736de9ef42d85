"""`POST /v1/decide`, also without `/v1`; past decisions: explain them, or request a review."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.api.reviews import ReviewTold
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records, RecordsAwayError
from serving.records.people.reviews import find_review, request_review
from serving.schemas import NO_NUL, Message

router = guarded()
DecisionId = Annotated[str, Path(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class Explained(Message):
    """A past decision: the answer as given, and every candidate with its evaluation."""

    answer: DecideResponse
    candidates: list[dict[str, Any]] = Field(
        description="Touchpoints, channels and offers that were compared."
    )
    tags: dict[str, Any] = Field(description="Tags of the customer at that time.")
    review: ReviewTold | None = Field(description="The review, if one was requested.")


class ReviewRequest(Message):
    """Why a human should review a decision."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000, pattern=NO_NUL)] = Field(
        examples=["客户问：为何没有续保优惠？"]
    )


class ReviewAsked(Message):
    """The stored request for a review."""

    review_id: str
    asked_at: datetime
    repeated: bool = Field(description="Whether it had been requested before.")


@router.post(
    "/decide",
    response_model=DecideResponse,
    responses=refusal_schemas(404, 409, 413),
    include_in_schema=False,
)
@router.post("/v1/decide", response_model=DecideResponse, responses=refusal_schemas(404, 409, 413))
async def decide(request: Request, body: DecideRequest) -> Response:
    """Decide on the next contact with a customer, or silence; reserve and record it."""
    decider: Decider = request.app.state.decider
    at = clock.now(request.app.state.service.lake.settings)
    certain = clock.certain(at)
    requester = caller(request)
    branches, subject = requester.branches, requester.subject
    answer: DecideResponse | None = None
    if decider.is_local:
        # Handing a request to a thread costs more than answering it here. If another writer locks
        # the records, nothing is decided yet, and a thread waits for the lock instead.
        with suppress(RecordsAwayError):
            answer = decider.decide(body, at, branches, subject, seconds=0, certain=certain)
    if answer is None:
        answer = await run_in_threadpool(
            decider.decide, body, at, branches, subject, certain=certain
        )
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(
    "/v1/decisions/{decision_id}",
    response_model=Explained,
    responses=refusal_schemas(404, 413, 422, 503),
)
def explain(request: Request, decision_id: DecisionId) -> Explained:
    """Explain a past decision: the answer, all candidates, and the tags it was based on."""
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
    responses=refusal_schemas(404, 413, 422, 503),
)
def ask_review(request: Request, decision_id: DecisionId, body: ReviewRequest) -> ReviewAsked:
    """Ask a human to review a decision (PIPL art. 24); of several requests the first one stands.

    \f
    Parameters
    ----------
    request : Request
        The request.
    decision_id : str
        The decision.
    body : ReviewRequest
        The reason.
    """
    records: Records = request.app.state.records
    at = clock.now(request.app.state.service.lake.settings)
    requester = caller(request)
    with records.writing(durable=True) as connection:
        review = request_review(
            connection, decision_id, requester.subject, body.reason, at, requester.branches
        )
    return ReviewAsked(**vars(review))
