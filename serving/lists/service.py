"""Work with lists over a home and its records: what commands and the API have in common."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from features.condition_forms.condition import Condition
from features.errors import GuanjiaError, UnknownNameError
from features.lake import Lake
from serving.campaigns.membership import taken_customers
from serving.lists.conditions.counting import Counts, Overlap, count, overlap
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
from serving.lists.gatekeeper import at_work
from serving.lists.members import Member
from serving.lists.people import LAST_CONTACT
from serving.lists.preview import Preview, preview_list, step_members
from serving.lists.questions import check_definition, read_where
from serving.lists.releases import (
    Release,
    approve_release,
    find_release,
    latest_release,
    list_all_releases,
    release_list,
    released_members,
)
from serving.lists.selection import Selection, count_matched, select
from serving.lists.why import Why, explain_customer
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


class ListService:
    """Lists of a home.

    Parameters
    ----------
    lake : Lake
        The home. Threads do not share it.
    records : Records
        Its records.
    """

    def __init__(self, lake: Lake, records: Records) -> None:
        self.lake, self._records = lake, records

    def lists(self) -> dict[str, ListVersion]:
        """Read the latest version of every list, by name."""
        with self._reading() as connection:
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
        with self._records.writing(durable=True) as connection:
            return write_version(connection, plain, viewer.who, note, at)

    def version(self, name: str, number: int | None = None) -> ListVersion:
        """Read a version of a list; without a number the latest one.

        Raises
        ------
        UnknownListError
            If there is no such list or version.
        """
        with self._reading() as connection:
            return read_version(connection, name, number)

    def versions(self, name: str) -> list[ListVersion]:
        """Read all versions of a list, the first one first.

        Raises
        ------
        UnknownListError
            If there is no such list.
        """
        with self._reading() as connection:
            return read_versions(connection, name)

    def diff(self, name: str, before: int, after: int | None = None) -> list[Difference]:
        """Compare two versions of a list; without a second number with the latest one.

        Raises
        ------
        UnknownListError
            If there is no such list or version.
        """
        with self._reading() as connection:
            old = read_version(connection, name, before)
            return compare_definitions(
                old.definition, read_version(connection, name, after).definition
            )

    def use(self, name: str) -> ListUse:
        """Find where a list is used.

        Raises
        ------
        UnknownListError
            If there is no such list.
        """
        with self._reading() as connection:
            read_versions(connection, name)
            return find_use(connection, name)

    def count(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        where: str | None = None,
        as_of: date | None = None,
    ) -> Counts:
        """Count the customers who meet a list's condition and its parts; nothing is written.

        Parameters
        ----------
        definition : ListDefinition
            The list.
        viewer : Viewer
            Whose customers are counted.
        where : str, optional
            Narrows the condition.
        as_of : date, optional
            Date of the scores; default: the latest.
        """
        return count_matched(self.lake, definition, self.day(as_of), where, viewer.branches)

    def count_conditions(
        self,
        written: Sequence[str | Mapping[str, Any]],
        viewer: Viewer,
        as_of: date | None = None,
    ) -> tuple[list[Condition], Counts]:
        """Read conditions, and count who meets them and their parts; nothing is written.

        Parameters
        ----------
        written : sequence of str or mapping
            Conditions as people type them, or nested groups.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the tags; default: the latest.
        """
        day = self.day(as_of)
        conditions = [read_where(self.lake, text, day) for text in written]
        return conditions, count(self.lake, day, conditions, viewer.branches)

    def overlap(
        self,
        written: Mapping[str, str | Mapping[str, Any]],
        viewer: Viewer,
        as_of: date | None = None,
    ) -> Overlap:
        """Count whom conditions share; nothing is written.

        Parameters
        ----------
        written : mapping of str to str or mapping
            Conditions by name, as in `count_conditions`.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the tags; default: the latest.
        """
        day = self.day(as_of)
        conditions = {name: read_where(self.lake, text, day) for name, text in written.items()}
        return overlap(self.lake, day, conditions, viewer.branches)

    def overlap_of_lists(
        self, names: Sequence[str], viewer: Viewer, as_of: date | None = None
    ) -> Overlap:
        """Count who meets the conditions of several lists, before any gate.

        Parameters
        ----------
        names : sequence of str
            Names of lists.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the scores; default: the latest.
        """
        definitions = {name: self.version(name).definition for name in names}
        conditions = {
            name: check_definition(self.lake, definition).condition
            for name, definition in definitions.items()
        }
        return overlap(self.lake, self.day(as_of), conditions, viewer.branches)

    def preview(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        as_of: date | None = None,
    ) -> Preview:
        """Preview a list.

        Parameters
        ----------
        definition : ListDefinition
            The list; it need not be stored.
        viewer : Viewer
            Whose customers are asked.
        at : datetime
            Now.
        as_of : date, optional
            Date of the scores; default: the latest.
        """
        with self._reading() as connection:
            chosen = self._select(connection, definition, viewer, at, as_of)
            return preview_list(self.lake, chosen, connection, viewer.branches)

    def preview_members(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        rule: str,
        as_of: date | None = None,
    ) -> list[str]:
        """List the customers behind a number of the preview.

        Parameters
        ----------
        definition, viewer, at, as_of
            As in `preview`.
        rule : str
            "sent", or a rule of the waterfall.

        Raises
        ------
        UnknownNameError
            If there is no such rule.
        """
        with self._reading() as connection:
            chosen = self._select(connection, definition, viewer, at, as_of)
        return step_members(chosen, rule)

    def why(
        self,
        definition: ListDefinition,
        customer_id: str,
        viewer: Viewer,
        at: datetime,
        as_of: date | None = None,
    ) -> Why:
        """Explain why a customer is on a list or not.

        Parameters
        ----------
        definition, viewer, at, as_of
            As in `preview`.
        customer_id : str
            The customer.

        Raises
        ------
        UnknownCustomerError
            If the customer has no scores, was erased, or is not the viewer's to see.
        """
        with self._reading() as connection:
            chosen = self._select(
                connection, definition, viewer, at, as_of, kept=frozenset({customer_id})
            )
        return explain_customer(self.lake, chosen, customer_id, viewer.branches)

    def release(
        self,
        name: str,
        viewer: Viewer,
        at: datetime,
        number: int | None = None,
        as_of: date | None = None,
    ) -> Release:
        """Release a list: freeze who is on it now.

        Parameters
        ----------
        name : str
            The list.
        viewer : Viewer
            Who releases it; only customers of their branches are on it.
        at : datetime
            Now.
        number : int, optional
            Version of the list; default: the latest.
        as_of : date, optional
            Date of the scores; default: the latest.

        Raises
        ------
        GuanjiaError
            If there is no such list or version, or nobody is on it.
        """
        with self._reading() as connection:
            version = read_version(connection, name, number)
            chosen = self._select(connection, version.definition, viewer, at, as_of)
        return release_list(
            self.lake,
            partial(self._records.writing, durable=True),
            version,
            chosen,
            viewer.who,
            alone=self.lake.settings.release_alone,
            branches=viewer.branches,
        )

    def approve(self, release_id: str, content_hash: str, viewer: Viewer, at: datetime) -> Release:
        """Approve a release that waits; see `approve_release`."""
        with self._records.writing(durable=True) as connection:
            return approve_release(connection, release_id, content_hash, viewer.who, at)

    def releases(self, name: str | None = None) -> list[Release]:
        """List releases of a list, or of all lists, the latest first."""
        with self._reading() as connection:
            return list_all_releases(connection, name)

    def find(self, name: str, release_id: str | None = None) -> Release:
        """Find a release of a list; without an id the latest that may be used.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        with self._reading() as connection:
            release = (
                latest_release(connection, name)
                if release_id is None
                else find_release(connection, release_id)
            )
        if release is None or release.name != name:
            cure = f"run `guanjia lists release {name}` first"
            raise UnknownNameError(f"release of list {name}", "is not known", cure)
        return release

    def members(
        self,
        release: Release,
        viewer: Viewer,
        start: int = 0,
        limit: int | None = None,
        *,
        waiting: bool = False,
    ) -> Iterator[Member]:
        """Read the members of a release that the viewer sees.

        Parameters
        ----------
        release : Release
            The release.
        viewer : Viewer
            Whose customers are read.
        start, limit : int
            Members to skip, and to read at most; default: all.
        waiting : bool
            Read them although the release waits, to approve it.

        Raises
        ------
        GuanjiaError
            As `released_members`.
        """
        return released_members(
            self.lake,
            release,
            start=start,
            limit=limit,
            branches=viewer.branches,
            waiting=waiting,
        )

    def day(self, as_of: date | None = None) -> date:
        """Return the date of the scores that lists are made from.

        Raises
        ------
        GuanjiaError
            If there are no scores.
        """
        if as_of is not None:
            return as_of
        if self.lake.day is not None:
            return self.lake.day.as_of
        names = sorted((self.lake.data / "scores").glob("as_of=*.parquet"))
        if not names:
            raise GuanjiaError("scores", "are not there", "run `guanjia score --as-of DATE`")
        return date.fromisoformat(names[-1].stem.removeprefix("as_of="))

    def _select(
        self,
        connection: Connection,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        as_of: date | None,
        kept: Collection[str] = frozenset(),
    ) -> Selection:
        day = self.day(as_of)

        def campaign_of(customers: Collection[str]) -> Mapping[str, str]:
            first = at_work(day)
            last = first + timedelta(days=definition.days - 1)
            return taken_customers(connection, customers, first, last, definition.priority)

        return select(
            self.lake,
            definition,
            day,
            at,
            connection=connection,
            excluded=_members_of(self.lake, connection, definition.not_in_lists),
            campaign_of=campaign_of,
            branches=viewer.branches,
            reads=[LAST_CONTACT],
            kept=kept,
        )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._records.reading(LONG_SECONDS) as connection:
            yield connection


def _members_of(lake: Lake, connection: Connection, names: Collection[str]) -> set[str]:
    """Collect the members of the latest release of lists; one never released has nobody."""
    found: set[str] = set()
    for name in names:
        last = latest_release(connection, name)
        if last is not None:
            found |= {member.customer_id for member in released_members(lake, last)}
    return found
