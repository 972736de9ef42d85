"""Let one import write to a home at a time."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import GuanjiaError

LOCK = ".import.lock"


@contextmanager
def sole_import(home: Path, mapping: Path) -> Iterator[None]:
    """Hold the lock of imports of a home; it goes with the process, however that ends.

    Parameters
    ----------
    home : Path
        The home.
    mapping : Path
        What is imported, for the sentence that another run ends with.

    Raises
    ------
    GuanjiaError
        If another process imports into this home: the sentence names it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise GuanjiaError(
                f"home {home}", f"is imported into by {_holder(lock.read())}", "wait until it ends"
            ) from None
        lock.truncate(0)
        holder = {"process": os.getpid(), "host": socket.gethostname(), "mapping": str(mapping)}
        json.dump(holder, lock, ensure_ascii=False)
        lock.flush()
        yield
        lock.truncate(0)


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['process']} on {holder['host']} ({holder['mapping']})"
    except (ValueError, KeyError):
        return "another process"
