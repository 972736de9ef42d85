"""Store the touchpoints that events made due, each once, and list those still open.

A row says that a touchpoint is due, not that it was carried out: that is in the contacts and the
decisions, and listing leaves out touchpoints that were carried out.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from features.instants import EPOCH, instant_of
from serving.records.columns import Instant, first_id, new_id
from serving.records.contacts.made_contacts import IS_MADE, MADE_AT
from serving.records.idempotency import caller_key
from serving.records.tables import contacts, decisions, due_touchpoints
from serving.touchpoints.event_triggers import DueTouchpoint

INSTANT_DIGITS = 14
"""Digits of the instant with which an id begins (`first_id`)."""
_u, _k, _d = due_touchpoints.c, contacts.c, decisions.c
_NOW = bindparam("now", type_=Instant)
_CONTACTED = exists().where(
    _k.customer_id == _u.customer_id,
    _k.touchpoint == _u.touchpoint,
    _u.occurred_at <= MADE_AT,
    IS_MADE,
)
_DECIDED_OTHERWISE = exists().where(
    _d.client_key == bindparam("subject_prefix") + _u.due_id,
    _d.touchpoint.is_distinct_from(_u.touchpoint),
)
_OPEN = (
    select(due_touchpoints)
    .where(
        _u.until > _NOW,
        _u.due_at <= bindparam("by", type_=Instant),
        or_(
            _u.due_at > bindparam("after_at", type_=Instant),
            and_(
                _u.due_at == bindparam("after_at", type_=Instant),
                _u.due_id > bindparam("after_id"),
            ),
        ),
        ~_CONTACTED,
        ~_DECIDED_OTHERWISE,
    )
    .order_by(_u.due_at, _u.due_id)
    .limit(bindparam("most"))
)
_OF_EVENTS = (
    select(due_touchpoints)
    .where(_u.event_id.in_(bindparam("event_ids", expanding=True)))
    .order_by(_u.due_at, _u.due_id)
)


@dataclass(frozen=True)
class NewDue:
    """A due touchpoint to store, and the event that made it due."""

    due: DueTouchpoint
    event_type: str
    occurred_at: datetime
    branch: str | None


@dataclass(frozen=True)
class StoredDue:
    """A due touchpoint as stored, with its id."""

    due_id: str
    due: DueTouchpoint
    event_type: str
    occurred_at: datetime
    branch: str | None

    @property
    def place(self) -> str:
        """Its place in the order of `list_open_due`: instant and id."""
        return first_id(self.due.due_at) + self.due_id


def write_due(connection: Connection, touchpoints: Iterable[NewDue], at: datetime) -> None:
    """Store due touchpoints; those stored before stay as they are.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    touchpoints : iterable of NewDue
        The touchpoints.
    at : datetime
        Now.
    """
    rows = [_row(touchpoint, at) for touchpoint in touchpoints]
    if rows:
        connection.execute(_insert(connection.dialect.name), rows)


def due_of_events(connection: Connection, event_ids: Collection[str]) -> list[StoredDue]:
    """Read the touchpoints that events made due, carried out or not, in the order of time."""
    rows = connection.execute(_OF_EVENTS, {"event_ids": list(event_ids)}).mappings()
    return [_stored(row) for row in rows]


def list_open_due(
    connection: Connection,
    now: datetime,
    by: datetime,
    most: int,
    *,
    subject: str = "",
    branches: Collection[str] | None = None,
    after: str | None = None,
) -> list[StoredDue]:
    """List touchpoints that are due, have not expired and are not done, in the order of time.

    A touchpoint is done once a contact was made or reserved for it since the event, or once
    `subject` asked `/decide` about it (with `due_id` as client key) and got another decision.

    Parameters
    ----------
    connection : Connection
        Of the records.
    now : datetime
        Now; touchpoints that expired before are left out.
    by : datetime
        Touchpoints that become due until then are listed.
    most : int
        Most rows to list.
    subject : str
        The caller whose decisions count.
    branches : collection of str, optional
        Branches that the caller may see. Default: all.
    after : str, optional
        The `place` of a row; only rows behind it are listed.
    """
    after_at, after_id = _split_place(after)
    parameters = {
        "now": now,
        "at": now,
        "by": by,
        "most": most,
        "subject_prefix": caller_key(subject, ""),
        "after_at": after_at,
        "after_id": after_id,
    }
    query = _OPEN if branches is None else _OPEN.where(_u.branch.in_(sorted(branches)))
    return [_stored(row) for row in connection.execute(query, parameters).mappings()]


def _split_place(place: str | None) -> tuple[datetime, str]:
    """Split a place into instant and id; None comes before every row."""
    if place is None:
        return EPOCH - timedelta(days=1), ""
    return instant_of(int(place[:INSTANT_DIGITS], 16)), place[INSTANT_DIGITS:]


def _row(touchpoint: NewDue, at: datetime) -> dict[str, Any]:
    due = vars(touchpoint.due)
    fields = {name: value for name, value in due.items() if name != "by"}
    return fields | {
        "due_id": new_id(at),
        "started_by": touchpoint.due.by,
        "channels": list(touchpoint.due.channels),
        "event_type": touchpoint.event_type,
        "occurred_at": touchpoint.occurred_at,
        "branch": touchpoint.branch,
        "found_at": at,
    }


def _stored(row: Any) -> StoredDue:
    names: Sequence[str] = [
        *("customer_id", "touchpoint", "event_id", "reason", "due_at", "until"),
        *("kind", "service", "star"),
    ]
    fields = {name: row[name] for name in names}
    due = DueTouchpoint(**fields, by=row["started_by"], channels=tuple(row["channels"]))
    return StoredDue(row["due_id"], due, row["event_type"], row["occurred_at"], row["branch"])


@cache
def _insert(dialect: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(due_touchpoints).on_conflict_do_nothing(index_elements=["event_id", "touchpoint"])
