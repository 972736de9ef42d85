"""Postgres that cannot hang us: whoever waits for it waits for so many seconds, and no longer.

A frozen server still answers at the level of TCP, so neither a timeout of the server nor one of
the socket ends the wait. psycopg2 lets us do the waiting ourselves.
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
from serving.records.columns import written

CONNECTIONS = 8  # a process; Postgres allows 100 in all unless it is told otherwise
DRIVER = "postgresql+psycopg2"


class _Patience(threading.local):
    """Until when this thread waits for Postgres; None: as long as it takes."""

    until: float | None = None


_patience = _Patience()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait for Postgres no longer than so many seconds in all, whatever is done within."""
    before = _patience.until
    _patience.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _patience.until = before


def postgres_engine(url: URL, seconds: float) -> Engine:
    """An engine for requests: few connections, tried before use, every wait bounded.

    Parameters
    ----------
    seconds : float
        After which the server gives up a statement that nobody waits for any more.
    """
    _wait_ourselves()
    limit = int(seconds * 1000)
    return create_engine(
        url,
        # The caps count after they have the customer's lock: with an older view of the table than
        # that they would count too few.
        isolation_level="READ COMMITTED",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=seconds,
        pool_pre_ping=True,
        connect_args={
            "application_name": "guanjia",
            "options": f"-c statement_timeout={limit}"
            # A process that froze must not keep a customer's lock.
            f" -c idle_in_transaction_session_timeout={10 * limit}",
        },
        hide_parameters=True,
        json_serializer=written,
    )


def patient_engine(url: URL) -> Engine:
    """An engine for migrations and clean-up, which take as long as they take."""
    _wait_ourselves()
    return create_engine(url, poolclass=NullPool, hide_parameters=True, json_serializer=written)


def _wait_ourselves() -> None:
    try:
        from psycopg2 import extensions
    except ImportError:
        cure = "install it with `pip install guanjia[postgres]`"
        raise GuanjiaError("Postgres driver psycopg2", "is not installed", cure) from None
    extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    """What psycopg2 calls whenever it would wait for the server."""
    from psycopg2 import OperationalError, extensions

    while (state := connection.poll()) != extensions.POLL_OK:
        until = _patience.until
        left = None if until is None else max(0.0, 1000 * (until - time.monotonic()))
        ready = select.poll()  # `select.select` takes no file number above 1,023
        wanted = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        ready.register(connection.fileno(), wanted)
        if not ready.poll(left):
            # psycopg2 closes the connection, and the pool forgets it.
            raise OperationalError("no answer in time")
