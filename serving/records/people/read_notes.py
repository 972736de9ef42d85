"""Who read whom, noted in a file at once and in the records soon after.

Adding a line to a file takes microseconds, survives a killed process and needs no database; a
transaction takes a hundred times as long and may have to wait. Every process has a page of its own,
locked while it writes on it. Pages that nobody writes on are copied into the records, each in one
transaction, and then go; a page that was copied before its process was killed is copied again,
and changes nothing.
"""

import fcntl
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.instants import instant_of, microseconds
from serving import clock
from serving.records.columns import written
from serving.records.database import Records
from serving.records.people.audit import keep_reads, read_row

logger = logging.getLogger(__name__)

MOST_ROWS = 1_000
PATIENCE_SECONDS = 10.0
"""A service turns its page every second."""


class ReadNotes:
    """The page of this process; threads share it.

    Parameters
    ----------
    folder : pathlib.Path
        `notes_folder(home)`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._page: int | None = None
        self._lock = threading.Lock()

    def note(
        self, subject: str, endpoint: str, customer_ids: Sequence[str], at: datetime, purpose: str
    ) -> None:
        """Note a read; see `serving.records.people.audit.read_row`.

        Raises
        ------
        GuanjiaError
            If the line cannot be written.
        """
        row = read_row(subject, endpoint, customer_ids, at, purpose)
        line = written(row | {"at": microseconds(at)}).encode() + b"\n"
        try:
            with self._lock:
                page = self._page if self._page is not None else self._begin()
                done = os.write(page, line)
        except OSError as fault:
            done, told = 0, fault.strerror
        else:
            told = "the disk is full"
        if done != len(line):
            cure = "see that the home folder can be written and has room"
            raise GuanjiaError("a read of customers", f"cannot be noted ({told})", cure)

    def turn(self) -> None:
        """End the page, so that it can be copied; the next read begins another."""
        with self._lock:
            if self._page is not None:
                os.close(self._page)
                self._page = None

    def _begin(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{secrets.token_hex(8)}.jsonl"
        draft = path.with_suffix(".draft")
        page = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Locked before it has the name that copiers look for.
        fcntl.flock(page, fcntl.LOCK_EX)
        draft.rename(path)
        self._page = page
        return page


def notes_folder(home: Path) -> Path:
    """Where a home's pages lie."""
    return home / "reads"


def copy_notes(records: Records, folder: Path) -> int:
    """Copy into the records what is on pages that nobody writes on; how many reads.

    Raises
    ------
    RecordsAwayError
        If the records do not answer: the pages stay.
    """
    copied = 0
    for path in sorted(folder.glob("*.jsonl")):
        try:
            page = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another process has copied it meanwhile
        try:
            try:
                fcntl.flock(page, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            rows = _rows(path)
            for first in range(0, len(rows), MOST_ROWS):
                with records.writing() as connection:
                    keep_reads(connection, rows[first : first + MOST_ROWS])
            path.unlink(missing_ok=True)
            copied += len(rows)
        finally:
            os.close(page)
    return copied


def copy_every_note(records: Records, folder: Path) -> None:
    """Copy what has been noted by now, waiting for the pages that somebody writes on.

    Raises
    ------
    RecordsAwayError
        If the records do not answer.
    GuanjiaError
        If a process keeps its page.
    """
    pages, until = list(folder.glob("*.jsonl")), clock.ticks() + PATIENCE_SECONDS
    while True:
        copy_notes(records, folder)
        pages = [path for path in pages if path.exists()]
        if not pages:
            return
        if clock.ticks() > until:
            cure = "see which process writes there, and stop it or wait until it is done"
            raise GuanjiaError(f"notes of reads {pages[0]}", "are not let go", cure)
        time.sleep(0.1)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            logger.error("half a line of %s is lost: its answer was never given", path.name)
            continue
        rows.append(row | {"at": instant_of(row["at"])})
    return rows
