"""Records and online rows move to servers and back by commands, with everything in them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from features.lake import Lake
from features.online.store import online_rows
from features.settings import Settings
from features.tags.catalogue import groups

Run = Callable[..., Any]
Done = Callable[[Any], Any]
NOW = "2026-07-01T09:00+08:00"


def rows(settings: Settings, customers: list[str]) -> list[dict[str, Any]]:
    """The online rows of customers, group by group, wherever they are."""
    stored = online_rows(Lake(settings)).read(list(groups()), customers)
    return [{customer: repr(row) for customer, row in group.items()} for group in stored]


def test_online_rows_move_to_redis_and_back(
    old: Path, run: Run, done: Done, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = [f"C{number:08d}" for number in range(1, 31)]
    before = rows(Settings(home=old), customers)
    assert {len(group) for group in before} == {29}
    refused = run(old, "move", "online", "redis")
    assert refused.returncode == 2
    assert "GUANJIA_ONLINE: names no Redis" in refused.stderr
    monkeypatch.setenv("GUANJIA_ONLINE", redis_url)
    told = done(run(old, "move", "online", "redis", "--now", NOW, "--json"))
    assert "online.db" in told["removed"]
    assert not list((old / "feast").glob("online*"))
    assert rows(Settings(home=old, online=redis_url), customers) == before
    done(run(old, "move", "online", "sqlite", "--now", NOW, "--json"))
    monkeypatch.delenv("GUANJIA_ONLINE")
    assert rows(Settings(home=old), customers) == before


def test_records_move_by_a_command_that_names_no_password(
    old: Path, run: Run, done: Done, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run(old, "move", "records", "postgres")
    assert refused.returncode == 2
    assert "GUANJIA_DATABASE: names no Postgres" in refused.stderr
    monkeypatch.setenv("GUANJIA_DATABASE", postgres)
    told = done(run(old, "move", "records", "postgres", "--json"))
    assert told["rows"] == 1, "the receipt of an erasure"
    assert "ss" + " word" not in str(told)
    monkeypatch.delenv("GUANJIA_DATABASE")
    refused = run(old, "reviews", "list")
    assert refused.returncode == 2
    assert "were moved to another database by `guanjia move records`" in refused.stderr
    with closing(sqlite3.connect(old / "records.db")) as left:
        tables = left.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert tables == [("alembic_version",)]
    monkeypatch.setenv("GUANJIA_DATABASE", postgres)
    assert done(run(old, "move", "records", "sqlite", "--json"))["rows"] == 1
    monkeypatch.delenv("GUANJIA_DATABASE")
    done(run(old, "reviews", "list", "--json"))
