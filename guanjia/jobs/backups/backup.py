"""Back up a home while its service and its day go on.

What is acknowledged before the backup begins is in it. The registry's database is copied first and
the files after it, so that every version it names has its files. The inbox, the records and the
online rows come last: they are at least as new as the files, and an erasure that the list of the
erased knows has been through them.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from features.erased import Erased, erasure_key
from features.errors import GuanjiaError
from features.lake import Lake
from features.online.store import on_redis
from features.progress import Report, quiet
from features.publishing import published
from features.snapshots.snapshots import snapshot_dates
from guanjia.jobs.backups.contents import KEYS, Frozen, frozen
from guanjia.jobs.backups.manifest import DUMP, NAME, Entry, Manifest, fingerprint, write_manifest
from guanjia.jobs.backups.packing import Packer, packing
from guanjia.jobs.backups.postgres_dump import dump_records
from guanjia.terminal.home_format import FORMAT, release
from serving.records.address import address_of

REGISTRY = "mlflow/"
PATIENCE_SECONDS = 60.0


def back_up(
    lake: Lake, target: Path, now: datetime, report: Report = quiet, *, derived: bool = True
) -> Manifest:
    """Write a backup of a home; it appears under its name when it is whole.

    Parameters
    ----------
    lake : Lake
        The home; its settings name the records.
    target : Path
        A folder that does not exist yet, or a file that ends in .tar.
    now : datetime
        The current time.
    report : Report
        Progress: called with a step, bytes done and bytes in all.
    derived : bool
        Whether to keep what can be computed again.

    Returns
    -------
    Manifest
        What the backup holds.

    Raises
    ------
    GuanjiaError
        If there is no home, the target is there already or lies in the home, or something cannot
        be read.
    """
    _require_target(lake.home, target)
    url = address_of(lake.settings)
    is_postgres = url.get_backend_name() != "sqlite"
    about = Manifest(
        began_at=now,
        home=str(lake.home),
        home_format=FORMAT,
        release=release(),
        records=_kind_of_records(lake, is_postgres),
        derived=derived,
        latest=_latest(lake),
        erased=len(Erased(lake.settings).all()),
        erasure_key=_fingerprint(lake),
    )
    scratch = lake.home / "tmp"
    scratch.mkdir(exist_ok=True)
    with packing(target) as packer:
        registry = _databases(lake.home / REGISTRY, lake.home)
        entries = _add_databases(packer, scratch, registry, "registry", report)
        with frozen(lake.home, derived=derived) as home:
            entries += _add_files(packer, home, report)
            others = {
                name: path for name, path in home.databases.items() if not name.startswith(REGISTRY)
            }
            if is_postgres:
                others.pop("records.db", None)
            entries += _add_databases(packer, scratch, others, "databases", report)
        if is_postgres:
            report("records on Postgres", 0, None)
            with published(scratch / DUMP) as draft:
                dump_records(url, draft)
                entries.append(packer.add(DUMP, draft))
            (scratch / DUMP).unlink()
        manifest = replace(about, entries=entries)
        packer.add_text(NAME, write_manifest(manifest))
    return manifest


def write_keys(lake: Lake, path: Path) -> list[str]:
    """Write the keys of a home into a file that its owner alone may read; return their names.

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        File to write, apart from the backup.
    """
    keys = {
        name: (lake.home / name).read_text("ascii") for name in KEYS if (lake.home / name).exists()
    }
    if lake.settings.erasure_key is not None:
        keys["erasure.key"] = lake.settings.erasure_key.get_secret_value()
    with published(path, 0o600) as draft:
        draft.write_text(json.dumps(keys, indent=1) + "\n", "utf-8")
    return sorted(keys)


def what_is_missing(lake: Lake) -> list[str]:
    """Say what belongs to this installation and is not in its backup, as sentences."""
    missing = []
    if lake.settings.mlflow_tracking_uri is not None:
        missing.append(
            "The registry is an MLflow server (GUANJIA_MLFLOW_TRACKING_URI): back up its database"
            " and artifacts there."
        )
    if on_redis(lake.settings):
        missing.append(
            "Rows on Redis are not backed up: after a restore `guanjia materialize` loads them."
        )
    return missing


def copy_database(source: Path, target: Path) -> None:
    """Copy a database of SQLite that others may be writing, and check the copy.

    Parameters
    ----------
    source, target : Path
        The file, and where to copy it.

    Raises
    ------
    GuanjiaError
        If the file is damaged or locked.
    """
    address = f"{source.absolute().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            ((verdict,), *_) = copy.execute("PRAGMA quick_check").fetchall()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict != "ok":
        cure = "restore this file from an earlier backup, then run this again"
        raise GuanjiaError(f"database {source}", f"cannot be copied: {verdict}", cure)


def _require_target(home: Path, target: Path) -> None:
    if not home.is_dir():
        raise GuanjiaError(
            f"home {home}", "is not there", "set GUANJIA_HOME to the home to back up"
        )
    if target.exists():
        cure = "name another, such as one with the day in its name"
        raise GuanjiaError(f"{target}", "is there already", cure)
    if target.resolve().is_relative_to(home):
        cure = "name a place outside, best on another disk"
        raise GuanjiaError(f"{target}", "lies in the home that is backed up", cure)


def _kind_of_records(lake: Lake, is_postgres: bool) -> str:
    if is_postgres:
        return "postgres"
    return "sqlite" if (lake.home / "records.db").exists() else "none"


def _latest(lake: Lake) -> str | None:
    days: list[date] = snapshot_dates(lake)
    return str(max(days)) if days else None


def _fingerprint(lake: Lake) -> str | None:
    is_there = lake.settings.erasure_key is not None or (lake.home / "erasure.key").exists()
    return fingerprint(erasure_key(lake.settings)) if is_there else None


def _databases(folder: Path, home: Path) -> dict[str, Path]:
    """List the databases in a folder, by their paths below home."""
    return {path.relative_to(home).as_posix(): path for path in sorted(folder.glob("*.db"))}


def _add_databases(
    packer: Packer, scratch: Path, databases: Mapping[str, Path], step: str, report: Report
) -> list[Entry]:
    entries = []
    for done, (name, path) in enumerate(databases.items()):
        report(step, done, len(databases))
        if not path.exists():
            continue  # online rows of a day that is not published any more
        with published(scratch / f"copy-of-{path.name}") as draft:
            copy_database(path, draft)
            entries.append(packer.add(f"home/{name}", draft))
        (scratch / f"copy-of-{path.name}").unlink()
    report(step, len(databases), len(databases))
    return entries


def _add_files(packer: Packer, home: Frozen, report: Report) -> list[Entry]:
    """Add files, each content once: generations of a home are names of the same files."""
    total = sum(path.stat().st_size for path in home.files.values())
    done = 0
    entries: list[Entry] = []
    packed: dict[tuple[int, int], Entry] = {}
    for name, path in home.files.items():
        about = path.stat()
        identity = about.st_dev, about.st_ino
        if identity in packed:
            entries.append(replace(packed[identity], path=f"home/{name}",
                                   same_as=packed[identity].path))  # fmt: skip
        else:
            packed[identity] = packer.add(f"home/{name}", path)
            entries.append(packed[identity])
        done += about.st_size
        report("files", done, total)
    return entries
