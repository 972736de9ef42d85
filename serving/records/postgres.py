"""Create Postgres engines that never wait longer than a given time.

A frozen server still answers at the level of TCP, so neither a timeout of the server nor one of
the socket ends the wait. psycopg2 lets us wait ourselves, with a deadline for each thread.
"""

import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from features.errors import GuanjiaError
from serving.records.columns import to_json

CONNECTIONS = 8  # per process; Postgres allows 100 in all by default
DRIVER = "postgresql+psycopg2"


class _Deadline(threading.local):
    """The `time.monotonic` until which this thread waits for Postgres; None: no limit."""

    until: float | None = None


_deadline = _Deadline()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit how long this thread waits for Postgres in the block, over all its statements."""
    before = _deadline.until
    _deadline.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _deadline.until = before


def postgres_engine(url: URL, seconds: float) -> Engine:
    """Create the engine for requests: few connections, tested before use, every wait bounded.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database.
    seconds : float
        Limit in seconds after which the server cancels a statement, and after which a caller
        stops waiting for a free connection.
    """
    _wait_ourselves()
    limit = int(seconds * 1000)
    return create_engine(
        url,
        # Caps count after they got the customer's lock: a snapshot of the table from before the
        # lock would count too few contacts.
        isolation_level="READ COMMITTED",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=seconds,
        pool_pre_ping=True,
        connect_args={
            "application_name": "guanjia",
            "options": f"-c statement_timeout={limit}"
            # A frozen process must not keep a customer's lock.
            f" -c idle_in_transaction_session_timeout={10 * limit}",
        },
        hide_parameters=True,
        json_serializer=to_json,
    )


def maintenance_engine(url: URL) -> Engine:
    """Create an engine without statement timeout, for migrations and clean-up."""
    _wait_ourselves()
    return create_engine(url, poolclass=NullPool, hide_parameters=True, json_serializer=to_json)


def _wait_ourselves() -> None:
    try:
        from psycopg2 import extensions
    except ImportError:
        cure = "install it with `pip install guanjia[postgres]`"
        raise GuanjiaError("Postgres driver psycopg2", "is not installed", cure) from None
    extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    """Wait for the server until the deadline of this thread; psycopg2 calls this to wait."""
    from psycopg2 import OperationalError, extensions

    while (state := connection.poll()) != extensions.POLL_OK:
        until = _deadline.until
        left = None if until is None else max(0.0, 1000 * (until - time.monotonic()))
        ready = select.poll()  # `select.select` takes no file number above 1,023
        direction = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        ready.register(connection.fileno(), direction)
        if not ready.poll(left):
            # psycopg2 closes the connection, and the pool drops it.
            raise OperationalError("no answer in time")
