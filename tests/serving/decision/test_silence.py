"""What silence rests on: the gate that really held, the strongest first, in words people use."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.contracts.vocabulary import CONTACT_CHANNELS
from serving.decision.candidates import Candidate
from serving.decision.core import DecisionResult, Facts, settle
from serving.decision.gates import Gate, Permission, check_candidate
from serving.decision.response import reasons
from serving.decision.silence import STRENGTH, held_gates, silence_reasons
from serving.decision.worth.policy import load_policy

SHIPPED = load_policy(Path("a home without a policy of its own"))
POLICY = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
HOLDOUT = POLICY.model_copy(update={"holdout_share": 1.0})
TAGS = {"renewal_quote_premium": 3000.0, "commercial_premium_current": 2800.0,
        "wecom_added": True, "mini_program_bound": True}  # fmt: skip
ALL = Permission(dict.fromkeys(CONTACT_CHANNELS, True), profiling=True)
DAY_FULL = Gate("marketing_day", False, "营销触达每日上限：每日最多1次", "1 a day are reached")
CODE_WORD = re.compile(r"[A-Za-z_]{2,}")


def by(channel: str) -> Candidate:
    return Candidate(
        "renewal_30d", "到期前30天续保", "renewal", "marketing", channel, 0.05, "renewal"
    )


def decided(channels: Sequence[str], *blocks: Gate | None, **changes: Any) -> DecisionResult:
    given: dict[str, Any] = {
        "customer_id": "C1",
        "decision_point": "app_open",
        "day": date(2026, 6, 30),
        "tags": TAGS,
        "predictions": {"renewal": 0.6},
        "effects": {},
        "margin": 100.0,
        "permission": ALL,
        "candidates": [by(channel) for channel in channels],
        "blocks": blocks or [None] * len(channels),
        "recent_contacts": 0,
        "capacity_prices": {},
        "policy": POLICY,
    }
    return settle(Facts(**(given | changes)))


def test_what_was_worth_it_and_has_no_words_is_the_reason() -> None:
    # The phone call was chosen and could not be said; the letter costs more than it brings.
    wordless = Gate("words", False, "话术缺少公司名称", "the text needs company")
    letter = replace(by("mail"), cost=80.0)
    found = decided(["phone"], wordless, None, candidates=[by("phone"), letter])
    assert silence_reasons(found) == ["words"]
    assert reasons(found).chinese == "保持静默：话术缺少公司名称。"
    # Where it could be said but is not worth it either, that is the reason.
    assert silence_reasons(decided([], None, candidates=[letter])) == ["not_worth_it"]


def test_to_who_asked_for_a_channel_another_channel_is_no_reason() -> None:
    found = decided(["phone", "wecom"], DAY_FULL, DAY_FULL, only_channel="wecom")
    assert silence_reasons(found) == ["marketing_day"]
    assert reasons(found).chinese == "保持静默：营销触达每日上限：每日最多1次。"
    # Only where nothing here goes by that channel, that is the reason.
    found = decided(["phone", "sms"], only_channel="wecom")
    assert silence_reasons(found) == ["channel_asked"]
    assert reasons(found).chinese == "保持静默：仅可通过企业微信触达。"


def test_a_gate_held_if_a_contact_would_have_passed_without_it() -> None:
    strangers = TAGS | {"wecom_added": False}
    # Had they added us on WeCom, the day would be full all the same.
    found = decided(["wecom", "sms"], DAY_FULL, DAY_FULL, tags=strangers)
    assert silence_reasons(found) == ["marketing_day"]
    # Each of the two would have let one contact through: the stronger first.
    found = decided(["wecom", "sms"], None, DAY_FULL, tags=strangers)
    assert silence_reasons(found) == ["reachable", "marketing_day"]
    no_calls = Permission({**ALL.marketing, "phone": False}, profiling=True)
    found = decided(["sms", "phone"], DAY_FULL, None, permission=no_calls)
    assert silence_reasons(found) == ["consent", "marketing_day"]
    assert reasons(found).english == (
        "Silence: the customer refuses marketing by phone; 1 a day are reached."
    )


def test_who_opted_out_of_a_channel_and_refuses_it_says_one_thing() -> None:
    left = Gate("opted_out", False, "客户已退订", "the customer opted out")
    permission = Permission({**ALL.marketing, "sms": False}, profiling=True)
    strangers = TAGS | {"wecom_added": False}
    found = decided(["sms", "wecom"], left, None, permission=permission, tags=strangers)
    assert reasons(found).chinese == "保持静默：客户已拒绝短信营销；客户未添加企业微信。"


def test_where_several_held_all_of_them_are_told_the_strongest_first() -> None:
    found = decided(["sms", "phone"], tags=TAGS | {"open_claims": 1}, policy=HOLDOUT)
    assert silence_reasons(found) == ["open_claim", "holdout"]
    nobody = Permission({}, profiling=True)
    found = decided(["sms"], DAY_FULL, permission=nobody, policy=HOLDOUT)
    assert silence_reasons(found) == ["consent", "holdout", "marketing_day"]


def test_the_holdout_is_no_reason_where_nothing_is_due() -> None:
    assert silence_reasons(decided([], policy=HOLDOUT)) == ["nothing_due"]


def test_silence_without_a_gate() -> None:
    found = decided(["phone"], margin=-1000.0)
    assert silence_reasons(found) == ["not_worth_it"]
    assert "不值得打扰" in reasons(found).chinese
    lots = POLICY.model_copy(update={"exploration_share": 1.0})
    drawn = (decided(["phone"], policy=lots, customer_id=f"C{number}") for number in range(50))
    silent = next(one for one in drawn if one.chosen is None)
    assert silence_reasons(silent) == ["drawn"]
    assert reasons(silent).chinese == "保持静默：随机探索，选择概率50.0%。"


@pytest.mark.parametrize("channel", CONTACT_CHANNELS)
@pytest.mark.parametrize("granted", [True, False, None])
def test_no_code_word_stands_in_a_chinese_sentence(channel: str, granted: bool | None) -> None:
    for asked in CONTACT_CHANNELS:
        for reached in (True, False):
            tags = {"wecom_added": reached, "mini_program_bound": reached}
            permission = Permission({channel: granted}, None)
            for gate in check_candidate(by(channel), tags, permission, asked):
                assert not CODE_WORD.search(gate.chinese), gate


def test_every_gate_of_a_decision_has_its_place() -> None:
    """A name that is not listed is a rule of the caps."""
    found = decided(["wecom"], tags=TAGS | {"open_claims": 1, "open_complaints": 1},
                    permission=Permission({}, None), only_channel="sms")  # fmt: skip
    assert {gate.name for gate in found.candidates[0].gates} <= set(STRENGTH)
    assert [gate.name for gate in held_gates(found)] == [
        "consent", "open_complaint", "open_claim", "channel_asked",
    ]  # fmt: skip
