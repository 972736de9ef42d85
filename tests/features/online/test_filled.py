"""Whoever has no row is unknown only where the store was filled and kept its rows."""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from feast.data_source import PushMode

from features.errors import GuanjiaError
from features.lake import Lake
from features.online import feast_client
from features.online.reader import read_tags
from features.online.rows import NotFilledError
from features.online.store import on_redis, online_rows
from features.tags import catalogue

GROUP, TAG = "claims", "claim_count_ever"
NOT_FILLED = "was not filled with tags of claims. Run `guanjia materialize`"
AT = datetime(2026, 7, 1, tzinfo=UTC)
US = int(AT.timestamp()) * 1_000_000


def row(customer: str, claims: int) -> tuple[str, int, int, str]:
    return customer, US, US, f"[{claims}]"


def claims(lake: Lake, *customers: str) -> list[Any]:
    """The claims of customers, "unknown" for who is."""
    rows = read_tags(lake, customers, [TAG])
    return [one[TAG] if one["known"] else "unknown" for one in rows]


def lose(lake: Lake) -> None:
    """Empty the store as a mishap would: tables without rows, a server without keys."""
    if on_redis(lake.settings):
        import redis

        with redis.Redis.from_url(lake.settings.online) as client:
            client.flushall()
        return
    with sqlite3.connect(lake.home / "feast" / "online.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            if table.startswith("guanjia_"):
                connection.execute(f'DELETE FROM "{table}"')


def test_a_store_that_lost_its_rows_calls_nobody_unknown(lake: Lake) -> None:
    online = online_rows(lake)
    online.load(GROUP, [TAG], [row("C1", 1)])
    assert claims(lake, "C1", "C2", "") == [1, "unknown", "unknown"]
    lose(lake)
    # An event knows its own customer; of the others it says nothing.
    for _ in range(2):
        for asked in (["C2"], ["C1", "C2"], [""]):
            with pytest.raises(NotFilledError, match=NOT_FILLED):
                claims(lake, *asked)
        online.write(GROUP, [TAG], [row("C1", 2)])
    online.load(GROUP, [TAG], [])
    assert claims(lake, "C1", "C2") == [2, "unknown"]


def test_a_load_that_was_cut_short_calls_nobody_unknown(lake: Lake) -> None:
    online = online_rows(lake)
    online.offer(GROUP, [TAG], [row("C1", 1)])
    with pytest.raises(NotFilledError, match=NOT_FILLED):
        claims(lake, "C2")
    online.mark_filled(GROUP)
    online.mark_filled(GROUP)
    assert claims(lake, "C1", "C2") == [1, "unknown"]
    # Rows of a load that was cut short are erased like all others.
    online.prepare_groups(["of_old"])
    online.offer("of_old", [TAG], [row("C1", 1)])
    assert "of_old" in online.loaded_groups()


@pytest.mark.parametrize("way", ["push", "write"])
def test_what_feast_writes_fills_a_view(lake: Lake, way: str) -> None:
    store = feast_client._store(lake)
    tags = dict.fromkeys(catalogue.groups()[GROUP].tags) | {TAG: 3}
    stamps = {"event_timestamp": AT, "created_timestamp": AT}
    rows = pd.DataFrame([{"customer_id": "C1", **tags, **stamps}])
    if way == "push":
        store.push(f"{GROUP}_push", rows, to=PushMode.ONLINE)
    else:
        store.write_to_online_store(GROUP, rows)
    assert claims(lake, "C1", "C2") == [3, "unknown"]
    answer = store.get_online_features([f"{GROUP}:{TAG}"], {"customer_id": ["C2", "", "C1"]})
    assert answer.to_dict()[TAG] == [None, None, 3]


def test_rows_of_an_earlier_release_are_read(lake: Lake) -> None:
    array, names = json.dumps([7, None]), json.dumps([TAG, "open_claims"])
    if on_redis(lake.settings):
        import redis

        layout = hashlib.sha256(names.encode()).hexdigest()[:12]
        with redis.Redis.from_url(lake.settings.online) as client:
            client.hset("guanjia:layouts", layout, names)
            client.set("guanjia:claims:C1", f"{US} {US} {layout} {array}")
            client.set("guanjia:claims:", 1)
            client.sadd("guanjia:groups", GROUP)
    else:
        feast_client.forget(lake)
        with sqlite3.connect(lake.home / "feast" / "online.db") as connection:
            connection.execute("PRAGMA user_version = 0")
            connection.execute("INSERT INTO layouts (tags) VALUES (?)", [names])
            connection.execute(
                "INSERT INTO guanjia_claims VALUES ('C1', ?, ?, last_insert_rowid(), ?)",
                [US, US, array],
            )
    assert claims(lake, "C1", "C2") == [7, "unknown"]
    store = feast_client._store(lake)
    answer = store.get_online_features([f"{GROUP}:{TAG}"], {"customer_id": ["C1"]})
    assert answer.to_dict()[TAG] == [7]
    online_rows(lake).write(GROUP, [TAG], [row("C2", 1)])
    assert claims(lake, "C1", "C2", "C3") == [7, 1, "unknown"]
    # Tables that it emptied are no more believed than those of today.
    with pytest.raises(NotFilledError, match="not filled with tags of loyalty"):
        read_tags(lake, ["C1"], ["star_level"])


def test_an_event_that_meets_a_table_of_no_view_says_so(lake: Lake) -> None:
    online = online_rows(lake)
    if on_redis(lake.settings):
        online.write("nothing", [TAG], [row("C1", 1)])  # keys need no preparation
    else:
        with pytest.raises(NotFilledError, match="not filled with tags of nothing"):
            online.write("nothing", [TAG], [row("C1", 1)])
    with pytest.raises(NotFilledError, match="not filled with tags of nothing"):
        online.read(["nothing"], ["C1"])


def test_a_redis_that_lost_the_layouts_alone_is_said_so(lake: Lake) -> None:
    if not on_redis(lake.settings):
        return
    import redis

    online_rows(lake).load(GROUP, [TAG], [row("C1", 1)])
    with redis.Redis.from_url(lake.settings.online) as client:
        client.delete("guanjia:layouts")
    with pytest.raises(GuanjiaError, match=r"lost the layout .* Run `guanjia materialize`"):
        claims(lake, "C1")
