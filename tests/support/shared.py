"""What one worker of a run makes and all of them use."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from features.lake import compiled


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of the workers of this run, which they share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, filled by `make`: the first worker to ask makes it, the others wait.

    Whoever uses it reads or copies it, and changes nothing.
    """
    shared = shared_folder(factory)
    folder, mark = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            make(folder)
            mark.touch()
    return folder


def link_compiled(home: Path, folder: Path) -> None:
    """Let processes of their own in a home read the SQL that others compiled, and add to it.

    Compiling is half of the work with which a service starts, and the same in every home.
    """
    own = home / "compiled" / compiled.code_hash()
    if not own.exists():
        for level in (folder, home, own.parent):
            level.mkdir(mode=0o700, parents=True, exist_ok=True)
        own.symlink_to(folder, target_is_directory=True)
