"""Restore a backup: on another path, on another machine, and without customers erased since.

Every hash is checked while the files lie beside the new home; then they take its name, with a mark
(`restoring.json`) that lets no command use the home before the rest is done: records on Postgres,
addresses that lead to where the home was, the list of the erased. Killed at any point, the same
command goes on.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.erased import MARK, Erased, UnfinishedErasure, erasure_key, read_marks
from features.errors import GuanjiaError
from features.lake import Lake
from features.online.store import on_redis
from features.progress import Report, quiet
from features.publishing import published, published_folder
from features.settings import Settings
from guanjia.jobs.backups.contents import KEYS
from guanjia.jobs.backups.manifest import DUMP, Manifest, fingerprint
from guanjia.jobs.backups.packing import manifest_of, unpack
from guanjia.jobs.backups.postgres_dump import count_rows, load_records
from guanjia.terminal.home_format import RESTORING, refuse_newer
from serving.records.address import address_of
from serving.records.database import Records
from serving.records.people.erase_everywhere import finish_erasure
from training.registry.moved_home import follow_moved_home, spellings

LARGEST = 64 << 20
"""Bytes of a file that are searched for the old path."""
TABLES = (".parquet", ".csv")


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes
    ----------
    manifest : Manifest
        What the backup held.
    home : Path
        The home that is there now.
    erased : int
        Customers of the backup who were erased after it, and are not in the home.
    rows_erased : dict of str to int
        Place -> rows of theirs that were erased.
    left : list of Path
        Files that still name where the home was, or name erased customers and are not ours.
    """

    manifest: Manifest
    home: Path
    erased: int
    rows_erased: dict[str, int]
    left: list[Path]


def restore(
    backup: Path,
    settings: Settings,
    now: datetime,
    report: Report = quiet,
    *,
    keys: Path | None = None,
    erasures: Collection[Path] = (),
) -> Restored:
    """Restore a backup into a new home.

    Parameters
    ----------
    backup : Path
        What `back_up` wrote.
    settings : Settings
        Settings of the new installation: its home, and where its records are.
    now : datetime
        The current time.
    report : Report
        Progress: called with a step, parts done and parts in all.
    keys : Path, optional
        The file of keys (`write_keys`).
    erasures : collection of Path
        Lists of erased customers that may be newer than the backup's own; the copy that the
        settings name is read as well.

    Raises
    ------
    GuanjiaError
        If the backup is damaged or of a newer release, the home is not empty, or a key is missing
        without which erased customers would come back.
    """
    manifest = manifest_of(backup)
    refuse_newer(f"backup {backup}", manifest.home_format, manifest.release)
    marks = _marks(settings, erasures)
    secrets = _keys(settings, manifest, keys, marks)
    is_postgres = _require_records(backup, settings, manifest)
    mark = settings.home / RESTORING
    if not _goes_on(mark, manifest):
        _require_empty(settings.home)
        if is_postgres:
            _require_no_rows(settings)
        with published_folder(settings.home) as home:
            _unpack(backup, manifest, home, report)
            for name, content in secrets.items():
                _write_key(home / name, content)
            about = {"began_at": manifest.began_at.isoformat(), "home": manifest.home}
            (home / RESTORING).write_text(json.dumps(about) + "\n", "utf-8")
    lake = Lake(settings)
    if is_postgres:
        report("records on Postgres", 0, None)
        load_records(address_of(settings), settings.home / DUMP)
    report("addresses of the registry", 0, None)
    _follow(lake, Path(manifest.home))
    places, number, left = _erase_again(lake, marks, now, report)
    if Path(manifest.home) != settings.home:
        left += files_naming(settings.home, Path(manifest.home))
    (settings.home / DUMP).unlink(missing_ok=True)
    mark.unlink()
    return Restored(manifest, settings.home, number, places, left)


def files_naming(home: Path, former: Path) -> list[Path]:
    """List the files of a home, tables of rows apart, that name the folder where it was."""
    sought = [text.encode() for text in set(spellings(former))]
    naming = []
    for path in sorted(home.rglob("*")):
        if path.suffix in TABLES or path.name == RESTORING or not path.is_file():
            continue
        with path.open("rb") as file:
            content = file.read(LARGEST)
        if any(text in content for text in sought):
            naming.append(path)
    return naming


def _marks(settings: Settings, erasures: Collection[Path]) -> set[str]:
    """Read who was erased after the backup, from every list there is."""
    lists = list(erasures)
    if settings.erasures_copy is not None and settings.erasures_copy.exists():
        lists.append(settings.erasures_copy)
    return {mark for path in lists for mark in read_marks(path) if mark.startswith(MARK)}


def _keys(
    settings: Settings, manifest: Manifest, file: Path | None, marks: Collection[str]
) -> dict[str, str]:
    """Read the keys; refuse a restore that could not recognise whom it must erase."""
    keys: dict[str, str] = {}
    if file is not None:
        try:
            keys = {name: key for name, key in json.loads(file.read_text()).items() if name in KEYS}
        except (ValueError, OSError, AttributeError):
            cure = "name the file that `guanjia backup --keys FILE` wrote"
            raise GuanjiaError(f"file {file}", "holds no keys", cure) from None
    given = keys.get("erasure.key")
    if settings.erasure_key is not None:
        given = settings.erasure_key.get_secret_value()
    if given is None and (manifest.erased or marks):
        raise GuanjiaError(
            "the key of the erased customers",
            "is missing: erased customers could not be recognised, and would come back",
            "give --keys FILE, the file that `guanjia backup --keys` wrote, or GUANJIA_ERASURE_KEY",
        )
    if given and manifest.erasure_key and fingerprint(given.encode()) != manifest.erasure_key:
        raise GuanjiaError(
            "the key of the erased customers",
            "is not the one that the backup's home had: nobody would be recognised",
            "give the file of keys that was written with this backup, or the same key as then",
        )
    return keys


def _require_records(backup: Path, settings: Settings, manifest: Manifest) -> bool:
    """Return whether the records go to Postgres; refuse where the backup has others."""
    is_postgres = settings.database is not None
    if manifest.records == "postgres" and not is_postgres:
        cure = "set GUANJIA_DATABASE to an empty database of Postgres"
        raise GuanjiaError(f"backup {backup}", "has its records from Postgres", cure)
    if manifest.records == "sqlite" and is_postgres:
        cure = "unset GUANJIA_DATABASE, restore, then run `guanjia move records postgres`"
        raise GuanjiaError(f"backup {backup}", "has its records in SQLite", cure)
    return manifest.records == "postgres"


def _goes_on(mark: Path, manifest: Manifest) -> bool:
    """Tell whether this backup was being restored here when it was cut off."""
    if not mark.exists():
        return False
    about = json.loads(mark.read_text("utf-8"))
    if about["began_at"] != manifest.began_at.isoformat():
        cure = f"restore that one again, or remove {mark.parent} first"
        raise GuanjiaError(f"home {mark.parent}", "is half restored from another backup", cure)
    return True


def _require_empty(home: Path) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        cure = "name a folder that is empty or not there; move the old home away first"
        raise GuanjiaError(f"home {home}", "is not empty, and nothing is replaced", cure)


def _require_no_rows(settings: Settings) -> None:
    url = address_of(settings)
    rows = count_rows(url)
    if rows:
        cure = "name an empty database in GUANJIA_DATABASE"
        fault = f"has {rows:,} rows already, and nothing is replaced"
        raise GuanjiaError(f"records {url.host}/{url.database}", fault, cure)


def _unpack(backup: Path, manifest: Manifest, home: Path, report: Report) -> None:
    """Unpack a backup, checked, so that `home` itself has the files of the home."""
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=home) as scratch:
        unpack(backup, manifest, Path(scratch), lambda done: report("files", done, manifest.size))
        for path in [*(Path(scratch) / "home").glob("*"), *Path(scratch).glob(DUMP)]:
            path.rename(home / path.name)


def _write_key(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path, 0o600) as draft:
        draft.write_text(content, "ascii")


def _follow(lake: Lake, former: Path) -> None:
    """Let what names the former place of the home name this one."""
    if former != lake.home:
        follow_moved_home(lake, lake.home / "mlflow" / "mlflow.db")
    if any((lake.home / "feast").glob("online*.db")) and not on_redis(lake.settings):
        from features.online.feast_client import apply, forget

        # Its registry names the files of tags by absolute paths, so it is written anew.
        apply(lake)
        forget(lake)


def _erase_again(
    lake: Lake, marks: Collection[str], now: datetime, report: Report
) -> tuple[dict[str, int], int, list[Path]]:
    """Erase whoever was erased before or after the backup and is in it."""
    erased = Erased(lake.settings)
    missing = set(marks) - erased.all().keys()
    if missing:
        erasure_key(lake.settings)
        with erased.changing() as list_of_erased:
            list_of_erased.update(dict.fromkeys(missing, UnfinishedErasure()))
    if not erased:
        return {}, 0, []
    records = Records(lake.settings)
    try:
        records.migrate()
        run = finish_erasure(lake, records, now, report, again=True)
    finally:
        records.close()
    places: Counter[str] = Counter()
    for receipt in run.receipts:
        places.update(receipt.rows)
    return dict(places), len(run.receipts), list(run.left)
