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
from serving.tag_words import words_of
from training.models import MODELS

TAGS = catalogue()
PRICE = ["renewal_quote_change_ratio", "premium_change_ratio", "ncd_level"]


def sensible(name: str, value: Any, word: Any) -> bool:
    return makes_sense(name, TAGS[name], theme_of(name, TAGS[name]).name, value, speaks_for=word)


def test_which_way_staying_lies() -> None:
    directions = {name: staying_direction(spec) for name, spec in MODELS.items()}
    assert (directions["renewal"], directions["churn"]) == ("raises", "lowers")
    assert {directions[name] for name in MODELS if name.startswith("cross_sell")} == {None}


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
    assert absent == [TAGS[name].unit != "change"] * 2


def test_every_declared_sense_is_of_some_tag() -> None:
    for sense in SENSES:
        assert any(
            sense.is_of(theme_of(name, tag).name, tag.unit, frozenset(name.split("_")))
            for name, tag in TAGS.items()
        ), sense


def test_a_score_reads_as_where_the_customer_stands() -> None:
    assert [words_of(value, "score")[0] for value in (-0.51, 0.1, 0.4)] == [
        "低于一般客户", "与一般客户相当", "高于一般客户",
    ]  # fmt: skip
    assert words_of(-0.004, "change") == ("+0%", "+0%")
    assert [words_of(share, "share")[0] for share in (0.0, 0.008, 0.155)] == ["0%", "0.8%", "16%"]
