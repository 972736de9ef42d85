"""Redis and Postgres freeze and die under a service that answers on, and takes them up again.

How long that takes is measured here and judged by `benchmarks/robustness.py`.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import psycopg2
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def asker(networked: Any) -> Any:
    """Who asks the service."""
    return networked.asker


@pytest.fixture(scope="module")
def customers(asker: Any) -> Iterator[str]:
    """Customers whose policies run out, each once; other files begin with the first ones."""
    return iter(reversed(asker.renewing))


def most(asks: list[Callable[[], Any]], *, degraded: bool) -> float:
    """Seconds that nine of ten take, one after the other; all are answered, and say whether from
    the snapshot. (The tenth may be the machine's.)"""
    answers = [ask() for ask in asks]
    assert [one.status for one in answers] == [200] * len(asks)
    assert {one.body["degraded"] for one in answers} == {degraded}
    return sorted(float(one.seconds) for one in answers)[len(answers) * 9 // 10 - 1]


def asks(asker: Any, customers: Iterator[str]) -> list[Callable[[], Any]]:
    """Predictions and decisions about ten customers."""
    some = list(itertools.islice(customers, 10))
    return [
        *(lambda one=one: asker.predict(one) for one in some),  # type: ignore[misc]
        *(lambda one=one: asker.decide(one) for one in some),  # type: ignore[misc]
    ]


def recovered(asker: Any) -> bool:
    """Whether the online store is read again."""
    answer = asker.predict()
    return answer.status == 200 and not answer.body["degraded"]


def test_a_frozen_redis_costs_no_answer(
    asker: Any, customers: Iterator[str], networked: Any, frozen: Any, soon: Any, figure: Any
) -> None:
    figure("redis up", most(asks(asker, customers), degraded=False))
    same = asker.predict(*asker.renewing[:50]).body
    with frozen(networked.redis.process.pid):
        first = asker.predict()
        assert (first.status, first.body["degraded"]) == (200, True)
        figure("redis frozen, the first request", first.seconds)
        figure("redis frozen, the next ones", most(asks(asker, customers), degraded=True))
        # Longer than the pause: somebody tries again, and waits no longer than the first did.
        time.sleep(1.0)
        figure("redis frozen, after the pause", most(asks(asker, customers), degraded=True))
        # The same numbers: nothing happened since the snapshot.
        assert asker.predict(*asker.renewing[:50]).body == same | {"degraded": True}
    figure("redis thawed, whole again", soon(lambda: recovered(asker)))


def test_many_who_ask_while_redis_stands_still_are_answered(
    asker: Any, networked: Any, frozen: Any, soon: Any, figure: Any
) -> None:
    with frozen(networked.redis.process.pid), ThreadPoolExecutor(4) as threads:
        asker.predict()
        answers = list(threads.map(asker.predict, asker.renewing[:80]))
    assert {(one.status, one.body["degraded"]) for one in answers} == {(200, True)}
    figure("redis frozen, four at once", median(one.seconds for one in answers))
    soon(lambda: recovered(asker))


def test_a_redis_that_died_and_came_back_empty_is_not_believed(
    asker: Any,
    customers: Iterator[str],
    networked: Any,
    soon: Any,
    figure: Any,
) -> None:
    networked.redis.kill()
    figure("redis dead", most(asks(asker, customers), degraded=True))
    networked.redis.start()
    time.sleep(1.5)
    figure("redis back but empty", most(asks(asker, customers), degraded=True))
    networked.fill()
    figure("redis filled, whole again", soon(lambda: recovered(asker)))


def contacts(address: str) -> int:
    """How many contacts the records have."""
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts")
        (found,) = cursor.fetchone() or (0,)
    connection.close()
    return int(found)


def decides(asker: Any, customers: Iterator[str]) -> bool:
    return bool(asker.decide(next(customers)).status == 200)


def test_a_frozen_postgres_lets_no_contact_through_and_holds_up_no_prediction(
    asker: Any, customers: Iterator[str], networked: Any, frozen: Any, soon: Any, figure: Any
) -> None:
    address = networked.postgres.address("postgres")
    assert decides(asker, customers)
    before = contacts(address)
    with frozen(networked.postgres.pid), ThreadPoolExecutor(20) as threads:
        # All at once, so that all wait; meanwhile predictions are asked for.
        waiting = [threads.submit(asker.decide, next(customers)) for _ in range(20)]
        predicted = [asker.predict() for _ in range(10)]
        refused = [one.result() for one in waiting]
        at_once = [asker.decide(next(customers)) for _ in range(5)]
        predicted += [asker.predict() for _ in range(10)]
    assert {one.status for one in [*refused, *at_once]} == {503}
    assert all("records" in one.faults and one.body["faults"][0]["cure"] for one in refused)
    assert {(one.status, one.body["degraded"]) for one in predicted} == {(200, False)}
    figure("postgres thawed, deciding again", soon(lambda: decides(asker, customers)))
    after = contacts(address)
    # What was approved meanwhile: nothing; `back` asked once or more, the last time with success.
    assert after - before <= 1
    figure("postgres frozen, 20 decisions at once", max(one.seconds for one in refused))
    figure("postgres frozen, the next decisions", median(one.seconds for one in at_once))
    figure("postgres frozen, predictions", max(one.seconds for one in predicted))


def test_a_postgres_that_died_lets_no_contact_through_until_it_is_back(
    asker: Any, customers: Iterator[str], networked: Any, soon: Any, figure: Any
) -> None:
    networked.postgres.stop()
    refused = [asker.decide(next(customers)) for _ in range(5)]
    predicted = [asker.predict() for _ in range(5)]
    networked.postgres.start()
    assert {one.status for one in refused} == {503}
    assert "GUANJIA_DATABASE" in refused[0].body["faults"][0]["cure"]
    assert {(one.status, one.body["degraded"]) for one in predicted} == {(200, False)}
    figure("postgres started, deciding again", soon(lambda: decides(asker, customers)))
    figure("postgres dead, decisions", max(one.seconds for one in refused))
    figure("postgres dead, predictions", max(one.seconds for one in predicted))
