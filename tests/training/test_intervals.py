"""Intervals of single figures, and what customers they rest on."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from training.evaluation.intervals import (
    FEWEST_PAID,
    Customers,
    interval,
    order_interval,
    pool_evidence,
    ratio_interval,
    share_interval,
    wilson_interval,
)


def test_percentiles_are_those_of_what_the_samples_are_drawn_from():
    # 39 samples cut the line in 40 parts of 2.5% each.
    assert interval(np.arange(1.0, 40.0)) == (1.0, 39.0)


def test_an_auc_keeps_its_interval_between_0_and_1():
    low, high = share_interval(0.99, 0.01, 30)
    assert 0 < low < 0.99 < high < 1
    # The log-odds have the deviation .01 / (.99 * .01), and Student's t of 29 degrees is 2.045.
    assert logit(0.99) - logit(low) == pytest.approx(2.0452 / 0.99, rel=1e-4)
    # Fewer customers, a wider interval: Student's t has fatter tails.
    assert share_interval(0.99, 0.01, 5)[0] < low
    # Of a perfect order no noise is seen.
    assert share_interval(1.0, 0.0, 30) == (1.0, 1.0)


def test_a_gini_is_an_auc_on_another_scale():
    low, high = share_interval(0.6, 0.05, 50)
    people = Customers(pd.Series(map(str, range(50))))
    gini = order_interval(0.2, (0.1, 50.0, 0.0), people, "count")
    assert gini == pytest.approx((2 * low - 1, 2 * high - 1))
    assert order_interval(0.6, (0.05, 50.0, 0.0), people, "probability") == (low, high)


def test_a_gini_of_few_amounts_has_no_interval():
    few = Customers(pd.Series(map(str, range(FEWEST_PAID - 1))))
    enough = Customers(pd.Series(map(str, range(FEWEST_PAID))))
    spread = (0.1, 200.0, 0.0)
    assert np.isnan(order_interval(0.2, spread, few, "amount")).all()
    assert np.isfinite(order_interval(0.2, spread, enough, "amount")).all()
    assert np.isfinite(order_interval(0.2, spread, few, "count")).all()


def test_a_ratio_is_as_far_from_its_ends_in_times():
    low, high = ratio_interval(2.0, 0.2, 1_000_000)
    assert (2 / low, high / 2) == pytest.approx((np.exp(0.196), np.exp(0.196)), rel=1e-3)


def test_a_share_of_0_has_an_interval():
    # Wilson: z^2 / (n + z^2) is the upper end of 0 of n.
    low, high = wilson_interval(0.0, 0.0, 100_001)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(1.96**2 / (100_001 + 1.96**2), rel=1e-3)


def test_evidence_is_customers_with_the_rarer_outcome():
    people = Customers(pd.Series(["a", "a", "b", "c", "d"]))
    assert people.evidence(np.array([True, True, False, False, False])) == 1
    assert people.evidence(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 4


def test_variances_together_rest_on_more_customers_than_each():
    # Variances 1, 4 and 4 of 10, 20 and 40 degrees of freedom: 9^2 / (1/10 + 16/20 + 16/40).
    spreads = [(1.0, 11.0, 0.0), (2.0, 21.0, 0.0), (2.0, 41.0, 0.0)]
    assert pool_evidence(spreads) == pytest.approx(1 + 81 / 1.3)
    assert pool_evidence([(0.0, 11.0, 0.0)]) == np.inf


def test_noise_of_a_share_of_amounts_is_what_it_is_without_each_customer():
    """Marked amounts are 12 of 20; of the customer who has 10 of them the others know little."""
    people = Customers(pd.Series(["a", "a", "b", "c", "d"]))
    amounts = np.array([4.0, 6.0, 1.0, 2.0, 7.0])
    marked = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    share = 12 / 20
    without = np.array([2 / 10, 12 / 19, 10 / 18, 12 / 13])  # a, b, c, d: left out, one by one
    noise = amounts * (marked - share) / amounts.sum()
    ((deviation, _, skewness),) = people.spreads(noise[:, None], amounts)
    away = share - without
    expected = away - away.mean()
    assert deviation == pytest.approx(np.sqrt((expected**2).sum() * 4 / 3))
    assert skewness == pytest.approx((expected**3).sum() / (expected**2).sum() ** 1.5)
    ((to_first_order, _, _),) = people.spreads(noise[:, None])
    assert to_first_order < deviation


def test_covariance_of_sums_draws_customers():
    """Two customers add (1, 2) and (3, 6), spread 2 and 4 around their means of 2 and 4."""
    people = Customers(pd.Series(["a", "b", "b"]))
    columns = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 4.0]])
    # Variance 2 of the first column, by customer, times two customers.
    assert people.covariance(columns) == pytest.approx(np.array([[4.0, 8.0], [8.0, 16.0]]))
