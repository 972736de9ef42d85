"""Database of the records: transactions on SQLite under home, or on Postgres.

`GUANJIA_DATABASE` names the Postgres. A database that does not answer a request within two seconds
is a `RecordsAwayError`: a contact that cannot be recorded must not be made. Commands over many
customers wait longer (`LONG_SECONDS`): a scan of all contacts is no fault. While Postgres is down,
one caller per second tries to connect; the others are refused at once, so that no thread waits.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    exc,
    func,
    select,
    text,
)

from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.breaker import Breaker
from serving.records import campaign_tables  # noqa: F401  (its tables belong to METADATA)
from serving.records.address import address_of
from serving.records.postgres import maintenance_engine, postgres_engine, time_limit
from serving.records.revisions import MIGRATIONS, newest_revision, read_revision, require_known
from serving.records.sqlite import prepare_file, sqlite_engine
from serving.records.tables import METADATA

WAIT_SECONDS = 2.0
LONG_SECONDS = 600.0
PAUSE_SECONDS = 1.0
LOG_SECONDS = 1.0  # writers wait this long while SQLite waits to empty its log
_LOCK = select(func.pg_advisory_xact_lock(bindparam("number")))
_LOCK_ALL = text(
    "SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"
)


AWAY = "业务记录库", "暂时没有应答", "请稍后再试；一直如此就告诉运行人员"
"""What the error of records that do not answer says in Chinese."""


class RecordsAwayError(GuanjiaError):
    """The records cannot be read or written now."""


class Records:
    """The records of an installation; threads and processes share them.

    Parameters
    ----------
    settings : Settings
        Settings with the home folder and, for Postgres, `database`.
    seconds : float
        How long a transaction waits for the database where it does not say it itself.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_DATABASE` is not the address of a Postgres, or its driver is not installed.
    """

    def __init__(self, settings: Settings, seconds: float = WAIT_SECONDS) -> None:
        self._url = address_of(settings)
        self._seconds = seconds
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = (
            sqlite_engine(self._url, seconds, "NORMAL")
            if self._is_sqlite
            else postgres_engine(self._url, seconds)
        )
        self._writer = self._durable_writer = self._no_wait_writer = self._engine
        if self._is_sqlite:
            durable = sqlite_engine(self._url, seconds, "FULL")
            self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
            self._durable_writer = durable.execution_options(begin="BEGIN IMMEDIATE")
            no_wait = sqlite_engine(self._url, 0, "NORMAL")
            self._no_wait_writer = no_wait.execution_options(begin="BEGIN IMMEDIATE")
        self._breaker = Breaker(PAUSE_SECONDS)
        self._last_fault = ""
        # SQLite has one writer at a time and polls for its lock; this lock wakes the next at once.
        self._write_lock = threading.Lock()
        self._writer_connections: dict[Engine, Connection] = {}

    @property
    def place(self) -> str:
        """Where the records are, without a password: a file, or host and database."""
        url = self._url
        return str(url.database) if self._is_sqlite else f"{url.host}/{url.database}"

    @property
    def is_local(self) -> bool:
        """True if the records are a file of this machine, so that no network is waited for."""
        return self._is_sqlite

    @contextmanager
    def writing(
        self, seconds: float | None = None, *, durable: bool = False
    ) -> Iterator[Connection]:
        """Begin a transaction that writes; commit it at the end of the block.

        Parameters
        ----------
        seconds : float, optional
            How long to wait for the database; 0: do not wait for another writer either. Default:
            as the records were opened.
        durable : bool
            Whether it must survive a power cut, as a customer's consent must: SQLite then waits
            for the disk. A killed process loses nothing either way, and Postgres always waits.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached, is locked, or cannot write.
        """
        seconds = self._seconds if seconds is None else seconds
        with self._translate_errors(seconds):
            quick = self._writer if seconds else self._no_wait_writer
            engine = self._durable_writer if durable else quick
            if not self._is_sqlite:
                with self._begin_postgres() as connection:
                    yield connection
                return
            if not self._write_lock.acquire(timeout=seconds):
                raise self._away(f"other writers did not finish within {seconds:g} s")
            try:
                with self._writer_connection(engine) as connection, connection.begin():
                    yield connection
            finally:
                self._write_lock.release()

    @contextmanager
    def undoing(self) -> Iterator[Connection]:
        """Begin a transaction that writes, and undo all of it at the end of the block.

        Raises
        ------
        RecordsAwayError
            As `writing`.
        """
        with self.writing() as connection:
            yield connection
            if (transaction := connection.get_transaction()) is not None:
                transaction.rollback()

    @contextmanager
    def _writer_connection(self, engine: Engine) -> Iterator[Connection]:
        """Reuse the one connection of SQLite's one writer; drop it after a fault."""
        connection = self._writer_connections.pop(engine, None) or engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._writer_connections[engine] = connection

    @contextmanager
    def reading(self, seconds: float | None = None) -> Iterator[Connection]:
        """Begin a transaction that only reads.

        Parameters
        ----------
        seconds : float, optional
            How long to wait for the database. Default: as the records were opened.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached.
        """
        seconds = self._seconds if seconds is None else seconds
        begin = self._engine.begin if self._is_sqlite else self._begin_postgres
        with self._translate_errors(seconds), begin() as connection:
            yield connection

    def create(self) -> None:
        """Create the file of SQLite if there is none; a database of Postgres is there."""
        with self._maintenance(LONG_SECONDS) as engine:
            if self._is_sqlite:
                prepare_file(engine, Path(str(self._url.database)), LONG_SECONDS)

    def migrate(self) -> None:
        """Migrate the tables to this version; several processes may do so at once.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached or changed.
        """
        self.create()
        with self._maintenance(LONG_SECONDS) as engine, engine.begin() as connection:
            advisory_lock(connection, "migrations")
            revision = read_revision(connection)
            if revision == newest_revision():
                return  # Alembic takes a command longer to import than the rest of its work
            require_known(revision, self.place, self._is_sqlite)
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def scrub(self) -> None:
        """Scrub deleted rows from the database files, after an erasure; writers wait meanwhile.

        SQLite's file is written anew, since pages that were split keep traces that `secure_delete`
        does not overwrite, and its log is emptied. Postgres has its tables vacuumed.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached, or readers keep the log from being emptied.
        """
        seconds = LOG_SECONDS if self._is_sqlite else LONG_SECONDS
        with self._maintenance(seconds) as engine, _without_transaction(engine) as connection:
            if not self._is_sqlite:
                for table in METADATA.sorted_tables:
                    connection.exec_driver_sql(f"VACUUM {table.name}")
                return
            connection.exec_driver_sql("VACUUM")
            if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar():
                raise self._away("is in use, so that its log cannot be emptied")

    def close(self) -> None:
        """Close every connection."""
        with self._write_lock:
            while self._writer_connections:
                self._writer_connections.popitem()[1].close()
        for engine in (self._engine, self._durable_writer, self._no_wait_writer):
            engine.dispose()

    @contextmanager
    def _begin_postgres(self) -> Iterator[Connection]:
        """Begin a transaction of Postgres, unless it could not be reached a moment ago.

        A later failure does not open the breaker: it may be the lock of one customer.
        """
        if not self._breaker.may_ask(clock.ticks()):
            raise self._away(self._last_fault)
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._engine.begin())
            except (exc.OperationalError, exc.InterfaceError) as error:
                self._last_fault = _first_line(error)
                self._breaker.failed(clock.ticks())
                raise
            self._breaker.answered()
            yield connection

    @contextmanager
    def _maintenance(self, seconds: float) -> Iterator[Engine]:
        """Open an engine for one long task, with its own time limit."""
        if self._is_sqlite:
            engine = sqlite_engine(self._url, seconds, "FULL", create=True)
        else:
            engine = maintenance_engine(self._url)
        try:
            with self._translate_errors(seconds):
                yield engine.execution_options(begin="BEGIN IMMEDIATE")
        finally:
            engine.dispose()

    @contextmanager
    def _translate_errors(self, seconds: float) -> Iterator[None]:
        """Limit the wait in the block; raise failures of the database as `RecordsAwayError`."""
        try:
            with time_limit(seconds):
                yield
        except exc.TimeoutError:
            raise self._away("all connections of this process are in use") from None
        except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
            raise self._away(_first_line(error)) from None
        except exc.ProgrammingError as error:
            fault = f"does not have the tables of this version ({_first_line(error)})"
            raise self._away(fault) from None
        except exc.IntegrityError:
            raise
        except exc.StatementError as error:
            cure = "send numbers in range, None for NaN, and texts without NUL characters"
            fault = f"cannot be stored: {_first_line(error)}"
            raise GuanjiaError("value for the records", fault, cure) from None

    def _away(self, fault: str) -> RecordsAwayError:
        url = self._url
        if self._is_sqlite:
            cure = (
                "try again; check that the disk is not full, the home can be written and no other"
                " process locks the file"
            )
            return RecordsAwayError(f"records {self.place}", fault, cure, chinese=AWAY)
        if url.password:
            fault = fault.replace(str(url.password), "***")
        cure = "check that the server runs and GUANJIA_DATABASE is right, then try again"
        return RecordsAwayError(f"records {self.place}", fault, cure, chinese=AWAY)


def lock_customer(connection: Connection, customer_id: str) -> None:
    """Lock a customer until the end of the transaction: only one transaction writes at a time.

    SQLite has one writer at a time anyway; on Postgres, writes for other customers go on.
    """
    advisory_lock(connection, f"customer {customer_id}")


def lock_customers(connection: Connection, customer_ids: Collection[str]) -> None:
    """Lock many customers as `lock_customer` does, in an order in which no two callers block."""
    if connection.dialect.name == "postgresql":
        numbers = sorted(_lock_number(f"customer {customer}") for customer in customer_ids)
        connection.execute(_LOCK_ALL, {"numbers": numbers})


def advisory_lock(connection: Connection, name: str) -> None:
    """Wait for the lock of a name and hold it until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"number": _lock_number(name)})


def _lock_number(name: str) -> int:
    """Hash a name to the number of an advisory lock: 64 bits, signed."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@contextmanager
def _without_transaction(engine: Engine) -> Iterator[Connection]:
    """Open a connection that begins no transaction."""
    is_sqlite = engine.dialect.name == "sqlite"
    options: Any = {"begin": ""} if is_sqlite else {"isolation_level": "AUTOCOMMIT"}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


def _first_line(error: exc.StatementError) -> str:
    return (str(error.orig).strip().splitlines() or ["no reason given"])[0]
