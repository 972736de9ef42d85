"""Keep temporary files in memory while tests run: each file that is published waits for its disk.

What a run leaves lies in a folder of its own, named after its process. It is removed when all
tests passed; that of a run that failed, or was killed, by the next run.
"""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
LEAST_FREE = 12 * 2**30
"""Bytes that must be free, of memory and of its file system: a whole run writes some gigabytes."""
PREFIX = "g"
"""Of the folder; short, since paths of sockets end at 107 letters."""


def server_folder(name: str) -> Path:
    """Create the folder of a server that runs as another user, in memory where tests are.

    A database of each test is some hundred files: on a disk, removing them took minutes.

    Parameters
    ----------
    name : str
        Which server.

    Returns
    -------
    Path
        The folder; its path is short, since that of a socket is.
    """
    tests = Path(os.environ.get("TMPDIR", ""))
    above = tests if tests.parent == MEMORY and tests.name.startswith(PREFIX) else Path("/tmp")
    folder = above / f"guanjia-{name}-{os.getpid()}-{secrets.token_hex(2)}"
    folder.mkdir()
    return folder


def keep_in_memory(memory: Path = MEMORY, least_free: int = LEAST_FREE) -> Path | None:
    """Let temporary files of this process and its children lie in memory.

    Parameters
    ----------
    memory : Path
        A file system in memory.
    least_free : int
        Bytes that must be free; below, files stay where they were.

    Returns
    -------
    Path or None
        The folder; None where there is no room, or whoever runs the tests chose one (`TMPDIR`).
    """
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return None
    for left in memory.glob(f"{PREFIX}[0-9]*"):
        process = left.name.removeprefix(PREFIX)
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    if min(psutil.virtual_memory().available, shutil.disk_usage(memory).free) < least_free:
        return None
    folder = memory / f"{PREFIX}{os.getpid()}"
    folder.mkdir(0o700, exist_ok=True)
    # Servers of a user of their own reach their folders below; nobody lists it.
    folder.chmod(0o711)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    return folder
