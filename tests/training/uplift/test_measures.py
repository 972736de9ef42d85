"""Qini and uplift against cases that others published, worked out by hand, and as laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.uplift import measures

# scikit-uplift, sklift/tests/test_metrics.py: test_qini_auc_score and test_uplift_auc_score.
PUBLISHED = [
    ([1, 1], [0.1, 0.3], [0, 1], 1.0, 1.0),
    ([1, 1], [0.1, 0.3], [1, 0], 0.0, -1.0),
    ([0, 1], [0.1, 0.3], [1, 0], 1.0, 0.0),
    ([1, 0], [0.1, 0.3], [0, 1], 1.0, 1.0),
    ([0, 1, 2], [0.1, 0.3, 0.9], [0, 1, 0], -0.5, -1.333333),
    ([0, 1, 2], [0.1, 0.3, 0.9], [1, 0, 1], 0.75, 1.333333),
]
# The same file: test_qini_curve, test_uplift_curve; its model's scores there order rows like these.
CURVES = [
    ([0, 1, 0], [0, 0, 0], [0, 3], [0, 1], [0, 1.5]),
    ([0, 1, 2], [0, 1, 1], [0, 2, 3], [0, 3, 3], [0, 3, 4.5]),
    ([0, 0, 0], [0, 0, 0], [0, 3], [0, 0], [0, 0]),
    ([1, 1, 1], [0, 0, 0], [0, 3], [0, 0], [0, 0]),
]


def qini_score(label, treated, score):
    """Area above the line as a share of what hindsight could reach: `qini_auc_score` there."""
    yes, took = np.asarray(label, float), np.asarray(treated, bool)
    best = measures.qini_curve(yes, took, np.where(took, yes, -yes))
    return share_of_best(measures.qini_curve(yes, took, score), best)


def uplift_score(label, treated, score):
    """The same of the uplift curve: `uplift_auc_score` there."""
    yes, took = np.asarray(label, float), np.asarray(treated, bool)
    harmed = ((yes == 1) & ~took).sum() > ((yes == 0) & took).sum()
    best = measures.uplift_curve(yes, took, 2.0 * (yes == took) + (yes if harmed else took))
    return share_of_best(measures.uplift_curve(yes, took, score), best)


def share_of_best(curve, best):
    line = best[1][-1] * best[0][-1] / 2
    return (measures.area(curve) - line) / (measures.area(best) - line)


@pytest.mark.parametrize(("label", "score", "treated", "qini", "uplift"), PUBLISHED)
def test_areas_published_by_scikit_uplift(label, score, treated, qini, uplift):
    assert qini_score(label, treated, score) == pytest.approx(qini, abs=1e-6)
    assert uplift_score(label, treated, score) == pytest.approx(uplift, abs=1e-6)


@pytest.mark.parametrize(("label", "score", "rows", "qini", "uplift"), CURVES)
def test_curves_published_by_scikit_uplift(label, score, rows, qini, uplift):
    found = measures.qini_curve(label, [0, 1, 1], score)
    assert found[0].tolist() == rows
    assert found[1].tolist() == pytest.approx(qini)
    assert measures.uplift_curve(label, [0, 1, 1], score)[1].tolist() == pytest.approx(uplift)


def test_radcliffes_curve_by_hand():
    # After 2: 1 of 1 treated, 0 of 1 control. After 4: 1 of 2 and 1 of 2, so nothing is gained.
    label, treated, score = [1, 0, 0, 1], [1, 0, 1, 0], [4, 3, 2, 1]
    assert measures.qini_curve(label, treated, score)[1].tolist() == [0, 1, 1, 1, 0]
    # Trapezoids of width 1/4 over gains a treated customer of 0, .5, .5, .5, 0.
    assert measures.qini(label, treated, score) == pytest.approx(0.375)
    # Uplift curve: (1 - 0) * 1, (1 - 0) * 2, (.5 - 0) * 3, 0, over 4 rows.
    assert measures.auuc(label, treated, score) == pytest.approx((1 + 2 + 1.5) / 4 / 4)


def test_expected_qini_by_hand():
    # Gains 0, .3, .3, .2 at thirds, and 0, -.1, -.1, .2 in reverse; the line to .2 has .1 below.
    effect = np.array([0.9, 0.0, -0.3])
    assert measures.expected_qini(effect, [3, 2, 1]) == pytest.approx(0.7 / 3 - 0.1)
    assert measures.expected_qini(effect, [1, 2, 3]) == pytest.approx(-0.1 / 3 - 0.1)


ROWS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(-3, 3), st.floats(-1, 1)),
    min_size=4,
    max_size=30,
).filter(lambda rows: len({row[1] for row in rows}) == 2)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_only_the_order_counts_and_no_order_is_chance(rows):
    label, treated, score, effect = (np.array(column) for column in zip(*rows, strict=True))
    for measure in (measures.qini, measures.auuc):
        told = measure(label, treated, score)
        assert measure(label, treated, np.exp(score)) == pytest.approx(told)
    assert measures.qini(label, treated, np.zeros(len(label))) == pytest.approx(0)
    assert measures.expected_qini(effect, np.zeros(len(label))) == pytest.approx(0)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_nothing_beats_the_true_order(rows):
    _, _, score, effect = (np.array(column) for column in zip(*rows, strict=True))
    best = measures.expected_qini(effect, effect)
    assert measures.expected_qini(effect, score) <= best + 1e-12


def test_the_qini_seen_is_on_average_the_expected():
    draw = np.random.default_rng(1)
    effect = draw.normal(0.05, 0.2, 4000).clip(-0.4, 0.4)
    seen = []
    for _ in range(60):
        treated = draw.random(4000) < 1 / 3
        label = draw.random(4000) < 0.5 + effect * treated
        seen.append(measures.qini(label, treated, effect))
    error = np.std(seen) / np.sqrt(len(seen))
    assert np.mean(seen) == pytest.approx(measures.expected_qini(effect, effect), abs=3 * error)
    assert error < 0.002


def test_the_noise_of_a_row_is_what_its_counting_more_changes():
    draw = np.random.default_rng(4)
    label, treated = draw.random(60) < 0.5, draw.random(60) < 0.4
    score = np.round(draw.random(60), 1)
    many, noise = np.repeat(np.arange(60), 500), measures.qini_noise(label, treated, score)
    before = measures.qini(label[many], treated[many], score[many])
    for row in range(60):
        more = np.r_[many, row]
        changed = measures.qini(label[more], treated[more], score[more]) - before
        assert noise[row] == pytest.approx(500 * changed, abs=1e-5)
