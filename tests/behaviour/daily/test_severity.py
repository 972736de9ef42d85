"""A broken bound, a fault to mend and a machine that is away are told apart, however wrapped."""

import errno
import sqlite3

import pytest

from features.checking.check import BrokenBoundError
from features.errors import GuanjiaError
from guanjia.jobs.daily.severity import EXIT_CODES, ending_of, worst
from serving.records.database import RecordsAwayError

FULL = OSError(errno.ENOSPC, "No space left on device")


def raised_from(cause: Exception, error: Exception) -> Exception:
    """An error as it is caught where it was raised from another one."""
    try:
        try:
            raise cause
        except type(cause) as fault:
            raise error from fault
    except type(error) as caught:
        return caught


def raised_instead(cause: Exception, error: Exception) -> Exception:
    """The same where the other one is not to be shown."""
    try:
        try:
            raise cause
        except type(cause):
            raise error from None
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BrokenBoundError("the delivery", "has no good row", "mend it", []), 1),
        (GuanjiaError("mapping", "is not there", "write it"), 2),
        (FULL, 3),
        (OSError(errno.EROFS, "Read-only file system"), 3),
        (raised_from(FULL, GuanjiaError("the check", "cannot write", "make room")), 3),
        (sqlite3.OperationalError("database or disk is full"), 3),
        (RecordsAwayError("records", "do not answer", "look"), 3),
        (raised_from(ConnectionRefusedError(), GuanjiaError("Redis", "is away", "start it")), 3),
        (raised_instead(BlockingIOError(), GuanjiaError("home", "is being checked", "wait")), 3),
        (raised_from(KeyError("x"), GuanjiaError("file", "is damaged", "restore it")), 2),
        (FileNotFoundError(errno.ENOENT, "No such file"), 70),
        (ZeroDivisionError(), 70),
    ],
)
def test_every_error_has_the_exit_code_of_who_must_act(error: Exception, code: int) -> None:
    assert EXIT_CODES[ending_of(error)] == code


def test_of_several_the_most_severe_counts() -> None:
    assert worst([]) == "done"
    assert worst(["broken", "environment", "fault"]) == "environment"
