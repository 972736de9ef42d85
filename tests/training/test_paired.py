"""Paired figures against scikit-learn and against what must be so."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from training.evaluation.calibration import expected_calibration_error
from training.paired import _Weighted, compare, gaps


def drawn(rows: int, seed: int):
    draw = np.random.default_rng(seed)
    told = np.round(draw.uniform(0.05, 0.95, rows), 2)  # with ties
    return draw.random(rows) < told, told, draw


@given(st.integers(20, 200), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_weights_are_repeated_rows(rows, seed):
    label, told, draw = drawn(rows, seed)
    weight = draw.integers(0, 3, rows)
    repeated = np.repeat(np.arange(rows), weight)
    area, loss, gap = _Weighted(label, told).figures(weight.astype(float))
    again = label[repeated]
    if again.any() and not again.all():
        assert area == pytest.approx(roc_auc_score(again, told[repeated]))
        assert loss == pytest.approx(log_loss(again, told[repeated]))
    one = _Weighted(label, told).figures(np.ones(rows))
    assert one[2] == pytest.approx(expected_calibration_error(label, told))
    assert 0 <= gap <= 1


def test_the_same_model_twice_differs_by_exactly_nothing():
    label, told, _ = drawn(300, 1)
    found = compare(label, told, told, pd.Series(np.arange(300)))
    for figure in (found.auc, found.log_loss, found.ece):
        assert (figure.difference, figure.low, figure.high) == (0, 0, 0)
    assert (found.rows, found.customers, found.outcomes) == (300, 300, int(label.sum()))


def test_a_better_model_is_seen_and_the_interval_holds_the_difference():
    label, told, draw = drawn(4000, 2)
    worse = np.clip(told + draw.normal(0, 0.2, 4000), 0.02, 0.98)
    found = compare(label, worse, told, pd.Series(np.arange(4000)))
    assert found.log_loss.high < 0 < found.auc.low
    assert found.log_loss.low < found.log_loss.difference < found.log_loss.high
    assert found.log_loss.challenger == pytest.approx(log_loss(label, told))


def test_rows_of_one_customer_are_drawn_together():
    """Ten rows a customer that say the same are one piece of evidence, not ten."""
    label, told, draw = drawn(300, 3)
    worse = np.clip(told + draw.normal(0, 0.1, 300), 0.02, 0.98)
    one = compare(label, worse, told, pd.Series(np.arange(300)))
    ten = compare(*(np.repeat(part, 10) for part in (label, worse, told)),
                  pd.Series(np.repeat(np.arange(300), 10)))  # fmt: skip
    assert ten.log_loss.deviation == pytest.approx(one.log_loss.deviation)
    assert (ten.rows, ten.customers) == (3000, 300)


def test_a_gap_is_the_groups_overstatement_less_that_of_the_others():
    label = np.array([True, False, False, False, True, True])
    told = np.array([0.7, 0.5, 0.2, 0.1, 0.3, 0.2])
    people = pd.Series(list("abcdef"))
    groups = pd.Series(["F", "F", "F", "M", "M", "M"])
    found = {one.value: one for one in gaps(label, told, people, groups, "gender")}
    # F: (0.7 + 0.5 + 0.2 - 1) / 3 = 0.4 / 3; M: (0.1 + 0.3 + 0.2 - 2) / 3 = -1.4 / 3.
    assert found["F"].gap == pytest.approx(0.6)
    assert found["M"].gap == pytest.approx(-0.6)
    assert (found["M"].rows, found["M"].customers, found["M"].outcomes) == (3, 3, 2)
    assert gaps(label, told, people, pd.Series(["F"] * 6), "gender") == []
