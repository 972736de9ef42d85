"""Tags of some customers now, for serving: the packed rows of the online store as they lie.

Feast's own way to these rows makes a message of every value and costs far more than reading them.
Its API gives the same values, which a test holds.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from features.errors import GuanjiaError
from features.lake import Lake
from features.online_rows import Stored
from features.services import tags_of
from features.store import stored
from features.tags import catalogue

EPOCH, SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)


def online(
    lake: Lake, customer_ids: Sequence[str], service: str | Sequence[str]
) -> list[dict[str, Any]]:
    """The tags of some customers, in the order asked; never writes.

    Parameters
    ----------
    service : str or sequence of str
        Name of a feature service, or names of tags.

    Returns
    -------
    list[dict[str, object]]
        A row per id: `customer_id`, `known`, `freshness`, `as_of`, then the tags by name. An
        unknown customer has `known` False and None everywhere else. `freshness` is the oldest
        event timestamp (UTC) among the views read, `as_of` the civil date that ended then.

    Raises
    ------
    GuanjiaError
        If nothing was materialised yet, or the service or a tag is not declared.
    """
    if not customer_ids:
        return []
    tags = tags_of(service) if isinstance(service, str) else service
    groups: dict[str, dict[str, str]] = {}
    for tag in tags:
        declared = _tag(tag)
        groups.setdefault(declared.group, {})[tag] = declared.type
    found = [(kinds, stored(lake, group, customer_ids)) for group, kinds in groups.items()]
    zone = ZoneInfo(lake.settings.timezone)
    return [_row(customer_id, tags, found, zone) for customer_id in customer_ids]


def _row(
    customer_id: str,
    tags: Sequence[str],
    found: Sequence[tuple[Mapping[str, str], Mapping[str, Stored]]],
    zone: ZoneInfo,
) -> dict[str, Any]:
    """One answer of `online`."""
    values: dict[str, Any] = dict.fromkeys(tags)
    oldest: int | None = None
    for kinds, rows in found:
        row = rows.get(customer_id)
        if row is None:
            continue
        oldest = row.event_us if oldest is None else min(oldest, row.event_us)
        told = row.values()
        for tag, kind in kinds.items():
            value = told.get(tag)
            values[tag] = float(value) if kind == "float64" and value is not None else value
    freshness = None if oldest is None else EPOCH + timedelta(microseconds=oldest)
    return {
        "customer_id": customer_id,
        "known": freshness is not None,
        "freshness": freshness,
        "as_of": freshness and (freshness - SECOND).astimezone(zone).date(),
        **values,
    }


def _tag(name: str) -> catalogue.Tag:
    declared = catalogue.catalogue()
    if name not in declared:
        near = get_close_matches(name, declared, n=3)
        raise GuanjiaError(f"tag {name}", "is not declared", f"use one of {near or 'docs/tags.md'}")
    return declared[name]
