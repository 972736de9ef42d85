"""Erased while others report events, ask for decisions and change consents of the same customer."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow
AT = datetime(2026, 7, 1, 3, 30, tzinfo=UTC).isoformat()
ANSWERS_BEFORE = 6
LEAVERS = 4


@pytest.fixture(scope="module")
def leavers(sturdy: Any) -> list[str]:
    """Customers whom no other test asks about: neither the first nor the last, who are others'."""
    path = next(sturdy.lake.tags("loyalty").glob("as_of=*.parquet"))
    ids = pq.read_table(path, columns=["customer_id"], partitioning=None)["customer_id"]
    return sorted({*ids.to_pylist()} - {*sturdy.renewing})[1 : LEAVERS + 1]


def requests_about(customer: str, caller: int) -> Any:
    """Requests of one caller without end: an event, a decision, a consent, and so on."""
    for number in itertools.count():
        key = f"{customer} {caller} {number}"
        event = {
            "event_id": key, "type": "complaint_received", "customer_id": customer,
            "occurred_at": AT, "case_id": f"K {key}", "topic": "claims",
        }  # fmt: skip
        yield "event", "/v1/events", {"events": [event]}
        yield "decision", "/v1/decide", {"customer_id": customer, "decision_point": "tests"}
        told = {"client_key": key, "purpose": "marketing", "granted": True, "changed_at": AT}
        yield "consent", f"/v1/customers/{customer}/consents", told


def test_no_answer_is_our_fault_and_the_erased_stay_unknown(
    sturdy: Any, leavers: list[str]
) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    late: list[tuple[str, int]] = []
    lock = threading.Lock()
    for customer in leavers:
        erased, enough = threading.Event(), threading.Event()
        answers = itertools.count(1)

        def ask(
            caller: int,
            customer: str = customer,
            erased: threading.Event = erased,
            enough: threading.Event = enough,
            answers: Any = answers,
        ) -> None:
            after = 0
            for kind, path, body in requests_about(customer, caller):
                began_erased = erased.is_set()
                status = sturdy.client.post(path, json=body).status_code
                with lock:
                    statuses[kind, status] += 1
                    if began_erased:
                        late.append((kind, status))
                    if next(answers) >= ANSWERS_BEFORE:
                        enough.set()
                after += began_erased
                if after == 3:  # one of each kind
                    return

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, caller) for caller in range(4)]
            assert enough.wait(60)
            answer = sturdy.client.delete(f"/v1/customers/{customer}")
            erased.set()
            assert answer.status_code in {200, 202}, answer.text
            for one in asking:
                one.result()
    assert any(status == 200 for _, status in statuses), statuses
    assert not [pair for pair in statuses if pair[1] >= 500], statuses
    assert len(late) == 3 * 4 * LEAVERS
    assert {status for _, status in late} <= {404, 422}, late
