"""End a worker whose watcher was killed: nobody would restart, stop or even find it."""

import logging
import os
import signal

from serving.periodic import every

logger = logging.getLogger(__name__)
WATCHER = "GUANJIA_WATCHER"
"""Environment variable with the process number of the watcher, which `guanjia serve` sets."""
SECONDS = 0.5


def end_with_watcher() -> None:
    """Look from now on whether the watcher is still the parent of this process; end if not.

    The worker ends as if it were stopped, so that requests that are being answered are answered.
    """
    watcher = os.environ.get(WATCHER)
    if watcher is None:
        return

    def look() -> None:
        if os.getppid() != int(watcher):
            watching.set()
            logger.warning("the process that watches this worker is gone: the worker ends too")
            os.kill(os.getpid(), signal.SIGTERM)

    watching = every(SECONDS, "look after the watcher", look)
