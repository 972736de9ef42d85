"""Record outcomes of contacts, as channels and staff report them: late, twice, in any order.

Outcomes are stored as they come and never changed. The state of a contact is derived from all its
outcomes each time, so that their order of arrival does not matter. No outcome is earlier than the
contact it is about: one that is reported for an instant before the reservation counts from the
reservation on, one that lies ahead counts from now on, and the stored outcome says so.
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
    """An outcome as stored.

    Attributes
    ----------
    repeated : bool
        Whether an earlier report with the same key stored it.
    occurred_at : datetime
        When it counts as having occurred.
    reported_at : datetime or None
        The instant that was reported, where it lies before the reservation or after now.
    """

    outcome_id: str
    customer_id: str
    repeated: bool
    occurred_at: datetime
    reported_at: datetime | None = None
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
    full, earliest = _complete(connection, outcome)
    reported = full.occurred_at
    bounded = min(reported, at)
    full = replace(full, occurred_at=max(bounded, earliest or bounded))
    reported_at = reported if reported != full.occurred_at else None
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
        "occurred_at": full.occurred_at,
        "reported_at": reported_at,
        "recorded_at": at,
        "detail": full.detail,
    }
    existing = insert_once(connection, outcomes, row)
    if existing is not None:
        names = ("outcome_id", "customer_id", "occurred_at", "reported_at")
        return StoredOutcome(**{name: existing[name] for name in names}, repeated=True)
    if full.contact_id is not None:
        _update_contact(connection, full.contact_id)
    if full.kind == "opted_out":
        channel = None if full.all_channels else full.channel
        withdrawal = ConsentChange(
            customer_id, "marketing", False, full.occurred_at, channel, source="outcome"
        )
        write_consent(connection, withdrawal, at, outcome_id=outcome_id)
    return StoredOutcome(
        outcome_id, customer_id, False, full.occurred_at, reported_at, full.contact_id
    )


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


def _complete(connection: Connection, outcome: Outcome) -> tuple[Outcome, datetime | None]:
    """Fill in contact, decision, customer and channel; say when the outcome may begin, if known."""
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
        owner, earliest = (contact["decision_id"], contact["customer_id"]), contact["reserved_at"]
    elif outcome.decision_id is not None:
        decision = find_decision(connection, outcome.decision_id)
        full = replace(
            outcome,
            customer_id=outcome.customer_id or decision["customer_id"],
            channel=outcome.channel or decision["channel"],
        )
        owner, earliest = (outcome.decision_id, decision["customer_id"]), decision["decided_at"]
    elif outcome.customer_id is not None:
        return outcome, None
    else:
        cure = "name a contact_id, a decision_id or a customer_id"
        raise GuanjiaError(thing, "names no contact, decision or customer", cure)
    if (full.decision_id, full.customer_id) != owner:
        cure = "name the contact by its contact_id alone"
        fault = "names a contact, a decision and a customer that belong to different contacts"
        raise GuanjiaError(thing, fault, cure)
    return full, earliest


def _contact(connection: Connection, outcome: Outcome) -> RowMapping | None:
    """Find the contact of an outcome: by its id, or the latest one of the decision."""
    if outcome.contact_id is not None:
        return find_contact(connection, outcome.contact_id)
    if outcome.decision_id is None:
        return None
    return connection.execute(_CONTACT_OF, {"decision_id": outcome.decision_id}).mappings().first()
