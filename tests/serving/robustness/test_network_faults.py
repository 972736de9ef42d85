"""The network before Redis and Postgres delays, drops, forgets and resets; the service goes on."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from proxy import NetworkFault

pytestmark = pytest.mark.slow
LONGEST_SECONDS = 15.0
"""How long a decision may take to be refused, on a busy machine; alone it takes two seconds."""
HEALS_BY_ITSELF = NetworkFault.HALF_OPEN
"""New connections pass, so the fault is over once the old ones are given up."""
numbers = itertools.count()


@pytest.fixture(scope="module")
def customers(networked: Any) -> Iterator[str]:
    """Customers whose policies run out, each once."""
    return iter(networked.asker.renewing)


def whole(networked: Any) -> bool:
    """Whether predictions come from the online store."""
    answer = networked.asker.predict()
    return answer.status == 200 and not answer.body["degraded"]


def decides(networked: Any, customer: str) -> bool:
    return bool(networked.asker.decide(customer).status == 200)


@pytest.mark.parametrize("fault", NetworkFault)
def test_redis_behind_a_faulty_network_costs_no_answer(
    fault: NetworkFault, networked: Any, customers: Iterator[str], soon: Any, figure: Any
) -> None:
    asker, some = networked.asker, networked.asker.renewing[:20]
    soon(lambda: whole(networked))
    before = asker.predict(*some).body
    with networked.to_redis.fault(fault):
        answers = [asker.predict(*some) for _ in range(5)]
        decision = asker.decide(next(customers))
        if fault is HEALS_BY_ITSELF:
            figure("redis network half-open, whole again", soon(lambda: whole(networked)))
    assert [one.status for one in [*answers, decision]] == [200] * 6
    assert answers[0].body == before | {"degraded": True}
    if fault is not HEALS_BY_ITSELF:
        assert {one.body["degraded"] for one in [*answers, decision]} == {True}
        figure(f"redis network, {fault}", max(one.seconds for one in answers))
    figure(f"redis network healed after {fault}", soon(lambda: whole(networked)))
    assert asker.predict(*some).body == before


@pytest.mark.parametrize("fault", NetworkFault)
def test_postgres_behind_a_faulty_network_lets_no_contact_through_unrecorded(
    fault: NetworkFault, networked: Any, customers: Iterator[str], soon: Any, figure: Any
) -> None:
    asker = networked.asker
    soon(lambda: decides(networked, next(customers)))
    asked = [(next(customers), f"asked under {fault} {next(numbers)}") for _ in range(6)]
    with networked.to_postgres.fault(fault), ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(asker.decide, who, client_key=key) for who, key in asked]
        time.sleep(0.1)
        predicted = [asker.predict() for _ in range(5)]
        answers = [one.result() for one in waiting]
        if fault is HEALS_BY_ITSELF:
            figure("postgres network half-open, deciding again",
                   soon(lambda: decides(networked, next(customers))))  # fmt: skip
    assert {(one.status, one.body["degraded"]) for one in predicted} == {(200, False)}
    assert {one.status for one in answers} <= ({503, 200} if fault is HEALS_BY_ITSELF else {503})
    assert max(one.seconds for one in answers) < LONGEST_SECONDS
    figure(f"postgres network, {fault}", max(one.seconds for one in answers))
    recovery = soon(lambda: decides(networked, next(customers)))
    figure(f"postgres network healed after {fault}", recovery)
    # Whoever asks again gets one decision, whatever became of the first attempt.
    told = [asker.decide(who, client_key=key) for who, key in asked]
    assert {one.status for one in told} == {200}
    for first, second in zip(answers, told, strict=True):
        assert first.status == 503 or first.body == second.body
    ids = ", ".join(f"'{one.body['decision_id']}'" for one in told)
    assert networked.rows(f"SELECT count(*) FROM decisions WHERE decision_id IN ({ids})") == [(6,)]
    names = ", ".join(f"'{who}'" for who, _ in asked)
    most = (
        f"SELECT count(*) FROM decisions WHERE customer_id IN ({names})"
        " GROUP BY customer_id ORDER BY 1 DESC LIMIT 1"
    )
    assert networked.rows(most) == [(1,)]
