"""The decision, from literal facts: values worked out by hand, gates, silence, lots."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from serving.decision.candidates import Candidate, Offer
from serving.decision.core import Facts, settle
from serving.decision.gates import Gate, Permission
from serving.decision.lots import explores, in_holdout
from serving.decision.record import restore_facts
from serving.decision.worth.policy import load_policy
from serving.lots import draw_lot

DAY = date(2026, 6, 30)
SHIPPED = load_policy(Path("a home without a policy of its own"))
POLICY = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
TAGS = {
    "renewal_quote_premium": 3000.0,
    "commercial_premium_current": 2800.0,
    "contacts_since_last_response": 2,
    "open_claims": 0,
    "open_complaints": 0,
    "wecom_added": True,
    "mini_program_bound": False,
}
SMS = Candidate("renewal_30d", "到期前30天", "renewal", "marketing", "sms", 0.05, "renewal")
WECOM = replace(SMS, channel="wecom", cost=0.0)
PACK = replace(WECOM, offer=Offer("service_pack", "服务包", 50.0, 0.5))
ACCIDENT = Candidate(
    "cross_sell_accident", "意外险", "service", "marketing", "wecom", 0.0, "cross_sell_accident"
)
CARE = Candidate("accident_care", "出险关怀", "claims", "service", "sms", 0.05)
YES = Permission(marketing={"sms": True, "wecom": True, "phone": True}, profiling=True)


def facts(*candidates: Candidate, **changes: Any) -> Facts:
    given: dict[str, Any] = {
        "customer_id": "C1",
        "decision_point": "app_open",
        "day": DAY,
        "tags": TAGS,
        "predictions": {"renewal": 0.6, "cross_sell_accident": 0.02},
        "effects": {"contact": 0.02, "service_pack": 0.05},
        "margin": 100.0,
        "permission": YES,
        "candidates": candidates,
        "blocks": [None] * len(candidates),
        "recent_contacts": 1,
        "capacity_prices": {},
        "policy": POLICY,
    }
    return Facts(**(given | changes))


def test_the_best_candidate_is_chosen_and_its_sum_is_right() -> None:
    found = settle(facts(SMS, WECOM, PACK))
    # A term kept is worth 100 + 10% of 3,000 yuan. The lower bounds of the effects are 2 and 5
    # points: 8 and 20 yuan. Fatigue: 0.3 for one recent contact, 0.1 for each of two unanswered.
    assert found.chosen is not None
    assert found.chosen.candidate == WECOM
    values = {one.candidate.key: one.value for one in found.candidates}
    wecom, sms, pack = (values[one.key] for one in (WECOM, SMS, PACK))
    assert wecom
    assert sms
    assert pack
    assert wecom.total == pytest.approx(0.02 * 400 - 0.5)
    assert sms.total == pytest.approx(0.02 * 400 - 0.05 - 0.5)
    assert pack.total == pytest.approx(0.05 * 400 - 0.5 * 50 - 0.5)
    assert {wecom.basis, sms.basis, pack.basis} == {"uplift"}
    assert [one.candidate for one in found.candidates] == [WECOM, SMS, PACK]
    assert (found.probability, found.drawn, found.mandatory) == (1.0, False, False)


def test_without_lots_it_is_propensity_and_says_so() -> None:
    (one,) = settle(facts(WECOM, effects={})).candidates
    assert one.value
    # Of the 40% who would leave WeCom keeps 2% (declared).
    assert one.value.total == pytest.approx(0.4 * 0.02 * 400 - 0.5)
    assert one.value.basis == "propensity"
    (one,) = settle(facts(ACCIDENT)).candidates
    assert one.value
    # A premium of 260 yuan, 15% of it ours; a tenth of 2% buy because of the message.
    assert one.value.total == pytest.approx(0.02 * 0.10 * 260 * 0.15 - 0.5)


def test_silence_wins_where_nothing_is_worth_its_cost() -> None:
    assert settle(facts(ACCIDENT)).chosen is None
    # A sleeping dog: contact makes it worse.
    assert settle(facts(WECOM, effects={"contact": -0.01})).chosen is None
    # A contact that loses four tenths of a fen is not made, one that gains as little is.
    assert settle(facts(WECOM, effects={"contact": 0.00124})).chosen is None
    assert settle(facts(WECOM, effects={"contact": 0.00126})).chosen is not None
    # Keeping a customer who costs more than they pay is worth less than nothing.
    assert settle(facts(WECOM, margin=-400.0)).chosen is None
    # Worth 7.5 yuan, but the channel's next contact is worth 8 to somebody else.
    assert settle(facts(WECOM, capacity_prices={"wecom": 8.0})).chosen is None
    assert settle(facts()).chosen is None


@pytest.mark.parametrize(
    ("tags", "gate"),
    [({"open_claims": 1}, "open_claim"), ({"open_complaints": 2}, "open_complaint")],
)
def test_an_open_claim_or_complaint_holds_back_marketing_and_no_service(
    tags: dict[str, Any], gate: str
) -> None:
    found = settle(facts(WECOM, tags=TAGS | tags))
    assert found.chosen is None
    assert [one.name for one in found.customer_gates if not one.passed] == [gate]
    assert [one.name for one in found.candidates[0].gates if not one.passed] == [gate]
    found = settle(facts(WECOM, CARE, tags=TAGS | tags))
    assert found.chosen
    assert found.chosen.candidate == CARE


def test_who_never_consented_or_refused_a_channel_is_left_in_peace() -> None:
    for marketing in ({}, {"wecom": None}, {"wecom": False}):
        found = settle(facts(WECOM, permission=Permission(marketing, True)))
        assert found.chosen is None
        assert [one.name for one in found.candidates[0].gates if not one.passed] == ["consent"]
    only_sms = Permission({"wecom": False, "sms": True}, True)
    found = settle(facts(WECOM, SMS, permission=only_sms))
    assert found.chosen
    assert found.chosen.candidate == SMS
    # A service message asks for no consent to marketing.
    found = settle(facts(WECOM, CARE, permission=Permission({}, True)))
    assert found.chosen
    assert found.mandatory


def test_a_channel_that_does_not_reach_him_or_was_not_asked_for() -> None:
    found = settle(facts(WECOM, SMS, tags=TAGS | {"wecom_added": False}))
    assert found.chosen
    assert found.chosen.candidate == SMS
    found = settle(facts(WECOM, SMS, only_channel="sms"))
    assert found.chosen
    assert found.chosen.candidate == SMS


def test_what_the_caps_hold_back_is_passed_over_with_their_reason() -> None:
    block = Gate("marketing_day", False, "营销触达每日上限", "one a day")
    found = settle(facts(WECOM, SMS, blocks=[block, None]))
    assert found.chosen
    assert found.chosen.candidate == SMS
    assert found.candidates[1].gates[-1] == block


def test_the_holdout_gets_service_and_no_marketing() -> None:
    policy = POLICY.model_copy(update={"holdout_share": 1.0})
    assert settle(facts(WECOM, policy=policy)).chosen is None
    found = settle(facts(WECOM, CARE, policy=policy))
    assert found.holdout
    assert found.chosen
    assert found.chosen.candidate == CARE


def test_who_explores_draws_among_all_that_may_be_and_silence() -> None:
    policy = POLICY.model_copy(update={"exploration_share": 1.0})
    drawn: dict[Any, int] = {}
    for number in range(3000):
        found = settle(facts(WECOM, SMS, PACK, policy=policy, customer_id=f"C{number}"))
        key = found.chosen.candidate.key if found.chosen else None
        drawn[key] = drawn.get(key, 0) + 1
        assert (found.probability, found.drawn) == (0.25, True)
    assert len(drawn) == 4
    # 3,000 draws of a quarter: 750, standard deviation 24.
    assert all(abs(count - 750) < 5 * 24 for count in drawn.values())


@pytest.mark.parametrize(("contact", "service_pack"), [(0.5, -0.1), (-0.1, -0.1)])
def test_what_a_model_says_has_no_part_in_a_draw(contact: float, service_pack: float) -> None:
    """Whatever is best, and where all of it loses money, everybody draws what they drew before."""
    policy = POLICY.model_copy(update={"exploration_share": 1.0})

    def drawn(number: int, effects: dict[str, float]) -> Candidate | None:
        asked = facts(WECOM, SMS, PACK, policy=policy, customer_id=f"C{number}", effects=effects)
        chosen = settle(asked).chosen
        return chosen.candidate if chosen else None

    draws = [drawn(number, {"contact": 0.02, "service_pack": 0.3}) for number in range(60)]
    assert set(draws) == {None, WECOM, SMS, PACK}
    effects = {"contact": contact, "service_pack": service_pack}
    assert [drawn(number, effects) for number in range(60)] == draws


@given(st.permutations([SMS, WECOM, PACK, ACCIDENT]), st.integers(0, 50))
def test_the_order_of_candidates_does_not_matter(order: list[Candidate], number: int) -> None:
    policy = POLICY.model_copy(update={"exploration_share": 0.5})
    one = settle(facts(*order, policy=policy, customer_id=f"C{number}"))
    other = settle(facts(SMS, WECOM, PACK, ACCIDENT, policy=policy, customer_id=f"C{number}"))
    assert one == other


@given(st.floats(-0.2, 0.2), st.floats(0, 1), st.floats(-1000, 1000), st.integers(0, 9))
def test_the_best_is_chosen_if_it_is_worth_more_than_silence_and_nothing_else(
    effect: float, renewal: float, margin: float, recent: int
) -> None:
    found = settle(
        facts(
            SMS, WECOM, PACK, ACCIDENT,
            effects={"contact": effect},
            predictions={"renewal": renewal, "cross_sell_accident": None},
            margin=margin, recent_contacts=recent,
        )
    )  # fmt: skip
    worth = {one.candidate: one.value.total for one in found.candidates if one.value}
    assert set(worth) == {SMS, WECOM, PACK}
    best = max(worth.values())
    assert (found.chosen is not None) == (best > 0)
    assert found.chosen is None or worth[found.chosen.candidate] == best


def test_lots_are_even_and_stable() -> None:
    draws = [draw_lot("salt", "holdout", f"C{number}", "2026") for number in range(20_000)]
    assert abs(sum(draws) / len(draws) - 0.5) < 5 * 0.289 / 20_000**0.5
    held = [in_holdout("salt", f"C{number}", "2026", 0.05) for number in range(20_000)]
    assert abs(sum(held) - 1000) < 5 * 31
    # In both at once as often as chance has it, and not the same every month.
    both = sum(
        in_holdout("salt", f"C{n}", "2026", 0.05) and explores("salt", f"C{n}", DAY, 0.05)
        for n in range(20_000)
    )
    assert 20 < both < 85
    june = {n for n in range(5000) if explores("salt", f"C{n}", DAY, 0.02)}
    july = {n for n in range(5000) if explores("salt", f"C{n}", date(2026, 7, 1), 0.02)}
    assert june != july
    assert draw_lot("ab", "c") != draw_lot("a", "bc")


def test_the_facts_of_a_record_are_read_and_settled_again() -> None:
    """In records, since the first release, predictions stand under another name."""
    decided = facts(SMS, PACK, blocks=[Gate("sms_month", False, "已满", "full"), None])
    stored = json.loads(to_json(vars(decided), fallback=dict))
    stored["told"] = stored.pop("predictions")
    again = restore_facts(stored)
    assert again.predictions == {"renewal": 0.6, "cross_sell_accident": 0.02}
    assert settle(again) == settle(decided)
