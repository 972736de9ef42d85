"""What the core system did counts: its contacts of the last days go under the contact caps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from features.tags.relations.touchpoint_families import FAMILIES, OTHER, TOUCHPOINTS
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.elsewhere import Elsewhere, note_elsewhere
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints
from serving.touchpoints.fields import Touchpoint

AT_ONCE = 500
_FAMILY = {name: family for family, names in TOUCHPOINTS.items() for name in names}


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
    known = load_touchpoints(lake.home).of()
    read = new = 0
    for rows in _contacts(lake, first, as_of):
        made = [_elsewhere(row, known) for row in rows]
        with records.writing() as connection:
            new += note_elsewhere(connection, made, zones)
        read += len(made)
    return Taken(first, as_of, read, new)


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
