"""Totals that are shown to users have an interval, and it holds what comes."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from training.estimators.level import Z95, interval_of_total, level_margin
from training.estimators.logistic import expit, logit

GRID = np.linspace(0, 6, 601)
"""Margins at which the shares are computed."""


def margin(outcome: list[int], people: str, quarters: list[int], predicted: float = 0.5) -> float:
    """Margin of rows of one probability; customers are letters, quarters numbers."""
    dates = [pd.Timestamp(2024 + one // 4, one % 4 * 3 + 1, 1) for one in quarters]
    values = np.array(outcome, bool), np.full(len(outcome), predicted)
    return level_margin(*values, pd.Series(list(people)), pd.Series(dates))


@pytest.fixture
def quarters_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.estimators.level.BETWEEN", 1e-9)


@pytest.mark.usefixtures("quarters_alike")
def test_rows_of_a_customer_count_together() -> None:
    # Left over: a half each, up or down; their mean is 0; sum of p(1 - p): 1. One quarter.
    assert margin([1, 0, 1, 0], "ABCD", [0] * 4) == pytest.approx(Z95 * 1.0, rel=1e-3)
    assert margin([1, 0, 1, 0], "ABAB", [0] * 4) == pytest.approx(Z95 * math.sqrt(2), rel=1e-3)
    assert margin([1, 0, 1, 0], "AABB", [0] * 4) == pytest.approx(0, abs=1e-6)


def test_of_one_quarter_only_the_prior_says_how_far_the_next_may_be() -> None:
    # 250,000 rows, so no noise of their own: the margin is the 95% point of a normal distribution
    # whose deviation is sqrt(2) times a half-Cauchy of median .05.
    many = margin([1, 0] * 125_000, "".join(map(chr, range(1000, 51_000))) * 5, [0] * 250_000)
    draw = np.random.default_rng(1)
    deviations = 0.05 * np.tan(np.pi / 2 * draw.random(2_000_000))
    drawn = math.sqrt(2) * deviations * draw.standard_normal(2_000_000)
    assert many == pytest.approx(np.quantile(np.abs(drawn), 0.95), rel=0.02)


def by_integration(levels: np.ndarray, variance: float, of_all: float) -> float:
    """The 95% margin of a level to come, by integration over the deviation between quarters."""
    count = len(levels)
    deviations = np.geomspace(1e-4, 200, 200_000)
    every = variance + deviations**2
    fit = -(count - 1) / 2 * np.log(every) - ((levels - levels.mean()) ** 2).sum() / every / 2
    width = np.gradient(deviations) / (1 + (deviations / 0.05) ** 2)
    likely = np.exp(fit - fit.max()) * width
    spread = np.sqrt(of_all + deviations**2 * (1 + 1 / count))
    inside = [float((likely * norm.cdf(far / spread)).sum() / likely.sum()) for far in GRID]
    return float(np.interp(0.975, inside, GRID))


@pytest.mark.parametrize("rates", [(100, 100, 100, 100), (110, 90, 110, 90), (150, 50, 150, 50)])
def test_quarters_that_differ_beyond_chance_widen_it(rates: tuple[int, ...]) -> None:
    people = "".join(chr(1000 + n) for n in range(800))
    outcome = [int(n < rate) for rate in rates for n in range(200)]
    # Four quarters of 200 rows, half of all true: p(1 - p) is 50 a quarter. What rows leave over
    # has in each the variance of its own rate, and around the level of all 800 / 4 / 200^2.
    (variance,) = {rate * (200 - rate) / 200 / 50**2 for rate in rates}
    expected = by_integration((np.array(rates) - 100) / 50, variance, 200 / 200**2)
    differing = margin(outcome, people, [n // 200 for n in range(800)])
    assert differing == pytest.approx(expected, rel=0.01)


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
