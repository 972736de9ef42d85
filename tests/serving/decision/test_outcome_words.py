"""A decision speaks of the outcome that the declaration of its model states."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from serving.decision import response
from serving.decision.candidates import Candidate
from serving.decision.core import DecisionResult, Facts, settle
from serving.decision.gates import Permission
from serving.decision.worth.policy import load_policy
from training import models
from training.model_spec import Purpose

SHIPPED = load_policy(Path("a home without a policy of its own"))
TAGS = {
    "renewal_quote_premium": 3000.0,
    "commercial_premium_current": 2800.0,
    "contacts_since_last_response": 0,
    "open_claims": 0,
    "open_complaints": 0,
    "wecom_added": True,
    "mini_program_bound": False,
}


def decided(model: str, probability: float, **effects: float) -> DecisionResult:
    candidate = Candidate("touchpoint", "触点", "care", "marketing", "wecom", 0.0, model)
    policy = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
    return settle(
        Facts(
            customer_id="C1",
            decision_point="app_open",
            day=date(2026, 6, 30),
            tags=TAGS,
            predictions={model: probability},
            effects=effects,
            margin=100.0,
            permission=Permission(marketing={"wecom": True}, profiling=True),
            candidates=(candidate,),
            blocks=[None],
            recent_contacts=0,
            capacity_prices={},
            policy=policy,
        )
    )


@pytest.mark.parametrize(
    ("model", "probability", "effects", "chinese", "english"),
    [
        ("renewal", 0.6, {"contact": 0.02}, "至少提高续保概率2.00%", "of renewing by 2.00% at the"),
        ("churn", 0.5, {}, "提高留存概率1.00%", "of staying by 1.00% by a rule of experience"),
        ("churn_hazard", 0.5, {}, "提高留存概率1.00%", "of staying by 1.00%"),
        ("cross_sell_health", 0.9, {}, "提高购买概率9.00%", "of buying by 9.00%"),
    ],
)
def test_each_model_has_its_words(
    model: str, probability: float, effects: dict[str, float], chinese: str, english: str
) -> None:
    words = response.reasons(decided(model, probability, **effects))
    assert chinese in words.chinese
    assert english in words.english


def test_a_new_model_brings_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    purpose = Purpose(
        chinese="卖车",
        english="sells the car",
        won_chinese="留车",
        won_english="keeping the car",
        outcome_label=True,
        benefit="motor",
    )
    spec = replace(models.MODELS["churn"], name="car_sale", purpose=purpose)
    monkeypatch.setitem(models.MODELS, spec.name, spec)
    words = response.reasons(decided("car_sale", 0.5))
    assert "提高留车概率1.00%" in words.chinese
    assert "raises the probability of keeping the car by 1.00%" in words.english


def test_a_model_that_nobody_is_contacted_on_has_no_worth() -> None:
    (candidate,) = decided("claim_frequency", 0.5).candidates
    assert candidate.value is not None
    assert (candidate.value.basis, candidate.value.benefit) == ("none", 0.0)
