"""Work with lists over a home and its records: what commands and the API have in common."""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from features.errors import UnknownNameError
from features.lake import Lake
from serving.lists.contact import taken_by_campaigns
from serving.lists.counts import ListCounts
from serving.lists.definitions.definition import ListDefinition
from serving.lists.definitions.versions import read_version
from serving.lists.listing import Viewer
from serving.lists.people import LAST_CONTACT
from serving.lists.preview import Preview, preview_list
from serving.lists.released.members import Member
from serving.lists.released.reading import released_customers, released_members
from serving.lists.released.releases import (
    Release,
    approve_release,
    find_release,
    find_waiting,
    latest_release,
    list_all_releases,
    release_list,
)
from serving.lists.selection import Selection, select
from serving.lists.standing import Standing, standing_of
from serving.lists.why import Why, explain_customer, is_of


class ListService(ListCounts):
    """Lists of a home.

    Parameters
    ----------
    lake, records
        As `ListDefinitions` takes them.
    """

    def selection(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        as_of: date | None = None,
        where: str | None = None,
    ) -> Selection:
        """Select who would be on a list now; nothing is written.

        Parameters
        ----------
        definition, viewer, at, as_of
            As in `preview`.
        where : str, optional
            Narrows the condition.
        """
        with self.reading() as connection:
            return self._select(connection, definition, viewer, at, as_of, where=where)

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
        return self.preview_and_standing(definition, viewer, at, as_of)[0]

    def preview_and_standing(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        as_of: date | None = None,
    ) -> tuple[Preview, Standing]:
        """Preview a list, and say where those stand who are counted.

        Parameters
        ----------
        definition, viewer, at, as_of
            As in `preview`.
        """
        with self.reading() as connection:
            chosen = self._select(connection, definition, viewer, at, as_of)
            preview = preview_list(self.lake, chosen, connection, viewer.branches)
        return preview, standing_of(chosen)

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
        return self._standing(definition, viewer, at, as_of).customers(rule)

    def why(
        self,
        definition: ListDefinition,
        customer_id: str,
        viewer: Viewer,
        at: datetime,
        as_of: date | None = None,
        standing: Standing | None = None,
    ) -> Why:
        """Explain why a customer is on a list or not.

        The customer's own condition, gates and value are asked now; where the others stand may be
        of a moment ago, as long as it does not contradict them.

        Parameters
        ----------
        definition, viewer, at, as_of
            As in `preview`.
        customer_id : str
            The customer.
        standing : Standing, optional
            Where all stood a moment ago; default: as it is now.

        Raises
        ------
        UnknownCustomerError
            If the customer has no scores, was erased, or is not the viewer's to see.
        """
        with self.reading() as connection:
            own = self._select(connection, definition, viewer, at, as_of, only=customer_id)
        if standing is None or not is_of(standing, own, customer_id):
            standing = self._standing(definition, viewer, at, as_of)
        return explain_customer(self.lake, own, standing, customer_id, viewer.branches)

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
        with self.reading() as connection:
            version = read_version(connection, name, number)
            chosen = self._select(connection, version.definition, viewer, at, as_of)
        return release_list(
            self.lake,
            partial(self.records.writing, durable=True),
            version,
            chosen,
            viewer.who,
            alone=self.lake.settings.release_alone,
            branches=viewer.branches,
        )

    def approve(self, release_id: str, content_hash: str, viewer: Viewer, at: datetime) -> Release:
        """Approve a release that waits.

        Parameters
        ----------
        release_id, content_hash : str
            The release, and the hash of what was looked at.
        viewer : Viewer
            Who approves it.
        at : datetime
            Now.

        Raises
        ------
        GuanjiaError
            As `approve_release`.
        """
        with self.records.writing(durable=True) as connection:
            return approve_release(connection, release_id, content_hash, viewer.who, at)

    def waiting(self, name: str, content_hash: str) -> str:
        """Find the id of the release that is meant by its list or by its id, as `find_waiting`."""
        with self.reading() as connection:
            return find_waiting(connection, name, content_hash)

    def releases(self, name: str | None = None) -> list[Release]:
        """List releases of a list, or of all lists, the latest first."""
        with self.reading() as connection:
            return list_all_releases(connection, name)

    def find(self, name: str, release_id: str | None = None) -> Release:
        """Find a release of a list; without an id the latest that may be used.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        with self.reading() as connection:
            release = (
                latest_release(connection, name)
                if release_id is None
                else find_release(connection, release_id)
            )
        if release is None or release.name != name:
            cure = f"run `guanjia lists release {name}` first"
            chinese = f"名单 {name} 的发布", "不存在", "请先发布这个名单"
            raise UnknownNameError(f"release of list {name}", "is not known", cure, chinese=chinese)
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

    def _standing(
        self, definition: ListDefinition, viewer: Viewer, at: datetime, as_of: date | None
    ) -> Standing:
        with self.reading() as connection:
            return standing_of(self._select(connection, definition, viewer, at, as_of))

    def _select(
        self,
        connection: Connection,
        definition: ListDefinition,
        viewer: Viewer,
        at: datetime,
        as_of: date | None,
        only: str | None = None,
        where: str | None = None,
    ) -> Selection:
        day = self.day(as_of)

        return select(
            self.lake,
            definition,
            day,
            at,
            connection=connection,
            where=where,
            excluded=_members_of(self.lake, connection, definition.not_in_lists),
            campaign_of=taken_by_campaigns(connection, definition, day),
            branches=viewer.branches,
            reads=[LAST_CONTACT],
            only=only,
        )


def _members_of(lake: Lake, connection: Connection, names: Collection[str]) -> set[str]:
    """Collect the members of the latest release of lists; one never released has nobody."""
    members: set[str] = set()
    for name in names:
        last = latest_release(connection, name)
        if last is not None:
            members.update(released_customers(lake, last))
    return members
