"""The database of the records: one engine, transactions for reading and for writing.

SQLite under the home folder, or the Postgres that `GUANJIA_DATABASE` names. Whatever keeps it from
answering, in two seconds at most, is a `RecordsAwayError`: who may not write down a contact may not
make it either. While Postgres cannot be reached one caller a second tries; the others hear so at
once, and hold no thread that other requests need.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    bindparam,
    exc,
    func,
    make_url,
    select,
)

from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.breaker import Breaker
from serving.records.postgres import DRIVER, patience, patient_engine, postgres_engine
from serving.records.sqlite import keep_write_ahead_log, sqlite_engine
from serving.records.tables import METADATA

WAIT_SECONDS = 2.0
LONG_SECONDS = 600.0
PAUSE_SECONDS = 1.0
LOG_SECONDS = 1.0  # writers wait as long while SQLite waits to empty its log
MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = select(func.pg_advisory_xact_lock(bindparam("number")))


class RecordsAwayError(GuanjiaError):
    """The records cannot be read or written now."""


class Records:
    """The records of an installation; threads and processes share them.

    Parameters
    ----------
    settings : Settings
        Whose `database` or home folder holds them.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_DATABASE` is no address of a Postgres, or its driver is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = _address(settings)
        self._lite = self._url.get_backend_name() == "sqlite"
        self._engine = (
            sqlite_engine(self._url, WAIT_SECONDS, "NORMAL")
            if self._lite
            else postgres_engine(self._url, WAIT_SECONDS)
        )
        self._writer = self._durable = self._prompt = self._engine
        if self._lite:
            durable = sqlite_engine(self._url, WAIT_SECONDS, "FULL")
            self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
            self._durable = durable.execution_options(begin="BEGIN IMMEDIATE")
            prompt = sqlite_engine(self._url, 0, "NORMAL")
            self._prompt = prompt.execution_options(begin="BEGIN IMMEDIATE")
        self._reached = Breaker(PAUSE_SECONDS)
        self._why_not = ""
        # SQLite lets one write at a time, and whoever waits there sleeps; here the next is woken.
        self._turn = threading.Lock()
        self._kept: dict[Engine, Connection] = {}

    @property
    def near(self) -> bool:
        """Whether they are a file of this machine: asking them takes no wait for a network."""
        return self._lite

    @contextmanager
    def writing(
        self, seconds: float = WAIT_SECONDS, *, durable: bool = False
    ) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing.

        Parameters
        ----------
        seconds : float
            How long to wait for the database; 0: not for another writer either.
        durable : bool
            Whether it must survive a power cut too, as what a customer said must: SQLite then waits
            for the disk. A killed process loses nothing either way, and Postgres always waits.

        Raises
        ------
        RecordsAwayError
            If it cannot be reached, is locked, or cannot write.
        """
        with self._answering(seconds):
            engine = self._durable if durable else self._writer if seconds else self._prompt
            if not self._lite:
                with self._begun() as connection:
                    yield connection
                return
            if not self._turn.acquire(timeout=seconds):
                raise self._away("other writers do not come to an end")
            try:
                with self._writers_own(engine) as connection, connection.begin():
                    yield connection
            finally:
                self._turn.release()

    @contextmanager
    def _writers_own(self, engine: Engine) -> Iterator[Connection]:
        """SQLite's one writer has one connection; after a fault he gets another."""
        connection = self._kept.pop(engine, None) or engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._kept[engine] = connection

    @contextmanager
    def reading(self, seconds: float = WAIT_SECONDS) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached.
        """
        began = self._engine.begin if self._lite else self._begun
        with self._answering(seconds), began() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may do so at once.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached or changed.
        """
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._patient(LONG_SECONDS) as engine:
            if self._lite:
                keep_write_ahead_log(engine, Path(str(self._url.database)))
            with engine.begin() as connection:
                hold_name(connection, "migrations")
                config.attributes["connection"] = connection
                command.upgrade(config, "head")

    def scrub(self) -> None:
        """Take what was deleted out of the files as well, after an erasure.

        SQLite's file is written anew, since pages that were split keep traces that `secure_delete`
        does not overwrite, and its log is emptied; Postgres has its tables vacuumed. Writers wait
        meanwhile.

        Raises
        ------
        RecordsAwayError
            If the database cannot be reached, or readers keep the log from being emptied.
        """
        seconds = LOG_SECONDS if self._lite else LONG_SECONDS
        with self._patient(seconds) as engine, _bare(engine) as connection:
            if not self._lite:
                for table in METADATA.sorted_tables:
                    connection.exec_driver_sql(f"VACUUM {table.name}")
                return
            connection.exec_driver_sql("VACUUM")
            if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar():
                raise self._away("is in use, so that its log cannot be emptied")

    def close(self) -> None:
        """Close every connection."""
        with self._turn:
            while self._kept:
                self._kept.popitem()[1].close()
        for engine in (self._engine, self._durable, self._prompt):
            engine.dispose()

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction of Postgres, unless it could not be reached a moment ago.

        What fails later says nothing of the server: it may be one customer's lock.
        """
        if not self._reached.may_ask(clock.ticks()):
            raise self._away(self._why_not)
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._engine.begin())
            except (exc.OperationalError, exc.InterfaceError) as error:
                self._why_not = _first_line(error)
                self._reached.failed(clock.ticks())
                raise
            self._reached.answered()
            yield connection

    @contextmanager
    def _patient(self, seconds: float) -> Iterator[Engine]:
        """An engine that waits longer, for a moment."""
        lite = self._lite
        made = (
            sqlite_engine(self._url, seconds, "FULL", True) if lite else patient_engine(self._url)
        )
        try:
            with self._answering(seconds):
                yield made.execution_options(begin="BEGIN IMMEDIATE")
        finally:
            made.dispose()

    @contextmanager
    def _answering(self, seconds: float) -> Iterator[None]:
        """Wait so long; whatever the database does not do is `RecordsAwayError`."""
        try:
            with patience(seconds):
                yield
        except exc.TimeoutError:
            raise self._away("all its connections are in use") from None
        except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
            raise self._away(_first_line(error)) from None
        except exc.ProgrammingError as error:
            fault = f"does not have the tables of this version ({_first_line(error)})"
            raise self._away(fault) from None
        except exc.IntegrityError:
            raise
        except exc.StatementError as error:
            cure = "send numbers in range, None for NaN, and texts without NUL"
            raise GuanjiaError(
                "value for the records", f"cannot be kept: {_first_line(error)}", cure
            ) from None

    def _away(self, fault: str) -> RecordsAwayError:
        url = self._url
        if self._lite:
            cure = "try again; see that the disk is not full and that nothing else holds the file"
            return RecordsAwayError(f"records {url.database}", fault, cure)
        if url.password:
            fault = fault.replace(str(url.password), "***")
        cure = "see that the server answers and GUANJIA_DATABASE is right, and try again"
        return RecordsAwayError(f"records {url.host}/{url.database}", fault, cure)


def hold_customer(connection: Connection, customer_id: str) -> None:
    """Wait until no other transaction writes for this customer, and keep others waiting.

    SQLite has one writer at a time anyway; on Postgres other customers are not held up.
    """
    hold_name(connection, f"customer {customer_id}")


def hold_name(connection: Connection, name: str) -> None:
    """Have something, until the end of the transaction, that one transaction at a time can have."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"number": _number(name)})


def _number(name: str) -> int:
    """The number of an advisory lock: 64 bits, signed."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _address(settings: Settings) -> URL:
    if settings.database is None:
        return URL.create("sqlite", database=str(settings.home / "records.db"))
    cure = "write postgresql://user:password@host/database, or leave it out for SQLite"
    try:
        url = make_url(settings.database)
    except (exc.ArgumentError, ValueError):
        # What it says would repeat the address, and with it the password.
        raise GuanjiaError("GUANJIA_DATABASE", "is no address of a database", cure) from None
    if url.drivername not in ("postgres", "postgresql", DRIVER):
        raise GuanjiaError("GUANJIA_DATABASE", f"names {url.drivername}, not Postgres", cure)
    return url.set(drivername=DRIVER)


@contextmanager
def _bare(engine: Engine) -> Iterator[Connection]:
    """A connection without a transaction."""
    lite = engine.dialect.name == "sqlite"
    options: Any = {"begin": ""} if lite else {"isolation_level": "AUTOCOMMIT"}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


def _first_line(error: exc.StatementError) -> str:
    return (str(error.orig).strip().splitlines() or ["no reason given"])[0]
