"""Work in the background goes on whatever fails, and says once what does."""

import logging
import threading
from collections.abc import Iterator
from queue import Queue

import pytest

from features.errors import GuanjiaError
from serving.periodic import every

WAIT = 30.0
"""Seconds after which a round that should have come fails the test instead of hanging it."""


@pytest.fixture
def rounds() -> Iterator[tuple[Queue[str], list[threading.Event]]]:
    """What the work said in turn, and where to put what ends it."""
    said: Queue[str] = Queue()
    ends: list[threading.Event] = []
    yield said, ends
    for end in ends:
        end.set()


def test_it_repeats_in_turn_until_it_is_ended(
    rounds: tuple[Queue[str], list[threading.Event]],
) -> None:
    said, ends = rounds
    end = every(0.001, "counting", lambda: said.put("one"), lambda: said.put("two"))
    ends.append(end)
    assert [said.get(timeout=WAIT) for _ in range(6)] == ["one", "two"] * 3
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "counting")
    assert thread.daemon
    end.set()
    thread.join(WAIT)
    assert not thread.is_alive()


def test_what_fails_is_logged_once_and_holds_nothing_up(
    rounds: tuple[Queue[str], list[threading.Event]], caplog: pytest.LogCaptureFixture
) -> None:
    said, ends = rounds
    faults: list[Exception | None] = [
        GuanjiaError("records", "do not answer", "start the database"),
        GuanjiaError("records", "do not answer", "start the database"),
        ValueError("never seen"),
        None,
        ValueError("never seen"),
    ]

    def fail() -> None:
        fault = faults.pop(0) if faults else None
        if fault is not None:
            raise fault

    caplog.set_level(logging.INFO, logger="serving.periodic")
    ends.append(every(0.001, "copying", fail, lambda: said.put("other work")))
    for _ in range(6):
        assert said.get(timeout=WAIT) == "other work"
    failed = "copying failed and is tried again every 0.001 s: "
    assert [(record.getMessage(), bool(record.exc_info)) for record in caplog.records] == [
        (failed + "records: do not answer. Start the database.", False),
        (failed + "never seen", True),
        ("copying works again", False),
        (failed + "never seen", True),
        ("copying works again", False),
    ]
