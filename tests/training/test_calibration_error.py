"""The calibration error: nothing where there is none, and an interval that holds the true one."""

import numpy as np
import pandas as pd
import pytest

from training.evaluation.calibration import calibration_error, count_bins, gaps_by_bin
from training.evaluation.intervals import Customers


def drawn(rows=4000, seed=1, slope=1.0):
    """Outcomes of known probabilities, two rows a customer, told with a wrong slope."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(-0.5, 1, rows)
    label = draw.random(rows) < 1 / (1 + np.exp(-odds))
    return label, 1 / (1 + np.exp(-odds / slope)), pd.Series(np.arange(rows) // 2)


def coverage_of_the_calibration_error(slope: float, rounds: int = 200) -> tuple[float, float]:
    """Share of intervals that hold the true error of 600 customers, and mean estimate over truth.

    The true error is that of a million rows with the probability in the place of the outcome.
    """
    draw = np.random.default_rng(5)
    odds = draw.normal(-0.5, 1, 1_000_000)
    true, wrong = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds / slope))
    gaps, weights, _ = gaps_by_bin(true, wrong, wrong, 5)
    error = float(np.sqrt(weights @ gaps**2))
    kept, values = 0, []
    for seed in range(rounds):
        label, told, who = drawn(1200, seed, slope)
        shown = calibration_error(label, told, Customers(who), bins=5)
        kept += shown.interval[0] <= error + 1e-12 and error <= shown.interval[1]
        values.append(shown.value**2)
    return kept / rounds, float(np.mean(values)) - error**2


@pytest.mark.parametrize("slope", [1.0, 1.3, 2.0])
def test_the_interval_of_the_calibration_error_holds_the_true_one(slope):
    """A plug-in holds it in 17 to 72% of samples; 200 rounds know the share to 1.5 points."""
    share, _ = coverage_of_the_calibration_error(slope)
    assert 0.90 <= share <= 0.99


def test_a_model_without_error_shows_none_and_the_plug_in_the_error_of_chance():
    values, plain, chances = [], [], []
    for seed in range(60):
        label, told, who = drawn(1200, seed)
        shown = calibration_error(label, told, Customers(who))
        gaps, weights, _ = gaps_by_bin(label, told, told, 10)
        values.append(shown.value)
        plain.append(weights @ gaps**2)
        chances.append(shown.by_chance)
        assert shown.interval[0] <= shown.value <= shown.interval[1]
    assert np.median(values) < 0.3 * np.mean(chances)
    assert np.mean(plain) ** 0.5 == pytest.approx(np.mean(chances), rel=0.15)
    label, told, who = drawn(1200, slope=3.0)
    assert calibration_error(label, told, Customers(who)).interval[0] > 0.03


def test_few_outcomes_make_few_bins():
    people = Customers(pd.Series(np.arange(1000)))
    assert count_bins(np.arange(1000) < 500, people) == 10
    assert count_bins(np.arange(1000) < 100, people) == 3
    assert count_bins(np.arange(1000) < 5, people) == 1
    assert count_bins(np.ones(1000) * 7.5, people) == 6
