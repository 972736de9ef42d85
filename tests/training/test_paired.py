"""Paired figures against scikit-learn and against what must be so."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from training.estimators.losses import mean_loss
from training.evaluation.intervals import Customers
from training.evaluation.paired import compare, compare_calibration, gaps


def drawn(rows: int, seed: int):
    draw = np.random.default_rng(seed)
    told = np.round(draw.uniform(0.05, 0.95, rows), 2)  # with ties
    return draw.random(rows) < told, told, draw


def each(people: int) -> Customers:
    """Customers of rows that are each of a customer of their own."""
    return Customers(pd.Series(np.arange(people)))


def test_the_same_model_twice_differs_by_exactly_nothing():
    label, told, _ = drawn(300, 1)
    found = compare(label, told, told, each(300))
    for figure in (found.order, found.loss, found.ece):
        assert (figure.difference, figure.low, figure.high) == (0, 0, 0)
    assert (found.rows, found.customers, found.outcomes) == (
        300,
        300,
        min(label.sum(), (~label).sum()),
    )


def test_a_better_model_is_seen_and_the_interval_holds_the_difference():
    label, told, draw = drawn(4000, 2)
    worse = np.clip(told + draw.normal(0, 0.2, 4000), 0.02, 0.98)
    found = compare(label, worse, told, each(4000))
    assert found.loss.high < 0 < found.order.low
    assert found.loss.low < found.loss.difference < found.loss.high
    assert found.loss.challenger == pytest.approx(log_loss(label, told))


def errors(label, champion, challenger, people):
    return compare_calibration(label, champion, challenger, people)


def test_errors_of_two_models_differ_by_no_more_than_their_predictions():
    label, told, _ = drawn(3000, 4)
    high = np.clip(told + 0.1, 0, 1)
    apart = float(np.sqrt(np.mean((high - told) ** 2)))
    found = errors(label, told, high, each(3000))
    assert 0.03 < found.low < found.difference < found.high < 1.1 * apart
    turned = errors(label, high, told, each(3000))
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.high < 0


def test_the_interval_of_a_difference_of_errors_holds_it():
    """One model 8 points too high, the other 8 too low: no difference, in 100 draws."""
    kept = 0
    for seed in range(100):
        label, told, _ = drawn(1500, seed)
        found = errors(label, told + 0.08, told - 0.08, each(1500))
        kept += found.low <= 0 <= found.high
    assert 88 <= kept <= 100


def test_the_interval_holds_a_difference_as_large_as_it_can_be():
    """A model without error against one 8 points too high: percentiles of draws held 85 of 100."""
    kept = 0
    for seed in range(100):
        label, told, _ = drawn(1500, seed)
        found = errors(label, told, np.clip(told + 0.08, 0, 1), each(1500))
        kept += found.low <= 0.08 <= found.high + 0.002
    assert 89 <= kept <= 100


def test_rows_of_one_customer_are_drawn_together():
    """Ten rows a customer that say the same are one piece of evidence, not ten."""
    label, told, draw = drawn(300, 3)
    worse = np.clip(told + draw.normal(0, 0.1, 300), 0.02, 0.98)
    one = compare(label, worse, told, each(300))
    ten = compare(*(np.repeat(part, 10) for part in (label, worse, told)),
                  Customers(pd.Series(np.repeat(np.arange(300), 10))))  # fmt: skip
    assert ten.loss.deviation == pytest.approx(one.loss.deviation)
    assert (ten.rows, ten.customers) == (3000, 300)


def test_a_gap_is_the_groups_overstatement_less_that_of_the_others():
    label = np.array([True, False, False, False, True, True])
    told = np.array([0.7, 0.5, 0.2, 0.1, 0.3, 0.2])
    people = each(6)
    groups = pd.Series(["F", "F", "F", "M", "M", "M"])
    found = {one.value: one for one in gaps(label, told, people, groups, "gender")}
    # F: (0.7 + 0.5 + 0.2 - 1) / 3 = 0.4 / 3; M: (0.1 + 0.3 + 0.2 - 2) / 3 = -1.4 / 3.
    assert found["F"].gap == pytest.approx(0.6)
    assert found["M"].gap == pytest.approx(-0.6)
    assert (found["M"].rows, found["M"].customers, found["M"].outcomes) == (3, 3, 1)
    assert gaps(label, told, people, pd.Series(["F"] * 6), "gender") == []


def test_counts_and_amounts_are_told_against_their_mean():
    """Told 2 of a mean of 4 is short by half, however large the unit; told right, by nothing."""
    label = np.array([2.0, 6.0, 4.0, 4.0])
    groups = pd.Series(["F", "F", "M", "M"])
    for kind, outcomes in (("count", 16), ("amount", 4)):
        found = compare(label, np.full(4, 2.0), np.full(4, 4.0), each(4), kind=kind)
        assert found.outcomes == outcomes
        assert found.challenger_ece.value == pytest.approx(0.0, abs=0.5)
        assert found.loss.champion == pytest.approx(mean_loss(label, np.full(4, 2.0), kind))
        assert found.loss.challenger == pytest.approx(found.reference)
        (first, _) = gaps(label, np.array([5.0, 5.0, 4.0, 4.0]), each(4), groups, "gender", kind)
        assert first.gap == pytest.approx(0.25)
    assert compare(label, label, label, each(4), kind="count").order.champion > 0
