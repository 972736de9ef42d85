"""A person asks a human to review a decision that a machine made (PIPL art. 24)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from features.errors import GuanjiaError
from serving.records.columns import new_id
from serving.records.contacts.decisions import find_decision
from serving.records.database import hold_customer
from serving.records.tables import decisions, review_requests

_r = review_requests.c
_OF_DECISION = select(review_requests).where(_r.decision_id == bindparam("decision_id"))
_OPEN = (
    select(review_requests, decisions.c.branch)
    .join_from(review_requests, decisions, decisions.c.decision_id == _r.decision_id)
    .where(_r.answered_at.is_(None))
    .order_by(_r.asked_at)
)
_ANSWER = update(review_requests).where(_r.review_id == bindparam("one"), _r.answered_at.is_(None))


@dataclass(frozen=True)
class Review:
    """A request that is kept; `repeated` if the review had been asked for before."""

    review_id: str
    asked_at: datetime
    repeated: bool


def ask_review(
    connection: Connection, decision_id: str, by: str, reason: str, at: datetime
) -> Review:
    """Ask for a human to review a decision; asked again, the first request stands.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    decision = find_decision(connection, decision_id)
    hold_customer(connection, decision["customer_id"])
    found = connection.execute(_OF_DECISION, {"decision_id": decision_id}).mappings().first()
    if found is not None:
        return Review(found["review_id"], found["asked_at"], True)
    review_id = new_id(at)
    row = {
        "review_id": review_id,
        "decision_id": decision_id,
        "customer_id": decision["customer_id"],
        "asked_by": by,
        "reason": reason,
        "asked_at": at,
    }
    connection.execute(review_requests.insert(), row)
    return Review(review_id, at, False)


def open_reviews(connection: Connection) -> list[RowMapping]:
    """Requests that wait for an answer, the oldest first, each with its decision's branch."""
    return list(connection.execute(_OPEN).mappings())


def answer_review(
    connection: Connection, review_id: str, by: str, answer: str, upheld: bool, at: datetime
) -> None:
    """Keep what the human found.

    Parameters
    ----------
    upheld : bool
        Whether the decision stands.

    Raises
    ------
    GuanjiaError
        If there is no such request, or it is answered.
    """
    values = {"answered_by": by, "answer": answer, "upheld": upheld, "answered_at": at}
    if connection.execute(_ANSWER, {"one": review_id} | values).rowcount == 0:
        cure = "take one of those that are open"
        raise GuanjiaError(f"review {review_id}", "is not open", cure)
