"""Read and write the definitions of the lists of a home."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition
from serving.lists.definitions.differences import Difference, compare_definitions
from serving.lists.definitions.versions import (
    ListUse,
    ListVersion,
    find_use,
    read_lists,
    read_version,
    read_versions,
    write_version,
)
from serving.lists.questions import check_definition, chinese_of
from serving.records.database import LONG_SECONDS, Records


@dataclass(frozen=True)
class Viewer:
    """Who works with lists, and whose customers they see.

    Attributes
    ----------
    who : str
        Subject of the token, or user of the machine.
    branches : frozenset of str or None
        Branches whose customers they see; None: all.
    """

    who: str
    branches: frozenset[str] | None = None


class ListDefinitions:
    """Definitions of the lists of a home.

    Parameters
    ----------
    lake : Lake
        The home. Threads do not share it.
    records : Records
        Its records.
    """

    def __init__(self, lake: Lake, records: Records) -> None:
        self.lake, self.records = lake, records

    def lists(self) -> dict[str, ListVersion]:
        """Read the latest version of every list, by name."""
        with self.reading() as connection:
            return read_lists(connection)

    def define(
        self, definition: ListDefinition, viewer: Viewer, note: str, at: datetime
    ) -> ListVersion:
        """Store a definition as the next version of its list.

        Parameters
        ----------
        definition : ListDefinition
            The definition; everything that it names is checked first.
        viewer : Viewer
            Who writes it.
        note : str
            Why.
        at : datetime
            Now.

        Raises
        ------
        GuanjiaError
            If it names what there is not, or a condition is not valid.
        """
        plain = check_definition(self.lake, definition).definition
        with self.records.writing(durable=True) as connection:
            return write_version(connection, plain, viewer.who, note, at)

    def version(self, name: str, number: int | None = None) -> ListVersion:
        """Read a version of a list; without a number the latest one.

        Raises
        ------
        UnknownListError
            If there is no such list or version.
        """
        with self.reading() as connection:
            return read_version(connection, name, number)

    def versions(self, name: str) -> list[ListVersion]:
        """Read all versions of a list, the first one first.

        Raises
        ------
        UnknownListError
            If there is no such list.
        """
        with self.reading() as connection:
            return read_versions(connection, name)

    def diff(self, name: str, before: int, after: int | None = None) -> list[Difference]:
        """Compare two versions of a list.

        Parameters
        ----------
        name : str
            The list.
        before, after : int
            Numbers of the versions; without `after` the latest one.

        Raises
        ------
        UnknownListError
            If there is no such list or version.
        """
        with self.reading() as connection:
            old = read_version(connection, name, before)
            new = read_version(connection, name, after)
        conditions = chinese_of(self.lake, [old.definition.where, new.definition.where])
        return compare_definitions(old.definition, new.definition, conditions)

    def use(self, name: str) -> ListUse:
        """Find where a list is used.

        Raises
        ------
        UnknownListError
            If there is no such list.
        """
        with self.reading() as connection:
            read_versions(connection, name)
            return find_use(connection, name)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads the records."""
        with self.records.reading(LONG_SECONDS) as connection:
            yield connection
