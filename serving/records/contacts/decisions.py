"""Decisions as they were made: found again by the client's key, by number, by customer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from features.errors import GuanjiaError
from serving.records.columns import JsonText, new_id
from serving.records.once import content_hash, earlier, write_once
from serving.records.tables import decisions

_d = decisions.c
_FIND = select(decisions).where(_d.decision_id == bindparam("decision_id"))


class UnknownDecisionError(GuanjiaError):
    """No decision has this number."""


@dataclass(frozen=True)
class Decision:
    """A decision to keep.

    Parameters
    ----------
    touchpoint, channel, purpose : str or None
        The contact chosen; None is silence.
    probability : float, optional
        With which this action was chosen.
    document : mapping
        Everything else: inputs, gates, candidates, versions. What JSON can say, and decimals,
        dates and instants, which become text.
    decision_id : str, optional
        A `new_id`, where a contact was reserved under it already.
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
class Written:
    """A decision that is kept; `repeated` if it had been there before."""

    decision_id: str
    repeated: bool


def write_decision(
    connection: Connection,
    decision: Decision,
    *,
    client_key: str | None = None,
    request: Mapping[str, Any] | None = None,
) -> Written:
    """Keep a decision.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`; a contact reserved in the same transaction is kept with it or not
        at all.
    client_key : str, optional
        Whoever sends the same key and request again is to get this decision.
    request : mapping, optional
        What the client sent, which the key stands for.

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
    found = write_once(connection, decisions, row)
    return Written(decision_id if found is None else found["decision_id"], found is not None)


def repeated_decision(
    connection: Connection, client_key: str | None, request: Mapping[str, Any]
) -> RowMapping | None:
    """The decision that was made for this key, if any: to ask before anything is reserved.

    After `hold_customer`, so that two of the same request at once see each other.

    Raises
    ------
    ClientKeyConflictError
        If the key was sent with another request.
    """
    return earlier(connection, decisions, client_key, content_hash(request) if client_key else "")


def find_decision(
    connection: Connection, decision_id: str, branches: Collection[str] | None = None
) -> RowMapping:
    """A decision by its number.

    Parameters
    ----------
    branches : collection of str, optional
        Decisions of other branches are unknown.

    Raises
    ------
    UnknownDecisionError
        If there is none.
    """
    found = connection.execute(_FIND, {"decision_id": decision_id}).mappings().first()
    if found is None or not (branches is None or found["branch"] in branches):
        cure = "send the decision_id that the decision gave"
        raise UnknownDecisionError(f"decision {decision_id}", "is not known", cure)
    return found
