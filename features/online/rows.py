"""Packed rows of the online store, one row a customer and tag group, and the interface to them.

A row holds all tags of a group as one JSON array, in the order of a *layout*: the names of the
tags, stored once. A row written under an older catalogue still reads right, because it names its
layout. Every implementation has the same write guard: a row replaces another only if its (event,
created) timestamps are not before those of the stored row (`docs/adr/0005-online-store.md`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from features.errors import GuanjiaError

RESERVED = "\x1f"
"""Ids that begin with this character are the store's own; no customer number has a control one."""
Row = tuple[str, int, int, str]
"""Customer, event and created time in microseconds UTC, tags as a JSON array."""


class StoredRow(NamedTuple):
    """A row as it is stored.

    Attributes
    ----------
    event_us : int
        Event time in microseconds UTC.
    layout : tuple of str
        Names of the tags, shape (tags,).
    array : str
        Their values as a JSON array.
    """

    event_us: int
    layout: tuple[str, ...]
    array: str

    def values(self) -> dict[str, Any]:
        """Return the tags by name, as JSON values."""
        return dict(zip(self.layout, from_json(self.array), strict=True))


class NotFilledError(GuanjiaError):
    """Tag groups were never filled, or lost their rows: nobody can be called unknown."""


def not_filled(groups: Sequence[str], place: str = "") -> NotFilledError:
    """Make the error for tag groups that were not filled.

    Parameters
    ----------
    groups : sequence of str
        The tag groups.
    place : str
        Where the store is, if not in the home: "on Redis ".

    Examples
    --------
    >>> print(not_filled(["claims"]))
    the online store: was not filled with tags of claims. Run `guanjia materialize`.
    """
    fault = f"{place}was not filled with tags of {', '.join(groups)}"
    return NotFilledError("the online store", fault, "run `guanjia materialize`")


class OnlineRows(ABC):
    """Packed rows by tag group and customer; a subclass decides where they are stored."""

    def load(self, group: str, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer all rows of a group, and mark it as filled.

        Parameters
        ----------
        group, tags, rows
            As `offer` takes them.

        Returns
        -------
        int
            Rows offered.
        """
        offered = self.offer(group, tags, rows)
        self.mark_filled(group)
        return offered

    def may_lose_rows(self) -> bool:
        """Tell whether single rows may have been dropped by the store itself."""
        return False

    @abstractmethod
    def mark_filled(self, group: str) -> None:
        """Mark a group as filled: whoever has no row is unknown from now on."""

    @abstractmethod
    def offer(self, group: str, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer any number of rows; rows that are newer in the store stay.

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
            As `offer` takes them.
        """
        self.offer(group, tags, rows)

    @abstractmethod
    def read(self, groups: Sequence[str], ids: Sequence[str]) -> Sequence[Mapping[str, StoredRow]]:
        """Read the rows of customers, for each group by customer id; some may have no row.

        Parameters
        ----------
        groups : sequence of str
            Tag groups.
        ids : sequence of str
            Customers, each once.

        Raises
        ------
        NotFilledError
            If a customer has no row of a group, and the group was never filled or lost its rows.
        GuanjiaError
            If the store does not answer.
        """

    @abstractmethod
    def count(self, group: str, ids: Sequence[str]) -> int:
        """Count the customers, of those named, who have a row of a group that was filled.

        A group that was never filled, or lost its mark, counts none.
        """

    @abstractmethod
    def loaded_groups(self) -> list[str]:
        """List the tag groups that have rows, declared today or not."""

    @abstractmethod
    def remove(self, group: str, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; return those who had one."""

    @abstractmethod
    def prepare_groups(self, groups: Iterable[str]) -> None:
        """Prepare the store for rows of tag groups; stored rows stay."""

    @abstractmethod
    def drop(self, groups: Iterable[str]) -> None:
        """Delete all rows of tag groups that are gone."""

    @abstractmethod
    def drop_all(self) -> None:
        """Delete everything."""

    @abstractmethod
    def scrub(self) -> None:
        """Remove deleted rows from the store's files as well, as far as we write them."""
