"""What is beyond a bound, and beyond chance at the bound; the stated rate of false alarms holds."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from training.monitoring.rule import (
    BoundTest,
    Estimate,
    holm,
    index_test,
    mean_gap,
    mean_of,
    not_below,
    two_sided,
)

MANY = 1_000_000  # customers of whom Student's t is normal


def judged(p: float) -> BoundTest:
    return BoundTest("gap", "", 0.0, 0.0, 0.0, 0.0, 0.0, p)


def test_a_gap_is_weighed_at_its_bound():
    # 5 points found, 2 allowed, deviation 1: three deviations beyond, or seven on the other side.
    one = two_sided("gap", Estimate(-0.05, 0.01, MANY), 0.02)
    assert one.p == pytest.approx(norm.sf(3) + norm.sf(7), rel=1e-3)
    assert (one.low, one.high) == pytest.approx((-0.0696, -0.0304), abs=1e-4)


def test_within_the_bound_there_is_no_evidence_however_sure():
    assert two_sided("gap", Estimate(0.019, 1e-6, MANY), 0.02).p > 0.999


def test_only_a_fall_counts_of_what_may_rise():
    fall = not_below("auc", Estimate(0.60, 0.02, MANY), 0.03, 0.69)
    assert fall.p == pytest.approx(norm.sf(3), rel=1e-3)
    assert not_below("auc", Estimate(0.95, 0.02, MANY), 0.03, 0.69).p > 0.999


def test_rows_of_a_customer_are_one_draw():
    label = np.array([1, 0, 1, 0], dtype=bool)
    told = np.full(4, 0.5)
    alone = mean_of(label - told, pd.Series(["a", "b", "c", "d"]))
    # Sums by customer are +1 and -1: sqrt((1 + 1) * 2 / 1) / 4.
    together = mean_of(label[[0, 2, 1, 3]] - told, pd.Series(["a", "a", "b", "b"]))
    assert alone.deviation == pytest.approx(math.sqrt(4 * 0.25 * 4 / 3) / 4)
    assert together.deviation == pytest.approx(0.5)
    assert together.customers == 2


def test_outcomes_that_stay_away_are_not_taken_for_certainty():
    told = np.full(1000, 0.03)
    none = mean_gap(np.zeros(1000, bool), told, pd.Series(range(1000)))
    assert none.value == pytest.approx(-0.03)
    assert none.tested == pytest.approx(math.sqrt(0.03 * 0.97 / 1000))
    assert none.cautious == none.tested > none.deviation
    # Asked four times, it is still one outcome a customer.
    again = mean_gap(np.zeros(1000, bool), told, pd.Series(np.arange(1000) // 4))
    assert again.tested == pytest.approx(math.sqrt(0.03 * 0.97 / 250))


def test_no_figure_of_one_customer_is_an_alert():
    one = mean_of(np.ones(5), pd.Series(["a"] * 5))
    assert two_sided("gap", one, 0.01).p > 0.5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.2))
def test_holm_lies_between_bonferroni_and_no_correction(ps, error):
    said = [one.alert for one in holm([judged(p) for p in ps], error)]
    for p, alert in zip(ps, said, strict=True):
        assert alert or p > error / len(ps)
        assert p <= error or not alert
    # Whoever is an alert stays one beside a smaller p.
    for p, alert in zip(ps, said, strict=True):
        assert not alert or all(a for q, a in zip(ps, said, strict=True) if q < p)


def rate(found: list[float], error: float) -> tuple[float, float]:
    """Share of alerts, and the share that chance stays below once in a thousand."""
    return float(np.mean(np.array(found) <= error)), binom.ppf(0.999, len(found), error) / len(
        found
    )


@pytest.mark.parametrize(
    ("share", "rows_each", "people", "least"),
    [(0.7, 4, 200, 0.02), (0.8, 4, 150, 0.01), (0.01, 1, 4000, 0.005)],
    ids=["a term asked four times", "few customers", "one buyer in a hundred"],
)
def test_at_the_bound_false_alarms_are_as_rare_as_stated(share, rows_each, people, least):
    """The worst case that is no breach: the true gap is as wide as is allowed."""
    draw, error, bound = np.random.default_rng(5), 0.05, 0.15 * share * (1 - share)
    customers = pd.Series(np.repeat(np.arange(people), rows_each))
    found = []
    for side in (-bound, bound):
        for _ in range(800):
            told = np.clip(draw.normal(share, share / 5, people), 0.001, 0.99)
            label = draw.random(people) < np.clip(told + side, 0, 1)
            gap = mean_gap(label.repeat(rows_each), told.repeat(rows_each), customers)
            found.append(two_sided("gap", gap, bound).p)
    share_found, most = rate(found, error)
    assert least < share_found <= most


def test_a_shift_of_twelve_points_is_found_within_a_cohort():
    draw = np.random.default_rng(6)
    customers = pd.Series(np.repeat(np.arange(700), 3))
    found = []
    for _ in range(300):
        told = np.clip(draw.normal(0.72, 0.1, 700), 0.01, 0.99)
        label = draw.random(700) < np.clip(told - 0.12, 0, 1)
        gap = mean_gap(label.repeat(3), told.repeat(3), customers)
        found.append(two_sided("gap", gap, 0.15 * 0.2).p)
    # The level of all rows of a cohort as declared: 0.10 / 12 / 2 / 2, five figures.
    assert np.mean(np.array(found) <= 0.10 / 12 / 2 / 2 / 5) > 0.9


def test_an_index_within_its_bound_is_as_rarely_an_alert_as_stated():
    draw, error = np.random.default_rng(7), 0.05
    before = np.full(10, 0.1)
    shifted = before * np.exp(np.linspace(-0.8, 0.8, 10))
    shifted /= shifted.sum()
    true = float(((shifted - before) * np.log(shifted / before)).sum())
    alike, at_bound = [], []
    for _ in range(500):
        counts = draw.multinomial(600, before).tolist(), draw.multinomial(400, shifted).tolist()
        at_bound.append(index_test("score_drift", *counts, (600, 400), true).p)
        counts = draw.multinomial(600, before).tolist(), draw.multinomial(400, before).tolist()
        alike.append(index_test("score_drift", *counts, (600, 400), 0.01).p)
    assert true == pytest.approx(0.25, abs=0.1)
    # The law of the index is one of many rows: at 400 it is held to one and a half times the rate.
    assert 0.01 < rate(at_bound, error)[0] <= 1.5 * error
    assert rate(alike, error)[0] <= error


def test_an_index_far_beyond_its_bound_is_an_alert():
    one = index_test("tag_drift", [100] * 10, [10] * 5 + [190] * 5, (1000, 1000), 0.25, "x")
    # Five bins of 0.1 become 0.01, five become 0.19.
    by_hand = 5 * (-0.09 * math.log(0.1) + 0.09 * math.log(1.9))
    assert one.estimate == pytest.approx(by_hand)
    assert one.p < 1e-6
    assert one.low < one.estimate < one.high
