"""SQLite as our files use it: a writer at a time, readers beside it, transactions said aloud."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from features.errors import GuanjiaError


def opened(
    path: Path, timeout: float, synchronous: Literal["NORMAL", "FULL"]
) -> sqlite3.Connection:
    """A connection to a database file, made if need be; for the thread that opens it.

    Parameters
    ----------
    timeout : float
        Seconds to wait for another writer.
    synchronous : {"NORMAL", "FULL"}
        What a power cut may cost: the last transactions, or nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def scrub(path: Path, thing: str, timeout: float) -> None:
    """Take what was deleted out of the file and its log as well; writers wait meanwhile.

    The file is written anew: pages that were split keep traces that no `secure_delete` overwrites.

    Raises
    ------
    GuanjiaError
        If somebody reads or writes all the time, or the disk is full.
    """
    if not path.exists():
        return
    cure = "try again; the database needs as much free disk as it takes"
    with closing(opened(path, timeout, "FULL")) as connection:
        try:
            connection.execute("VACUUM")
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            raise GuanjiaError(thing, f"cannot be written anew ({error})", cure) from None
    if busy:
        raise GuanjiaError(thing, "is in use, so that its log cannot be emptied", cure)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction, alone: all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def place_of(path: Path) -> tuple[int, int] | None:
    """Which file is there, None where there is none: another one under the same name differs.

    A connection to a file that was moved away reads and writes it for ever; SQLite does not mind.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
