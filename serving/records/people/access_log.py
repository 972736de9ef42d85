"""Access log: append who read whose data to a file at once, copy it into the records soon after.

Appending a line to a file takes microseconds, survives a killed process and needs no database; a
transaction takes a hundred times as long and may have to wait. Every process writes a file of its
own, locked while it is open. Files that are no longer open are copied into the records and then
deleted; a file whose copying was interrupted is copied again, which changes nothing.

Where the disk is full, a process goes on in its reserve, a file whose blocks it got before.
"""

import fcntl
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.instants import instant_of, microseconds
from features.texts import UNFIT
from serving import clock
from serving.records.columns import to_json
from serving.records.database import Records
from serving.records.people.audit import access_row, insert_accesses

logger = logging.getLogger(__name__)

BATCH_ROWS = 1_000
RESERVE_BYTES = 4 << 20
"""Room for some 15,000 accesses of one customer while the disk is full."""
UNWRITTEN = b"\0"
WAIT_SECONDS = 10.0
"""How long to wait for files that are open: a service rotates its file every second."""


class AccessLog:
    """The log file of this process; threads share it.

    Parameters
    ----------
    folder : pathlib.Path
        `log_folder(home)`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        self._length = 0
        self._reserve: _Reserve | None = None
        self._lock = threading.Lock()

    def append(
        self, subject: str, endpoint: str, customer_ids: Sequence[str], at: datetime, purpose: str
    ) -> None:
        """Append an access to the log file, or to the reserve where the disk is full.

        Parameters
        ----------
        subject, endpoint, customer_ids, at, purpose
            See `serving.records.people.audit.access_row`.

        Raises
        ------
        GuanjiaError
            If the line cannot be written.
        """
        row = access_row(subject, endpoint, customer_ids, at, purpose)
        line = to_json(row | {"at": microseconds(at)}).encode() + b"\n"
        with self._lock:
            reason = self._write(line)
            if reason and not (self._reserve is not None and self._reserve.write(line)):
                fault = f"cannot be written ({reason}), so that no personal data is given out"
                cure = "check that the home folder is writable and has free space"
                raise GuanjiaError(f"access log in {self._folder}", fault, cure)

    def keep_reserve(self) -> None:
        """Get a reserve for the time when the disk is full, if there is none and there is room."""
        with self._lock:
            if self._reserve is None:
                self._reserve = _Reserve.make(self._folder)

    def rotate(self) -> None:
        """Close the log file, so that it can be copied; the next access opens another.

        A reserve that was written to is closed too, once there is room for another one.
        """
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            if self._reserve is not None and self._reserve.length:
                another = _Reserve.make(self._folder)
                if another is not None:
                    self._reserve.close()
                    self._reserve = another

    def _write(self, line: bytes) -> str:
        """Write a line whole or not at all; return what kept it from being written."""
        try:
            if self._file is None:
                self._open()
            assert self._file is not None
            written = os.write(self._file, line)
            if written == len(line):
                self._length += written
                return ""
            # The next line must not be joined to a half one.
            os.ftruncate(self._file, self._length)
        except OSError as error:
            return error.strerror or type(error).__name__
        return "the disk is full"

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{secrets.token_hex(8)}.jsonl"
        draft = path.with_suffix(".draft")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Lock it before it gets the name that `copy_log` looks for.
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(path)
        self._file, self._length = file, 0


class _Reserve:
    """A file whose blocks are there before they are written; after the lines come zeros."""

    def __init__(self, path: Path, file: int) -> None:
        self._path, self._file = path, file
        self.length = 0

    @classmethod
    def make(cls, folder: Path) -> "_Reserve | None":
        """Make a reserve; None where there is no room for it."""
        path = folder / f"{secrets.token_hex(8)}.reserve"
        draft = path.with_suffix(".draft")
        file: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            os.posix_fallocate(file, 0, RESERVE_BYTES)
            draft.rename(path)
        except OSError:
            if file is not None:
                os.close(file)
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            return None
        return cls(path, file)

    def write(self, line: bytes) -> bool:
        """Write a line behind those that are there; tell whether there was room."""
        if self.length + len(line) > RESERVE_BYTES:
            return False
        try:
            written = os.pwrite(self._file, line, self.length)
        except OSError:
            return False
        if written < len(line):
            return False
        self.length += written
        return True

    def close(self) -> None:
        """Give the file the name of one that is to be copied."""
        os.ftruncate(self._file, self.length)
        self._path.rename(self._path.with_suffix(".jsonl"))
        os.close(self._file)


def log_folder(home: Path) -> Path:
    """Return the folder of a home's log files."""
    return home / "reads"


def copy_log(records: Records, folder: Path) -> int:
    """Copy log files that no process has open into the records; return how many accesses.

    Raises
    ------
    RecordsAwayError
        If the records do not answer: the files stay.
    """
    copied = 0
    # A reserve that nobody has open is that of a process that was killed or has ended.
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.reserve")]):
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another process copied it meanwhile
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            rows = _rows(path)
            for first in range(0, len(rows), BATCH_ROWS):
                with records.writing() as connection:
                    insert_accesses(connection, rows[first : first + BATCH_ROWS])
            path.unlink(missing_ok=True)
            copied += len(rows)
        finally:
            os.close(file)
    return copied


def copy_whole_log(records: Records, folder: Path) -> None:
    """Copy all accesses logged so far, waiting for files that are still open.

    Raises
    ------
    RecordsAwayError
        If the records do not answer.
    GuanjiaError
        If a process does not close its file.
    """
    reserves = [path for path in folder.glob("*.reserve") if _rows(path)]
    files, until = [*folder.glob("*.jsonl"), *reserves], clock.ticks() + WAIT_SECONDS
    while True:
        copy_log(records, folder)
        files = [path for path in files if path.exists()]
        if not files:
            return
        if clock.ticks() > until:
            fault = f"is still open in another process after {WAIT_SECONDS:g} s"
            cure = "stop that process or wait until it ends, then try again"
            raise GuanjiaError(f"access log {files[0]}", fault, cure)
        time.sleep(0.1)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Read the complete lines of a log file as rows of the table `reads`."""
    rows = []
    try:
        lines = path.read_bytes().rstrip(UNWRITTEN).splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            logger.error(
                "access log %s: an incomplete line is skipped; its process was killed while"
                " writing it, and no data was given out for that request",
                path.name,
            )
            continue
        # Earlier releases let tokens in whose subject no database can store.
        subject = UNFIT.sub("\ufffd", row["subject"])
        rows.append(row | {"at": instant_of(row["at"]), "subject": subject})
    return rows
