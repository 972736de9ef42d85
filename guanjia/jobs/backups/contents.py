"""Say what of a home goes into a backup, and freeze its files at one instant.

Files of a home are replaced, not changed in place. So hard links to all of them, made within
milliseconds, are the home as a power cut at that instant would leave it, which every command can go
on from. If a file came, went or changed while the links were made, they are made again.
"""

import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError
from features.publishing import is_running

KEYS = ("erasure.key", "token.key", "mlflow/admin_password", "mlflow/session_key")
"""Secrets: kept apart from the backup, in a file of their own."""
NOT_KEPT = ("tmp", "compiled", "feast/registry.db", "feast/registry.db.of", "restoring.json")
"""Scratch files, and what a restore writes anew."""
DERIVED = (
    *("checked", "check.json", "tags", "snapshots", "segments", "scores", "triggers"),
    *("training", "feast", "published", "published.json"),
)
"""What is computed again from the rest, as far as a backup may leave it out."""
SQLITE = b"SQLite format 3\0"
GROWING = (".jsonl", ".reserve")
"""Files that only grow: what is there is kept, and a last line that is not whole is skipped."""
TRIES, PAUSE_SECONDS = 100, 0.1
_LOCK = re.compile(r"\..*lock$|\.writing$")
_LOG = re.compile(r".*-(wal|shm|journal)$")
_DRAFT = re.compile(r"\..+-\d+-[a-z0-9_]{8}(\..+)?$")
State = tuple[int, int, int]


def is_database(path: Path) -> bool:
    """Check whether a file is a database of SQLite."""
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def listing(home: Path, *, derived: bool = True) -> dict[str, State]:
    """List the files of a home that a backup keeps: path below home -> inode, size, time written.

    Parameters
    ----------
    home : Path
        The home.
    derived : bool
        Whether what can be computed again is kept too.
    """
    left_out = {*KEYS, *NOT_KEPT, *(() if derived else DERIVED)}
    files: dict[str, State] = {}
    for folder, names, leaves in os.walk(home, followlinks=True):
        place = Path(folder).relative_to(home)
        names[:] = sorted(
            name
            for name in names
            if (place / name).as_posix() not in left_out and not _DRAFT.match(name)
        )
        for name in sorted(leaves):
            relative = (place / name).as_posix()
            if relative in left_out or any(form.match(name) for form in (_LOCK, _LOG, _DRAFT)):
                continue
            try:
                about = (home / relative).stat()
            except FileNotFoundError:
                continue
            size = 0 if name.endswith(GROWING) else about.st_size
            written = 0 if name.endswith(GROWING) else about.st_mtime_ns
            files[relative] = about.st_ino, size, written
    return files


@dataclass(frozen=True)
class Frozen:
    """The files of a home at one instant: path below home -> where to read it.

    Attributes
    ----------
    files : dict of str to Path
        Files, by links that keep their content.
    databases : dict of str to Path
        Databases, as they lie in the home: they change in place, and SQLite copies them.
    """

    files: dict[str, Path]
    databases: dict[str, Path]


@contextmanager
def frozen(home: Path, *, derived: bool = True) -> Iterator[Frozen]:
    """Yield the files of a home as they are at one instant; others may go on writing.

    Parameters
    ----------
    home : Path
        The home.
    derived : bool
        Whether what can be computed again is kept too.

    Raises
    ------
    GuanjiaError
        If a file is being written all the time, or cannot be read.
    """
    folder = _folder_of_links(home)
    try:
        for _ in range(TRIES):
            before = listing(home, derived=derived)
            links, databases = _link(home, folder, before)
            changed = _changed(before, listing(home, derived=derived), databases)
            if not changed:
                break
            shutil.rmtree(folder)
            folder.mkdir()
            time.sleep(PAUSE_SECONDS)
        else:
            raise _restless(home / changed[0])
        yield Frozen(links, databases)
        # Files that cannot be linked were read one after the other.
        if any(path.parent != folder for path in links.values()):
            changed = _changed(before, listing(home, derived=derived), databases)
            if changed:
                raise _restless(home / changed[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restless(path: Path) -> GuanjiaError:
    return GuanjiaError(
        f"file {path}",
        "is being written, so that no instant of the home can be kept",
        "wait until whoever writes it is done, and run the backup again",
    )


def _folder_of_links(home: Path) -> Path:
    """Make the folder of the links; remove those of backups that were killed."""
    prefix = "backup-"
    (home / "tmp").mkdir(exist_ok=True)
    for left in (home / "tmp").glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix)
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    folder = home / "tmp" / f"{prefix}{os.getpid()}"
    folder.mkdir()
    return folder


def _link(
    home: Path, folder: Path, files: dict[str, State]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Link files, numbered, into a folder; return links and databases.

    What cannot be linked, as on a file system without hard links, is read where it lies.
    """
    links: dict[str, Path] = {}
    databases: dict[str, Path] = {}
    for number, relative in enumerate(files):
        path, link = home / relative, folder / str(number)
        try:
            if is_database(path):
                databases[relative] = path
                continue
            os.link(path.resolve(), link)
            links[relative] = link
        except FileNotFoundError:
            continue  # it is gone: the listing afterwards shows it
        except OSError as error:
            if not os.access(path, os.R_OK):
                cure = "run the backup as the user to whom the home belongs"
                raise GuanjiaError(f"file {path}", "cannot be read", cure) from error
            links[relative] = path
    return links, databases


def _changed(
    before: dict[str, State], after: dict[str, State], databases: Collection[str]
) -> list[str]:
    """List the files that came, went or changed between two listings; databases may change."""
    return sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
        if name not in databases or name not in after
    )
