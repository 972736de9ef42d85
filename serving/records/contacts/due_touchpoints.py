"""Touchpoints that events made due: each once, kept until the customer is erased.

A row says that something is due, not that it was done. What was done is in the contacts and the
decisions, and whoever asks what is due is not given it again.
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
from serving.records.tables import contacts, decisions, due_touchpoints
from serving.touchpoints.event_triggers import DueTouchpoint

MARK = 14
"""Digits of an instant in a number (`first_id`)."""
_u, _k, _d = due_touchpoints.c, contacts.c, decisions.c
_NOW = bindparam("now", type_=Instant)
_MADE = exists().where(
    _k.customer_id == _u.customer_id,
    _k.touchpoint == _u.touchpoint,
    _k.planned_at >= _u.occurred_at,
    (_k.state == "sent") | ((_k.state == "reserved") & (_k.reserved_until > _NOW)),
)
_LEFT = exists().where(
    _d.client_key == bindparam("asker") + _u.due_id,
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
        ~_MADE,
        ~_LEFT,
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
class Found:
    """A touchpoint that is due, and the event that made it so."""

    due: DueTouchpoint
    event_type: str
    occurred_at: datetime
    branch: str | None


@dataclass(frozen=True)
class Kept:
    """A touchpoint that is due, as it is kept under its number."""

    due_id: str
    due: DueTouchpoint
    event_type: str
    occurred_at: datetime
    branch: str | None

    @property
    def place(self) -> str:
        """Where it stands in the order of `open_due`."""
        return first_id(self.due.due_at) + self.due_id


def write_due(connection: Connection, found: Iterable[Found], at: datetime) -> None:
    """Keep touchpoints that are due; those that were kept before stay as they are."""
    rows = [_row(one, at) for one in found]
    if rows:
        connection.execute(_insert(connection.dialect.name), rows)


def due_of_events(connection: Connection, event_ids: Collection[str]) -> list[Kept]:
    """What some events made due, whatever became of it, in the order of time."""
    found = connection.execute(_OF_EVENTS, {"event_ids": list(event_ids)}).mappings()
    return [_kept(row) for row in found]


def open_due(
    connection: Connection,
    now: datetime,
    by: datetime,
    most: int,
    *,
    subject: str = "",
    branches: Collection[str] | None = None,
    after: str | None = None,
) -> list[Kept]:
    """What is due by an instant, is timely yet, and nobody has seen to, in the order of time.

    Seen to is what a contact was made of since the event or has its place for, and what `subject`
    had decided, under the number of the row as its client key, and was told to leave.

    Parameters
    ----------
    branches : collection of str, optional
        Rows of other branches are left out.
    after : str, optional
        The `place` of a row: only those behind it.
    """
    after_at, after_id = _behind(after)
    given = {"now": now, "by": by, "most": most, "asker": f"{subject} "}
    query = _OPEN if branches is None else _OPEN.where(_u.branch.in_(sorted(branches)))
    found = connection.execute(query, given | {"after_at": after_at, "after_id": after_id})
    return [_kept(row) for row in found.mappings()]


def _behind(place: str | None) -> tuple[datetime, str]:
    if place is None:
        return EPOCH - timedelta(days=1), ""
    return instant_of(int(place[:MARK], 16)), place[MARK:]


def _row(found: Found, at: datetime) -> dict[str, Any]:
    due = vars(found.due)
    kept = {name: value for name, value in due.items() if name != "by"}
    return kept | {
        "due_id": new_id(at),
        "started_by": found.due.by,
        "channels": list(found.due.channels),
        "event_type": found.event_type,
        "occurred_at": found.occurred_at,
        "branch": found.branch,
        "found_at": at,
    }


def _kept(row: Any) -> Kept:
    names: Sequence[str] = [
        *("customer_id", "touchpoint", "event_id", "reason", "due_at", "until"),
        *("kind", "service", "star"),
    ]
    fields = {name: row[name] for name in names}
    due = DueTouchpoint(**fields, by=row["started_by"], channels=tuple(row["channels"]))
    return Kept(row["due_id"], due, row["event_type"], row["occurred_at"], row["branch"])


@cache
def _insert(dialect: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(due_touchpoints).on_conflict_do_nothing(index_elements=["event_id", "touchpoint"])
