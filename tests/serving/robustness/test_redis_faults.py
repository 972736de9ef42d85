"""Redis answers, but not as it should: another password, keys evicted, everything flushed."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

pytestmark = pytest.mark.slow
TRIES = 400
BREAKER_SECONDS = 1.1
"""Longer than the online store is left alone after a fault."""


@pytest.fixture
def server(networked: Any, soon: Any) -> Iterator[Any]:
    """A client of the server itself; afterwards the server has its rows and settings again."""
    with redis.Redis.from_url(networked.redis.address) as client:
        soon(lambda: whole(networked))
        try:
            yield client
        finally:
            client.config_set("requirepass", "")
            client.config_set("maxmemory", 0)
            client.config_set("maxmemory-policy", "noeviction")
            client.config_resetstat()
            networked.fill()
            soon(lambda: whole(networked))


def whole(networked: Any) -> bool:
    answer = networked.asker.predict()
    return answer.status == 200 and not answer.body["degraded"]


def test_a_password_that_was_changed_costs_no_answer(
    networked: Any, server: Any, soon: Any
) -> None:
    asker, some = networked.asker, networked.asker.renewing[:20]
    before = asker.predict(*some).body
    server.config_set("requirepass", "another")
    server.client_kill_filter(skipme=True, _type="normal")
    answers = [asker.predict(*some) for _ in range(5)]
    assert {one.status for one in answers} == {200}
    assert answers[-1].body == before | {"degraded": True}
    server.config_set("requirepass", "")
    soon(lambda: whole(networked))
    assert asker.predict(*some).body == before


def test_whom_redis_evicted_is_not_unknown_and_has_all_their_tags(
    networked: Any, server: Any
) -> None:
    """With `allkeys-lru` and too little memory, rows go one by one, and marks stay."""
    asker = networked.asker
    told = asker.predict(*asker.renewing).body["predictions"]
    before = {one["customer_id"]: [one] for one in told}
    keys = {key.decode() for key in server.scan_iter(match="guanjia*:*:*", count=1000)}
    server.config_set("maxmemory-policy", "allkeys-lru")
    server.config_set("maxmemory", int(server.info()["used_memory"] * 0.95))
    for number in range(TRIES):
        with contextlib.suppress(redis.ResponseError):
            server.set(f"another {number}", "x" * 1000)
    left = {key.decode() for key in server.scan_iter(match="guanjia*:*:*", count=1000)}
    evicted = {key.rpartition(":")[2] for key in keys - left}
    whose = [one for one in before if one in evicted]
    assert whose, "nobody was evicted"
    for one in whose[:3]:
        time.sleep(BREAKER_SECONDS)  # its pause must not be what answers
        answer = asker.predict(one)
        assert (answer.status, answer.body["predictions"]) == (200, before[one])
        assert asker.decide(one).status == 200
    server.config_set("maxmemory", 0)
    server.config_set("maxmemory-policy", "noeviction")
    # What is gone is gone, whatever the policy is now; who was never there is still unknown.
    (first, *_) = whose
    time.sleep(BREAKER_SECONDS)
    assert asker.predict(first).body["predictions"] == before[first]
    assert asker.predict("nobody").status == 404


def test_a_redis_that_was_flushed_is_not_believed(networked: Any, server: Any, soon: Any) -> None:
    asker, some = networked.asker, networked.asker.renewing[:20]
    before = asker.predict(*some).body
    server.flushall()
    answers = [asker.predict(*some) for _ in range(5)]
    assert [one.body for one in answers] == [before | {"degraded": True}] * 5
    assert asker.predict("nobody").status == 404
    networked.fill()
    soon(lambda: whole(networked))
