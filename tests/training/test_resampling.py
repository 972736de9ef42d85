"""Intervals of single figures, and what customers they rest on."""

import numpy as np
import pandas as pd
import pytest

from training.evaluation.resampling import (
    Resamples,
    interval,
    share_interval,
    wilson_interval,
)


def test_percentiles_are_those_of_what_the_samples_are_drawn_from():
    # 39 samples cut the line in 40 parts of 2.5% each.
    assert interval(np.arange(1.0, 40.0)) == (1.0, 39.0)


def test_an_auc_keeps_its_interval_between_0_and_1():
    samples = np.array([0.97, 0.98, 0.99, 0.999, 0.9999])
    low, high = share_interval(0.99, samples, 30)
    assert 0 < low < 0.99 < high < 1
    # Fewer customers, a wider interval: Student's t has fatter tails.
    assert (
        share_interval(0.99, np.tile(samples, 40), 5)[0]
        < share_interval(0.99, np.tile(samples, 40), 200)[0]
    )


def test_a_share_of_0_has_an_interval():
    # Wilson: z^2 / (n + z^2) is the upper end of 0 of n.
    low, high = wilson_interval(0.0, 0.0, 100_001)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(1.96**2 / (100_001 + 1.96**2), rel=1e-3)


def test_evidence_is_customers_with_the_rarer_outcome():
    people = Resamples(pd.Series(["a", "a", "b", "c", "d"]), 1)
    assert people.evidence(np.array([True, True, False, False, False])) == 1
    assert people.evidence(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 4


def test_covariance_of_sums_draws_customers():
    """Two customers add (1, 2) and (3, 6), spread 2 and 4 around their means of 2 and 4."""
    people = Resamples(pd.Series(["a", "b", "b"]), 1)
    columns = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 4.0]])
    # Variance 2 of the first column, by customer, times two customers.
    assert people.covariance(columns) == pytest.approx(np.array([[4.0, 8.0], [8.0, 16.0]]))
