"""Store decisions, and find them by client key or by id."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from features.errors import GuanjiaError
from serving.records.columns import JsonText, new_id
from serving.records.idempotency import content_hash, find_by_key, insert_once
from serving.records.tables import decisions

_d = decisions.c
_FIND = select(decisions).where(_d.decision_id == bindparam("decision_id"))


class UnknownDecisionError(GuanjiaError):
    """No decision has this id."""


@dataclass(frozen=True)
class Decision:
    """A decision to store.

    Parameters
    ----------
    touchpoint, channel, purpose : str or None
        The chosen contact; None is silence.
    probability : float, optional
        Probability with which this action was chosen.
    document : mapping
        Everything else: inputs, gates, candidates, versions. Values of JSON, and decimals, dates
        and instants, which become text.
    decision_id : str, optional
        A `new_id` under which a contact was reserved already. Default: a new one.
    """

    customer_id: str
    decision_point: str
    decided_at: datetime
    document: Mapping[str, Any] | JsonText
    branch: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    purpose: str | None = None
    mandatory: bool = False
    randomised: bool = False
    probability: float | None = None
    holdout: bool = False
    degraded: bool = False
    snapshot_id: str | None = None
    decision_id: str | None = None


@dataclass(frozen=True)
class StoredDecision:
    """Id of a stored decision; `repeated` if an earlier request with the same key stored it."""

    decision_id: str
    repeated: bool


def write_decision(
    connection: Connection,
    decision: Decision,
    *,
    client_key: str | None = None,
    request: Mapping[str, Any] | None = None,
) -> StoredDecision:
    """Store a decision.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`; a contact reserved in the same transaction is stored with it.
    decision : Decision
        The decision.
    client_key : str, optional
        A retry with the same key and request returns the first decision.
    request : mapping, optional
        The client's request, for which the key stands.

    Raises
    ------
    ClientKeyConflictError
        If the key was sent with another request.
    """
    decision_id = decision.decision_id or new_id(decision.decided_at)
    row = vars(decision) | {
        "decision_id": decision_id,
        "client_key": client_key,
        "content_hash": content_hash(request or {}) if client_key else None,
    }
    existing = insert_once(connection, decisions, row)
    if existing is None:
        return StoredDecision(decision_id, repeated=False)
    return StoredDecision(existing["decision_id"], repeated=True)


def repeated_decision(
    connection: Connection, client_key: str | None, request: Mapping[str, Any]
) -> RowMapping | None:
    """Find the decision that an earlier request with the same key got, if any.

    Call it after `lock_customer` and before a contact is reserved: of two equal requests at once
    the second then sees the decision of the first.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    client_key : str or None
        The client's key.
    request : mapping
        The client's request, for which the key stands.

    Raises
    ------
    ClientKeyConflictError
        If the key was sent with another request.
    """
    content = content_hash(request) if client_key else ""
    return find_by_key(connection, decisions, client_key, content)


def find_decision(
    connection: Connection, decision_id: str, branches: Collection[str] | None = None
) -> RowMapping:
    """Find the row of a decision.

    Parameters
    ----------
    connection : Connection
        Of the records.
    decision_id : str
        The decision.
    branches : collection of str, optional
        Branches that the caller may see; decisions of others are unknown to them. Default: all.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    row = connection.execute(_FIND, {"decision_id": decision_id}).mappings().first()
    if row is None or not (branches is None or row["branch"] in branches):
        cure = "send the decision_id of an answer of `/decide`"
        raise UnknownDecisionError(f"decision {decision_id}", "is not known", cure)
    return row
