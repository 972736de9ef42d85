"""Read tags of a snapshot: verify its files by their hashes, join them to a table or to batches.

Because of the hashes, a reader never mixes the files of two runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.publishing import FileVersion, version_of
from features.snapshots.snapshots import Snapshot
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue


def snapshot_files(
    lake: Lake, snapshot: Snapshot, tags: Iterable[str]
) -> dict[str, tuple[Path, list[str]]]:
    """Find the files of a snapshot that hold tags, and verify them by their hashes.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot to read.
    tags : iterable of str
        Names of the catalogue.

    Returns
    -------
    dict of str to (Path, list of str)
        Group -> its file, and those of the tags that it holds.

    Raises
    ------
    GuanjiaError
        If a file is missing, is not the one the snapshot describes, or lacks a tag because the
        tag was declared later.
    """
    declared = catalogue()
    files = snapshot.files
    names_by_group: dict[str, list[str]] = {}
    for name in tags:
        names_by_group.setdefault(declared[name].group, []).append(name)
    thing, cure = (
        f"snapshot of {snapshot.as_of}",
        f"run `guanjia tags --as-of {snapshot.as_of}` again",
    )
    for group, names in names_by_group.items():
        if group not in files:
            raise GuanjiaError(thing, f"lacks group {group}", cure)
        _check_file(lake, snapshot.as_of, files[group])
        absent = set(names) - _names_once(lake.data / files[group]["path"])
        if absent:
            raise GuanjiaError(thing, f"lacks tag {min(absent)}", cure)
    return {
        group: (lake.data / files[group]["path"], names) for group, names in names_by_group.items()
    }


def stored_tags(lake: Lake, snapshot: Snapshot, group: str, tags: Sequence[str]) -> list[str]:
    """List those of a group's tags that a snapshot has; all, where its file is not there to ask.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot.
    group : str
        The tag group.
    tags : sequence of str
        Its tags as declared today.
    """
    file = snapshot.files.get(group)
    path = lake.data / file["path"] if file else None
    if path is None or not path.exists():
        return list(tags)
    there = set(pq.read_schema(path).names)
    return [tag for tag in tags if tag in there]


def snapshot_tags(lake: Lake, snapshot: Snapshot, tags: Iterable[str]) -> ir.Table:
    """Join tags of a snapshot into one table, one row a customer.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot to read.
    tags : iterable of str
        Names of the catalogue; with none, the table lists the customers.

    Returns
    -------
    ibis Table (customer_id, one column per tag)

    Raises
    ------
    GuanjiaError
        As `snapshot_files`.
    """
    joined: ir.Table | None = None
    # Any group names the customers, where no tag is asked for.
    files = snapshot_files(lake, snapshot, tags) or _first_file(lake, snapshot)
    for path, names in files.values():
        part = lake.engine.read_parquet(str(path)).select("customer_id", *names)
        joined = part if joined is None else joined.inner_join(part, "customer_id")
    return joined


def snapshot_sql(lake: Lake, snapshot: Snapshot, tags: Iterable[str], whose: str = "true") -> str:
    """Write the query of `snapshot_tags` as DuckDB SQL, for commands that do not wait for Ibis.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot to read.
    tags : iterable of str
        Names of the catalogue; with none, the query lists the customers.
    whose : str
        A condition on `customer_id`, by which parts of the files are passed over.

    Raises
    ------
    GuanjiaError
        As `snapshot_files`.
    """
    files = snapshot_files(lake, snapshot, tags) or _first_file(lake, snapshot)
    columns = ["customer_id", *(quoted(name) for _, names in files.values() for name in names)]
    parts = [
        f"(SELECT * FROM read_parquet({sql_text(path)}) WHERE {whose}) AS g{place}"
        for place, (path, _) in enumerate(files.values())
    ]
    joined = parts[0] + "".join(f" JOIN {part} USING (customer_id)" for part in parts[1:])
    return f"SELECT {', '.join(columns)} FROM {joined}"


def snapshot_batches(
    lake: Lake, snapshot: Snapshot, tags: Iterable[str], rows: int
) -> Iterator[pa.RecordBatch]:
    """Stream tags of a snapshot in batches, one row a customer, in the order of the customers.

    The files are read side by side: they have the same customers in the same order, so no join is
    needed, and memory does not grow with their number.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot to read.
    tags : iterable of str
        Names of the catalogue, at least one.
    rows : int
        Rows in a batch.

    Yields
    ------
    pyarrow.RecordBatch (customer_id, one column per tag)

    Raises
    ------
    GuanjiaError
        As `snapshot_files`, and if the files hold different customers.
    """
    readers = [
        pq.ParquetFile(path).iter_batches(rows, columns=["customer_id", *names])
        for path, names in snapshot_files(lake, snapshot, tags).values()
    ]
    for parts in zip(*readers, strict=True):
        ids = parts[0].column(0)
        if not all(part.column(0).equals(ids) for part in parts[1:]):
            cure = f"run `guanjia tags --as-of {snapshot.as_of}` again"
            thing = f"snapshot of {snapshot.as_of}"
            raise GuanjiaError(thing, "has files of different customers", cure)
        columns = [column for part in parts for column in part.columns[1:]]
        names = [name for part in parts for name in part.schema.names[1:]]
        yield pa.RecordBatch.from_arrays([ids, *columns], names=["customer_id", *names])


def _first_file(lake: Lake, snapshot: Snapshot) -> dict[str, tuple[Path, list[str]]]:
    group, file = next(iter(snapshot.files.items()))
    _check_file(lake, snapshot.as_of, file)
    return {group: (lake.data / file["path"], [])}


def _check_file(lake: Lake, as_of: str, file: dict[str, str]) -> None:
    """Refuse a file of other content: a run that was killed leaves new files beside old ones."""
    thing, cure = f"file {file['path']}", f"run `guanjia tags --as-of {as_of}`"
    try:
        sha256 = _hash_once(lake.data / file["path"])
    except FileNotFoundError:
        raise GuanjiaError(thing, f"is missing from the snapshot of {as_of}", cure) from None
    if sha256 != file["sha256"]:
        raise GuanjiaError(thing, f"was changed since the snapshot of {as_of} was written", cure)


def _hash_once(path: Path) -> str:
    """Hash a file, once for as long as it stands: files are replaced, never changed."""
    return _hash_of_version(version_of(path))


def _names_once(path: Path) -> frozenset[str]:
    """Read the names of a file's columns, once for as long as it stands."""
    return _names_of_version(version_of(path))


@lru_cache(maxsize=256)
def _names_of_version(version: FileVersion) -> frozenset[str]:
    return frozenset(pq.read_schema(version.path).names)


@lru_cache(maxsize=256)
def _hash_of_version(version: FileVersion) -> str:
    return sha256_of(version.path)


def forget_hashes() -> None:
    """Forget the hashes of files, which are then read again."""
    _hash_of_version.cache_clear()
