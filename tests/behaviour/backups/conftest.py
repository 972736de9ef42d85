"""A small home in which everything of a backup was done once, and what two homes have in common."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from shared import made_once

Run = Callable[..., Any]
CUSTOMERS, DAY = 30, "2026-06-30"
ERASED = "C00000003"


@pytest.fixture(scope="session")
def insurer(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A small home with snapshot, online rows, records and one customer who was erased."""

    def make(home: Path) -> None:
        for words in (
            ("simulate", "--customers", str(CUSTOMERS)), ("check",), ("tags", "--as-of", DAY),
            ("materialize", "--now", "2026-07-01T09:00+08:00"), ("erase", ERASED, "--who", "a"),
            ("token",),
        ):  # fmt: skip
            done = run(home, *words)
            assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "backup-insurer", make)


@pytest.fixture
def old(insurer: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(insurer, tmp_path / "old" / "home"))


@pytest.fixture(scope="session")
def content() -> Callable[[Path], dict[str, str]]:
    """Path -> hash of every file of a home; of a database, of its rows."""
    return content_of


def content_of(home: Path) -> dict[str, str]:
    """Path -> hash of every file of a home; of a database, of its rows."""
    files = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not path.is_file() or name.startswith(("tmp/", "compiled/", "feast/registry")):
            continue
        written = path.read_bytes()
        if written[:15] == b"SQLite format 3":
            with closing(sqlite3.connect(path)) as database:
                written = "\n".join(database.iterdump()).encode()
        if not name.endswith(("lock", ".writing", "-wal", "-shm")):
            files[name] = hashlib.sha256(written).hexdigest()
    return files


@pytest.fixture(scope="session")
def done() -> Callable[[Any], Any]:
    """The JSON of a command that must have done its work: `done(run(home, ...))`."""

    def read(result: Any) -> Any:
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return read
