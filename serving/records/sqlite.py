"""SQLite engine of the records; refuses a file that was moved away or replaced after opening."""

import sqlite3
from pathlib import Path
from typing import Any, Literal, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from features.sqlite import file_identity, keep_write_ahead_log
from serving.records.columns import to_json


def sqlite_engine(
    url: URL, seconds: float, synchronous: Literal["NORMAL", "FULL"], create: bool = False
) -> Engine:
    """Create an engine of a SQLite file.

    Parameters
    ----------
    url : sqlalchemy.URL
        The file.
    seconds : float
        How long to wait for another writer.
    synchronous : {"NORMAL", "FULL"}
        What a power cut may cost: the last transactions, or nothing.
    create : bool
        Whether to create the file if there is none.
    """
    path = Path(str(url.database))

    def connect() -> sqlite3.Connection:
        # Without "c": where a file was moved away, SQLite must not create an empty one instead.
        mode = "rwc" if create else "rw"
        address = f"{path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=seconds, check_same_thread=False)

    engine = create_engine(
        url,
        creator=connect,
        pool_size=40,  # one per thread of a service
        max_overflow=-1,
        hide_parameters=True,
        json_serializer=to_json,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        record.info["place"] = file_identity(path)
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA secure_delete = ON")
        # Checkpoint at 16 MB, not 4: pages that every write changes are copied back less often.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")

    @event.listens_for(engine, "checkout")
    def checked_out(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if file_identity(path) != record.info["place"]:
            raise exc.DisconnectionError  # the pool then opens the file that is there now

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if file_identity(path) != connection.info["place"]:
            # A write to a file that was moved away would be lost.
            connection.invalidate()
            moved = sqlite3.OperationalError("the file was moved away or replaced")
            raise exc.OperationalError("BEGIN", None, moved)
        if statement := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine


def prepare_file(engine: Engine, path: Path, seconds: float) -> None:
    """Create the folder and set the file to a write-ahead log.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Opens the file.
    path : Path
        The file.
    seconds : float
        How long to wait for others who open it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        driver = connection.execution_options(begin="").connection.driver_connection
        keep_write_ahead_log(cast(sqlite3.Connection, driver), seconds)
