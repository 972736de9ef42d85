"""Have a human review what a machine decided (PIPL art. 24): asked for, listed, answered once.

A review belongs to one decision, and is seen by whoever may see that decision's branch. It goes
with the customer when they are erased.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from features.errors import GuanjiaError
from serving.records.columns import new_id
from serving.records.contacts.decisions import find_decision
from serving.records.database import hold_customer
from serving.records.tables import decisions, review_requests

_r, _d = review_requests.c, decisions.c
_REVIEWS = select(
    review_requests, _d.branch, _d.decision_point, _d.decided_at, _d.touchpoint, _d.channel
).join_from(review_requests, decisions, _d.decision_id == _r.decision_id)
_OF_DECISION = _REVIEWS.where(_r.decision_id == bindparam("decision_id"))
_OF_NUMBER = _REVIEWS.where(_r.review_id == bindparam("number"))
_PAGE = (
    _REVIEWS.where(_r.review_id > bindparam("after"))
    .order_by(_r.review_id)
    .limit(bindparam("most"))
)
_ANSWER = update(review_requests).where(
    _r.review_id == bindparam("number"), _r.answered_at.is_(None)
)


class UnknownReviewError(GuanjiaError):
    """No review has this number."""


class ReviewAnsweredError(GuanjiaError):
    """A review was answered before, in other words."""


@dataclass(frozen=True)
class ReviewRequested:
    """A request for a review, as it is kept; `repeated` if it had been made before."""

    review_id: str
    asked_at: datetime
    repeated: bool


@dataclass(frozen=True)
class Review:
    """A review with the decision it is about.

    Attributes
    ----------
    branch : str or None
        Of the customer, when it was decided.
    touchpoint, channel : str or None
        What was decided; None is silence.
    upheld : bool or None
        Whether the decision stands; None while nobody has answered, like the other fields of the
        answer.
    """

    review_id: str
    decision_id: str
    customer_id: str
    branch: str | None
    decision_point: str
    decided_at: datetime
    touchpoint: str | None
    channel: str | None
    asked_by: str
    reason: str
    asked_at: datetime
    answered_by: str | None
    answer: str | None
    upheld: bool | None
    answered_at: datetime | None


def request_review(
    connection: Connection,
    decision_id: str,
    by: str,
    reason: str,
    at: datetime,
    branches: Collection[str] | None = None,
) -> ReviewRequested:
    """Ask for a human to review a decision; asked again, the first request stands.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    decision_id : str
        The decision.
    by : str
        Who asks.
    reason : str
        Why, in their words.
    at : datetime
        Now.
    branches : collection of str, optional
        Decisions of other branches are unknown.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    customer_id = find_decision(connection, decision_id, branches)["customer_id"]
    hold_customer(connection, customer_id)
    # Until the lock was had the customer may have been erased, and nothing is written of them then.
    find_decision(connection, decision_id, branches)
    earlier = review_of(connection, decision_id)
    if earlier is not None:
        return ReviewRequested(earlier.review_id, earlier.asked_at, repeated=True)
    row = {
        "review_id": new_id(at),
        "decision_id": decision_id,
        "customer_id": customer_id,
        "asked_by": by,
        "reason": reason,
        "asked_at": at,
    }
    connection.execute(review_requests.insert(), row)
    return ReviewRequested(str(row["review_id"]), at, repeated=False)


def review_of(connection: Connection, decision_id: str) -> Review | None:
    """Find the review of a decision, if one was asked for."""
    row = connection.execute(_OF_DECISION, {"decision_id": decision_id}).mappings().first()
    return None if row is None else _review(row)


def list_reviews(
    connection: Connection,
    most: int,
    *,
    answered: bool | None = False,
    customer_id: str | None = None,
    branches: Collection[str] | None = None,
    after: str = "",
) -> list[Review]:
    """List reviews, those asked for first at the top.

    Parameters
    ----------
    connection : Connection
        Of the records.
    most : int
        At most so many.
    answered : bool, optional
        Whether they are answered; None: both kinds.
    customer_id : str, optional
        Those of decisions about this customer.
    branches : collection of str, optional
        Those of decisions about customers of these branches.
    after : str
        Only those behind this number, which sorts by the time of asking.
    """
    query = _PAGE
    if answered is not None:
        query = query.where(_r.answered_at.is_not(None) if answered else _r.answered_at.is_(None))
    if customer_id is not None:
        query = query.where(_r.customer_id == customer_id)
    if branches is not None:
        query = query.where(_d.branch.in_(sorted(branches)))
    rows = connection.execute(query, {"after": after, "most": most}).mappings()
    return [_review(row) for row in rows]


def answer_review(
    connection: Connection,
    review_id: str,
    by: str,
    answer: str,
    upheld: bool,
    at: datetime,
    branches: Collection[str] | None = None,
) -> tuple[Review, bool]:
    """Keep what the human found; sent again by the same person, it is kept already.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    review_id : str
        Number of the review.
    by : str
        Who answers.
    answer : str
        What they found, in words for the customer.
    upheld : bool
        Whether the decision stands.
    at : datetime
        Now.
    branches : collection of str, optional
        Reviews of decisions of other branches are unknown.

    Returns
    -------
    tuple of Review and bool
        The review as it is kept, and whether it had been answered so before.

    Raises
    ------
    UnknownReviewError
        If there is no such review.
    ReviewAnsweredError
        If it was answered otherwise, or by somebody else: an answer is never replaced.
    """
    hold_customer(connection, _find(connection, review_id, branches).customer_id)
    fields = {"answered_by": by, "answer": answer, "upheld": upheld}
    done = connection.execute(_ANSWER, {"number": review_id, "answered_at": at} | fields).rowcount
    review = _find(connection, review_id, branches)
    if any(getattr(review, name) != value for name, value in fields.items()):
        raise ReviewAnsweredError(
            f"review {review_id}",
            f"was answered by {review.answered_by} on {review.answered_at:%Y-%m-%d}",
            "read that answer; it stands",
        )
    return review, not done


def _find(connection: Connection, review_id: str, branches: Collection[str] | None) -> Review:
    row = connection.execute(_OF_NUMBER, {"number": review_id}).mappings().first()
    if row is None or not (branches is None or row["branch"] in branches):
        cure = "take a review_id that GET /v1/reviews or `guanjia reviews list` gives"
        raise UnknownReviewError(f"review {review_id}", "is not known", cure)
    return _review(row)


def _review(row: Any) -> Review:
    return Review(**row)
