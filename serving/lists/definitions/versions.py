"""Keep the versions of list definitions in the records: who wrote which, when, and why."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError

from features.errors import GuanjiaError, UnknownNameError, unknown_name
from serving.lists.definitions.definition import (
    ListDefinition,
    declared_definitions,
    parse_definition,
)
from serving.records.campaign_tables import campaigns
from serving.records.columns import new_id
from serving.records.list_tables import list_releases, list_versions

_v, _r, _p = list_versions.c, list_releases.c, campaigns.c
DECLARED = "training/models.py"
"""Author of the lists that come with Guanjia or an extension; they have version 0."""


@dataclass(frozen=True)
class ListVersion:
    """One version of a list.

    Attributes
    ----------
    definition : ListDefinition
        What it says.
    version : int
        1 for the first that somebody wrote; 0 for a declared list.
    author, note : str
        Who wrote it, and why.
    made_at : datetime or None
        When; None for a declared list.
    """

    definition: ListDefinition
    version: int
    author: str
    note: str = ""
    made_at: datetime | None = None

    @property
    def hash(self) -> str:
        """Hash of the definition."""
        return self.definition.hash


@dataclass(frozen=True)
class ListUse:
    """Where a list is used.

    Attributes
    ----------
    releases : int
        How often it was released.
    last_release : str or None
        Id of the latest release.
    excluded_by : list of str
        Lists that leave out its members.
    campaigns : list of str
        Campaigns that draw from a release of it, those planned last at the head.
    """

    releases: int
    last_release: str | None
    excluded_by: list[str]
    campaigns: list[str]


class UnknownListError(UnknownNameError):
    """No list, or no version of it, has this name."""


class VersionConflictError(GuanjiaError):
    """Somebody else wrote the next version of the list at this moment."""


def write_version(
    connection: Connection, definition: ListDefinition, author: str, note: str, at: datetime
) -> ListVersion:
    """Store a definition as the next version of its list; one that changes nothing is not stored.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    definition : ListDefinition
        The definition.
    author : str
        Who wrote it.
    note : str
        Why it was changed.
    at : datetime
        Now.

    Raises
    ------
    GuanjiaError
        If a list that it leaves out is unknown, or somebody else wrote a version at this moment.
    """
    known = read_lists(connection)
    for other in definition.not_in_lists:
        if other not in known:
            raise UnknownListError.of(unknown_name("list", other, known))
    latest = known.get(definition.name)
    if latest is not None and latest.version and latest.hash == definition.hash:
        return latest
    version = 1 + (latest.version if latest else 0)
    row = {
        "version_id": new_id(at),
        "name": definition.name,
        "version": version,
        "label": definition.label,
        "document": definition.document(),
        "definition_hash": definition.hash,
        "author": author,
        "note": note,
        "made_at": at,
    }
    try:
        connection.execute(insert(list_versions), row)
    except IntegrityError:
        thing = f"version {version} of list {definition.name}"
        raise VersionConflictError(
            thing,
            "was just written by another",
            "look at it, then try again",
            chinese=(
                f"名单 {definition.name} 第 {version} 版",
                "刚刚由别人保存",
                "请先看看那一版，再保存",
            ),
        ) from None
    return ListVersion(definition, version, author, note, at)


def read_lists(connection: Connection) -> dict[str, ListVersion]:
    """Read the latest version of every list, the declared ones first, by name."""
    lists = {
        name: ListVersion(definition, 0, DECLARED)
        for name, definition in declared_definitions().items()
    }
    rows = connection.execute(select(list_versions).order_by(_v.name, _v.version)).mappings()
    return lists | {row["name"]: _version(row) for row in rows}


def read_versions(connection: Connection, name: str) -> list[ListVersion]:
    """Read all versions of a list, the first one first.

    Raises
    ------
    UnknownListError
        If there is no such list.
    """
    declared = declared_definitions().get(name)
    versions = [ListVersion(declared, 0, DECLARED)] if declared else []
    query = select(list_versions).where(_v.name == name).order_by(_v.version)
    versions += [_version(row) for row in connection.execute(query).mappings()]
    if not versions:
        raise UnknownListError.of(unknown_name("list", name, read_lists(connection)))
    return versions


def read_version(connection: Connection, name: str, version: int | None = None) -> ListVersion:
    """Read a version of a list.

    Parameters
    ----------
    connection : Connection
        Of the records.
    name : str
        The list.
    version : int, optional
        Number of the version; default: the latest.

    Raises
    ------
    UnknownListError
        If there is no such list or version.
    """
    versions = read_versions(connection, name)
    if version is None:
        return versions[-1]
    for stored in versions:
        if stored.version == version:
            return stored
    numbers = [str(stored.version) for stored in versions]
    raise UnknownListError(
        f"version {version} of list {name}",
        "is not known",
        f"there are {', '.join(numbers)}",
        chinese=(f"名单 {name} 第 {version} 版", "不存在", f"现有版本：{'、'.join(numbers)}"),
    )


def find_use(connection: Connection, name: str) -> ListUse:
    """Find where a list is used: its releases, lists that leave it out, campaigns that draw it."""
    count, last = connection.execute(
        select(func.count(), func.max(_r.release_id)).where(_r.name == name)
    ).one()
    others = read_lists(connection).items()
    excluded_by = [other for other, stored in others if name in stored.definition.not_in_lists]
    planned = select(_p.campaign, _p.plan).order_by(_p.planned_at.desc(), _p.campaign)
    drawing = [
        campaign for campaign, plan in connection.execute(planned) if plan["list_name"] == name
    ]
    return ListUse(int(count), last, excluded_by, drawing)


def _version(row: RowMapping) -> ListVersion:
    definition = parse_definition(row["document"], f"list {row['name']} in the records")
    return ListVersion(definition, row["version"], row["author"], row["note"], row["made_at"])
