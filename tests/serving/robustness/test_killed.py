"""Killed while it decides: what was answered is written down, and nobody is contacted too often."""

import contextlib
import itertools
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from features.lake import Lake

pytestmark = pytest.mark.slow
CALLERS = 12
CUSTOMERS = 30
ASKED_FOR_EACH = 4  # with different keys: by the caps one of them at most is a contact
ANSWERS_BEFORE_DEATH = 40
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def watcher(url: str) -> psutil.Process:
    """The process that `guanjia serve` has become, and that starts the workers."""
    port = url.rsplit(":", 1)[1]
    (found,) = [one for one in psutil.Process(os.getpid()).children() if port in one.cmdline()]
    return found


def kill(url: str) -> None:
    """Kill the service with all its processes, as `kill -9` does."""
    parent = watcher(url)
    parent.suspend()  # else it starts what is killed again
    for one in [*parent.children(recursive=True), parent]:
        one.kill()


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(home / "records.db")) as connection:
        return connection.execute(query).fetchall()


def test_killed_while_it_decides(
    asked_at_noon: Callable[..., AbstractContextManager[Any]],
    contactable: Callable[[Path], Lake],
    tmp_path: Path,
) -> None:
    home = contactable(tmp_path / "home").home
    # One clock for both lives of the service.
    clock = {"GUANJIA_CLOCK_AHEAD_SECONDS": str((NOON - datetime.now(UTC)).total_seconds())}
    answered: dict[tuple[str, str], Any] = {}
    enough, lock = threading.Event(), threading.Lock()

    with asked_at_noon(home, **clock) as asker:
        numbers = range(ASKED_FOR_EACH)
        asked = [
            (customer, f"request {number}")
            for customer, number in itertools.product(asker.renewing[:CUSTOMERS], numbers)
        ]

        def ask(request: tuple[str, str]) -> None:
            customer, key = request
            try:
                answer = asker.decide(customer, client_key=f"{key} {customer}")
            except httpx.TransportError:
                return
            assert answer.status == 200, answer.body
            with lock:
                answered[request] = answer.body
                if len(answered) >= ANSWERS_BEFORE_DEATH:
                    enough.set()

        with ThreadPoolExecutor(CALLERS) as threads:
            asking = [threads.submit(ask, request) for request in asked]
            assert enough.wait(60)
            kill(asker.url)
            for one in asking:
                one.result()
    assert ANSWERS_BEFORE_DEATH <= len(answered) < len(asked)

    def no_customer_is_contacted_too_often() -> None:
        found = Counter(customer for (customer,) in rows(home, "SELECT customer_id FROM contacts"))
        assert found
        assert max(found.values()) == 1

    def no_contact_is_without_a_decision() -> None:
        orphans = (
            "SELECT c.contact_id FROM contacts c LEFT JOIN decisions d USING (decision_id)"
            " WHERE d.decision_id IS NULL"
        )
        assert rows(home, orphans) == []

    no_customer_is_contacted_too_often()
    no_contact_is_without_a_decision()
    began = time.monotonic()
    with asked_at_noon(home, **clock) as asker:
        print(f"{len(answered)} of {len(asked)} answered before it was killed; ready again after"
              f" {time.monotonic() - began:.1f} s")  # fmt: skip
        # What was said is on record, word for word.
        for told in answered.values():
            explained = asker.client.get(f"/v1/decisions/{told['decision_id']}")
            assert explained.json()["answer"] == told
        # Whoever got no answer sends it again, and so does who got one.
        for customer, key in asked:
            again = asker.decide(customer, client_key=f"{key} {customer}").body
            assert again == answered.get((customer, key), again)
        (decisions,) = rows(home, "SELECT count(*) FROM decisions")
        assert decisions == (len(asked),)
        # Killed alone, what watches the workers leaves none behind.
        parent = watcher(asker.url)
        workers = parent.children(recursive=True)
        parent.kill()
        _, left = psutil.wait_procs(workers, timeout=60)
        assert workers
        assert left == []
    no_customer_is_contacted_too_often()
    no_contact_is_without_a_decision()
