"""Open SQLite files in WAL mode: one writer beside readers, with explicit transactions."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from features.errors import GuanjiaError

_BETWEEN_TRIES = 0.01  # seconds


def connect(
    path: Path, timeout: float, synchronous: Literal["NORMAL", "FULL"]
) -> sqlite3.Connection:
    """Connect to a database file, created if missing, for use by the calling thread alone.

    Parameters
    ----------
    path : Path
        The file.
    timeout : float
        Seconds to wait for another writer.
    synchronous : {"NORMAL", "FULL"}
        NORMAL: a power cut may lose the last transactions. FULL: it loses nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    keep_write_ahead_log(connection, timeout)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def keep_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> None:
    """Set a file to a write-ahead log, so that readers block nobody; the file keeps the setting.

    SQLite asks for the whole file to change the setting, and fails at once where another
    connection has it (sqlite.org/wal.html, "Sometimes queries return SQLITE_BUSY in WAL mode"):
    the timeout of the connection does not count. So we try again until it is over.

    Parameters
    ----------
    connection : sqlite3.Connection
        Open, outside a transaction.
    timeout : float
        Seconds to wait for other connections.

    Raises
    ------
    sqlite3.OperationalError
        If others keep the file for longer, or it cannot be read.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_BETWEEN_TRIES)
        else:
            return


def scrub(path: Path, thing: str, timeout: float) -> None:
    """Remove deleted rows from the bytes of a file and of its log; writers wait meanwhile.

    The file is rewritten: split pages keep traces that `secure_delete` does not overwrite.

    Parameters
    ----------
    path : Path
        The database file; nothing happens if it does not exist.
    thing : str
        Name of the database in errors: "the inbox".
    timeout : float
        Seconds to wait for other connections.

    Raises
    ------
    GuanjiaError
        If other connections keep the file in use, or the disk is full.
    """
    if not path.exists():
        return
    cure = "try again; the disk must have as much free space as the database takes"
    with closing(connect(path, timeout, "FULL")) as connection:
        try:
            connection.execute("VACUUM")
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            raise GuanjiaError(thing, f"cannot be rewritten ({error})", cure) from None
    if busy:
        raise GuanjiaError(thing, "is in use, so that its log cannot be emptied", cure)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the block as one write transaction: committed, or rolled back if it raises an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def file_identity(path: Path) -> tuple[int, int] | None:
    """Read (device, inode) of a path, to notice that the file was replaced; None if missing.

    SQLite does not notice: its connection goes on with the file that was moved away.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
