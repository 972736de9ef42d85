"""Note contacts that others made, the core system above all: they count under the caps as ours do.

A contact of ours that comes back with what the core system delivers is not counted twice: it has
the number that the decision gave it, or else it is the same touchpoint by the same channel on the
same day. Rows of others have no decision.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from features.tags.relations.touchpoint_families import FAMILIES, OTHER, TOUCHPOINTS
from serving.records.contacts.contact_caps import Purpose, load_contact_caps
from serving.records.database import Records
from serving.records.once import insert_new
from serving.records.tables import contacts
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.fields import Touchpoint

AT_ONCE = 500
_FAMILY = {name: family for family, names in TOUCHPOINTS.items() for name in names}
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


@dataclass(frozen=True)
class Taken:
    """What was taken over.

    Attributes
    ----------
    read : int
        Outgoing contacts of these days that the checked table has.
    new : int
        Of them, those the records did not know.
    """

    first: date
    last: date
    read: int
    new: int


def take_contacts(lake: Lake, records: Records, as_of: date) -> Taken:
    """Note the contacts that the checked table has of the days that the caps look at, up to a date.

    Again, it changes nothing.

    Raises
    ------
    GuanjiaError
        If the table of interactions is not there, or a file of the home has a fault.
    """
    rules = load_contact_caps(lake.home)
    first = as_of - timedelta(days=rules.longest_days)
    zones: dict[str | None, ZoneInfo] = {
        branch: ZoneInfo(zone) for branch, zone in rules.time_zones.items()
    }
    zones[None] = ZoneInfo(lake.settings.timezone)
    known = load_touchpoints(lake.home).touchpoints_for()
    read = new = 0
    for rows in _contacts(lake, first, as_of):
        made = [_elsewhere(row, known) for row in rows]
        with records.writing() as connection:
            new += note_elsewhere(connection, made, zones)
        read += len(made)
    return Taken(first, as_of, read, new)


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


def _elsewhere(row: Mapping[str, Any], known: Mapping[str, Touchpoint]) -> Elsewhere:
    """A contact as the caps see it; of a touchpoint that nobody declared it is marketing."""
    declared = known.get(row["touchpoint"])
    return Elsewhere(
        **row,
        family=declared.family if declared else _family(row["touchpoint"]),
        purpose=declared.kind if declared else "marketing",
    )


def _family(touchpoint: str) -> str:
    """As `features.tags.relations.touchpoint_families.family_of` tells it."""
    if touchpoint in _FAMILY:
        return _FAMILY[touchpoint]
    begun = (one for one in FAMILIES if touchpoint == one or touchpoint.startswith(f"{one}_"))
    return next(begun, OTHER)


def _contacts(lake: Lake, first: date, as_of: date) -> Iterator[list[dict[str, Any]]]:
    """The latest versions of outgoing contacts, some at a time."""
    zone = lake.settings.timezone
    begin, end = (instant_sql(cutoff(day, zone)) for day in (first, as_of))
    known = known_sql(cutoff(as_of, zone))
    customers = (
        f"SELECT customer_id, branch FROM read_parquet({sql_text(lake.require('customers'))}) "
        f"WHERE {known}"
    )
    query = (
        "SELECT interaction_id AS contact_id, customer_id, touchpoint, channel, "
        "occurred_at AS made_at, branch, cost "
        f"FROM read_parquet({sql_text(lake.require('interactions'))}) "
        f"LEFT JOIN ({customers}) USING (customer_id) "
        f"WHERE direction = 'out' AND {known} AND occurred_at >= {begin} AND occurred_at < {end}"
    )
    with lake.batches(query) as batches:
        for batch in batches:
            for start in range(0, len(batch), AT_ONCE):
                yield batch.slice(start, AT_ONCE).to_pylist()


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
