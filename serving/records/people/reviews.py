"""Request, list and answer reviews of automated decisions by a human (PIPL art. 24).

A review belongs to one decision and is visible to callers who may see the branch of the decision.
It is erased with the customer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from features.errors import GuanjiaError
from serving.records.columns import new_id
from serving.records.contacts.decisions import find_decision
from serving.records.database import lock_customer
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
    """No review has this id."""


class ReviewAnsweredError(GuanjiaError):
    """A review was answered before, with another answer."""


@dataclass(frozen=True)
class StoredReviewRequest:
    """Id of a stored request for a review; `repeated` if it was requested before."""

    review_id: str
    asked_at: datetime
    repeated: bool


@dataclass(frozen=True)
class Review:
    """A review with the decision it is about.

    Attributes
    ----------
    branch : str or None
        The customer's branch at the time of the decision.
    touchpoint, channel : str or None
        The contact that was decided; None is silence.
    upheld : bool or None
        Whether the decision stands. Like the other fields of the answer, None while the review is
        open.
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
) -> StoredReviewRequest:
    """Ask a human to review a decision; of several requests the first one stands.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    decision_id : str
        The decision.
    by : str
        Who requests it.
    reason : str
        The reason, in their words.
    at : datetime
        Now.
    branches : collection of str, optional
        Branches that the caller may see; decisions of others are unknown to them. Default: all.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    customer_id = find_decision(connection, decision_id, branches)["customer_id"]
    lock_customer(connection, customer_id)
    # The customer may have been erased while this waited for the lock: check again.
    find_decision(connection, decision_id, branches)
    earlier = find_review(connection, decision_id)
    if earlier is not None:
        return StoredReviewRequest(earlier.review_id, earlier.asked_at, repeated=True)
    row = {
        "review_id": new_id(at),
        "decision_id": decision_id,
        "customer_id": customer_id,
        "asked_by": by,
        "reason": reason,
        "asked_at": at,
    }
    connection.execute(review_requests.insert(), row)
    return StoredReviewRequest(str(row["review_id"]), at, repeated=False)


def find_review(connection: Connection, decision_id: str) -> Review | None:
    """Find the review of a decision, if one was requested."""
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
    """List reviews, the earliest request first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    most : int
        Largest number of reviews.
    answered : bool, optional
        Whether to list answered or open reviews; None: both.
    customer_id : str, optional
        Only reviews of decisions about this customer.
    branches : collection of str, optional
        Branches that the caller may see. Default: all.
    after : str
        Only reviews whose id sorts behind this one; ids sort by the time of the request.
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
    """Answer a review; a retry of the same answer by the same person changes nothing.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    review_id : str
        The review.
    by : str
        Who answers.
    answer : str
        The answer, in words for the customer.
    upheld : bool
        Whether the decision stands.
    at : datetime
        Now.
    branches : collection of str, optional
        Branches that the caller may see; reviews of others are unknown to them. Default: all.

    Returns
    -------
    tuple of Review and bool
        The review as stored, and whether the same answer had been stored before.

    Raises
    ------
    UnknownReviewError
        If there is no such review.
    ReviewAnsweredError
        If it has another answer, or one by somebody else: an answer is never replaced.
    """
    lock_customer(connection, _find(connection, review_id, branches).customer_id)
    fields = {"answered_by": by, "answer": answer, "upheld": upheld}
    done = connection.execute(_ANSWER, {"number": review_id, "answered_at": at} | fields).rowcount
    review = _find(connection, review_id, branches)
    if any(getattr(review, name) != value for name, value in fields.items()):
        raise ReviewAnsweredError(
            f"review {review_id}",
            f"was answered by {review.answered_by} on {review.answered_at:%Y-%m-%d}",
            "read that answer: it stands and cannot be replaced",
            chinese=(
                f"复核 {review_id}",
                f"已由 {review.answered_by} 于 {review.answered_at:%Y-%m-%d} 答复",
                "请看那个答复：答复不能更改",
            ),
        )
    return review, not done


def _find(connection: Connection, review_id: str, branches: Collection[str] | None) -> Review:
    row = connection.execute(_OF_NUMBER, {"number": review_id}).mappings().first()
    if row is None or not (branches is None or row["branch"] in branches):
        cure = "use a review_id that GET /v1/reviews or `guanjia reviews list` shows"
        chinese = f"复核 {review_id}", "不存在", "请从人工复核页打开"
        raise UnknownReviewError(f"review {review_id}", "is not known", cure, chinese=chinese)
    return _review(row)


def _review(row: Any) -> Review:
    return Review(**row)
