"""Long work is done once for all who ask, and what it raises reaches one of them."""

import threading
from contextvars import ContextVar

import pytest

from serving.background import BackgroundWork

WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_whoever_asks_early_is_told_that_it_is_being_made() -> None:
    work: BackgroundWork[int] = BackgroundWork(threads=1, seconds=60)
    done, made = threading.Event(), []

    def make() -> int:
        made.append(done.wait(60))
        return 7

    assert work.ask("key", make, patience=0) is None
    assert work.ask("key", make, patience=0) is None
    done.set()
    assert work.ask("key", make) == 7
    assert work.ask("key", make) == 7
    assert made == [True]


def test_what_it_raises_is_raised_once_and_tried_again() -> None:
    work: BackgroundWork[int] = BackgroundWork(threads=1, seconds=60)

    def fail() -> int:
        raise TimeoutError("of the work itself")

    with pytest.raises(TimeoutError, match="itself"):
        work.ask("key", fail)
    assert work.ask("key", lambda: 1) == 1


def test_it_is_made_in_the_context_of_whoever_asked() -> None:
    work: BackgroundWork[str] = BackgroundWork(threads=1, seconds=60)
    token = WHO.set("wang")
    try:
        assert work.ask("key", WHO.get) == "wang"
    finally:
        WHO.reset(token)


def test_results_are_forgotten_with_time_and_number() -> None:
    brief: BackgroundWork[int] = BackgroundWork(threads=1, seconds=0)
    assert [brief.ask("key", lambda: 1), brief.ask("key", lambda: 2)] == [1, 2]
    few: BackgroundWork[int] = BackgroundWork(threads=1, seconds=60, most=2)
    for number in range(5):
        few.ask(number, lambda number=number: number)
    assert few.ask(4, lambda: -1) == 4
    assert few.ask(0, lambda: -1) == -1


def test_what_is_forgotten_is_made_anew_also_while_it_is_being_made() -> None:
    work: BackgroundWork[int] = BackgroundWork(threads=2, seconds=60)
    done = threading.Event()
    assert work.ask("key", lambda: 1 if done.wait(60) else 0, patience=0) is None
    work.forget("key")
    assert work.ask("key", lambda: 2) == 2
    done.set()
    assert work.ask("key", lambda: 3) == 2
