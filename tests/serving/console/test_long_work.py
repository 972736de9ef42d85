"""Work that takes longer than a page: one at a time, told to whoever has its address, or lost."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.progress import Report
from serving.api.refusals import TooManyError
from serving.console.long_work import MOST_WAITING, LongWork, Work

AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from serving.console.long_work import LongWork
import threading
begun = threading.Event()
def do(report):
    report("halfway", 5, 10)
    begun.set()
    threading.Event().wait()
print(LongWork(Path(sys.argv[1])).begin("tests", "li", {}, datetime(2026, 7, 1, tzinfo=UTC), do))
begun.wait()
sys.stdout.flush()
os._exit(1)
"""


def wait(work: LongWork, number: str, *states: str) -> Work:
    while True:
        found = work.read(number, "tests")
        if found.state in states:
            return found


def test_what_came_of_it_is_seen_by_every_worker(tmp_path: Path, ends: Callable[..., Any]) -> None:
    one, other = LongWork(tmp_path / "work"), LongWork(tmp_path / "work")
    go = threading.Event()

    def do(report: Report) -> Any:
        report("rows", 3, 9)
        go.wait()
        return {"rows": 9}

    with ends(60):
        number = one.begin("tests", "li", {"month": "2026-07"}, AT, do)
        running = wait(other, number, "running")
        while not running.step:
            running = other.read(number, "tests")
        assert (running.step, running.amount, running.total) == ("rows", 3, 9)
        second = other.begin("tests", "wang", {}, AT, lambda _: 1)
        assert one.read(second, "tests").state == "waiting", "one at a time"
        go.set()
        done = wait(other, number, "done")
        assert (done.result, done.user_name, done.question) == (
            {"rows": 9},
            "li",
            {"month": "2026-07"},
        )
        assert wait(one, second, "done").result == 1
    assert [row.work_id for row in one.latest("tests", 5)] == sorted((number, second), reverse=True)
    assert (tmp_path / "work" / f"{number}.json").stat().st_mode & 0o077 == 0


def test_a_fault_is_told_in_words(tmp_path: Path, ends: Callable[..., Any]) -> None:
    def fail(_: Report) -> Any:
        raise GuanjiaError("month 2026-07", "has no decisions", "name another")

    def crash(_: Report) -> Any:
        raise RuntimeError("with the name of a customer")

    work = LongWork(tmp_path)
    with ends(60):
        told = wait(work, work.begin("tests", "li", {}, AT, fail), "failed")
        assert told.fault == {
            "thing": "month 2026-07", "fault": "has no decisions", "cure": "name another",
        }  # fmt: skip
        crashed = wait(work, work.begin("tests", "li", {}, AT, crash), "failed")
    assert crashed.fault is not None
    assert "customer" not in str(crashed.fault)


def test_work_of_a_killed_service_is_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    lost = LongWork(tmp_path).read(done.stdout.strip(), "tests")
    assert (lost.state, lost.amount, lost.total) == ("lost", 5, 10)


def test_too_much_at_once_is_refused(tmp_path: Path, ends: Callable[..., Any]) -> None:
    go, work = threading.Event(), LongWork(tmp_path)
    with ends(60):
        first = work.begin("tests", "li", {}, AT, lambda _: go.wait())
        wait(work, first, "running")
        for _ in range(MOST_WAITING):
            work.begin("tests", "li", {}, AT, lambda _: None)
        with pytest.raises(TooManyError, match="wait already"):
            work.begin("tests", "li", {}, AT, lambda _: None)
        go.set()
        wait(work, first, "done")
    with pytest.raises(GuanjiaError, match="is not known"):
        work.read(first, "another kind")
    with pytest.raises(GuanjiaError, match="is not known"):
        work.read("../records", "tests")
    (tmp_path / "ab.json").write_text('{"of": "another release"}', "utf-8")
    with pytest.raises(GuanjiaError, match="is not known"):
        work.read("ab", "tests")
