"""Write files and folders atomically: complete or not at all, even if the writer is killed.

A draft lies beside its target and is named after the process that writes it. The next writer of the
target removes the drafts of dead processes of this machine. Files are replaced, never changed: so
what was read of a version of a file holds for as long as that version stands.
"""

import ctypes
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import NamedTuple

ASIDE = ".old"
"""Suffix of a folder that is being replaced."""
CURRENT_FOLDER, EXCHANGE = -100, 2
"""Of Linux's `renameat2`: paths are as the process sees them; two names change places."""


class FileVersion(NamedTuple):
    """A file as it stands: one that is replaced has another version."""

    path: Path
    size: int
    changed: int
    inode: int


def version_of(path: Path) -> FileVersion:
    """Return the version of a file, by which what was read of it is remembered.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    status = path.stat()
    return FileVersion(path, status.st_size, status.st_mtime_ns, status.st_ino)


@contextmanager
def published(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """Yield a draft beside `path` that replaces it, with `mode`, if the block raises no error.

    A reader sees the old file or the new one, never a part; after a crash the old one stays.
    """
    prefix = _prepare(path)
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def published_folder(path: Path) -> Iterator[Path]:
    """Yield a draft folder that replaces `path` if the block raises no error.

    The two folders change names in one step. Where the system cannot do that, the old one is set
    aside while the new one takes its name: if the writer is killed between these two steps, there
    is no folder of that name until the next writer (or `recover`) puts the old one back.
    """
    draft = Path(tempfile.mkdtemp(prefix=_prepare(path), dir=path.parent))
    aside = draft.with_name(draft.name + ASIDE)
    try:
        yield draft
        if not (path.exists() and _exchange(draft, path)):
            if path.exists():
                path.replace(aside)
            draft.replace(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if not path.exists() and aside.exists():
            aside.replace(path)
        shutil.rmtree(aside, ignore_errors=True)


def recover(path: Path) -> None:
    """Put a folder back that a killed writer had set aside; remove drafts of dead writers."""
    _prepare(path)


def clear_drafts(folder: Path) -> None:
    """Remove the drafts of dead writers in a folder and below: drafts hold rows of customers."""
    host = f".{socket.gethostname()}-"
    for draft in sorted(folder.rglob(".*")):
        name, mark, rest = draft.name[1:].rpartition(host)
        if mark and rest.partition("-")[0].isdecimal() and draft.exists():
            _prepare(draft.with_name(name))


def _prepare(path: Path) -> str:
    """Create the folder, remove drafts of dead processes, return the prefix of a new draft."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = f".{path.name}.{socket.gethostname()}-"
    for left in sorted(path.parent.glob(f"{escape(ours)}*")):
        process = left.name.removeprefix(ours).partition("-")[0]
        if not process.isdecimal() or is_running(int(process)):
            continue
        if left.name.endswith(ASIDE) and not path.exists():
            left.replace(path)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return f"{ours}{os.getpid()}-"


def _exchange(draft: Path, path: Path) -> bool:
    """Let two folders change their names in one step; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    names = os.fsencode(draft), os.fsencode(path)
    return bool(rename(CURRENT_FOLDER, names[0], CURRENT_FOLDER, names[1], EXCHANGE) == 0)


def is_running(process: int) -> bool:
    """Check whether a process of this machine, by its id, still runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sha256_of(path: Path) -> str:
    """Hash a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
