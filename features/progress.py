"""How a long step tells whoever called it how far it is.

The rooms never print. They call a `Report`, and the command line turns the calls into a
progress bar; a test or a notebook passes nothing and hears nothing.
"""

from typing import Protocol


class Report(Protocol):
    """Called with the step's name, how much is done and how much there is (None: unknown)."""

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


def quiet(step: str, done: int, total: int | None) -> None:
    """Report nothing."""
