"""Report the progress of a long step to its caller.

The rooms never print. They call a `Report`; the command line turns the calls into a progress bar.
Tests and notebooks pass none and see nothing.
"""

from typing import Protocol


class Report(Protocol):
    """Called with the step's name, the amount done, and the amount in all (None: unknown)."""

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


def quiet(step: str, done: int, total: int | None) -> None:
    """Ignore progress: the default `Report`.

    Parameters
    ----------
    step : str
        Name of the step.
    done : int
        Amount done so far.
    total : int or None
        Amount in all; None: unknown.
    """
