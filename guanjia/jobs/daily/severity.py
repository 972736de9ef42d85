"""Tell a broken bound, a fault that the user can mend, and a machine that does not answer apart."""

import errno
from collections.abc import Iterator

from features.checking.check import BrokenBoundError
from features.errors import GuanjiaError
from guanjia.jobs.daily.history import Ending
from guanjia.jobs.daily.lock import DayHeldError
from serving.records.database import RecordsAwayError
from training.registry.mlflow_client import RegistryAwayError

EXIT_CODES: dict[Ending, int] = {
    "done": 0,
    "broken": 1,
    "fault": 2,
    "environment": 3,
    "failed": 70,
    "cut off": 70,
}
"""Exit code of an ending, milder ones first; 70 is a fault of ours, as `sysexits.h` has it."""
MACHINE = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EACCES, errno.EPERM,
        errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    }
)  # fmt: skip
"""Errors of a disk that is full or away, of rights, and of limits of the system."""
AWAY = (
    RecordsAwayError,
    RegistryAwayError,
    DayHeldError,
    ConnectionError,
    TimeoutError,
    # A lock that another process holds.
    BlockingIOError,
)
"""Errors of what does not answer now."""
WORDS = (
    "no space left",
    "file too large",
    "disk quota",
    "read-only file system",
    "input/output error",
    "permission denied",
    "database or disk is full",
    "disk i/o error",
    "too many open files",
)
"""What engines say of such errors, in lower case."""


def ending_of(error: BaseException) -> Ending:
    """Say how severe an error is, and of which kind.

    Parameters
    ----------
    error : BaseException
        What ended a step, with the errors that it was raised from.
    """
    if isinstance(error, BrokenBoundError):
        return "broken"
    causes = list(_causes(error))
    if any(_is_of_machine(cause) for cause in causes):
        return "environment"
    return "fault" if isinstance(error, GuanjiaError) else "failed"


def worst(endings: list[Ending]) -> Ending:
    """Return the most severe of some endings; "done" where there is none."""
    return max(endings, key=lambda ending: EXIT_CODES[ending], default="done")


def _is_of_machine(error: BaseException) -> bool:
    if isinstance(error, AWAY):
        return True
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in MACHINE):
        return True
    # Engines put the system's words into errors of their own.
    text = str(error).lower()
    return any(words in text for words in WORDS) or type(error).__module__.startswith("redis")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
