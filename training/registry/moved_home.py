"""Bring MLflow's local database after a home that was moved, copied or restored elsewhere.

MLflow keeps where artifacts are as absolute addresses, in several tables, and writes those of a new
run below the address of its experiment. In a home that lies elsewhere now, a training would write
its bundle to the old place and read the bundles of others from there. So whoever opens the registry
asks here first. A home that lies where it was costs one query.
"""

import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from features.lake import Lake
from features.publishing import published_folder
from features.sqlite import transaction

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
ARTIFACTS = "/mlflow/artifacts"
_PLACES = f"""
SELECT DISTINCT substr(place, 1, instr(place, '{ARTIFACTS}') - 1) FROM (
    SELECT artifact_location AS place FROM experiments UNION ALL SELECT artifact_uri FROM runs
) WHERE place LIKE 'file:///%{ARTIFACTS}%'
"""


def follow_moved_home(lake: Lake, database: Path) -> int:
    """Rewrite addresses of other homes in MLflow's database to this home; return how many.

    Artifacts of its runs that lie in the old place alone are copied here first: releases before
    0.2.0 wrote them there.

    Parameters
    ----------
    lake : Lake
        The home as it lies now.
    database : Path
        MLflow's SQLite file; nothing happens if there is none yet.
    """
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database, timeout=PATIENCE_SECONDS, isolation_level=None)) as file:
        changed = 0
        for former in _former_homes(file, lake.home):
            _bring_artifacts(file, former, lake.home)
            changed += rewrite_paths(file, former, lake.home)
            logger.warning(
                "home %s was at %s before: MLflow's addresses lead here from now on, and"
                " trainings write here",
                lake.home,
                former,
            )
    return changed


def rewrite_paths(file: sqlite3.Connection, former: Path, home: Path) -> int:
    """Rewrite a path, and what lies below it, in every text of a database; return how many rows.

    Parameters
    ----------
    file : sqlite3.Connection
        The database, outside a transaction.
    former, home : Path
        Folder that is named, and the folder to name instead.
    """
    pairs = list(zip(spellings(former), spellings(home), strict=True))
    file.create_function("moved", 1, lambda text: _moved(text, pairs), deterministic=True)
    changed = 0
    with transaction(file):
        for table, column in list(_columns(file)):
            changed += file.execute(
                f'UPDATE "{table}" SET "{column}" = moved("{column}")'
                f' WHERE typeof("{column}") = \'text\' AND moved("{column}") <> "{column}"'
            ).rowcount
    return changed


def spellings(folder: Path) -> tuple[str, str, str]:
    """Return how a folder is written: as an address, as a path, and within JSON."""
    return folder.as_uri(), str(folder), json.dumps(str(folder))[1:-1]


def _moved(text: str, pairs: list[tuple[str, str]]) -> str:
    """Rewrite a text; a folder whose name only begins like the former one is another folder."""
    for old, new in pairs:
        if old in text:
            ends = rf"(?<![\w./~-]){re.escape(old)}(?![\w.-])"
            text = re.sub(ends, lambda _, new=new: new, text)  # type: ignore[misc]
    return text


def _former_homes(file: sqlite3.Connection, home: Path) -> list[Path]:
    """List the homes other than this one in which artifacts are looked for."""
    try:
        places = [str(place) for (place,) in file.execute(_PLACES)]
    except sqlite3.OperationalError:
        return []  # an empty file: MLflow makes its tables when it opens it
    homes = {Path(unquote(urlsplit(place).path)) for place in places}
    return sorted(homes - {home})


def _bring_artifacts(file: sqlite3.Connection, former: Path, home: Path) -> None:
    """Copy the artifacts of runs that this home lacks and the old place still has."""
    for (address,) in file.execute("SELECT artifact_uri FROM runs").fetchall():
        old = Path(unquote(urlsplit(str(address)).path))
        if not old.is_relative_to(former):
            continue
        new = home / old.relative_to(former)
        try:
            if new.exists() or not old.is_dir():
                continue
            with published_folder(new) as draft:
                for path in sorted(old.rglob("*")):
                    target = draft / path.relative_to(old)
                    if path.is_dir():
                        target.mkdir(parents=True, exist_ok=True)
                    else:
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(path.read_bytes())
        except PermissionError:
            logger.warning("artifacts in %s cannot be read, and stay there", old)


def _columns(file: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the columns of all tables."""
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (table,) in file.execute(tables).fetchall():
        for row in file.execute(f'PRAGMA table_info("{table}")'):
            yield str(table), str(row[1])
