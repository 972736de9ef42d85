"""Offices against expectation: closed cases, sums that hold, and how often chance is flagged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.experiments.offices import Comparison, compare_offices

MONTHS, OFFICES = 300, 30


def sums(draw: np.random.Generator, size: int, spread: float) -> tuple[Comparison, np.ndarray]:
    """One month of offices of unequal size whose log-odds differ by `spread`; and their truth."""
    sizes = np.maximum(5, draw.lognormal(np.log(size), 0.6, OFFICES)).astype(int)
    office = np.repeat(np.arange(OFFICES), sizes)
    odds = draw.normal(1.2, 0.8, len(office))
    truth = draw.normal(0, spread, OFFICES)
    p = 1 / (1 + np.exp(-odds))
    # All offices alike do better than the model says.
    renewed = draw.random(len(odds)) < 1 / (1 + np.exp(-(odds + 0.2 + truth[office])))
    by = [
        np.bincount(office, values, OFFICES)
        for values in (renewed, p, p * (1 - p), p * (1 - p) * (1 - 2 * p))
    ]
    return compare_offices(*by), truth


def test_two_offices_worked_out_by_hand() -> None:
    # p = 1/2 for 16 terms each: 8 expected, variance 4. The common shift is 0; of two equal
    # offices half of each variance is left: scores of 4 / sqrt(2).
    done = compare_offices([12, 4], [8, 8], [4, 4], [0, 0])
    assert done.shift == 0
    assert done.expected == pytest.approx([8, 8])
    assert done.score == pytest.approx([4 / 2**0.5, -4 / 2**0.5])
    assert done.outside.tolist() == [True, True]
    assert done.high[0] == pytest.approx(8 + 1.959964 * 2**0.5, abs=1e-5)
    # Two offices do not show how offices differ as a rule: nothing is believed.
    assert done.spread == 0
    assert done.shrunk.tolist() == [0, 0]


def test_an_office_alone_is_not_compared() -> None:
    done = compare_offices([3], [5], [2.5], [0])
    assert np.isnan(done.score).all()
    assert not done.outside.any()
    assert done.expected == pytest.approx([3])


def test_an_office_without_chance_is_not_flagged() -> None:
    # Its terms were renewed before they entered the pool: p = 1.
    done = compare_offices([5, 9, 11], [5, 10, 10], [0, 4, 4], [0, 0, 0])
    assert np.isnan(done.score[0])
    assert not done.outside[0]


def test_offices_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="a number each"):
        compare_offices([1, 2], [1], [1], [1])


@given(st.data())
def test_what_is_expected_after_the_shift_adds_up_to_what_was_observed(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 12))
    p = data.draw(arrays(float, (count, 20), elements=st.floats(0.3, 0.9)))
    renewed = data.draw(arrays(int, count, elements=st.integers(10, 16)))
    third = (p * (1 - p) * (1 - 2 * p)).sum(axis=1)
    done = compare_offices(renewed, p.sum(axis=1), (p * (1 - p)).sum(axis=1), third)
    if abs(done.shift) < 0.7:
        assert done.expected.sum() == pytest.approx(renewed.sum(), abs=1e-6)
    assert (np.abs(done.shrunk) <= np.abs(renewed - done.expected) + 1e-9).all()


def test_under_no_difference_five_percent_are_flagged() -> None:
    draw = np.random.default_rng(20260629)
    flagged = np.mean([sums(draw, 60, 0.0)[0].outside.mean() for _ in range(MONTHS)])
    # 9,000 offices: a standard error of 0.23 points.
    assert 0.038 < flagged < 0.058


def test_where_offices_differ_the_bounds_widen_and_shrinking_helps() -> None:
    draw = np.random.default_rng(7)
    flagged, raw, shrunk = [], [], []
    for _ in range(100):
        done, truth = sums(draw, 200, 0.3)
        flagged.append(done.outside.mean())
        # A difference in renewals over its variance is one in log-odds, to first order.
        half = (done.high - done.low) / 2 / 1.959964
        own = half**2 / (1 + done.spread**2 * half**2 / 2)
        true_renewals = (truth - truth.mean()) * own
        raw.append(np.abs(done.score * half - true_renewals).mean())
        shrunk.append(np.abs(done.shrunk - true_renewals).mean())
    # By chance alone 33 in 100 would lie outside.
    assert 0.03 < np.mean(flagged) < 0.09
    assert np.mean(shrunk) < np.mean(raw)
