"""Repeat work in the background of the service for as long as the process lives."""

import logging
import threading
from collections.abc import Callable

from features.errors import GuanjiaError

logger = logging.getLogger(__name__)


def every(seconds: float, name: str, *work: Callable[[], None]) -> threading.Event:
    """Call functions in turn every so many seconds, in a daemon thread of their own.

    A function that fails is logged and called again in the next round; the others are called all
    the same. A lasting failure is logged when it begins and when it changes.

    Parameters
    ----------
    seconds : float
        From the end of a round to the beginning of the next; also before the first round.
    name : str
        What the work is, for log lines and the list of threads: "copy access log".
    work : callable
        Functions without parameters.

    Returns
    -------
    threading.Event
        Set it to end the work after the current round.
    """
    ended = threading.Event()
    faults: dict[int, str] = {}

    def call(number: int) -> None:
        try:
            work[number]()
        except Exception as error:
            if faults.get(number) != repr(error):
                # What the user can mend needs no traceback to be understood.
                trace = not isinstance(error, GuanjiaError)
                logger.error(
                    "%s failed and is tried again every %g s: %s",
                    name, seconds, error, exc_info=trace
                )  # fmt: skip
            faults[number] = repr(error)
        else:
            if faults.pop(number, None):
                logger.info("%s works again", name)

    def run() -> None:
        while not ended.wait(seconds):
            for number in range(len(work)):
                call(number)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended
