"""Snapshots: the tags of one date, bound by a manifest, replaced as a whole or not at all.

A date has a file in each tag group, and `snapshots/<D>.json` says which contents belong together.
Several files cannot be replaced in one step. So they are first written as drafts; then a journal
`snapshots/.<D>.json` names the drafts and states the manifest to come. Until the journal exists the
old snapshot counts; from then on the new one does, and the next process that reads or writes the
date finishes what a crash left half done.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.publishing import published


@dataclass(frozen=True)
class Snapshot:
    """The tags of one date: which files, with which content, by which definitions.

    Attributes
    ----------
    as_of : str
        The date.
    snapshot_id : str
        Hash of date and files: equal content has an equal id, however it was computed.
    customers : int
        Rows in each file.
    files : dict of str to dict
        Tag group -> `path` under the home folder and `sha256`.
    definitions : str
        Hash of the code and settings that made it.
    digests : dict of str to str
        `path` and `sha256` of the hashes of the raw tables (`features.snapshots.incremental`).
    base : str or None
        Date of the snapshot it was carried forward from; None if all was computed.
    recomputed : int
        Customers with a tag that had to be computed anew.
    former_ids : list of str
        Ids it had before customers were erased from it: scores and reports made from it then
        still belong to it.
    """

    as_of: str
    snapshot_id: str
    customers: int
    files: dict[str, dict[str, str]]
    definitions: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    base: str | None = None
    recomputed: int = 0
    former_ids: list[str] = field(default_factory=list)

    @property
    def day(self) -> date:
        """The date, as a date."""
        return date.fromisoformat(self.as_of)


@dataclass
class Drafts:
    """Drafts of the files of one date; `publish` binds them by a manifest and replaces the old."""

    lake: Lake
    as_of: date

    def __post_init__(self) -> None:
        # A journal that a crash left names drafts of the same names: finish it first.
        _finish(self.lake, self.as_of)
        self._groups: dict[str, Path] = {}
        self._digests: Path | None = None

    def group(self, name: str) -> Path:
        """Return the path at which to write the draft of a tag group's file."""
        self._groups[name] = self.lake.tags(name) / f"as_of={self.as_of}.parquet"
        return _draft(self._groups[name])

    def digests(self) -> Path:
        """Return the path at which to write the draft of the digests."""
        self._digests = self.lake.data / "snapshots" / "digests" / f"as_of={self.as_of}.parquet"
        return _draft(self._digests)

    def publish(self, customers: int, **more: Any) -> Snapshot:
        """Publish the drafts as the snapshot of the date.

        Parameters
        ----------
        customers : int
            Rows in each file.
        **more
            Further fields of `Snapshot`.
        """
        files = {name: self._entry(path) for name, path in self._groups.items()}
        content = json.dumps({"as_of": str(self.as_of), "files": files}, sort_keys=True)
        identity = hashlib.sha256(content.encode()).hexdigest()[:16]
        digests = self._entry(self._digests) if self._digests else {}
        snapshot = Snapshot(str(self.as_of), identity, customers, files, digests=digests, **more)
        with published(_journal(self.lake, self.as_of)) as draft:
            draft.write_text(json.dumps(asdict(snapshot), indent=2) + "\n", encoding="utf-8")
        _finish(self.lake, self.as_of)
        return snapshot

    def _entry(self, path: Path) -> dict[str, str]:
        with _draft(path).open("rb") as written:
            os.fsync(written.fileno())
        name = path.relative_to(self.lake.data).as_posix()
        return {"path": name, "sha256": sha256_of(_draft(path))}


@contextmanager
def sole_writer(lake: Lake) -> Iterator[None]:
    """Lock the snapshots of a home for writing; the lock goes with the process, however it ends.

    Raises
    ------
    GuanjiaError
        If another process is writing.
    """
    path = lake.home / "snapshots" / ".writing"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GuanjiaError(
                f"snapshots in {lake.home}",
                "are being written by another process",
                "wait for it, or stop it; nothing is lost by stopping it",
            ) from None
        yield


def read_snapshot(lake: Lake, as_of: date, verify: bool = False) -> Snapshot:
    """Read the manifest of a date, after finishing a publication that a crash interrupted.

    Parameters
    ----------
    lake : Lake
        The home of the snapshots.
    as_of : date
        The date.
    verify : bool
        Whether to hash the files and compare them with the manifest.

    Raises
    ------
    GuanjiaError
        If the date has no snapshot, or, with `verify`, a file is not the one the manifest binds.
    """
    _finish(lake, as_of)
    path = manifest_path(lake, as_of)
    cure = f"run `guanjia tags --as-of {as_of}`"
    if not path.exists():
        raise GuanjiaError(f"snapshot of {as_of}", "is not there", cure)
    snapshot = Snapshot(**json.loads(path.read_text(encoding="utf-8")))
    for entry in _entries(snapshot) if verify else ():
        file = lake.data / entry["path"]
        if not file.exists() or sha256_of(file) != entry["sha256"]:
            fault = f"has a file {entry['path']} that is missing or was changed since"
            raise GuanjiaError(f"snapshot of {as_of}", fault, cure)
    return snapshot


def snapshot_dates(lake: Lake) -> list[date]:
    """List the dates that have a snapshot, in order."""
    names = (path.stem.lstrip(".") for path in (lake.data / "snapshots").glob("*.json"))
    return sorted(
        {date.fromisoformat(name) for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d", name)}
    )


def manifest_path(lake: Lake, as_of: date) -> Path:
    """Return the path of a date's manifest."""
    return lake.data / "snapshots" / f"{as_of}.json"


def _entries(snapshot: Snapshot) -> list[dict[str, str]]:
    return [*snapshot.files.values(), *([snapshot.digests] if snapshot.digests else [])]


def _draft(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.draft")


def _journal(lake: Lake, as_of: date) -> Path:
    return lake.data / "snapshots" / f".{as_of}.json"


def _finish(lake: Lake, as_of: date) -> None:
    """Move the drafts that a journal names to where they belong, then the journal itself."""
    journal = _journal(lake, as_of)
    if not journal.exists():
        return
    for entry in _entries(Snapshot(**json.loads(journal.read_text(encoding="utf-8")))):
        path = lake.data / entry["path"]
        # A draft that is gone was moved before the crash.
        if _draft(path).exists():
            _draft(path).replace(path)
    journal.replace(manifest_path(lake, as_of))
