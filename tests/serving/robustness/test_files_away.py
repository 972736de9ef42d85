"""The files under a service are moved away, locked and put back while it runs."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
DEGRADED_SECONDS = 0.3
LOCK_SECONDS = 2.0 + 0.5
RECOVERY_SECONDS = 10.0


@pytest.fixture(scope="module")
def customers(sturdy: Any) -> Iterator[str]:
    """Customers whose policies run out, each once."""
    return iter(reversed(sturdy.renewing))


@contextlib.contextmanager
def moved(path: Path) -> Iterator[None]:
    """A file is elsewhere for a while, with what SQLite keeps beside it."""
    files = [one for one in path.parent.glob(f"{path.name}*") if not one.name.endswith(".away")]
    for one in files:
        one.rename(f"{one}.away")
    try:
        yield
    finally:
        for one in files:
            Path(f"{one}.away").rename(one)


def recovered(asker: Any) -> bool:
    answer = asker.predict()
    return answer.status == 200 and not answer.body["degraded"]


def test_without_the_file_of_online_tags_the_snapshot_answers(
    sturdy: Any, customers: Iterator[str], soon: Any
) -> None:
    assert recovered(sturdy)
    path = sturdy.lake.home / "feast" / "online.db"
    with moved(path):
        answers = [sturdy.predict() for _ in range(10)]
        answers += [sturdy.decide(next(customers)) for _ in range(10)]
        assert not path.exists()  # nothing was made in its place
    assert {(one.status, one.body["degraded"]) for one in answers} == {(200, True)}
    slow = sorted(one.seconds for one in answers)[17]
    back = soon(lambda: recovered(sturdy), RECOVERY_SECONDS)
    print(f"online file away: {slow:.3f}, back after {back:.1f} s")
    assert slow < DEGRADED_SECONDS


def contacts(sturdy: Any) -> int:
    with contextlib.closing(sqlite3.connect(sturdy.lake.home / "records.db")) as connection:
        (found,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return int(found)


def test_without_the_file_of_records_nobody_is_contacted(
    sturdy: Any, customers: Iterator[str], soon: Any
) -> None:
    assert sturdy.decide(next(customers)).status == 200
    before, path = contacts(sturdy), sturdy.lake.home / "records.db"
    with moved(path):
        refused = [sturdy.decide(next(customers)) for _ in range(10)]
        predicted = [sturdy.predict() for _ in range(10)]
        assert not path.exists()
    assert {one.status for one in refused} == {503}
    assert refused[0].faults.startswith("records ")
    assert {one.status for one in predicted} == {200}
    assert contacts(sturdy) == before
    back = soon(lambda: sturdy.decide(next(customers)).status == 200, RECOVERY_SECONDS)
    slow = max(one.seconds for one in refused)
    print(f"records away: decisions {slow:.3f}, back after {back:.1f} s")
    assert slow < LOCK_SECONDS


def test_while_somebody_else_holds_the_records_nobody_is_contacted(
    sturdy: Any, customers: Iterator[str]
) -> None:
    before = contacts(sturdy)
    path = sturdy.lake.home / "records.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        refused = sturdy.decide(next(customers))
        waited = time.monotonic() - began
        assert sturdy.predict().status == 200
        other.execute("ROLLBACK")
    assert (refused.status, 1 < waited < LOCK_SECONDS) == (503, True)
    assert "try again" in refused.body["faults"][0]["cure"]
    assert contacts(sturdy) == before
    assert sturdy.decide(next(customers)).status == 200
