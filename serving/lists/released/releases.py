"""Release a list: freeze who is on it under a hash, and let a second person approve it.

The record keeps the hash for good. A customer who is erased leaves the members' file; the record
then says how many left, and the hash is still that of what was released.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from features.errors import GuanjiaError
from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition, parse_definition
from serving.lists.definitions.versions import ListVersion
from serving.lists.reasons import read_reasons
from serving.lists.released.members import freeze, hash_members, write_members
from serving.lists.selection import Selection, count_left_out
from serving.records.columns import new_id
from serving.records.list_tables import list_releases

FOLDER = "lists/releases"
CONSENT_STATES = {"checked": "granted", "not recorded": "not recorded"}
_r = list_releases.c


class UnknownReleaseError(GuanjiaError):
    """No release has this id."""


class ReleaseRefusedError(GuanjiaError):
    """A release may not be approved, or not be used yet."""


@dataclass(frozen=True)
class Release:
    """A released list.

    Attributes
    ----------
    release_id : str
        Id of the release.
    name, version : str, int
        The list, and the version of its definition.
    as_of : date
        Date of scores and tags.
    state : {"waiting", "released"}
        "waiting": for the approval of a second person.
    members : int
        Frozen members, those of the holdout too.
    content_hash : str
        Hash of definition, date, snapshot, models and members.
    file : str
        Path of the members' file below home.
    document : mapping
        Definition, snapshot, model versions, what each rule took, members held out.
    released_by, released_at, approved_by, approved_at
        Who released and approved it, and when.
    """

    release_id: str
    name: str
    version: int
    as_of: date
    state: str
    members: int
    content_hash: str
    file: str
    document: Mapping[str, Any]
    released_by: str
    released_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None

    @property
    def definition(self) -> ListDefinition:
        """The definition as frozen."""
        return parse_definition(self.document["definition"], f"release {self.release_id}")

    @property
    def about(self) -> dict[str, Any]:
        """What the hash covers beside the members."""
        return {name: self.document[name] for name in ABOUT}


ABOUT = ("definition", "as_of", "snapshot_id", "model_versions", "branches")


def release_list(
    lake: Lake,
    writing: Callable[[], Any],
    version: ListVersion,
    selection: Selection,
    who: str,
    *,
    alone: int | None = None,
    branches: Collection[str] | None = None,
) -> Release:
    """Freeze a selection, and record its release.

    Parameters
    ----------
    lake : Lake
        The home.
    writing : callable
        Opens a transaction of the records: `partial(records.writing, durable=True)`.
    version : ListVersion
        The version of the list that was selected.
    selection : Selection
        Who is on it.
    who : str
        Who releases it.
    alone : int, optional
        Customers that the author of the version may release alone, and anybody of a list that
        comes with Guanjia; with more, the release waits for the approval of another person.
        Default: any number.
    branches : collection of str, optional
        Branches whose customers were asked; default: all.

    Raises
    ------
    GuanjiaError
        If nobody is on the list, or the records do not answer; then nothing is released.
    """
    if not selection.sent:
        raise ReleaseRefusedError(
            f"list {version.definition.name}",
            "has no customer to send",
            "look at the preview: it says which rule takes whom",
            chinese=(
                f"名单 {version.definition.name}",
                "没有可发送的客户",
                "请看预览：它逐条列出哪条规则去掉了谁",
            ),
        )
    definition, at = selection.definition, selection.at
    placed = selection.placed
    reasons = read_reasons(
        lake, definition, selection.as_of, [place.customer_id for place in placed]
    )
    consent = CONSENT_STATES[selection.consent]
    members = freeze(placed, definition, selection.as_of, selection.cost, consent, reasons)
    document = {
        "definition": definition.document(),
        "as_of": selection.as_of.isoformat(),
        "snapshot_id": selection.snapshot_id,
        "model_versions": selection.model_versions,
        "matched": selection.matched,
        "left_out": count_left_out(selection.left_out),
        "held_out": len(selection.held_out),
        "author": version.author,
        "branches": None if branches is None else sorted(branches),
    }
    release_id = new_id(at)
    file = f"{FOLDER}/{definition.name}/{release_id}.parquet"
    own = who == version.author or version.version == 0  # nobody else looked at it
    waits = alone is not None and len(members) > alone and own
    release = Release(
        release_id=release_id,
        name=definition.name,
        version=version.version,
        as_of=selection.as_of,
        state="waiting" if waits else "released",
        members=len(members),
        content_hash=hash_members({name: document[name] for name in ABOUT}, members),
        file=file,
        document=document,
        released_by=who,
        released_at=at,
    )
    path = lake.home / file
    write_members(path, members)
    try:
        with writing() as connection:
            connection.execute(insert(list_releases), vars(release))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return release


def approve_release(
    connection: Connection, release_id: str, content_hash: str, who: str, at: datetime
) -> Release:
    """Approve a release that waits, by the hash of what the second person looked at.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    release_id : str
        The release.
    content_hash : str
        Its hash.
    who : str
        Who approves it: neither the author of the list nor who released it.
    at : datetime
        Now.

    Raises
    ------
    UnknownReleaseError
        If there is no such release.
    ReleaseRefusedError
        If it does not wait, the hash is another, or the person may not approve it.
    """
    release, thing = find_release(connection, release_id), f"release {release_id}"
    chinese_thing = f"发布 {release_id}"
    if release.state != "waiting":
        raise _already_released(release_id)
    if content_hash != release.content_hash:
        cure = f"look at it again: its hash is {release.content_hash}"
        chinese = chinese_thing, "与您看过的内容不一致", "请重新打开名单页，看过后再复核"
        raise ReleaseRefusedError(thing, "does not have this hash", cure, chinese=chinese)
    if who in (release.released_by, release.document["author"]):
        cure = "let a person approve it who neither wrote nor released the list"
        chinese = chinese_thing, f"是 {who} 本人编写或发布的", "请编写和发布之外的另一位同事复核"
        fault = f"was written or released by {who}"
        raise ReleaseRefusedError(thing, fault, cure, chinese=chinese)
    values = {"state": "released", "approved_by": who, "approved_at": at}
    query = update(list_releases).where(_r.release_id == release_id, _r.state == "waiting")
    if connection.execute(query.values(values)).rowcount != 1:
        raise _already_released(release_id)
    return find_release(connection, release_id)


def _already_released(release_id: str) -> ReleaseRefusedError:
    return ReleaseRefusedError(
        f"release {release_id}",
        "is released already",
        "nothing is left to approve",
        chinese=(f"发布 {release_id}", "已经发布", "无须再复核"),
    )


def find_release(connection: Connection, release_id: str) -> Release:
    """Find a release by its id.

    Raises
    ------
    UnknownReleaseError
        If there is none.
    """
    query = select(list_releases).where(_r.release_id == release_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        cure = "take a release_id of `guanjia lists releases`"
        chinese = f"发布 {release_id}", "不存在", "请从名单页的发布记录里打开"
        raise UnknownReleaseError(f"release {release_id}", "is not known", cure, chinese=chinese)
    return Release(**row)


def find_waiting(connection: Connection, name: str, content_hash: str) -> str:
    """Find the release that is meant by the name of its list or by its id; return its id.

    Of several releases of a list that wait, it is the one of the hash; of equal ones the latest.

    Parameters
    ----------
    connection : Connection
        To the records.
    name : str
        Name of the list, or id of the release.
    content_hash : str
        Hash of what was looked at.

    Raises
    ------
    UnknownReleaseError
        If it is neither an id nor a list of which a release waits.
    ReleaseRefusedError
        If several wait and none has the hash; it names them.
    """
    by_id = select(_r.release_id).where(_r.release_id == name)
    if connection.execute(by_id).first() is not None:
        return name
    releases = list_all_releases(connection, name)
    waiting = [release for release in releases if release.state == "waiting"]
    if not waiting:
        fault = "has no release that waits for approval" if releases else "has no release"
        chinese = f"名单 {name}", "没有等待复核的发布", "请在名单页查看已有的发布"
        cure = "look at `guanjia lists releases`"
        raise UnknownReleaseError(f"list {name}", fault, cure, chinese=chinese)
    meant = [release for release in waiting if release.content_hash == content_hash]
    if not meant and len(waiting) > 1:
        ids = ", ".join(release.release_id for release in waiting)
        fault = f"has {len(waiting)} releases that wait, and none has this hash"
        several = f"有 {len(waiting)} 个发布等待复核，内容都与您看过的不一致"
        chinese = f"名单 {name}", several, f"请重新查看，并指明其中一个：{ids}"
        cure = f"look again, and name one of {ids}"
        raise ReleaseRefusedError(f"list {name}", fault, cure, chinese=chinese)
    return (meant or waiting)[0].release_id


def list_all_releases(connection: Connection, name: str | None = None) -> list[Release]:
    """List releases, the latest first; of one list, or of all."""
    query = select(list_releases).order_by(_r.release_id.desc())
    if name is not None:
        query = query.where(_r.name == name)
    return [Release(**row) for row in connection.execute(query).mappings()]


def latest_release(connection: Connection, name: str) -> Release | None:
    """Find the latest release of a list that is approved or needs no approval."""
    query = select(list_releases).where(_r.name == name, _r.state == "released")
    row = connection.execute(query.order_by(_r.release_id.desc()).limit(1)).mappings().first()
    return None if row is None else Release(**row)
