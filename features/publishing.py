"""How a file or folder gets to its place whole or not at all, whenever its writer is killed.

A draft lies beside its target and is named after the process that writes it. The next writer of the
target removes the drafts of processes of this machine that are no more.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

ASIDE = ".old"


@contextmanager
def published(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it, with `mode`, only if the block ends well.

    A reader sees the old file or the new one, never a part; after a crash the old one stays.
    """
    prefix = _ready(path)
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
    """The same for a folder: the old one is set aside while the new one takes its name.

    Whoever is killed between these two steps leaves no folder of that name; the next writer puts
    the old one back before it begins.
    """
    draft = Path(tempfile.mkdtemp(prefix=_ready(path), dir=path.parent))
    aside = draft.with_name(draft.name + ASIDE)
    try:
        yield draft
        draft.chmod(0o755)
        if path.exists():
            path.replace(aside)
        draft.replace(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if not path.exists() and aside.exists():
            aside.replace(path)
        shutil.rmtree(aside, ignore_errors=True)


def clear_drafts(folder: Path) -> None:
    """Remove what writers that are no more left in a folder and below: drafts hold rows too."""
    host = f".{socket.gethostname()}-"
    for draft in sorted(folder.rglob(".*")):
        name, mark, rest = draft.name[1:].rpartition(host)
        if mark and rest.partition("-")[0].isdecimal() and draft.exists():
            _ready(draft.with_name(name))


def _ready(path: Path) -> str:
    """Make the folder of a target, clear what the dead left there; how a draft's name begins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = f".{path.name}.{socket.gethostname()}-"
    for left in sorted(path.parent.glob(f"{escape(ours)}*")):
        process = left.name.removeprefix(ours).partition("-")[0]
        if not process.isdecimal() or lives(int(process)):
            continue
        if left.name.endswith(ASIDE) and not path.exists():
            left.replace(path)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return f"{ours}{os.getpid()}-"


def lives(process: int) -> bool:
    """Whether a process of this machine still runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
