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


class TagReader:
    """Reads the same tags of whichever customers, as a service does all day.

    Parameters
    ----------
    service : str or sequence of str
        Name of a feature service, or names of tags.

    Raises
    ------
    GuanjiaError
        If the service or a tag is not declared.
    """

    def __init__(self, lake: Lake, service: str | Sequence[str]) -> None:
        self._lake = lake
        self._zone = ZoneInfo(lake.settings.timezone)
        tags = tags_of(service) if isinstance(service, str) else service
        self.tags = list(tags)
        self._groups: dict[str, dict[str, str]] = {}
        declared = catalogue.catalogue()
        for tag in tags:
            if tag not in declared:
                near = get_close_matches(tag, declared, n=3)
                cure = f"use one of {near or 'docs/tags.md'}"
                raise GuanjiaError(f"tag {tag}", "is not declared", cure)
            self._groups.setdefault(declared[tag].group, {})[tag] = declared[tag].type

    def read(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The tags of some customers, in the order asked; never writes.

        Returns
        -------
        list[dict[str, object]]
            A row per id: `customer_id`, `known`, `freshness`, `as_of`, then the tags by name. An
            unknown customer has `known` False and None everywhere else. `freshness` is the oldest
            event timestamp (UTC) among the views read, `as_of` the civil date that ended then.

        Raises
        ------
        GuanjiaError
            If nothing was materialised yet.
        """
        found = [
            (kinds, stored(self._lake, group, customer_ids))
            for group, kinds in self._groups.items()
        ]
        return [_row(one, self.tags, found, self._zone) for one in customer_ids]


def online(
    lake: Lake, customer_ids: Sequence[str], service: str | Sequence[str]
) -> list[dict[str, Any]]:
    """The tags of some customers once; see `TagReader`."""
    return TagReader(lake, service).read(customer_ids) if customer_ids else []


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
