"""`/v1/reviews`: decisions that a human is asked to review (PIPL art. 24), and the answers."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Request
from pydantic import Field, StrictBool

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.records.database import Records
from serving.records.people.reviews import answer_review, list_reviews
from serving.schemas import CustomerId, Message

router = guarded()
MOST_REVIEWS = 500
ANSWERED = {"open": False, "answered": True, "all": None}
ReviewId = Annotated[str, Path(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class ReviewTold(Message):
    """A request for a review, and its answer."""

    review_id: str
    decision_id: str = Field(description="`GET /v1/decisions/{decision_id}` explains it.")
    customer_id: str
    branch: str | None
    decision_point: str
    decided_at: datetime
    touchpoint: str | None = Field(description="What was decided; null: silence.")
    channel: str | None
    asked_by: str
    reason: str
    asked_at: datetime
    answered_by: str | None = Field(description="Null, as is the rest, while it is open.")
    answer: str | None
    upheld: bool | None = Field(description="Whether the decision stands.")
    answered_at: datetime | None


class ReviewsResponse(Message):
    """Reviews, those asked for first at the top."""

    reviews: list[ReviewTold]
    next: str | None = Field(description="For `after`; null: there are no more.")


class AnswerRequest(Message):
    """What the human found."""

    answer: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]
    upheld: StrictBool = Field(description="Whether the decision stands.")


class ReviewAnswered(Message):
    """The review with its answer, kept."""

    review: ReviewTold
    repeated: bool = Field(description="Whether the same answer had been given before.")


@router.get("/v1/reviews", response_model=ReviewsResponse, responses=declared(422, 503))
def reviews(
    request: Request,
    state: Annotated[
        Literal["open", "answered", "all"], Query(description="Which of them.")
    ] = "open",
    customer_id: Annotated[
        CustomerId | None,
        Query(pattern=r"^[^\x00]+$", description="Those of decisions about one customer."),
    ] = None,
    after: Annotated[
        str | None, Query(pattern="^[0-9a-f]{15,64}$", description="`next` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_REVIEWS)] = 100,
) -> ReviewsResponse:
    """Decisions that a person asked a human to review, and what became of it."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        rows = list_reviews(
            connection,
            limit + 1,
            answered=ANSWERED[state],
            customer_id=customer_id,
            branches=caller(request).branches,
            after=after or "",
        )
    page = rows[:limit]
    if page:
        note(request, [review.customer_id for review in page])
    return ReviewsResponse(
        reviews=[ReviewTold(**vars(review)) for review in page],
        next=page[-1].review_id if len(rows) > limit else None,
    )


@router.post(
    "/v1/reviews/{review_id}/answer",
    response_model=ReviewAnswered,
    responses=declared(404, 409, 413, 422, 503),
)
def answer(request: Request, review_id: ReviewId, body: AnswerRequest) -> ReviewAnswered:
    """Keep the answer to a review. Sent again it changes nothing; another answer is refused."""
    records: Records = request.app.state.records
    at = clock.now(request.app.state.service.lake.settings)
    asks = caller(request)
    with records.writing(durable=True) as connection:
        review, repeated = answer_review(
            connection, review_id, asks.subject, body.answer, body.upheld, at, asks.branches
        )
    note(request, [review.customer_id])
    return ReviewAnswered(review=ReviewTold(**vars(review)), repeated=repeated)
