"""Distances that cannot be negative: what noise adds is taken off, and intervals hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.distances import (
    invert,
    noise,
    root_mean_square,
    typical_difference,
)


def test_what_noise_adds_is_taken_off():
    # Mean square (9 + 16) / 2 = 12.5, less the mean variance of 4: 8.5.
    shown = root_mean_square(np.array([3.0, 4.0]), np.full(2, 0.5), np.diag([4.0, 4.0]))
    assert shown.value == pytest.approx(8.5**0.5)
    assert shown.by_chance == pytest.approx(2.0)
    assert shown.interval[0] < shown.value < shown.interval[1]
    small = root_mean_square(np.array([0.5, -1.0]), np.full(2, 0.5), np.diag([4.0, 4.0]))
    assert (small.value, small.interval[0]) == (0.0, 0.0)


def test_of_two_values_the_typical_difference_is_theirs():
    far = typical_difference(np.array([1.0, 4.0]), np.zeros((2, 2)))
    assert far.value == pytest.approx(3.0)
    assert far.interval == pytest.approx((3.0, 3.0), abs=1e-6)
    # Of 0, 0 and 3 the differences are 0, 3 and 3: root of (0 + 9 + 9) / 3.
    three = typical_difference(np.array([0.0, 0.0, 3.0]), np.zeros((3, 3)))
    assert three.value == pytest.approx(6.0**0.5)


def test_what_all_values_share_is_no_difference():
    """One noise in all values moves none of their differences."""
    shown = typical_difference(np.array([0.1, 0.2, 0.15]), np.full((3, 3), 0.5))
    assert shown.by_chance == pytest.approx(0.0, abs=1e-6)
    assert shown.interval[1] - shown.interval[0] < 1e-3


def test_a_gap_that_is_not_known_has_no_distance():
    shown = root_mean_square(np.array([np.nan, 1.0]), np.full(2, 0.5), np.eye(2))
    assert np.isnan([shown.value, *shown.interval]).all()


@given(
    st.lists(st.floats(-3, 3), min_size=2, max_size=6),
    st.floats(0.1, 3),
)
@settings(max_examples=40, deadline=None)
def test_intervals_scale_with_the_unit_and_hold_the_value(gaps, unit):
    values = np.array(gaps)
    weights, covariance = np.full(len(values), 1 / len(values)), np.eye(len(values))
    shown = root_mean_square(values, weights, covariance)
    scaled = root_mean_square(unit * values, weights, unit**2 * covariance)
    assert 0 <= shown.interval[0] <= shown.value <= shown.interval[1]
    assert scaled.interval == pytest.approx(
        tuple(unit * end for end in shown.interval), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize(
    "true", [np.zeros(5), np.full(5, 0.4), np.array([0, 0, 0, 0, 2.0]), np.linspace(-3, 3, 5)]
)
def test_the_interval_holds_the_true_distance(true):
    """Of 400 draws 380 are expected, with a deviation of 4.4."""
    draw, weights = np.random.default_rng(3), np.full(5, 0.2)
    spread = np.linspace(0.5, 1.5, 5)
    size, kept = float(np.sqrt(np.mean(true**2))), 0
    for _ in range(400):
        gaps = true + spread * draw.standard_normal(5)
        low, high = root_mean_square(gaps, weights, np.diag(spread**2)).interval
        kept += low <= size + 1e-12 and size <= high + 1e-12
    assert 360 <= kept <= 396


def test_noise_has_its_covariance_and_with_few_customers_fatter_tails():
    covariance = np.array([[1.0, 0.5], [0.5, 2.0]])
    assert np.cov(noise(covariance), rowvar=False) == pytest.approx(covariance, abs=0.12)
    far = [np.mean(np.abs(noise(np.eye(1), customers)) > 3) for customers in (np.inf, 6)]
    assert far[1] > 4 * far[0]


def test_a_test_is_inverted_on_one_side_at_zero():
    """A figure that is the size plus a uniform error of -.5 to .5; clear of noise from .5 on."""

    def error(figure):
        return lambda size: (size, float(np.clip(figure - size + 0.5, 0, 1)))

    # 95% of the errors are below .45: a figure of .44 leaves 0 possible, .46 does not.
    assert invert(error(0.44), 0.5, (0, 9))[0] == 0.0
    assert invert(error(0.46), 0.5, (0, 9))[0] > 0.0
    assert invert(error(5.0), 0.5, (0, 9)) == pytest.approx((4.525, 5.475), abs=1e-4)
