"""The files under a service are moved away, locked and put back while it runs."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


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
    sturdy: Any, customers: Iterator[str], soon: Any, figure: Any
) -> None:
    assert recovered(sturdy)
    path = sturdy.lake.home / "feast" / "online.db"
    with moved(path):
        answers = [sturdy.predict() for _ in range(10)]
        answers += [sturdy.decide(next(customers)) for _ in range(10)]
        assert not path.exists()  # nothing was made in its place
    assert {(one.status, one.body["degraded"]) for one in answers} == {(200, True)}
    figure("online.db away", sorted(one.seconds for one in answers)[17])
    figure("online.db back, whole again", soon(lambda: recovered(sturdy)))


def contacts(sturdy: Any) -> int:
    with contextlib.closing(sqlite3.connect(sturdy.lake.home / "records.db")) as connection:
        (found,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return int(found)


def test_without_the_file_of_records_nobody_is_contacted(
    sturdy: Any, customers: Iterator[str], soon: Any, figure: Any
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
    back = soon(lambda: sturdy.decide(next(customers)).status == 200)
    figure("records.db away, decisions", max(one.seconds for one in refused))
    figure("records.db back, deciding again", back)


def test_while_somebody_else_holds_the_records_nobody_is_contacted(
    sturdy: Any, customers: Iterator[str], figure: Any
) -> None:
    before = contacts(sturdy)
    path = sturdy.lake.home / "records.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = sturdy.decide(next(customers))
        assert sturdy.predict().status == 200
        other.execute("ROLLBACK")
    assert refused.status == 503
    figure("records.db locked, a decision", refused.seconds)
    assert "try again" in refused.body["faults"][0]["cure"]
    assert contacts(sturdy) == before
    assert sturdy.decide(next(customers)).status == 200
