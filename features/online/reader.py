"""Read the tags of customers for serving, directly from the packed rows of the online store.

Feast's own read makes a message of every value, which costs far more. Its API gives the same
values; a test compares them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import from_json

from features.errors import GuanjiaError, did_you_mean
from features.instants import TICK, instant_of
from features.lake import Lake
from features.online.rows import StoredRow
from features.online.store import read_rows
from features.tags import catalogue


class TagReader:
    """Read a fixed list of tags of any customers; threads share it.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.
    tags : sequence of str
        Names of the catalogue.

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
        self._selections: dict[tuple[str, tuple[str, ...]], _Selection] = {}
        declared = catalogue.catalogue()
        for tag in tags:
            if tag not in declared:
                raise GuanjiaError(f"tag {tag}", "is not declared", did_you_mean(tag, declared))
            self._groups.setdefault(declared[tag].group, {})[tag] = declared[tag].type

    def read(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Read the tags of customers, in the order of the ids; never writes.

        Returns
        -------
        list[dict[str, object]]
            A row per id: `customer_id`, `known`, `whole`, `freshness`, `as_of`, `newer`, then the
            tags by name. An unknown customer has `known` False and None everywhere else. `whole`:
            whether every group that was read has a row of the customer. `freshness` is the
            oldest event timestamp (UTC) among the groups read, `as_of` the civil date that ended
            then. `newer` has the groups of a later date, which an event refreshed, with that date.

        Raises
        ------
        GuanjiaError
            If nothing was materialised yet.
        """
        ids = list(dict.fromkeys(customer_ids))
        stored = read_rows(self._lake, list(self._groups), ids) if ids else []
        return [self._row(customer_id, stored) for customer_id in customer_ids]

    def _row(self, customer_id: str, stored: Sequence[Mapping[str, StoredRow]]) -> dict[str, Any]:
        values: dict[str, Any] = dict.fromkeys(self.tags)
        known_until: dict[str, int] = {}
        for group, rows in zip(self._groups, stored, strict=True):
            row = rows.get(customer_id)
            if row is not None:
                known_until[group] = row.event_us
                self._selection(group, row.layout).copy_to(row, values)
        oldest = min(known_until.values(), default=None)
        as_of = None if oldest is None else self._day(oldest)
        newer = {
            group: day
            for group, until in known_until.items()
            if until != oldest and (day := self._day(until)) != as_of
        }
        return {
            "customer_id": customer_id,
            "known": oldest is not None,
            "whole": len(known_until) == len(self._groups),
            "freshness": None if oldest is None else instant_of(oldest),
            "as_of": as_of,
            "newer": newer,
            **values,
        }

    def _day(self, until: int) -> date:
        """Return the civil date that tags known until an instant (microseconds) are of."""
        return (instant_of(until) - TICK).astimezone(self._zone).date()

    def _selection(self, group: str, layout: tuple[str, ...]) -> "_Selection":
        """Return the cached selection for rows of a layout; a process meets few layouts."""
        if (group, layout) not in self._selections:
            self._selections[group, layout] = _Selection(self._groups[group], layout)
        return self._selections[group, layout]


class _Selection:
    """The selected tags and their places in rows of one layout."""

    def __init__(self, kinds: Mapping[str, str], layout: tuple[str, ...]) -> None:
        place = {name: number for number, name in enumerate(layout)}
        self._names = [name for name in kinds if name in place]
        self._places = [place[name] for name in self._names]
        self._floats = [name for name in self._names if kinds[name] == "float64"]
        self._length = len(layout)

    def copy_to(self, row: StoredRow, values: dict[str, Any]) -> None:
        """Copy the selected tags into `values`; ints of float tags become floats."""
        array = from_json(row.array)
        if len(array) != self._length:
            raise ValueError(f"a row has {len(array)} tags, its layout {self._length}")
        for name, place in zip(self._names, self._places, strict=True):
            values[name] = array[place]
        for name in self._floats:
            if type(values[name]) is int:
                values[name] = float(values[name])


def read_tags(lake: Lake, customer_ids: Sequence[str], tags: Sequence[str]) -> list[dict[str, Any]]:
    """Read tags of customers once.

    Parameters
    ----------
    lake : Lake
        Its settings name the online store.
    customer_ids : sequence of str
        Customers; an id may come twice.
    tags : sequence of str
        Names of the catalogue.

    Returns
    -------
    list of dict
        As `TagReader.read`.

    Raises
    ------
    GuanjiaError
        If a tag is not declared, or nothing was materialised yet.
    """
    return TagReader(lake, tags).read(customer_ids) if customer_ids else []
