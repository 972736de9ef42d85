"""`/v1/reviews`: reviews of decisions by a human (PIPL art. 24), and their answers."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Request
from pydantic import Field, StrictBool

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.records.database import Records
from serving.records.people.reviews import answer_review, list_reviews
from serving.schemas import NO_NUL, CustomerId, Message

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
    touchpoint: str | None = Field(description="The touchpoint decided on; null: silence.")
    channel: str | None
    asked_by: str
    reason: str
    asked_at: datetime
    answered_by: str | None = Field(
        description="Null while the review is open, like the other fields of the answer."
    )
    answer: str | None
    upheld: bool | None = Field(description="Whether the decision stands.")
    answered_at: datetime | None


class ReviewsResponse(Message):
    """Reviews, the earliest request first."""

    reviews: list[ReviewTold]
    next: str | None = Field(description="Value of `after` for the next page; null: the last page.")


class AnswerRequest(Message):
    """The answer to a review, in words for the customer."""

    answer: Annotated[str, Field(min_length=1, max_length=2_000, pattern=NO_NUL)] = Field(
        examples=["已复核：当日已达触达上限，次日会再联系。"]
    )
    upheld: StrictBool = Field(description="Whether the decision stands.")


class ReviewAnswered(Message):
    """The review with its stored answer."""

    review: ReviewTold
    repeated: bool = Field(description="Whether the same answer had been given before.")


@router.get("/v1/reviews", response_model=ReviewsResponse, responses=refusal_schemas(422, 503))
def reviews(
    request: Request,
    state: Annotated[
        Literal["open", "answered", "all"], Query(description="State of the reviews to list.")
    ] = "open",
    customer_id: Annotated[
        CustomerId | None,
        Query(description="Only reviews of decisions about this customer."),
    ] = None,
    after: Annotated[
        str | None, Query(pattern="^[0-9a-f]{15,64}$", description="`next` of the previous page.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_REVIEWS)] = 100,
) -> ReviewsResponse:
    """List reviews of decisions with their answers.

    \f
    Parameters
    ----------
    request : Request
        The request.
    state : {"open", "answered", "all"}
        State of the reviews to list.
    customer_id : str, optional
        Only reviews of decisions about this customer.
    after : str, optional
        `next` of the previous page.
    limit : int
        Reviews of a page.
    """
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
    responses=refusal_schemas(404, 409, 413, 422, 503),
)
def answer(request: Request, review_id: ReviewId, body: AnswerRequest) -> ReviewAnswered:
    """Answer a review. A retry changes nothing; another answer is refused.

    \f
    Parameters
    ----------
    request : Request
        The request.
    review_id : str
        The review.
    body : AnswerRequest
        The answer.
    """
    records: Records = request.app.state.records
    at = clock.now(request.app.state.service.lake.settings)
    requester = caller(request)
    subject, branches = requester.subject, requester.branches
    with records.writing(durable=True) as connection:
        review, repeated = answer_review(
            connection, review_id, subject, body.answer, body.upheld, at, branches
        )
    note(request, [review.customer_id])
    return ReviewAnswered(review=ReviewTold(**vars(review)), repeated=repeated)
