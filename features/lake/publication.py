"""Know whether the checked tables of a home are of one check, while the next one replaces them.

A check replaces the files of all tables one by one, because the service reads them meanwhile. A
mark lies beside them from the first to the last.
"""

import fcntl
from pathlib import Path

from features.errors import GuanjiaError


def check_lock(home: Path) -> Path:
    """Return the file that a running check holds locked."""
    return home / ".check.lock"


def unfinished_check(home: Path) -> Path:
    """Return the file that is there while a check replaces those of `checked/`, `quarantine/`."""
    return home / "checked" / ".unfinished"


def refuse_cut_off_check(home: Path, table: str) -> None:
    """Refuse a table of a check that was cut off; wait for one that is publishing its tables.

    Raises
    ------
    GuanjiaError
        If the tables may be of different checks.
    """
    if not unfinished_check(home).exists():
        return
    with check_lock(home).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    if unfinished_check(home).exists():
        raise GuanjiaError(
            f"table {table}",
            "may be of another check than the other tables: the last one was cut off",
            "run `guanjia check` again",
        )
