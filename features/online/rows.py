"""Define the packed rows of the online store: one row a customer and tag group, as it lies.

A row holds all tags of a group as one JSON array, in the order of a *layout*: the names of the
tags, kept once. A row written under an older catalogue still reads right, because it names its
layout. Whoever stores such rows guards them alike: a row goes in only where its (event, created)
timestamps are not before those of the row that is there (`docs/adr/0005-online-store.md`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

Row = tuple[str, int, int, str]
"""Customer, event and created time in microseconds UTC, tags as a JSON array."""


class Stored(NamedTuple):
    """A row as it is read: when it is of, the names of its tags, the JSON array of their values."""

    event_us: int
    layout: tuple[str, ...]
    array: str

    def values(self) -> dict[str, Any]:
        """Return the tags by name, as JSON has them."""
        return dict(zip(self.layout, from_json(self.array), strict=True))


class OnlineRows(ABC):
    """Packed rows by tag group and customer; where they lie is a subclass's to say."""

    @abstractmethod
    def load(self, group: str, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows, as many as there are; those that are newer in the store stay.

        Parameters
        ----------
        group : str
            The tag group.
        tags : sequence of str
            Names of its tags, in the order of each row's array.
        rows : iterable of (str, int, int, str)
            See `Row`.

        Returns
        -------
        int
            Rows offered.
        """

    def write(self, group: str, tags: Sequence[str], rows: Sequence[Row]) -> None:
        """Offer a few rows, in the time of a request.

        Parameters
        ----------
        group, tags, rows
            As `load` takes them.
        """
        self.load(group, tags, rows)

    @abstractmethod
    def stored(self, groups: Sequence[str], ids: Sequence[str]) -> Sequence[Mapping[str, Stored]]:
        """Read, for each group, the rows of those of the customers who have one.

        Parameters
        ----------
        groups : sequence of str
            Tag groups.
        ids : sequence of str
            Customers, each named once.

        Raises
        ------
        GuanjiaError
            If the store was never filled with tags of a group, or does not answer.
        """

    @abstractmethod
    def loaded_groups(self) -> list[str]:
        """List the tag groups that have rows, declared today or not."""

    @abstractmethod
    def remove(self, group: str, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; return those who had one."""

    @abstractmethod
    def make_places(self, groups: Iterable[str]) -> None:
        """Prepare for rows of tag groups; what is there stays."""

    @abstractmethod
    def drop(self, groups: Iterable[str]) -> None:
        """Delete all rows of tag groups that are gone."""

    @abstractmethod
    def drop_all(self) -> None:
        """Delete everything."""

    @abstractmethod
    def scrub(self) -> None:
        """Take what was deleted out of the files as well, as far as they are ours."""
