"""List reviews of decisions that customers asked for, and answer them (PIPL art. 24)."""

from typing import Annotated, Literal

from fastapi import Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen, now_of
from serving.records.database import Records
from serving.records.people.reviews import answer_review, list_reviews
from serving.schemas import NO_NUL

router = console_router()
MOST = 100


@router.get("/console/reviews")
def reviews(
    request: Request, state: Annotated[Literal["open", "answered"], Query()] = "open"
) -> Response:
    """List open or answered reviews, the earliest request first."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        listed = list_reviews(
            connection,
            MOST,
            answered=state == "answered",
            branches=caller_of(request).branches,
        )
    note_seen(request, [review.customer_id for review in listed])
    touchpoints = request.app.state.touchpoints.touchpoints_for()
    return show(
        request, "reviews.html", reviews=listed, state=state, touchpoints=touchpoints, most=MOST
    )


@router.post("/console/reviews/{review_id}")
def answer(
    request: Request,
    review_id: Annotated[str, Path(min_length=1, max_length=64, pattern="^[0-9a-f]+$")],
    answer: Annotated[str, Form(min_length=1, max_length=2_000, pattern=NO_NUL)],
    upheld: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    """Answer a review; the answer stands for good.

    Parameters
    ----------
    request : Request
        The request.
    review_id : str
        The review.
    answer : str
        The answer, in words for the customer.
    upheld : {"yes", "no"}
        Whether the decision stands.
    """
    records: Records = request.app.state.records
    sender = caller_of(request)
    with records.writing(durable=True) as connection:
        review, _ = answer_review(
            connection, review_id, sender.subject, answer, upheld == "yes", now_of(request),
            sender.branches,
        )  # fmt: skip
    note_seen(request, [review.customer_id])
    return RedirectResponse("/console/reviews?state=answered", 303)
