"""Read the members of a release, after checking that they are those released.

A file is hashed once for as long as it stands (`features.publishing`): whoever turns the pages of a
release does not wait for it each time, and a file that was replaced is hashed again.
"""

import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.erased import Erased
from features.errors import GuanjiaError
from features.lake import Lake
from features.publishing import FileVersion, version_of
from serving.lists.released.members import (
    BATCH_ROWS,
    Member,
    hash_members,
    open_members,
    read_members,
    read_members_at,
)
from serving.lists.released.releases import Release, ReleaseRefusedError

MOST_AT_ONCE = BATCH_ROWS
"""Members of a page, up to which their places are looked up first; more are read in order."""


def released_members(
    lake: Lake,
    release: Release,
    *,
    start: int = 0,
    limit: int | None = None,
    branches: Collection[str] | None = None,
    waiting: bool = False,
) -> Iterator[Member]:
    """Read the members of a release in order, after checking that they are those released.

    Parameters
    ----------
    lake : Lake
        The home.
    release : Release
        The release.
    start, limit : int
        Members to skip, and to read at most; default: all.
    branches : collection of str, optional
        Branches whose customers the caller sees; default: all.
    waiting : bool
        Read them although the release waits for approval, for the person who approves it.

    Raises
    ------
    ReleaseRefusedError
        If the release waits for approval.
    GuanjiaError
        If the file is missing, or is not the one released.
    """
    _refuse_waiting(release, waiting=waiting)
    verify_members(lake, release)
    path = lake.home / release.file
    if limit is not None and limit <= MOST_AT_ONCE:
        with open_members(path) as file:
            places = _places_seen(lake, file, branches)[start : start + limit]
            return iter(read_members_at(file, places.tolist()))
    seen = (
        member
        for batch in _batches(read_members(path))
        for member in _not_erased(lake, batch)
        if branches is None or member.branch in branches
    )
    return islice(seen, start, None if limit is None else start + limit)


def released_customers(
    lake: Lake, release: Release, branches: Collection[str] | None = None
) -> list[str]:
    """Read who the members of a release are, in order, without the rest of what was frozen.

    Parameters
    ----------
    lake, release, branches
        As in `released_members`.

    Raises
    ------
    GuanjiaError
        As `released_members`.
    """
    _refuse_waiting(release, waiting=False)
    verify_members(lake, release)
    with open_members(lake.home / release.file) as file:
        places = _places_seen(lake, file, branches)
        customers = file.read(columns=["customer_id"])["customer_id"]
    return [str(customer) for customer in customers.take(pa.array(places)).to_pylist()]


def verify_members(lake: Lake, release: Release) -> int:
    """Check that the members' file is the one released.

    Returns
    -------
    int
        Members who left it since because they were erased.

    Raises
    ------
    GuanjiaError
        If the file is missing, has other members, or more than were released.
    """
    path = lake.home / release.file
    if not path.exists():
        raise GuanjiaError(
            f"file {path}",
            "is missing",
            "restore it from a backup",
            chinese=(f"发布 {release.release_id} 的文件", "不见了", "请运行人员从备份恢复"),
        )
    version = version_of(path)
    rows = int(pq.read_metadata(path).num_rows)
    if rows == release.members:
        about = json.dumps(release.about, ensure_ascii=False, sort_keys=True)
        if _hash_of(version, about) != release.content_hash:
            raise _changed(path, release)
    elif rows > release.members:
        raise _changed(path, release)
    return release.members - rows


@lru_cache(maxsize=256)
def _hash_of(version: FileVersion, about: str) -> str:
    """Hash a members' file with what it is about, once for as long as it stands."""
    return hash_members(json.loads(about), read_members(version.path))


def _refuse_waiting(release: Release, *, waiting: bool) -> None:
    if release.state != "released" and not waiting:
        raise ReleaseRefusedError(
            f"release {release.release_id}",
            "waits for approval",
            f"let a second person run `guanjia lists approve {release.name}`",
            chinese=(f"发布 {release.release_id}", "还在等待复核", "请另一位同事在名单页复核"),
        )


def _places_seen(
    lake: Lake, file: pq.ParquetFile, branches: Collection[str] | None
) -> npt.NDArray[np.int64]:
    """Find the places of the members of some branches who are not being erased."""
    rows = file.read(columns=["customer_id", "branch"])
    seen = np.ones(len(rows), bool)
    if branches is not None:
        listed = pa.array(sorted(branches), pa.string())
        seen &= pc.is_in(rows["branch"], listed).to_numpy(zero_copy_only=False)
    erased = Erased(lake.settings)
    if erased:
        gone = pa.array(sorted(erased.among(rows["customer_id"].to_pylist())), pa.string())
        seen &= ~pc.is_in(rows["customer_id"], gone).to_numpy(zero_copy_only=False)
    return np.flatnonzero(seen)


def _batches(members: Iterator[Member]) -> Iterator[list[Member]]:
    while batch := list(islice(members, BATCH_ROWS)):
        yield batch


def _not_erased(lake: Lake, members: list[Member]) -> list[Member]:
    """Leave out whom an erasure that has begun did not yet take from the file."""
    gone = Erased(lake.settings).among(member.customer_id for member in members)
    return [member for member in members if member.customer_id not in gone]


def _changed(path: Path, release: Release) -> GuanjiaError:
    fault = f"is not what release {release.release_id} froze: its hash is another"
    chinese = (
        f"发布 {release.release_id} 的文件",
        "与发布时的不一样（哈希不符）",
        "请运行人员从备份恢复",
    )
    return GuanjiaError(f"file {path}", fault, "restore it from a backup", chinese=chinese)
