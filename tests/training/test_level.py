"""Totals that are shown to users have an interval, and it holds what comes."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.estimators.level import interval_of_total, level_margin
from training.estimators.logistic import expit, logit

T1, T3 = 12.706, 3.182
"""Quantiles .975 of Student's t with one and three degrees of freedom."""


def margin(outcome: list[int], people: str, quarters: list[int], predicted: float = 0.5) -> float:
    """Margin of rows of one probability; customers are letters, quarters numbers."""
    dates = [pd.Timestamp(2024 + one // 4, one % 4 * 3 + 1, 1) for one in quarters]
    values = np.array(outcome, bool), np.full(len(outcome), predicted)
    return level_margin(*values, pd.Series(list(people)), pd.Series(dates))


def test_rows_of_a_customer_count_together() -> None:
    # Left over: a half each, up or down; their mean is 0; sum of p(1 - p): 1. One quarter.
    assert margin([1, 0, 1, 0], "ABCD", [0] * 4) == pytest.approx(T1 * 1.0, rel=1e-3)
    assert margin([1, 0, 1, 0], "ABAB", [0] * 4) == pytest.approx(T1 * math.sqrt(2), rel=1e-3)
    assert margin([1, 0, 1, 0], "AABB", [0] * 4) == 0


def test_quarters_that_differ_beyond_chance_widen_it() -> None:
    people = "".join(chr(1000 + n) for n in range(800))
    alike = margin([1, 0] * 400, people, [n // 200 for n in range(800)])
    # Four quarters of 200 rows, half of all true. Sum of squares 800/4, of p(1 - p) 800/4.
    assert alike == pytest.approx(T3 * math.sqrt(200) / 200, rel=1e-3)
    rates = [150, 50, 150, 50]
    outcome = [int(n < rate) for rate in rates for n in range(200)]
    # Levels +-1 (50 left over / 50), each of variance 37.5 / 2500: DerSimonian and Laird.
    weight = 2500 / 37.5
    between = (4 * weight - 3) / (4 * weight - weight)
    differing = margin(outcome, people, [n // 200 for n in range(800)])
    assert differing == pytest.approx(T3 * math.sqrt(200 / 200**2 + between), rel=1e-3)


def test_ends_are_the_nearest_whole_numbers() -> None:
    # 25 +- 1.96 * 4.33, which is 16.5 to 33.5 by a little; 10 +- 5.37.
    assert interval_of_total(np.full(100, 0.25), 0.0) == (17, 33)
    assert interval_of_total(np.full(40, 0.25), 0.0) == (5, 15)


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0, 3))
def test_an_interval_holds_the_sum_and_nothing_impossible(
    probabilities: list[float], level: float
) -> None:
    values = np.array(probabilities)
    low, high = interval_of_total(values, level)
    assert 0 <= low <= round(float(values.sum())) <= high <= len(values)
    wider = interval_of_total(values, level + 0.5)
    assert wider[0] <= low <= high <= wider[1]


def test_nobody_in_doubt_is_no_interval() -> None:
    assert interval_of_total(np.array([1.0, 1.0, 0.0]), 0.3) == (2, 2)
    assert interval_of_total(np.array([]), 0.3) == (0, 0)


@pytest.mark.parametrize("drift", [0.0, 0.1])
def test_the_next_quarter_lies_within_it_as_often_as_it_says(drift: float) -> None:
    """300 histories of five quarters; levels differ by chance alone, or by more."""
    draw, held = np.random.default_rng(11), 0
    for _ in range(300):
        quarters = [quarter(draw, drift, 1_500) for _ in range(5)]
        score, outcome = (np.concatenate(part) for part in zip(*quarters, strict=True))
        shift = 0.0
        for _ in range(8):  # calibrated on these rows: as many came true as were predicted
            predicted = expit(score + shift)
            shift += (outcome - predicted).sum() / (predicted * (1 - predicted)).sum()
        dates = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=5, freq="QS"), 1_500))
        level = level_margin(outcome, expit(score + shift), pd.Series(np.arange(7_500)), dates)
        later, came = quarter(draw, drift, 1_500)
        low, high = interval_of_total(expit(later + shift), level)
        held += low <= came.sum() <= high
    assert 0.93 <= held / 300 <= 0.995


def quarter(draw: np.random.Generator, drift: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and outcomes of a quarter, whose level differs from the others'."""
    score = logit(np.clip(draw.beta(1.0, 5.0, size), 1e-4, 1 - 1e-4))
    return score, draw.random(size) < expit(score + draw.normal(0, drift))
