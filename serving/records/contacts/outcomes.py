"""Record outcomes of contacts, as channels and staff report them: late, twice, in any order.

Outcomes are stored as they come and never changed. The state of a contact is derived from all its
outcomes each time, so that their order of arrival does not matter.
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
from serving.records.contacts.made_contacts import REACHED
from serving.records.database import lock_customer
from serving.records.idempotency import content_hash, insert_once
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.tables import contacts, outcomes

KINDS: Mapping[str, str] = {
    **{kind: label for kind, label in CONTACT_RESULT_LABELS.items() if kind != "converted"},
    "renewed": "已续保",
    "bought": "已购买",
    "not_sent": "未发送",
}
"""Kind -> Chinese label."""
TRIED = frozenset({"sent", "no_answer"})
"""Kinds that say that a contact was made, unless `not_sent` follows."""

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
    """The outcome of a contact, a decision or a customer; one of the three is named.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    channel : str, optional
        Default: the contact's.
    all_channels : bool
        Whether an opt-out is meant for every channel.
    detail : mapping, optional
        Further facts: an amount, a note.
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
class StoredOutcome:
    """Id of a stored outcome; `repeated` if an earlier report with the same key stored it."""

    outcome_id: str
    customer_id: str
    repeated: bool
    contact_id: str | None = None


def note_outcome(
    connection: Connection, outcome: Outcome, at: datetime, *, client_key: str | None = None
) -> StoredOutcome:
    """Store an outcome and apply its consequences, in one transaction.

    A contact that was made counts as sent, one that was not made is released, and an opt-out
    withdraws the consent to marketing by the channel, or by all channels.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    outcome : Outcome
        The outcome as reported.
    at : datetime
        When the report reached us.
    client_key : str, optional
        A retry with the same key and outcome changes nothing.

    Raises
    ------
    UnknownContactError, UnknownDecisionError
        If there is no such contact or decision.
    ClientKeyConflictError
        If the key was used for another outcome.
    GuanjiaError
        If the kind or channel is not known, or if neither contact, decision nor customer is named,
        or they do not belong together.
    """
    full = _complete(connection, outcome)
    customer_id = str(full.customer_id)
    lock_customer(connection, customer_id)
    outcome_id = new_id(at)
    row = {
        "outcome_id": outcome_id,
        "client_key": client_key,
        "content_hash": content_hash(vars(outcome)) if client_key else None,
        "kind": full.kind,
        "customer_id": customer_id,
        "decision_id": full.decision_id,
        "contact_id": full.contact_id,
        "channel": full.channel,
        "occurred_at": min(full.occurred_at, at),
        "recorded_at": at,
        "detail": full.detail,
    }
    existing = insert_once(connection, outcomes, row)
    if existing is not None:
        return StoredOutcome(existing["outcome_id"], existing["customer_id"], True)
    if full.contact_id is not None:
        _update_contact(connection, full.contact_id)
    if full.kind == "opted_out":
        channel = None if full.all_channels else full.channel
        withdrawal = ConsentChange(
            customer_id, "marketing", False, full.occurred_at, channel, source="outcome"
        )
        write_consent(connection, withdrawal, at, outcome_id=outcome_id)
    return StoredOutcome(outcome_id, customer_id, False, full.contact_id)


def made_at(reports: Sequence[tuple[str, datetime]]) -> datetime | None:
    """Derive when a contact was made from the kinds and instants of its outcomes; None: it was not.

    Reports at or after the last `not_sent` win: counting one contact too many does less harm than
    counting one too few. A contact that reached the customer was made, whatever was reported later.

    Examples
    --------
    >>> nine, ten = datetime(2026, 6, 1, 9), datetime(2026, 6, 1, 10)
    >>> made_at([("not_sent", ten), ("sent", nine)]) is None
    True
    >>> made_at([("not_sent", ten), ("sent", nine), ("delivered", nine)]) == nine
    True
    """
    proofs = [(kind, when) for kind, when in reports if kind in REACHED or kind in TRIED]
    failed = max((when for kind, when in reports if kind == "not_sent"), default=None)
    if failed is not None:
        after = [(kind, when) for kind, when in proofs if when >= failed]
        if not after and not any(kind in REACHED for kind, _ in proofs):
            return None
        proofs = after or proofs
    return min((when for _, when in proofs), default=None)


def _update_contact(connection: Connection, contact_id: str) -> None:
    """Set a contact's state to what all its outcomes say."""
    rows = connection.execute(_OF_CONTACT, {"contact_id": contact_id})
    reports = [(kind, when) for kind, when in rows]
    sent_at = made_at(reports)
    if sent_at is not None:
        mark_sent(connection, contact_id, sent_at)
    elif any(kind == "not_sent" for kind, _ in reports):
        mark_not_sent(connection, contact_id)


def _complete(connection: Connection, outcome: Outcome) -> Outcome:
    """Fill in contact, decision, customer and channel from what the outcome names."""
    thing = f"outcome {outcome.kind}"
    if outcome.kind not in KINDS:
        raise GuanjiaError(thing, "is not known", did_you_mean(outcome.kind, KINDS))
    if outcome.channel is not None and outcome.channel not in CONTACT_CHANNELS:
        cure = did_you_mean(outcome.channel, CONTACT_CHANNELS)
        raise GuanjiaError(f"channel {outcome.channel}", "is not known", cure)
    contact = _contact(connection, outcome)
    if contact is not None:
        full = replace(
            outcome,
            contact_id=contact["contact_id"],
            decision_id=outcome.decision_id or contact["decision_id"],
            customer_id=outcome.customer_id or contact["customer_id"],
            channel=outcome.channel or contact["channel"],
        )
        owner = (contact["decision_id"], contact["customer_id"])
    elif outcome.decision_id is not None:
        decision = find_decision(connection, outcome.decision_id)
        full = replace(
            outcome,
            customer_id=outcome.customer_id or decision["customer_id"],
            channel=outcome.channel or decision["channel"],
        )
        owner = (outcome.decision_id, decision["customer_id"])
    elif outcome.customer_id is not None:
        return outcome
    else:
        cure = "name a contact_id, a decision_id or a customer_id"
        raise GuanjiaError(thing, "names no contact, decision or customer", cure)
    if (full.decision_id, full.customer_id) != owner:
        cure = "name the contact by its contact_id alone"
        fault = "names a contact, a decision and a customer that belong to different contacts"
        raise GuanjiaError(thing, fault, cure)
    return full


def _contact(connection: Connection, outcome: Outcome) -> RowMapping | None:
    """Find the contact of an outcome: by its id, or the latest one of the decision."""
    if outcome.contact_id is not None:
        return find_contact(connection, outcome.contact_id)
    if outcome.decision_id is None:
        return None
    return connection.execute(_CONTACT_OF, {"decision_id": outcome.decision_id}).mappings().first()
