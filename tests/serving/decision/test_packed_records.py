"""Records that last: a packed decision takes little and says the same; frames are of nobody."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from features.erased import erasure_key
from features.lake import Lake
from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts
from serving.decision.decider import Decider
from serving.decision.gates import Permission
from serving.decision.record import RecordFrame, build_record, restore_facts
from serving.decision.record_frames import build_frame
from serving.decision.replay import replay
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.policy import load_policy
from serving.predictions.service import PredictionService
from serving.records.contacts.decisions import UnknownDecisionError, find_decision
from serving.records.database import Records
from serving.records.people.erase_records import erase_from_records
from serving.records.people.retention import delete_expired
from serving.records.people.retention_rules import load_retention
from serving.records.tables import decision_frames, decisions

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
POINTS = ("daily_batch", "app_open", "renewal_desk", "win_back")
LARGEST_MEAN = 1_000
"""Bytes of a packed document; columns and indexes of its row take some 280 more."""
VERSIONS = to_json({"models": {"renewal": "1"}, "effects": {}, "touchpoints": "2"})
TAGS = ("age_years", "branch", "wecom_added")
KNOWN = [
    Candidate("renewal_30d", "到期前30天", "renewal", "marketing", channel, 0.05, "renewal", offer)
    for channel in ("sms", "wecom")
    for offer in (None, Offer("health_check", "年度体检", 400.0, 0.2))
]
OTHER = Candidate("new", "新", "care", "service", "app", 0.0)


@pytest.fixture(scope="module")
def frame() -> RecordFrame:
    return build_frame(load_policy(Path("no home")), TAGS, VERSIONS, KNOWN)


def facts_of(tags: Mapping[str, Any], candidates: list[Candidate]) -> Facts:
    return Facts(
        "C1", "app_open", NOON.date(), tags, {"renewal": 0.25}, {}, None,
        Permission({"sms": True}, True), candidates, [None] * len(candidates), 0, {},
        load_policy(Path("no home")),
    )  # fmt: skip


numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(st.none(), st.booleans(), numbers, st.text())


@given(
    st.tuples(values, values, values),
    st.lists(st.sampled_from([*KNOWN, OTHER]), max_size=9),
    st.booleans(),
)
def test_what_is_packed_is_restored(
    frame: RecordFrame, told: tuple[Any, ...], candidates: list[Candidate], more: bool
) -> None:
    """With tags and candidates that the frame knows, and with others."""
    tags = dict(zip(TAGS, told, strict=True)) | ({"another": 1} if more else {})
    facts, answer = facts_of(tags, candidates), DecideResponse.model_construct(decision_id="1")
    alone = build_record(facts, answer, {}, "desk")
    packed = frame.shared.pack(build_record(facts, answer, {}, "desk", frame))
    document = frame.shared.restore(packed)
    assert document == json.loads(alone)
    assert list(document["facts"]["tags"]) == list(tags)
    assert restore_facts(document["facts"]) == restore_facts(json.loads(alone)["facts"])


def test_the_same_frame_for_whoever_is_asked_about(frame: RecordFrame) -> None:
    again = build_frame(load_policy(Path("no home")), TAGS, VERSIONS, KNOWN)
    assert again.shared.frame_id == frame.shared.frame_id
    assert again.shared.content == frame.shared.content
    other = build_frame(load_policy(Path("no home")), TAGS, VERSIONS, KNOWN[:1])
    assert other.shared.frame_id != frame.shared.frame_id


@pytest.fixture
def records(copy: Callable[..., Lake]) -> Iterator[tuple[Lake, Records]]:
    lake = copy("feast", "scores")
    found = Records(lake.settings)
    found.migrate()
    yield lake, found
    found.close()


@pytest.mark.slow
def test_a_decision_takes_little_and_is_made_again_after_retention_and_erasure(
    records: tuple[Lake, Records],
) -> None:
    lake, kept = records
    (scores,) = sorted((lake.home / "scores").glob("*.parquet"))[-1:]
    customers = sorted(pd.read_parquet(scores)["customer_id"])[:60]
    decider = Decider(PredictionService(lake), kept, TouchpointSource(lake))
    answers = {}
    for number, customer in enumerate(customers):
        point = POINTS[number % len(POINTS)]
        # A third of them long ago: retention takes those that led to nothing.
        at = NOON - timedelta(days=200 if number % 3 == 0 else 0, seconds=-number)
        wish = DecideRequest(customer_id=customer, decision_point=point, alternatives=number % 2)
        answers[customer] = decider.decide(wish, at, subject="desk")
    with kept.reading() as connection:
        rows = connection.execute(decisions.select()).mappings().all()
        frames = connection.execute(decision_frames.select()).mappings().all()
    assert sum(len(row["packed"]) for row in rows) / len(rows) <= LARGEST_MEAN
    assert {row["frame_id"] for row in rows} == {row["frame_id"] for row in frames}
    # What is shared is of nobody: the policy, names and words. No customer's number is in it.
    assert not any(customer in row["content"] for row in frames for customer in customers)
    with kept.writing() as connection:
        erase_from_records(connection, customers[1], "tests", NOON, erasure_key(lake.settings))
    rules = load_retention(lake.home)
    done = delete_expired(kept, rules, NOON, lake.settings.timezone, "tests")
    silent = [
        customer
        for number, customer in enumerate(customers)
        if number % 3 == 0 and not answers[customer].action and not answers[customer].explored
    ]
    assert silent
    assert {one.kind: one.total for one in done if one.total} == {"silence": len(silent)}
    gone = {customers[1], *silent}
    for customer, answer in answers.items():
        if customer in gone:
            with kept.reading() as connection, pytest.raises(UnknownDecisionError):
                find_decision(connection, answer.decision_id)
            continue
        with kept.reading() as connection:
            found = find_decision(connection, answer.decision_id)
        assert found["document"]["answer"] == answer.model_dump(mode="json")
        again = replay(lake, kept, answer.decision_id)
        assert (again.same, again.changed) == (True, [])
