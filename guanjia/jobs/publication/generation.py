"""Gather the files of a day in a folder of their own, which never changes under a reader.

The files are hard links to those of the working area: every file of a home is replaced as a whole,
so that a link keeps the content it had. Where links are impossible they are copied.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.lake.checked_tables import check_lock, unfinished_check
from features.lake.merged_numbers import MERGES
from features.lake.pointer import (
    FOLDER,
    FileEntry,
    PublishedDay,
    kept_days,
    read_manifest,
    write_manifest,
)
from features.online.contact_details import TABLES
from features.progress import Report, quiet
from features.publishing import published_folder
from features.snapshots.snapshots import manifest_path, read_snapshot, sole_writer
from guanjia.jobs.publication.record import read_record

DATED = ("quality", "segments", "clusters", "scores", "triggers")
"""Folders with a file a day."""
CHECK = "check.json"
REMADE = "snapshots/"
"""What a repeated run writes anew though no tag has changed: not part of an identity."""


def stage_day(lake: Lake, as_of: date, now: datetime, report: Report = quiet) -> PublishedDay:
    """Gather the files of a day in a generation; one of the same content is taken as it is.

    Parameters
    ----------
    lake : Lake
        The working area.
    as_of : date
        The day.
    now : datetime
        The current time (UTC).
    report : Report
        Progress: called with a step, files done and files in all.

    Returns
    -------
    PublishedDay
        The generation; the pointer does not name it yet.

    Raises
    ------
    GuanjiaError
        If the day has no snapshot, the check was cut off, or a step writes at this moment.
    """
    with _still(lake):
        files = files_of_day(lake, as_of)
        snapshot = read_snapshot(lake, as_of, verify=True)
        described: dict[str, FileEntry] = {}
        for done, (name, path) in enumerate(files.items()):
            report("files of the day", done, len(files))
            described[name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
            if name == CHECK:
                described[name]["content"] = _counts_hash(path)
        report("files of the day", len(files), len(files))
        for day in kept_days(lake.home):
            if day.as_of == as_of and content_of(lake.home, day) == identity(described):
                return day
        name = f"{as_of}-{_last_number(lake.home, as_of) + 1}"
        slot = f"{as_of}-{_slot_hash(snapshot.snapshot_id, described)}"
        day = PublishedDay(as_of, name, snapshot.snapshot_id, slot, now)
        with published_folder(day.folder(lake.home)) as draft:
            for name, path in files.items():
                _link(path, draft / name)
            write_manifest(draft, day, described)
        return day


def files_of_day(lake: Lake, as_of: date) -> dict[str, Path]:
    """List the files of a day in the working area, by their name in the home.

    Raises
    ------
    GuanjiaError
        If the day has no snapshot.
    """
    snapshot = read_snapshot(lake, as_of)
    bound = [*snapshot.files.values(), *([snapshot.digests] if snapshot.digests else [])]
    paths = [
        *sorted((lake.home / "checked").glob("[!.]*.parquet")),
        lake.home / CHECK,
        manifest_path(lake, as_of),
        *(lake.home / entry["path"] for entry in bound),
        *(
            path
            for folder in DATED
            for path in sorted((lake.home / folder).glob(f"as_of={as_of}.*"))
        ),
    ]
    return {path.relative_to(lake.home).as_posix(): path for path in paths if path.exists()}


def identity(files: Mapping[str, FileEntry]) -> str:
    """Hash the content of a day by the hashes of its files."""
    content = sorted(
        f"{name} {described.get('content', described['sha256'])}"
        for name, described in files.items()
        if not name.startswith(REMADE)
    )
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def content_of(home: Path, day: PublishedDay) -> str:
    """Return the identity of a gathered day."""
    return identity(read_manifest(day.folder(home))[1])


def _last_number(home: Path, as_of: date) -> int:
    """Return the number of the last publication of a day; 0: none."""
    names = [folder.name for folder in (home / FOLDER).glob(f"{as_of}-*")]
    names += [act["generation"] for act in read_record(home) if act["as_of"] == str(as_of)]
    return max((int(name.removeprefix(f"{as_of}-")) for name in names), default=0)


def _counts_hash(check: Path) -> str:
    """Hash how many rows a check took of each table; it also names the files it read."""
    tables = json.loads(check.read_text("utf-8"))["tables"]
    counts = {name: (table["good"], table["quarantined"]) for name, table in tables.items()}
    return hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest()


def _slot_hash(snapshot_id: str, files: Mapping[str, FileEntry]) -> str:
    """Hash all that the online rows of a day are loaded from."""
    tables = [
        files.get(f"checked/{name}.parquet", {}).get("sha256", "") for name in (*TABLES, MERGES)
    ]
    return hashlib.sha256("\n".join([snapshot_id, *tables]).encode()).hexdigest()[:8]


def _link(path: Path, place: Path) -> None:
    """Link a file to a place, or copy it where links are impossible."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, place)
    except OSError:
        shutil.copy2(path, place)


@contextmanager
def _still(lake: Lake) -> Iterator[None]:
    """Keep the check and the snapshots of a home from being written inside the block."""
    with sole_writer(lake), check_lock(lake.home).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if unfinished_check(lake.home).exists():
            raise GuanjiaError(
                f"home {lake.home}",
                "has tables of two checks: the last one was cut off while it published",
                "run `guanjia check` again; nothing was published",
            )
        yield
