"""Both online stores guard alike, and Redis that is away is said so, soon."""

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.online import feast_client
from features.online.reader import read_tags
from features.online.store import online_rows, push, take_offline
from features.settings import Settings
from features.snapshots.group_files import tag_schema
from features.tags import catalogue

AT = datetime(2026, 7, 1, 1, 0, 0, 500_000, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GROUP = "claims"


@pytest.fixture(params=["sqlite", "redis"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    url = "sqlite" if request.param == "sqlite" else request.getfixturevalue("redis_url")
    found = Lake(Settings(home=tmp_path, online=url))
    filled(found)
    yield found
    feast_client.forget(found)


def filled(lake: Lake) -> None:
    """Fill the online store with the tags of a snapshot that has no customers."""
    feast_client.apply(lake)
    for group in catalogue.groups():
        online_rows(lake).load(group, [], [])


def offer(lake: Lake, claims: int, event: datetime, created: datetime | None = None) -> None:
    schema = tag_schema(GROUP)
    row = {"customer_id": "C1", "as_of": event.date(), "event_timestamp": event,
           "created_timestamp": created or event, "claim_count_ever": claims}  # fmt: skip
    full = {name: row.get(name) for name in schema.names}
    push(lake, GROUP, pa.Table.from_pylist([full], schema=schema))


def seen(lake: Lake) -> int:
    (row,) = read_tags(lake, ["C1"], ["claim_count_ever"])
    return int(row["claim_count_ever"])


def test_a_later_row_replaces_an_earlier_one_by_a_microsecond(lake: Lake) -> None:
    offer(lake, 1, AT)
    offer(lake, 2, AT + TICK)
    assert seen(lake) == 2
    offer(lake, 3, AT)
    assert seen(lake) == 2


def test_of_one_event_the_later_computation_counts(lake: Lake) -> None:
    offer(lake, 1, AT, AT + TICK)
    offer(lake, 2, AT, AT)
    assert seen(lake) == 1
    offer(lake, 3, AT, AT + TICK)
    offer(lake, 4, AT, AT + 2 * TICK)
    assert seen(lake) == 4
    # The event decides first, whenever it was computed.
    offer(lake, 5, AT - TICK, AT + timedelta(days=1))
    assert seen(lake) == 4


def test_nothing_but_nulls_replaces_what_was(lake: Lake) -> None:
    offer(lake, 1, AT)
    schema = tag_schema(GROUP)
    nulls = dict.fromkeys(schema.names) | {"customer_id": "C1", "event_timestamp": AT + TICK,
                                           "created_timestamp": AT + TICK}  # fmt: skip
    push(lake, GROUP, pa.Table.from_pylist([nulls], schema=schema))
    (row,) = read_tags(lake, ["C1", "C2"][:1], list(catalogue.groups()[GROUP].tags))
    assert row["known"]
    assert {row[name] for name in catalogue.groups()[GROUP].tags} == {None}


def test_a_row_of_an_older_catalogue_reads_right(lake: Lake) -> None:
    """A row names its layout: tags that came later are null, tags that went are not read."""
    online = online_rows(lake)
    us = int(AT.timestamp()) * 1_000_000
    rows = [("C1", us, us, '["gone", 7]'), ("客户 2", us, us, '["gone", null]')]
    assert online.load(GROUP, ["tag_of_old", "claim_count_ever"], rows) == 2
    ids = ["客户 2", "nobody", "C1"]
    found = read_tags(lake, ids, ["claim_count_ever", "open_claims"])
    assert [row["known"] for row in found] == [True, False, True]
    assert [row["claim_count_ever"] for row in found] == [None, None, 7]
    assert found[2]["open_claims"] is None


def test_a_large_load_is_whole(lake: Lake) -> None:
    online = online_rows(lake)
    us = int(AT.timestamp()) * 1_000_000
    tags = list(catalogue.groups()[GROUP].tags)
    place = tags.index("claim_count_ever")
    arrays = (
        [None] * place + [number] + [None] * (len(tags) - place - 1) for number in range(1_750)
    )
    rows = [(f"C{n}", us, us, str(array).replace("None", "null")) for n, array in enumerate(arrays)]
    online.load(GROUP, tags, rows)
    online.load(GROUP, tags, [(c, us - 1, us, a) for c, _, _, a in reversed(rows)])
    asked = ["C0", "C499", "C500", "C1749", "C1750"]
    found = read_tags(lake, asked, ["claim_count_ever"])
    assert [row["claim_count_ever"] for row in found] == [0, 499, 500, 1749, None]


def test_views_that_are_gone_take_their_rows_along(redis_url: str, tmp_path: Path) -> None:
    import redis

    lake = Lake(Settings(home=tmp_path, online=redis_url))
    feast_client.apply(lake)
    offer(lake, 1, AT)
    opened = feast_client._store(lake)
    online: Any = opened._get_provider().online_store
    with redis.Redis.from_url(redis_url) as client:
        assert client.exists("guanjia:claims:C1")
        online.update(opened.config, [opened.get_feature_view("behaviour")], [], [], [], False)
        assert client.exists("guanjia:claims:C1")
        online.update(opened.config, [opened.get_feature_view(GROUP)], [], [], [], False)
        assert not client.exists("guanjia:claims:C1")
        offer(lake, 1, AT)
        online.teardown(opened.config, [], [])
        assert client.keys("*") == []
    feast_client.forget(lake)


def test_rows_of_a_group_that_is_declared_no_more_are_taken_offline(lake: Lake) -> None:
    offer(lake, 1, AT)
    online = online_rows(lake)
    online.prepare_groups(["of_old"])
    online.load("of_old", ["tag"], [("C1", 1, 1, "[7]"), ("C2", 1, 1, "[8]")])
    taken = take_offline(lake, ["C1"])
    assert (taken[GROUP], taken["of_old"]) == (Counter(["C1"]), Counter(["C1"]))
    assert [list(rows) for rows in online.read(["of_old", GROUP], ["C1", "C2"])] == [["C2"], []]


def test_a_redis_that_lost_everything_knows_nobody_until_it_is_filled_again(
    redis_url: str, tmp_path: Path
) -> None:
    import redis

    lake = Lake(Settings(home=tmp_path, online=redis_url))
    filled(lake)
    offer(lake, 1, AT)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    offer(lake, 2, AT)  # an event knows one group of tags, and a row of it is no customer
    with pytest.raises(GuanjiaError, match="was not filled with tags of claims"):
        seen(lake)
    filled(lake)
    assert seen(lake) == 2
    feast_client.forget(lake)


def test_a_file_that_was_moved_away_is_not_read_on(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    filled(lake)
    offer(lake, 1, AT)
    path = tmp_path / "feast" / "online.db"
    assert seen(lake) == 1
    path.rename(tmp_path / "away.db")
    for _ in range(2):
        with pytest.raises(GuanjiaError, match="the online store: is gone"):
            seen(lake)
    assert not path.exists()
    (tmp_path / "away.db").rename(path)
    assert seen(lake) == 1
    feast_client.forget(lake)


def test_redis_that_is_away_is_said_without_its_password(
    redis_url: str, tmp_path: Path, ends: Any
) -> None:
    there = Lake(Settings(home=tmp_path, online=redis_url))
    feast_client.apply(there)
    feast_client.forget(there)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        lake = Lake(Settings(home=tmp_path, online=f"redis://me:hush-hush@127.0.0.1:{port}/0"))
        with (
            ends(),
            pytest.raises(GuanjiaError, match=rf"on Redis at 127.0.0.1:{port} does not") as fault,
        ):
            read_tags(lake, ["C1"], ["claim_count_ever"])
    assert "hush" not in str(fault.value) + repr(lake.settings)
    feast_client.forget(lake)


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="GUANJIA_ONLINE: names no online store"):
        feast_client.apply(Lake(Settings(home=tmp_path, online="postgres://x")))


def test_a_day_that_is_not_over_is_not_loaded(tmp_path: Path) -> None:
    """Its rows would be newer than every event until it is."""
    lake = Lake(Settings(home=tmp_path))
    day = datetime(2026, 7, 1, tzinfo=UTC).date()
    with pytest.raises(GuanjiaError, match=r"ends at 2026-07-01 16:00 UTC, and now it is .* 15:54"):
        feast_client.materialize(lake, day, now=datetime(2026, 7, 1, 15, 54, tzinfo=UTC))
    with pytest.raises(GuanjiaError, match="is not there"):
        feast_client.materialize(lake, day, now=datetime(2026, 7, 1, 15, 55, tzinfo=UTC))


def test_a_registry_of_before_is_said_so(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    with pytest.raises(GuanjiaError, match="the online store: is empty"):
        offer(lake, 1, AT)
