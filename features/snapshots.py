"""Snapshots: the tags of one date, bound by a manifest, replaced as a whole or not at all.

A date has a file in each tag group, and `snapshots/<D>.json` says which contents belong together.
Several files cannot be replaced in one step, so they are first written as drafts, then a journal
`snapshots/.<D>.json` names the drafts and the manifest to come: from that moment on the snapshot is
the new one, and whoever comes next finishes what a crash left half done. Before it, it is the old.
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

from features.errors import GuanjiaError
from features.lake import Lake, published, sha256_of


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
    """

    as_of: str
    snapshot_id: str
    customers: int
    files: dict[str, dict[str, str]]
    definitions: str = ""


@dataclass
class Drafts:
    """Files of one date on their way: group -> draft; `done` binds and publishes them."""

    lake: Lake
    as_of: date
    definitions: str
    paths: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A journal names drafts of the names that are about to be written anew.
        _finish(self.lake, self.as_of)

    def path(self, group: str) -> Path:
        """Where to write the draft of a group's file."""
        self.paths[group] = _draft(self.lake, group, self.as_of)
        self.paths[group].parent.mkdir(parents=True, exist_ok=True)
        return self.paths[group]

    def done(self, customers: int) -> Snapshot:
        """Publish the drafts as the snapshot of the date."""
        for draft in self.paths.values():
            with draft.open("rb") as written:
                os.fsync(written.fileno())
        files = {
            group: {
                "path": _file(self.lake, group, self.as_of).relative_to(self.lake.home).as_posix(),
                "sha256": sha256_of(draft),
            }
            for group, draft in self.paths.items()
        }
        content = json.dumps({"as_of": str(self.as_of), "files": files}, sort_keys=True)
        identity = hashlib.sha256(content.encode()).hexdigest()[:16]
        snapshot = Snapshot(str(self.as_of), identity, customers, files, self.definitions)
        with published(_journal(self.lake, self.as_of)) as draft:
            draft.write_text(json.dumps(asdict(snapshot), indent=2) + "\n", encoding="utf-8")
        _finish(self.lake, self.as_of)
        return snapshot


@contextmanager
def sole_writer(lake: Lake) -> Iterator[None]:
    """Only one process at a time writes snapshots of a home; its end, however it ends, is noticed.

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
    """The manifest of a date, after finishing what a crash left half done.

    Parameters
    ----------
    verify : bool
        Whether to hash the files and hold them against the manifest.

    Raises
    ------
    GuanjiaError
        If the date has no snapshot, or, when verified, a file is not the one the manifest binds.
    """
    _finish(lake, as_of)
    path = manifest(lake, as_of)
    cure = f"run `guanjia tags --as-of {as_of}`"
    if not path.exists():
        raise GuanjiaError(f"snapshot {as_of}", f"is not in {path.parent}", cure)
    snapshot = Snapshot(**json.loads(path.read_text(encoding="utf-8")))
    for group, entry in snapshot.files.items() if verify else ():
        file = lake.home / entry["path"]
        if not file.exists() or sha256_of(file) != entry["sha256"]:
            raise GuanjiaError(
                f"snapshot {as_of}", f"has another file for tags/{group} than it says", cure
            )
    return snapshot


def has_snapshot(lake: Lake, as_of: date) -> bool:
    """Whether the date has a snapshot."""
    return manifest(lake, as_of).exists() or _journal(lake, as_of).exists()


def snapshot_dates(lake: Lake) -> list[date]:
    """Dates that have a snapshot, in order."""
    names = (path.stem.lstrip(".") for path in (lake.home / "snapshots").glob("*.json"))
    return sorted(
        {date.fromisoformat(name) for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d", name)}
    )


def manifest(lake: Lake, as_of: date) -> Path:
    """Where the manifest of a date lies."""
    return lake.home / "snapshots" / f"{as_of}.json"


def _file(lake: Lake, group: str, as_of: date) -> Path:
    return lake.tags(group) / f"as_of={as_of}.parquet"


def _draft(lake: Lake, group: str, as_of: date) -> Path:
    return lake.tags(group) / f".as_of={as_of}.parquet.draft"


def _journal(lake: Lake, as_of: date) -> Path:
    return lake.home / "snapshots" / f".{as_of}.json"


def _finish(lake: Lake, as_of: date) -> None:
    """Move the drafts that a journal names to where they belong, then the journal itself."""
    journal = _journal(lake, as_of)
    if not journal.exists():
        return
    for group, entry in json.loads(journal.read_text(encoding="utf-8"))["files"].items():
        draft = _draft(lake, group, as_of)
        # A draft that is gone was moved before the crash. One that is there but of another
        # content was begun by a later run that did not come to its journal.
        if draft.exists() and sha256_of(draft) == entry["sha256"]:
            draft.replace(_file(lake, group, as_of))
    journal.replace(manifest(lake, as_of))
