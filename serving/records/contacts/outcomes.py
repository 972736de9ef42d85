"""What became of a contact, as channels and staff tell it: late, twice, in any order.

Outcomes are kept as they come and never changed. What they mean for the contact is worked out from
all of them each time, so that the order in which they arrive does not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from features.contracts.vocabulary import CONTACT_CHANNELS, CONTACT_RESULT_LABELS
from features.errors import GuanjiaError, did_you_mean
from serving.records.columns import new_id
from serving.records.contacts.caps import find_contact, mark_not_sent, mark_sent
from serving.records.contacts.decisions import find_decision
from serving.records.database import hold_customer
from serving.records.once import content_hash, write_once
from serving.records.people.consents import ConsentChange, change
from serving.records.tables import contacts, outcomes

KINDS: Mapping[str, str] = {
    **{kind: label for kind, label in CONTACT_RESULT_LABELS.items() if kind != "converted"},
    "renewed": "已续保",
    "bought": "已购买",
    "not_sent": "未发送",
}
"""Kind -> Chinese label."""
REACHED = frozenset(
    {"delivered", "read", "clicked", "replied", "connected", "refused", "opted_out"}
)
"""Kinds that only a contact which reached the customer has."""
TRIED = frozenset({"sent", "no_answer"})
"""Kinds that say a contact was made, until it is told that it was not."""

_o = outcomes.c
_OF_CONTACT = select(_o.kind, _o.occurred_at).where(_o.contact_id == bindparam("contact_id"))
_CONTACT_OF = (
    select(contacts)
    .where(contacts.c.decision_id == bindparam("decision_id"))
    .order_by(contacts.c.contact_id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Outcome:
    """Something that became of a contact, a decision or a customer; one of the three is named.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    channel : str, optional
        Default: the contact's.
    all_channels : bool
        Whether an opt-out is meant for every channel.
    detail : mapping, optional
        What else was told: an amount, a note.
    """

    kind: str
    occurred_at: datetime
    contact_id: str | None = None
    decision_id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    all_channels: bool = False
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Noted:
    """An outcome that is kept; `repeated` if it had been there before."""

    outcome_id: str
    customer_id: str
    repeated: bool
    contact_id: str | None = None


def note_outcome(
    connection: Connection, told: Outcome, at: datetime, *, client_key: str | None = None
) -> Noted:
    """Keep an outcome, and what follows from it, in one transaction.

    A contact that was made counts as sent, one that was not gives its place back, and an opt-out
    withdraws the consent to marketing by the channel, or by all.

    Parameters
    ----------
    at : datetime
        When it reached us.
    client_key : str, optional
        The same key and outcome again changes nothing.

    Raises
    ------
    UnknownContactError, UnknownDecisionError
        If there is no such contact or decision.
    ClientKeyConflictError
        If the key was sent with another outcome.
    GuanjiaError
        If the kind or channel is not known, nothing is named, or what is named does not belong
        together.
    """
    full = _complete(connection, told)
    customer_id = str(full.customer_id)
    hold_customer(connection, customer_id)
    outcome_id = new_id(at)
    row = {
        "outcome_id": outcome_id,
        "client_key": client_key,
        "content_hash": content_hash(vars(told)) if client_key else None,
        "kind": full.kind,
        "customer_id": customer_id,
        "decision_id": full.decision_id,
        "contact_id": full.contact_id,
        "channel": full.channel,
        "occurred_at": min(full.occurred_at, at),
        "recorded_at": at,
        "detail": full.detail,
    }
    found = write_once(connection, outcomes, row)
    if found is not None:
        return Noted(found["outcome_id"], found["customer_id"], True)
    if full.contact_id is not None:
        _settle(connection, full.contact_id)
    if full.kind == "opted_out":
        channel = None if full.all_channels else full.channel
        refused = ConsentChange(
            customer_id, "marketing", False, full.occurred_at, channel, source="outcome"
        )
        change(connection, refused, at, outcome_id=outcome_id)
    return Noted(outcome_id, customer_id, False, full.contact_id)


def made_at(told: Sequence[tuple[str, datetime]]) -> datetime | None:
    """When a contact was made, from all that was told of it; None if it was not.

    What came after it was last said not to be sent holds, and what came at that very instant: a
    contact too many that is counted does less harm than one that is not. Besides, what reached the
    customer was made, whatever was said afterwards.

    Examples
    --------
    >>> nine, ten = datetime(2026, 6, 1, 9), datetime(2026, 6, 1, 10)
    >>> made_at([("not_sent", ten), ("sent", nine)]) is None
    True
    >>> made_at([("not_sent", ten), ("sent", nine), ("delivered", nine)]) == nine
    True
    """
    proofs = [(kind, when) for kind, when in told if kind in REACHED or kind in TRIED]
    failed = max((when for kind, when in told if kind == "not_sent"), default=None)
    if failed is not None:
        after = [(kind, when) for kind, when in proofs if when >= failed]
        if not after and not any(kind in REACHED for kind, _ in proofs):
            return None
        proofs = after or proofs
    return min((when for _, when in proofs), default=None)


def _settle(connection: Connection, contact_id: str) -> None:
    """Bring a contact's state in line with all that was told of it."""
    told = [
        (kind, when) for kind, when in connection.execute(_OF_CONTACT, {"contact_id": contact_id})
    ]
    made = made_at(told)
    if made is not None:
        mark_sent(connection, contact_id, made)
    elif any(kind == "not_sent" for kind, _ in told):
        mark_not_sent(connection, contact_id)


def _complete(connection: Connection, told: Outcome) -> Outcome:
    """The outcome with contact, decision, customer and channel as far as they follow."""
    if told.kind not in KINDS:
        raise GuanjiaError(f"outcome {told.kind}", "is not known", did_you_mean(told.kind, KINDS))
    if told.channel is not None and told.channel not in CONTACT_CHANNELS:
        cure = did_you_mean(told.channel, CONTACT_CHANNELS)
        raise GuanjiaError(f"channel {told.channel}", "is not known", cure)
    contact = _contact(connection, told)
    if contact is not None:
        found = replace(
            told,
            contact_id=contact["contact_id"],
            decision_id=told.decision_id or contact["decision_id"],
            customer_id=told.customer_id or contact["customer_id"],
            channel=told.channel or contact["channel"],
        )
        owner = (contact["decision_id"], contact["customer_id"])
    elif told.decision_id is not None:
        decision = find_decision(connection, told.decision_id)
        found = replace(
            told,
            customer_id=told.customer_id or decision["customer_id"],
            channel=told.channel or decision["channel"],
        )
        owner = (told.decision_id, decision["customer_id"])
    elif told.customer_id is not None:
        return told
    else:
        cure = "name a contact_id, a decision_id or a customer_id"
        raise GuanjiaError(f"outcome {told.kind}", "is of nothing and nobody", cure)
    if (found.decision_id, found.customer_id) != owner:
        cure = "name one contact, by its contact_id alone"
        fault = "names a contact, a decision or a customer that belong to different ones"
        raise GuanjiaError(f"outcome {told.kind}", fault, cure)
    return found


def _contact(connection: Connection, told: Outcome) -> RowMapping | None:
    if told.contact_id is not None:
        return find_contact(connection, told.contact_id)
    if told.decision_id is None:
        return None
    return connection.execute(_CONTACT_OF, {"decision_id": told.decision_id}).mappings().first()
