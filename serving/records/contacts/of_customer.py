"""List what the records know of one customer's decisions and contacts, the latest first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from serving.records.tables import contacts, decisions, outcomes

_d, _k, _o = decisions.c, contacts.c, outcomes.c
_DECISIONS = (
    select(
        _d.decision_id, _d.decision_point, _d.decided_at, _d.touchpoint, _d.channel,
        _d.mandatory, _d.randomised, _d.holdout,
    )
    .where(_d.customer_id == bindparam("customer_id"))
    .order_by(_d.decided_at.desc())
    .limit(bindparam("most"))
)  # fmt: skip
_CONTACTS = (
    select(_k.contact_id, _k.touchpoint, _k.channel, _k.purpose, _k.state, _k.planned_at,
           _k.sent_at, _k.campaign, _k.message)
    .where(_k.customer_id == bindparam("customer_id"))
    .order_by(_k.planned_at.desc())
    .limit(bindparam("most"))
)  # fmt: skip
_OUTCOMES = (
    select(_o.contact_id, _o.kind, _o.channel, _o.occurred_at)
    .where(_o.customer_id == bindparam("customer_id"))
    .order_by(_o.occurred_at.desc())
    .limit(bindparam("most"))
)


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


def past_decisions(connection: Connection, customer_id: str, most: int) -> list[PastDecision]:
    """List decisions about a customer, the latest first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    most : int
        At most so many.
    """
    rows = connection.execute(_DECISIONS, {"customer_id": customer_id, "most": most})
    return [PastDecision(*row) for row in rows]


def past_contacts(connection: Connection, customer_id: str, most: int) -> list[PastContact]:
    """List contacts with a customer, the latest first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    most : int
        At most so many.
    """
    rows = connection.execute(_CONTACTS, {"customer_id": customer_id, "most": most})
    return [PastContact(*row) for row in rows]


def past_outcomes(connection: Connection, customer_id: str, most: int) -> list[PastOutcome]:
    """List outcomes of a customer, the latest first.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    most : int
        At most so many.
    """
    rows = connection.execute(_OUTCOMES, {"customer_id": customer_id, "most": most})
    return [PastOutcome(*row) for row in rows]
