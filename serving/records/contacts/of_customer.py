"""List what the records know of one customer: decisions, contacts, what was due; latest first."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select

from serving.records.tables import contacts, decisions, due_touchpoints, outcomes


@dataclass(frozen=True)
class PastDecision:
    """A decision; `touchpoint` is None for silence."""

    decision_id: str
    decision_point: str
    decided_at: datetime
    touchpoint: str | None
    channel: str | None
    mandatory: bool
    randomised: bool
    holdout: bool


@dataclass(frozen=True)
class PastContact:
    """A contact as it was planned or made; `state` is reserved, sent or released."""

    contact_id: str
    touchpoint: str
    channel: str
    purpose: str
    state: str
    planned_at: datetime
    sent_at: datetime | None
    campaign: str | None
    message: str | None


@dataclass(frozen=True)
class PastOutcome:
    """An outcome as it was reported."""

    contact_id: str | None
    kind: str
    channel: str | None
    occurred_at: datetime


@dataclass(frozen=True)
class PastDue:
    """A touchpoint that an event made due, carried out or not."""

    touchpoint: str
    event_type: str
    reason: str
    occurred_at: datetime
    due_at: datetime
    until: datetime


_PLACES = {
    PastDecision: (decisions, decisions.c.decided_at),
    PastContact: (contacts, contacts.c.planned_at),
    PastOutcome: (outcomes, outcomes.c.occurred_at),
    PastDue: (due_touchpoints, due_touchpoints.c.due_at),
}
"""What is listed -> its table, and the column of its time."""
Past = TypeVar("Past", PastDecision, PastContact, PastOutcome, PastDue)


def list_past(connection: Connection, kind: type[Past], customer_id: str, most: int) -> list[Past]:
    """List decisions about a customer, contacts, outcomes or what was due, the latest first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    kind : type
        `PastDecision`, `PastContact`, `PastOutcome` or `PastDue`.
    customer_id : str
        The customer.
    most : int
        At most so many.
    """
    table, time = _PLACES[kind]
    statement = (
        select(*(table.c[field.name] for field in fields(kind)))
        .where(table.c.customer_id == customer_id)
        .order_by(time.desc())
        .limit(most)
    )
    return [kind(*row) for row in connection.execute(statement)]
