"""Import contacts that other systems made, mostly the core system: they count under the caps too.

A contact of ours that the core system delivers back is not counted twice: it has the id that the
decision gave it, or else it is the same touchpoint by the same channel on the same day. Imported
rows have no decision.
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
from serving.records.idempotency import insert_unless_present
from serving.records.tables import contacts
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.fields import Touchpoint

BATCH_ROWS = 500
_FAMILY = {name: family for family, names in TOUCHPOINTS.items() for name in names}
_k = contacts.c
_STORED = select(_k.contact_id).where(_k.contact_id.in_(bindparam("contact_ids", expanding=True)))
_OURS = select(_k.customer_id, _k.touchpoint, _k.channel, _k.local_day).where(
    _k.customer_id.in_(bindparam("customer_ids", expanding=True)),
    _k.local_day >= bindparam("since", type_=_k.local_day.type),
    _k.decision_id.is_not(None),
    _k.state != "released",
)


@dataclass(frozen=True)
class ExternalContact:
    """A contact that another system made.

    Parameters
    ----------
    contact_id : str
        Its id in the other system.
    campaign : str or None
        The campaign that it was part of, if that is known.
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
    campaign: str | None = None


@dataclass(frozen=True)
class ImportCounts:
    """Counts of an import of contacts.

    Attributes
    ----------
    first, last : date
        The days of the contacts: after `first`, until `last` included.
    read : int
        Outgoing contacts of these days in the checked table.
    new : int
        Those of them that the records did not have yet.
    """

    first: date
    last: date
    read: int
    new: int


def import_contacts(lake: Lake, records: Records, as_of: date) -> ImportCounts:
    """Import the contacts of the checked table that may count under the caps, up to a date.

    Running it again changes nothing.

    Parameters
    ----------
    lake : Lake
        The home with the checked table `interactions`.
    records : Records
        The records to import into.
    as_of : date
        Last civil day; versions recorded later are ignored.

    Raises
    ------
    GuanjiaError
        If the table of interactions is missing, or a file of the home has a fault.
    """
    rules = load_contact_caps(lake.home)
    first = as_of - timedelta(days=rules.longest_days)
    zones: dict[str | None, ZoneInfo] = {
        branch: ZoneInfo(zone) for branch, zone in rules.time_zones.items()
    }
    zones[None] = ZoneInfo(lake.settings.timezone)
    known = load_touchpoints(lake.home).touchpoints_for()
    read = new = 0
    for rows in _interactions(lake, first, as_of):
        external = [_external_contact(row, known) for row in rows]
        with records.writing() as connection:
            new += insert_external(connection, external, zones)
        read += len(external)
    return ImportCounts(first, as_of, read, new)


def insert_external(
    connection: Connection,
    external: Collection[ExternalContact],
    zones: Mapping[str | None, ZoneInfo],
) -> int:
    """Insert contacts of other systems, each once; return how many were new.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    external : collection of ExternalContact
        A few hundred at a time.
    zones : mapping of branch to ZoneInfo
        Time zone of the customers of a branch; under None that of all other branches.
    """
    ids = [contact.contact_id for contact in external]
    stored = set(connection.execute(_STORED, {"contact_ids": ids}).scalars())
    rows = [
        _row(contact, zones.get(contact.branch, zones[None]))
        for contact in external
        if contact.contact_id not in stored
    ]
    ours = _our_contacts(connection, rows)
    new = [row for row in rows if _identity(row) not in ours]
    if new:
        # Another run may insert the same rows at the same time.
        insert = insert_unless_present(contacts, connection.dialect.name, "contact_id")
        connection.execute(insert, new)
    return len(new)


def _external_contact(
    row: Mapping[str, Any], touchpoints: Mapping[str, Touchpoint]
) -> ExternalContact:
    """Classify a contact for the caps; of an undeclared touchpoint it is marketing."""
    declared = touchpoints.get(row["touchpoint"])
    return ExternalContact(
        **row,
        family=declared.family if declared else _family(row["touchpoint"]),
        purpose=declared.kind if declared else "marketing",
    )


def _family(touchpoint: str) -> str:
    """Map a touchpoint to its family, as `touchpoint_families.family_of` does in tags."""
    if touchpoint in _FAMILY:
        return _FAMILY[touchpoint]
    matches = (
        family for family in FAMILIES if touchpoint == family or touchpoint.startswith(f"{family}_")
    )
    return next(matches, OTHER)


def _interactions(lake: Lake, first: date, as_of: date) -> Iterator[list[dict[str, Any]]]:
    """Read the latest versions of outgoing contacts in batches."""
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
            for start in range(0, len(batch), BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS).to_pylist()


def _our_contacts(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> set[tuple[Any, ...]]:
    """Read the identities of our own contacts with these customers since the first of the days."""
    if not rows:
        return set()
    customers = sorted({row["customer_id"] for row in rows})
    since: date = min(row["local_day"] for row in rows)
    ours: Iterable[Any] = connection.execute(_OURS, {"customer_ids": customers, "since": since})
    return {tuple(row) for row in ours}


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the columns in which the same contact agrees in both systems."""
    return row["customer_id"], row["touchpoint"], row["channel"], row["local_day"]


def _row(contact: ExternalContact, zone: ZoneInfo) -> dict[str, Any]:
    fields = {name: value for name, value in vars(contact).items() if name != "made_at"}
    day = contact.made_at.astimezone(zone).date()
    return fields | {
        "planned_at": contact.made_at,
        "time_zone": zone.key,
        "planned_day": day,
        "local_day": day,
        "state": "sent",
        "reserved_at": contact.made_at,
        "reserved_until": contact.made_at,
        "sent_at": contact.made_at,
    }
