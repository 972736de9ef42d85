"""Declare what a process of the service counts, for Prometheus (docs/observability.md).

Labels are names that Guanjia declares, such as endpoints, touchpoints and gates: what a caller
wrote, and whom it is about, is in none. What is not counted but read, such as the date of the tags,
is in `serving.exporter`.
"""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)
"""Upper bounds of the buckets of answering times, seconds."""
REGISTRY = CollectorRegistry()
"""What this process counted. Where several processes count, `serving.exporter` adds them up."""

REQUESTS = Counter(
    "guanjia_requests",
    "Requests by endpoint and HTTP status; 0: not answered.",
    ("endpoint", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "guanjia_request_seconds",
    "Seconds from the head of a request to the end of its answer.",
    ("endpoint",),
    buckets=LATENCY,
    registry=REGISTRY,
)
DEGRADED = Counter(
    "guanjia_degraded_answers",
    "Answers that rest on the latest snapshot, because the online store does not answer.",
    ("kind",),
    registry=REGISTRY,
)
UNKNOWN_CUSTOMERS = Counter(
    "guanjia_unknown_customers",
    "Customers that requests named and that are not known, or hidden from the caller.",
    ("endpoint",),
    registry=REGISTRY,
)
PREDICTED = Counter(
    "guanjia_predicted_customers", "Customers for whom predictions were given.", registry=REGISTRY
)
DECISIONS = Counter(
    "guanjia_decisions",
    "Decisions by decision point and action: contact or silence; repeated answers are not counted.",
    ("decision_point", "action"),
    registry=REGISTRY,
)
CONTACTS = Counter(
    "guanjia_contacts",
    "Contacts that decisions reserved.",
    ("touchpoint", "channel", "purpose"),
    registry=REGISTRY,
)
SILENCES = Counter(
    "guanjia_silences",
    "Silences by what each rests on: its strongest gate, or why none had to hold.",
    ("decision_point", "reason"),
    registry=REGISTRY,
)
GATES = Counter(
    "guanjia_gates_closed",
    "Decisions in which a gate closed a touchpoint, by any of its channels and offers.",
    ("touchpoint", "gate"),
    registry=REGISTRY,
)
HOLDOUT_CONTACTS = Counter(
    "guanjia_holdout_marketing_contacts",
    "Marketing contacts reserved for customers of the holdout: must stay 0.",
    registry=REGISTRY,
)
CAPS_LEFT = Counter(
    "guanjia_decisions_by_contacts_left",
    "Decisions by how many marketing contacts the caps left the customer before it; 5: or more.",
    ("left",),
    registry=REGISTRY,
)
MOST_LEFT = 5


class Growing(Protocol):
    """A counter with its labels, or a bucket or the sum of a histogram."""

    def inc(self, amount: float) -> None:
        """Add to it."""


_pending: dict[Growing, float] = {}
_lock = threading.Lock()
_writing = threading.Lock()


@cache
def labelled(metric: Counter, *values: str) -> Counter:
    """Return the counter of these label values, which `Counter.labels` would look up each time.

    Examples
    --------
    >>> labelled(DEGRADED, "predict") is labelled(DEGRADED, "predict")
    True
    """
    return metric.labels(*values)


@cache
def _seconds(endpoint: str) -> tuple[Sequence[Growing], Growing]:
    """Return the buckets of an endpoint's seconds, and their sum.

    The library has no name for them: it takes an observation at a time, each into a file.
    """
    histogram = SECONDS.labels(endpoint)
    return histogram._buckets, histogram._sum


def count(*counters: Growing) -> None:
    """Count one more of each in the memory of this process, until `write_counts` hands it on.

    A count in a file costs a request ten times as much.
    """
    with _lock:
        for counter in counters:
            _pending[counter] = _pending.get(counter, 0.0) + 1


def count_amount(counter: Growing, amount: float) -> None:
    """Count so much more, as `count` counts one.

    Parameters
    ----------
    counter : Growing
        What is counted, with its labels.
    amount : float
        How much is added.
    """
    with _lock:
        _pending[counter] = _pending.get(counter, 0.0) + amount


def write_counts() -> None:
    """Hand on what was counted since the last time, where all processes of a service count.

    On return all of it is there, also what another thread was handing on meanwhile.
    """
    with _writing:
        with _lock:
            counted = dict(_pending)
            _pending.clear()
        for counter, amount in counted.items():
            counter.inc(amount)


def count_request(endpoint: str, status: int, seconds: float) -> None:
    """Count a request.

    Parameters
    ----------
    endpoint : str
        Method and path as declared: "POST /v1/decide".
    status : int
        HTTP status of the answer; 0: there was none.
    seconds : float
        From its head to the end of the answer.
    """
    buckets, total = _seconds(endpoint)
    count(labelled(REQUESTS, endpoint, str(status)), buckets[bisect_left(LATENCY, seconds)])
    count_amount(total, seconds)


def count_unknown(endpoint: str, customers: int) -> None:
    """Count customers that a request named and that are not known.

    Parameters
    ----------
    endpoint : str
        Method and path as declared.
    customers : int
        How many.
    """
    count_amount(labelled(UNKNOWN_CUSTOMERS, endpoint), customers)
