"""Let one process run days of a home at a time; the lock goes with the process."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from features.errors import GuanjiaError

LOCK = ".daily.lock"


class DayHeldError(GuanjiaError):
    """Another process runs a day of this home."""


@contextmanager
def sole_run(home: Path, day: date, since: datetime) -> Iterator[None]:
    """Hold the lock of the days of a home.

    Parameters
    ----------
    home : Path
        The home.
    day : date
        The day that is run, for the sentence that a second run ends with.
    since : datetime
        When this run began.

    Raises
    ------
    DayHeldError
        If another process holds it; the sentence names process, machine, day and since when.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            cure = "wait until it ends; a killed run holds nothing"
            raise DayHeldError(f"home {home}", _holder(lock.read()), cure) from None
        lock.truncate(0)
        json.dump(
            {
                "process": os.getpid(),
                "host": socket.gethostname(),
                "day": day.isoformat(),
                "since": since.isoformat(timespec="seconds"),
            },
            lock,
        )
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return (
            f"is running {holder['day']} since {holder['since']}: process {holder['process']} on "
            f"{holder['host']}"
        )
    except (ValueError, KeyError):
        return "is running a day in another process"
