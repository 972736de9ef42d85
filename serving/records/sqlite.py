"""The records in a file of SQLite: how it is opened, and that it is still the one in its place."""

import sqlite3
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from features.sqlite import file_identity
from serving.records.columns import written


def sqlite_engine(
    url: URL, seconds: float, synchronous: Literal["NORMAL", "FULL"], make: bool = False
) -> Engine:
    """An engine of a file.

    Parameters
    ----------
    seconds : float
        How long to wait for another writer.
    synchronous : {"NORMAL", "FULL"}
        What a power cut may cost: the last transactions, or nothing.
    make : bool
        Whether to make the file where there is none.
    """
    path = Path(str(url.database))

    def connect() -> sqlite3.Connection:
        # An empty file in the place of one that was moved away would take its name.
        mode = "rwc" if make else "rw"
        address = f"{path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=seconds, check_same_thread=False)

    engine = create_engine(
        url,
        creator=connect,
        pool_size=40,  # as many as there are threads to a service
        max_overflow=-1,
        hide_parameters=True,
        json_serializer=written,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        record.info["place"] = file_identity(path)
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA secure_delete = ON")
        # 16 MB instead of 4: pages that change with every write are copied back less often.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")

    @event.listens_for(engine, "checkout")
    def checked(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if file_identity(path) != record.info["place"]:
            raise exc.DisconnectionError  # the pool gives another, of the file that is there

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if file_identity(path) != connection.info["place"]:
            # What is written to a file that was moved away is lost to whoever opens this place.
            connection.invalidate()
            moved = sqlite3.OperationalError("the file was moved away or replaced")
            raise exc.OperationalError("BEGIN", None, moved)
        if word := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(word)

    return engine


def keep_write_ahead_log(engine: Engine, path: Path) -> None:
    """Have SQLite keep a write-ahead log, which a file remembers: readers then block nobody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        connection.execution_options(begin="").exec_driver_sql("PRAGMA journal_mode = WAL")
