"""No reason contradicts what its value means to whoever reads it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.tags.catalogue import catalogue
from features.tags.themes import theme_of
from serving.predictions.reasons import explain, strongest_reasons
from serving.predictions.sense import SENSES, makes_sense, staying_direction
from serving.predictions.talking_points import SILENT, is_talking_point, means_never
from serving.tag_words import words_of
from training.models import MODELS

TAGS = catalogue()
PRICE = ["renewal_quote_change_ratio", "premium_change_ratio", "ncd_level"]


def sensible(name: str, value: Any, word: Any) -> bool:
    return makes_sense(name, TAGS[name], theme_of(name, TAGS[name]).name, value, speaks_for=word)


def test_which_way_staying_lies() -> None:
    directions = {name: staying_direction(spec) for name, spec in MODELS.items()}
    assert (directions["renewal"], directions["churn"]) == ("raises", "lowers")
    assert {directions[name] for name in MODELS if name.startswith("cross_sell")} == {"raises"}
    assert {directions[name] for name in MODELS if name.startswith("claim")} == {None}


@pytest.mark.parametrize(
    ("name", "stays", "leaves"),
    [
        ("renewal_quote_change_ratio", -0.05, 0.05),
        ("complaint_count_365d", 0, 2),
        ("survey_score_last", 5, 1),
        ("entitlement_expired_count_36m", 0, None),
        ("entitlement_use_ratio_36m", None, 0.0),
        ("contacts_since_last_response", 0, None),
        ("contact_response_count_365d", None, 0),
        ("opted_out", False, True),
        ("mini_program_bound", True, False),
        ("renewal_quote_viewed", None, False),
        ("report_in_time_share_36m", 1.0, 0.2),
        ("days_since_last_response", 3, 500),
        ("days_since_last_response", None, math.nan),
        ("price_sensitivity", "low", "high"),
        ("price_increases_accepted", 1, 0),
        ("price_increase_acceptance_share", 0.5, 0.0),
        ("service_sensitivity_score", 0.5, -0.5),
        ("star_level", 5, 1),
        ("tenure_years", 6, 1),
        ("cover_gaps_ever", 0, 2),
        ("household_quote_count_36m", 2, 0),
        ("ncd_level", -4, 2),
    ],
)
def test_what_a_value_means(name: str, stays: Any, leaves: Any) -> None:
    for value, meant, other in ((stays, "stays", "leaves"), (leaves, "leaves", "stays")):
        if value is not None:
            assert sensible(name, value, meant)
            assert not sensible(name, value, other)
            assert sensible(name, value, None)  # nobody asks whether they stay


def test_the_next_tag_of_the_theme_takes_the_place_of_one_that_makes_no_sense() -> None:
    # A quote that fell by 5% and a premium that rose by 8% before: both are said to lower renewal.
    values = {"renewal_quote_change_ratio": -0.05, "premium_change_ratio": 0.08, "ncd_level": -3.0}
    weights = [-0.4, -0.2, 0.1, 0.0]
    (reason,) = strongest_reasons(PRICE, values, weights, staying="raises")
    assert (reason.tag, reason.effect) == ("premium_change_ratio", "lowers")
    # None makes sense: no reason, and what the theme added is part of the rest.
    fell = values | {"premium_change_ratio": -0.08}
    told = explain(PRICE, fell, weights, staying="raises")
    assert told.shares == []
    assert told.rest == pytest.approx(-0.5)
    # A model of something else says what moved it.
    (reason,) = strongest_reasons(PRICE, fell, weights)
    assert reason.tag == "renewal_quote_change_ratio"


NUMBERS = st.floats(-10, 10, allow_nan=False)


@given(st.sampled_from(sorted(TAGS)), NUMBERS)
def test_a_value_may_mean_one_thing_at_least(name: str, value: float) -> None:
    assert sensible(name, value, "stays") or sensible(name, value, "leaves")
    absent = [sensible(name, math.nan, word) for word in ("stays", "leaves")]
    assert absent == [True, True] or (absent == [False, True] and means_never(name))


def test_every_declared_sense_is_of_some_tag() -> None:
    for sense in SENSES:
        assert any(
            sense.is_of(theme_of(name, tag).name, tag.unit, frozenset(name.split("_")))
            for name, tag in TAGS.items()
        ), sense


def test_every_tag_that_is_silent_is_declared_for_some_tag() -> None:
    for silent in SILENT:
        assert any(
            silent.is_of(theme_of(name, tag).name, tag.unit, frozenset(name.split("_")))
            for name, tag in TAGS.items()
        ), silent


@pytest.mark.parametrize(
    ("name", "value", "speaks"),
    [
        ("commercial_premium_previous", 5573.0, False),
        ("premium_to_list_price", 0.009, False),
        ("pricing_factor", 1.15, False),
        ("premium_change_ratio", 0.12, True),
        ("premium_change_ratio", math.nan, False),
        ("customer_value", -350.0, False),
        ("star_level", 4, True),
        ("vehicle_weight_kg", 2108.0, False),
        ("vehicle_age_years", 8, True),
        ("branch", "B07", False),
        ("channel", "broker", True),
        ("city_tier", "1", False),
        ("commercial_claim_frequency", 1.06, False),
        ("claim_count_365d", 3, True),
        ("days_since_last_claim", math.nan, False),
        ("days_since_last_response", math.nan, True),
        ("service_sensitivity_score", 0.1, False),
        ("service_sensitivity_score", -0.51, True),
        ("price_sensitivity", "medium", False),
        ("price_sensitivity", "high", True),
        ("household_policies_ever", 1, True),
        ("third_party_limit", 3e6, True),
    ],
)
def test_a_talk_can_begin_with_some_values_and_not_with_others(
    name: str, value: Any, speaks: bool
) -> None:
    theme = theme_of(name, TAGS[name]).name
    assert is_talking_point(name, TAGS[name], theme, value) == speaks


def test_another_tag_speaks_for_one_that_is_silent() -> None:
    names = ["commercial_premium_previous", "premium_change_ratio", "branch", "lead_days"]
    values = dict(zip(names, (5573.0, 0.12, "B07", 3.0), strict=True))
    reasons = strongest_reasons(names, values, [-0.9, -0.1, -0.8, -0.2], staying="raises")
    assert [reason.chinese for reason in reasons] == ["商业险保费变化率：+12%", "距到期天数：3天"]
    # Its share of the theme is still told: 0.9 and 0.1 are the price's.
    told = explain(names, values, [-0.9, -0.1, -0.8, -0.2, 0.5], staying="raises")
    assert [(share.theme, share.score) for share in told.shares] == [
        ("price", -1.0),
        ("expiry", -0.2),
    ]
    assert told.rest == pytest.approx(-0.8)


def test_what_never_happened_is_said_so() -> None:
    name = "days_since_last_response"
    (reason,) = strongest_reasons([name], {name: None}, [-1.0], staying="raises")
    assert reason.chinese == "距上次响应天数：从未"
    assert strongest_reasons([name], {name: None}, [1.0], staying="raises") == []


def test_a_score_reads_as_where_the_customer_stands() -> None:
    assert [words_of(value, "score")[0] for value in (-0.51, 0.1, 0.4)] == [
        "低于一般客户", "与一般客户相当", "高于一般客户",
    ]  # fmt: skip
    assert words_of(-0.004, "change") == ("+0%", "+0%")
    assert [words_of(share, "share")[0] for share in (0.0, 0.008, 0.155)] == ["0%", "0.8%", "16%"]
