"""Tags of some customers now, for serving: the packed rows of the online store as they lie.

Feast's own way to these rows makes a message of every value and costs far more than reading them.
Its API gives the same values, which a test holds.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import from_json

from features.errors import GuanjiaError, did_you_mean
from features.instants import instant_of
from features.lake import Lake
from features.online.rows import Stored
from features.online.store import stored
from features.tags import catalogue

SECOND = timedelta(seconds=1)


class TagReader:
    """Reads the same tags of whichever customers, as a service does all day.

    Parameters
    ----------
    tags : sequence of str
        Their names.

    Raises
    ------
    GuanjiaError
        If a tag is not declared.
    """

    def __init__(self, lake: Lake, tags: Sequence[str]) -> None:
        self._lake = lake
        self._zone = ZoneInfo(lake.settings.timezone)
        self.tags = list(tags)
        self._groups: dict[str, dict[str, str]] = {}
        self._choices: dict[tuple[str, tuple[str, ...]], _Choice] = {}
        declared = catalogue.catalogue()
        for tag in tags:
            if tag not in declared:
                raise GuanjiaError(f"tag {tag}", "is not declared", did_you_mean(tag, declared))
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
        named = list(dict.fromkeys(customer_ids))
        found = stored(self._lake, list(self._groups), named) if named else []
        return [self._row(one, found) for one in customer_ids]

    def _row(self, customer_id: str, found: Sequence[Mapping[str, Stored]]) -> dict[str, Any]:
        values: dict[str, Any] = dict.fromkeys(self.tags)
        oldest: int | None = None
        for group, rows in zip(self._groups, found, strict=True):
            row = rows.get(customer_id)
            if row is None:
                continue
            oldest = row.event_us if oldest is None else min(oldest, row.event_us)
            self._choice(group, row.layout).take(row, values)
        freshness = None if oldest is None else instant_of(oldest)
        return {
            "customer_id": customer_id,
            "known": freshness is not None,
            "freshness": freshness,
            "as_of": freshness and (freshness - SECOND).astimezone(self._zone).date(),
            **values,
        }

    def _choice(self, group: str, layout: tuple[str, ...]) -> "_Choice":
        """What to take of rows of a layout; a process meets few."""
        if (group, layout) not in self._choices:
            self._choices[group, layout] = _Choice(self._groups[group], layout)
        return self._choices[group, layout]


class _Choice:
    """The tags that are asked for, out of a row of many."""

    def __init__(self, kinds: Mapping[str, str], layout: tuple[str, ...]) -> None:
        place = {name: number for number, name in enumerate(layout)}
        self._names = [name for name in kinds if name in place]
        self._places = [place[name] for name in self._names]
        self._floats = [name for name in self._names if kinds[name] == "float64"]
        self._length = len(layout)

    def take(self, row: Stored, values: dict[str, Any]) -> None:
        """Put them into `values`; a whole number of yuan is a float there too."""
        array = from_json(row.array)
        if len(array) != self._length:
            raise ValueError(f"a row has {len(array)} tags, its layout {self._length}")
        for name, place in zip(self._names, self._places, strict=True):
            values[name] = array[place]
        for name in self._floats:
            if type(values[name]) is int:
                values[name] = float(values[name])


def online(lake: Lake, customer_ids: Sequence[str], tags: Sequence[str]) -> list[dict[str, Any]]:
    """Read the tags of some customers once; see `TagReader`."""
    return TagReader(lake, tags).read(customer_ids) if customer_ids else []
