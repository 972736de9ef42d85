"""Keep the folder in which the processes of a service count, `<home>/tmp/metrics-<watcher>/`.

Each process counts in files of its own, mapped into its memory, so that what it counted outlives
it. This file is imported before the library that counts: it reads where to count when it begins.
"""

import logging
import os
import shutil
from pathlib import Path

from features.publishing import is_running

logger = logging.getLogger(__name__)
FOLDER = "GUANJIA_METRICS_FOLDER"
"""Environment variable with the folder, which `guanjia serve` sets; without it nobody is shown."""
LIBRARY = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own variable. BentoML sets it to a folder that all services of a user share."""
RESERVED_BYTES = 1 << 20
"""Of each file of counts: about 8,000 of them, where a large home has 1,500."""
KINDS = ("counter", "histogram")
PREFIX = "metrics-"


def create_folder(home: Path, watcher: int) -> Path:
    """Create the folder of a service that begins, empty; remove those of services that ended.

    Parameters
    ----------
    home : Path
        The home.
    watcher : int
        Number of the process that watches the others.
    """
    folder = home / "tmp" / f"{PREFIX}{watcher}"
    for other in folder.parent.glob(f"{PREFIX}*"):
        number = other.name.removeprefix(PREFIX)
        if other == folder or not (number.isdigit() and is_running(int(number))):
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def count_in_folder() -> None:
    """Make this process count in the folder of its service; in its memory alone if there is none.

    The files are reserved on the disk: one that is full later would otherwise end the process at
    its next count (SIGBUS). Where there is no room now, the process counts for itself, and says so.
    """
    folder = os.environ.get(FOLDER)
    try:
        if folder is not None:
            _reserve_files(Path(folder), os.getpid())
    except OSError as fault:
        logger.error("metrics lack what process %d counts: %s", os.getpid(), fault)
        folder = None
    if folder is None:
        os.environ.pop(LIBRARY, None)
    else:
        os.environ[LIBRARY] = folder


def _reserve_files(folder: Path, process: int) -> None:
    for kind in KINDS:
        with (folder / f"{kind}_{process}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVED_BYTES)
