"""SQLite files open in WAL mode whoever else is opening them."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from features.sqlite import connect


def test_many_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    """The first of them changes the journal; SQLite would refuse the others at once."""

    def open_and_read(number: int) -> str:
        with closing(connect(tmp_path / f"{number // 8}.db", 10, "FULL")) as connection:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(open_and_read, range(400))) == {"wal"}


def test_a_file_that_is_kept_is_waited_for(tmp_path: Path) -> None:
    """Who holds the whole file for a moment delays the opening, and does not fail it."""
    path = tmp_path / "a.db"
    begun = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            begun.set()
            time.sleep(0.2)
            other.execute("COMMIT")

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait()
    with closing(connect(path, 10, "FULL")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    holder.join()


def test_a_file_kept_for_longer_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connect(path, 0.05, "FULL")


def test_what_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 4096)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connect(path, 60, "FULL")
