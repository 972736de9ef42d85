"""Contacts that others made, the core system above all: they count under the caps as ours do.

A contact of ours that comes back with what the core system delivers is not counted twice: it has
the number that the decision gave it, or else it is the same touchpoint by the same channel on the
same day. Rows of others have no decision.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from serving.records.contacts.contact_caps import Purpose
from serving.records.once import insert_new
from serving.records.tables import contacts

_k = contacts.c
_KEPT = select(_k.contact_id).where(_k.contact_id.in_(bindparam("contact_ids", expanding=True)))
_OURS = select(_k.customer_id, _k.touchpoint, _k.channel, _k.local_day).where(
    _k.customer_id.in_(bindparam("customer_ids", expanding=True)),
    _k.local_day >= bindparam("since", type_=_k.local_day.type),
    _k.decision_id.is_not(None),
    _k.state != "released",
)


@dataclass(frozen=True)
class Elsewhere:
    """A contact that somebody else made.

    Parameters
    ----------
    contact_id : str
        The number it has there.
    """

    contact_id: str
    customer_id: str
    touchpoint: str
    family: str
    purpose: Purpose
    channel: str
    made_at: datetime
    branch: str | None = None
    cost: Decimal | None = None


def note_elsewhere(
    connection: Connection, made: Collection[Elsewhere], zones: Mapping[str | None, ZoneInfo]
) -> int:
    """Keep contacts that others made, each once; how many were new.

    Parameters
    ----------
    made : collection of Elsewhere
        A few hundred at a time.
    zones : mapping of branch to ZoneInfo
        The customer's time zone; that of None where the branch has none of its own.
    """
    found = connection.execute(_KEPT, {"contact_ids": [one.contact_id for one in made]})
    kept = set(found.scalars())
    rows = [
        _row(one, zones.get(one.branch, zones[None])) for one in made if one.contact_id not in kept
    ]
    ours = _ours(connection, rows)
    new = [row for row in rows if _same(row) not in ours]
    if new:
        # Another run may be at it too.
        connection.execute(insert_new(contacts, connection.dialect.name, "contact_id"), new)
    return len(new)


def _ours(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    """Contacts of ours with these customers since the first of these days."""
    if not rows:
        return set()
    customers = sorted({row["customer_id"] for row in rows})
    since: date = min(row["local_day"] for row in rows)
    found: Iterable[Any] = connection.execute(_OURS, {"customer_ids": customers, "since": since})
    return {tuple(row) for row in found}


def _same(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["customer_id"], row["touchpoint"], row["channel"], row["local_day"]


def _row(made: Elsewhere, zone: ZoneInfo) -> dict[str, Any]:
    fields = {name: value for name, value in vars(made).items() if name != "made_at"}
    return fields | {
        "planned_at": made.made_at,
        "time_zone": zone.key,
        "local_day": made.made_at.astimezone(zone).date(),
        "state": "sent",
        "reserved_at": made.made_at,
        "reserved_until": made.made_at,
        "sent_at": made.made_at,
    }
