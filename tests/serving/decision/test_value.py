"""What a contact is worth where no trial says so: sums by hand, from the shipped policy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.decision.candidates import Candidate, Offer, Value
from serving.decision.worth.policy import load_policy
from serving.decision.worth.value import value_candidate
from serving.touchpoints.catalogue import shipped_touchpoints

POLICY = load_policy(Path("a home without a policy of its own"))
TAGS = {"renewal_quote_premium": 3000.0, "commercial_premium_current": 2800.0}
RENEWAL = Candidate("renewal_30d", "续保", "renewal", "marketing", "wecom", 0.2, "renewal")
LAPSED = Candidate("win_back_1m", "挽回", "win_back", "marketing", "phone", 3.5, returns=0.08)
GREETING = Candidate("birthday", "生日", "care", "marketing", "wecom", 0.2, worth=0.5)
RESCUE = Offer("roadside_rescue", "道路救援", cost=150.0, redeemed=0.06, turned=0.03)


def valued(candidate: Candidate, **changes: Any) -> Value | None:
    given: dict[str, Any] = {
        "policy": POLICY,
        "tags": TAGS,
        "predictions": {"renewal": 0.6, "churn": 0.3},
        "effects": {},
        "margin": 100.0,
        "recent_contacts": 0,
    }
    return value_candidate(candidate, **(given | changes))


def total(candidate: Candidate, **changes: Any) -> float:
    value = valued(candidate, **changes)
    assert value is not None
    return value.total


def test_a_lapsed_customer_is_worth_the_term_they_come_back_for() -> None:
    # Of 8% who come back a quarter do because of the call; a term earns 1.01% + 10% of 2,779 yuan.
    value = valued(LAPSED, tags=dict.fromkeys(TAGS), predictions={}, margin=None)
    assert value is not None
    assert value.total == pytest.approx(0.08 * 0.25 * 2779 * 0.1101 - 3.5)
    assert (value.basis, value.model) == ("propensity", None)
    # A text message: a twentieth of them.
    message = replace(LAPSED, channel="sms", cost=0.05)
    assert total(message) == pytest.approx(0.08 * 0.05 * 2779 * 0.1101 - 0.05)


def test_a_greeting_is_worth_what_is_declared() -> None:
    value = valued(GREETING, recent_contacts=1)
    assert value is not None
    assert value.total == pytest.approx(0.5 - 0.2 - 0.3)
    assert value.basis == "declared"


def test_whoever_comes_to_us_loses_no_patience() -> None:
    # Two contacts of the last 30 days cost 0.3 yuan each, the three unanswered that count 0.1 each.
    tags = TAGS | {"contacts_since_last_response": 7}
    asked = {"recent_contacts": 2, "tags": tags}
    assert total(GREETING, **asked) == pytest.approx(0.5 - 0.2 - 2 * 0.3 - 3 * 0.1)
    assert total(GREETING, **asked, inbound=True) == pytest.approx(0.5 - 0.2)


def test_an_offer_adds_to_its_contact_and_never_replaces_it() -> None:
    # A term kept is worth 100 + 10% of 3,000 yuan; 40% would leave. WeCom keeps 2% of them, the
    # offer 3% more; 6% redeem it for 150 yuan.
    offered = replace(RENEWAL, offer=RESCUE)
    assert total(offered) == pytest.approx(0.4 * (0.02 + 0.03) * 400 - 0.2 - 9)
    # A trial measured the contact alone: 5 points at the least, and the offer still adds by rule.
    value = valued(offered, effects={"contact": 0.05})
    assert value is not None
    assert value.total == pytest.approx((0.05 + 0.4 * 0.03) * 400 - 0.2 - 9)
    assert value.basis == "propensity"
    # A trial measured the contact with the offer: then that is all of it.
    value = valued(offered, effects={"contact": 0.05, "roadside_rescue": 0.06})
    assert value is not None
    assert value.total == pytest.approx(0.06 * 400 - 0.2 - 9)
    assert value.basis == "uplift"
    # In a record of an earlier release it adds nothing, and the trial's figure is not its own.
    value = valued(replace(offered, offer=replace(RESCUE, turned=None)), effects={"contact": 0.05})
    assert value is not None
    assert value.total == pytest.approx(0.4 * 0.02 * 400 - 0.2 - 9)
    # It pays where much is at stake: 900 yuan, and 80% would leave.
    sure, risky = {"renewal": 0.9}, {"renewal": 0.2}
    assert total(offered, predictions=sure) < total(RENEWAL, predictions=sure)
    assert total(offered, predictions=risky, margin=600.0) > total(
        RENEWAL, predictions=risky, margin=600.0
    )


def test_patience_is_lost_once_and_not_for_ever() -> None:
    silent = [total(RENEWAL, tags=TAGS | {"contacts_since_last_response": n}) for n in range(30)]
    costs = [silent[0] - one for one in silent]
    assert costs == pytest.approx([0.1 * min(number, 3) for number in range(30)])


def test_where_a_model_has_no_answer_the_next_one_is_asked() -> None:
    either = replace(RENEWAL, fallbacks=("churn",))
    value = valued(either, predictions={"renewal": None, "churn": 0.3})
    assert value is not None
    assert value.total == pytest.approx(0.3 * 0.02 * 400 - 0.2)
    assert value.model == "churn"
    first = valued(either)
    assert first is not None
    assert first.model == "renewal"
    assert valued(either, predictions={"renewal": None, "churn": None}) is None
    assert valued(RENEWAL, predictions={"renewal": None, "churn": 0.3}) is None


def test_compulsory_cover_alone_is_worth_the_commission_it_saves() -> None:
    only = {"renewal_quote_premium": None, "commercial_premium_current": None,
            "compulsory_premium_current": 950.0}  # fmt: skip
    churns = replace(RENEWAL, model="churn")
    assert total(churns, tags=only, margin=None) == pytest.approx(0.3 * 0.02 * 38 - 0.2)
    # In a decision of an earlier release such a term had no worth, and has none in its replay.
    before = POLICY.model_copy(update={"compulsory_worth_share": None})
    assert valued(churns, tags=only, margin=None, policy=before) is None


def test_every_marketing_touchpoint_can_be_worth_more_than_silence() -> None:
    """Without a model, a share of who returns or a worth it would never be made."""
    touchpoints = shipped_touchpoints().touchpoints_for()
    worthless = [
        name
        for name, one in touchpoints.items()
        if one.kind == "marketing" and not (one.models or one.returns or one.worth)
    ]
    assert worthless == []
    assert {name for name, one in touchpoints.items() if one.returns} == {
        "win_back_1m", "win_back_3m", "win_back_6m", "win_back_11m",
    }  # fmt: skip
