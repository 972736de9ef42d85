"""Store decisions, and find them by client key or by id."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from features.errors import GuanjiaError
from serving.records.columns import JsonText, new_id
from serving.records.idempotency import (
    content_hash,
    find_by_key,
    insert_once,
    insert_unless_present,
)
from serving.records.packing import Frame, Unpacked, unpack
from serving.records.tables import decision_frames, decisions

_d = decisions.c
_FIND = select(decisions).where(_d.decision_id == bindparam("decision_id"))
_LAST = select(_d.decided_at).order_by(_d.decision_id.desc()).limit(1)
_FRAME = select(decision_frames.c.content).where(
    decision_frames.c.frame_id == bindparam("frame_id")
)
_frames: dict[str, Frame] = {}
"""Frames that were read; their ids are hashes, so that they hold for every database."""


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
    frame : Frame, optional
        The stored frame that the document refers to. Default: the document stands alone.
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
    frame: Frame | None = None


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
    fields = dict(vars(decision))
    document, frame = fields.pop("document"), fields.pop("frame")
    row = fields | {
        "decision_id": decision_id,
        "frame_id": frame and frame.frame_id,
        "packed": Unpacked(document, frame),
        "client_key": client_key,
        "content_hash": content_hash(request or {}) if client_key else None,
    }
    existing = insert_once(connection, decisions, row)
    if existing is None:
        return StoredDecision(decision_id, repeated=False)
    return StoredDecision(existing["decision_id"], repeated=True)


def repeated_decision(
    connection: Connection, client_key: str | None, request: Mapping[str, Any]
) -> dict[str, Any] | None:
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
    row = find_by_key(connection, decisions, client_key, content)
    return None if row is None else with_document(connection, row)


def find_decision(
    connection: Connection, decision_id: str, branches: Collection[str] | None = None
) -> dict[str, Any]:
    """Find the row of a decision, with its `document`.

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
        raise UnknownDecisionError(
            f"decision {decision_id}",
            "is not known",
            cure,
            chinese=(f"决策 {decision_id}", "不存在", "请从客户页的触达记录里打开"),
        )
    return with_document(connection, row)


def last_decided(connection: Connection) -> datetime | None:
    """Return when the last decision was made; None: none was."""
    last: datetime | None = connection.execute(_LAST).scalar()
    return last


def with_document(connection: Connection, row: RowMapping) -> dict[str, Any]:
    """Return a row of the table `decisions` with its `document` unpacked."""
    fields = dict(row)
    packed, frame_id = fields.pop("packed"), fields.pop("frame_id")
    if frame_id is None:
        return fields | {"document": unpack(packed)}
    frame = _frames.get(frame_id)
    if frame is None:
        content = connection.execute(_FRAME, {"frame_id": frame_id}).scalar_one()
        frame = _frames[frame_id] = Frame(content)
    return fields | {"document": frame.restore(packed)}


def store_frame(connection: Connection, frame: Frame) -> None:
    """Store a frame unless it is there; it must be committed before a decision refers to it."""
    statement = insert_unless_present(decision_frames, connection.dialect.name, "frame_id")
    connection.execute(statement, {"frame_id": frame.frame_id, "content": frame.content})
