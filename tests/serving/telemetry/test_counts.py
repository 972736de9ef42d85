"""Decisions are counted by what came of them: literal results, and figures added up by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Histogram

from serving.decision.candidates import Candidate
from serving.decision.core import DecisionResult, ScoredCandidate
from serving.decision.gates import Gate
from serving.decision.reports.count import count_decision
from serving.records.contacts.cap_rules import fits
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.history import CountedContact, History
from serving.telemetry.metrics import LATENCY, REGISTRY, _seconds, count_request, write_counts

RULES = load_contact_caps(Path("no home"))
CAPS = Caps(RULES, "Asia/Shanghai")
DAY = date(2026, 7, 1)
AT = datetime(2026, 7, 1, 4, tzinfo=UTC)
CLOSED = Gate("consent", False, "客户已拒绝", "refuses")
OPEN = Gate("reachable", True, "可触达", "reachable")


def history(*days_ago: int, purpose: str = "marketing") -> History:
    contacts = tuple(
        CountedContact(
            frozenset({(DAY - timedelta(days=n)).toordinal()}), "sms", purpose, "f", None
        )
        for n in days_ago
    )
    empty: Any = SimpleNamespace(contacts=contacts)
    return empty


def candidate(touchpoint: str, channel: str = "sms") -> Candidate:
    return Candidate(touchpoint, "标签", "family", "marketing", channel, 0.05, "renewal")


def answer(**more: Any) -> Any:
    blank = {"decision_point": "app_open", "action": None, "held_by": ["consent"],
             "degraded": False, "holdout": False, "decided_at": AT}  # fmt: skip
    return SimpleNamespace(**(blank | more))


def result(*candidates: ScoredCandidate) -> DecisionResult:
    return DecisionResult(None, False, 1.0, False, False, [], list(candidates))


@pytest.fixture
def counted() -> Any:
    """What was counted since: {(name, labels in order of their names): how much}."""

    def read() -> dict[tuple[str, ...], float]:
        write_counts()
        return {
            (sample.name.removeprefix("guanjia_"), *dict(sorted(sample.labels.items())).values()):
                sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        }  # fmt: skip

    before = read()
    return lambda: {
        key: value - before.get(key, 0.0)
        for key, value in read().items()
        if value != before.get(key, 0.0)
    }


@settings(deadline=None)
@given(st.lists(st.floats(0, 40) | st.sampled_from(LATENCY)))
def test_answering_times_are_counted_as_the_library_does(all_seconds: list[float]) -> None:
    buckets, total = _seconds("GET /test")
    expected: Any = Histogram("expected", "by the library", buckets=LATENCY, registry=None)
    # Where a service runs in this process, the library keeps values by name: one more is looked at.
    both: list[list[Any]] = [[*buckets, total], [*expected._buckets, expected._sum]]
    before = [[part.get() for part in parts] for parts in both]
    for seconds in all_seconds:
        expected.observe(seconds)
        count_request("GET /test", 200, seconds)
    write_counts()
    ours, theirs = (
        [part.get() - so_far for part, so_far in zip(parts, values, strict=True)]
        for parts, values in zip(both, before, strict=True)
    )
    assert ours == pytest.approx(theirs)
    assert sum(ours[:-1]) == len(all_seconds)


INPUTS: Any = SimpleNamespace(history=history(), zone=ZoneInfo("Asia/Shanghai"))


def test_a_silence_is_counted_by_its_strongest_reason_and_closed_touchpoints_once(
    counted: Any,
) -> None:
    closed = [
        ScoredCandidate(candidate("renewal_30d", channel), [OPEN, CLOSED], None)
        for channel in ("sms", "wecom")
    ]
    given_answer = answer(held_by=["consent", "holdout"], degraded=True)
    count_decision(CAPS, INPUTS, result(*closed), given_answer)
    assert counted() == {
        ("decisions_total", "silence", "app_open"): 1.0,
        ("silences_total", "app_open", "consent"): 1.0,
        ("gates_closed_total", "consent", "renewal_30d"): 1.0,
        ("degraded_answers_total", "decide"): 1.0,
        ("decisions_by_contacts_left_total", "1"): 1.0,
    }


@pytest.mark.parametrize("kind", ["marketing", "service"])
def test_a_contact_is_counted_and_one_of_marketing_to_the_holdout_is_told(
    counted: Any, kind: str
) -> None:
    action = SimpleNamespace(touchpoint="renewal_30d", channel="sms", kind=kind)
    count_decision(CAPS, INPUTS, result(), answer(action=action, held_by=[], holdout=True))
    expected = {
        ("decisions_total", "contact", "app_open"): 1.0,
        ("contacts_total", "sms", kind, "renewal_30d"): 1.0,
        ("decisions_by_contacts_left_total", "1"): 1.0,
    }
    told = {("holdout_marketing_contacts_total",): 1.0} if kind == "marketing" else {}
    assert counted() == expected | told


@pytest.mark.parametrize(
    ("days_ago", "left"),
    [((), 1), ((0,), 0), ((1,), 1), ((1, 2), 0), ((7, 8), 1), ((7, 8, 9, 10), 0), ((31,) * 4, 1)],
)
def test_the_strictest_cap_says_how_many_are_left(days_ago: Sequence[int], left: int) -> None:
    """Shipped: one a day, two a week, four in 31 days; service contacts do not count."""
    assert CAPS.marketing.left(history(*days_ago), DAY) == left
    assert CAPS.marketing.left(history(*days_ago, purpose="service"), DAY) == 1


@given(st.lists(st.integers(-5, 40), max_size=6))
def test_as_many_are_left_as_fit_one_after_the_other(days_ago: list[int]) -> None:
    left = CAPS.marketing.left(history(*days_ago), DAY)
    added = list(days_ago)
    general = [RULES.rules[f"marketing_{period}"] for period in ("day", "week", "month")]
    for _ in range(4):
        counted = [contact.days for contact in history(*added).contacts]
        if not all(fits(counted, DAY.toordinal(), rule.days, rule.most) for rule in general):
            break
        added.append(0)
    assert left == len(added) - len(days_ago)
