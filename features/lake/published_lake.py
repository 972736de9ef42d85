"""Open a home as its readers see it: the published day, or the working area of before."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from features.errors import GuanjiaError
from features.lake.connection import Lake
from features.lake.pointer import POINTER, PublishedDay, pointer_held, read_pointer
from features.settings import Settings

logger = logging.getLogger(__name__)


def published_lake(settings: Settings) -> Lake:
    """Open what is published of a home; where nothing ever was, its working area.

    Parameters
    ----------
    settings : Settings
        Name the home.

    Returns
    -------
    Lake
        It stays at the day that is published now, also when another one is published later.

    Raises
    ------
    GuanjiaError
        If the pointer is damaged.
    """
    return Lake(settings, read_pointer(settings.home))


class ServedLake(Lake):
    """The lake of a process that lives for many days: it follows the pointer; threads share it.

    Inside `one_day`, which a request is wrapped in, it stays at the day of the beginning.

    Parameters
    ----------
    settings : Settings
        Name the home.

    Raises
    ------
    GuanjiaError
        If the pointer is damaged.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._pinned: ContextVar[tuple[PublishedDay | None] | None]
        self._pinned = ContextVar("published day", default=None)
        self._read = self._identity()
        self._day = read_pointer(self.home)

    @property
    def day(self) -> PublishedDay | None:
        """The published day it reads now; None: nothing was ever published."""
        pinned = self._pinned.get()
        return self._day if pinned is None else pinned[0]

    @property
    def slot(self) -> str:
        """The slot of that day."""
        day = self.day
        return "" if day is None else day.slot

    @contextmanager
    def one_day(self) -> Iterator[None]:
        """Take the day that is published now, and stay at it inside the block."""
        self.follow()
        token = self._pinned.set((self._day,))
        try:
            yield
        finally:
            self._pinned.reset(token)

    @contextmanager
    def live(self) -> Iterator[Lake]:
        """Hold the day that is published now: no other one is published inside the block."""
        with pointer_held(self.home):
            self.follow()
            yield Lake(self.settings, self._day) if self._day else self

    def follow(self) -> None:
        """Read the pointer if it was replaced; one that is damaged leaves the day as it is."""
        identity = self._identity()
        if identity == self._read:
            return
        try:
            self._day = read_pointer(self.home)
        except GuanjiaError as fault:
            logger.error("the service stays at %s: %s", self._day and self._day.as_of, fault)
        self._read = identity

    def _identity(self) -> tuple[int, int, int] | None:
        """Tell one pointer from its successor by what the system knows of the file."""
        try:
            status = (self.home / POINTER).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
