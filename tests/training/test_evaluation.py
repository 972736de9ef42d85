"""Figures worked out by hand or by scikit-learn, their intervals, and slices that do not touch."""

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    mean_gamma_deviance,
    mean_poisson_deviance,
    roc_auc_score,
)

from features.errors import GuanjiaError
from training.estimators.losses import mean_loss
from training.evaluation.calibration import (
    calibration_error,
    calibration_table,
    fit_line,
    gaps_by_bin,
)
from training.evaluation.discrimination import Ranking, auc, gain_table, gini
from training.evaluation.figures import figures_of, probability_figures
from training.evaluation.intervals import Customers, student_interval
from training.evaluation.leaks import single_tags
from training.evaluation.peers import compare_with_peers, predict_peers
from training.evaluation.statements import _order
from training.fitting.datasets import split_by_time

LABEL = np.array([False, True, False, True])
TOLD = np.array([0.1, 0.4, 0.5, 0.8])
WHO = pd.Series(["a", "b", "c", "d"])


def drawn(rows=4000, seed=1, slope=1.0):
    """Outcomes of known probabilities, two rows a customer, told with a wrong slope."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(-0.5, 1, rows)
    label = draw.random(rows) < 1 / (1 + np.exp(-odds))
    return label, 1 / (1 + np.exp(-odds / slope)), pd.Series(np.arange(rows) // 2)


def test_figures_by_hand():
    found = probability_figures(LABEL, TOLD, Customers(WHO))
    assert found.auc == 0.75
    assert found.brier == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert found.lift == 2.0
    assert found.auc_low <= 0.75 <= found.auc_high
    # Best first: yes, no, yes, no. Precision at the two yes: 1 and 2/3.
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_calibration_error_of_two_bins():
    # Bins (.1, .4) and (.5, .8): told .25 and .65, observed .5 and .5.
    gaps, weights, columns = gaps_by_bin(LABEL, TOLD, TOLD, 2)
    assert gaps == pytest.approx([-0.25, 0.15])
    assert weights.tolist() == [0.5, 0.5]
    # Rows .1 and .4 err by .1 and -.6, which is .35 above and below -.25, each half of the bin.
    assert columns[:, 0] == pytest.approx([0.175, -0.175, 0, 0])
    # Mean square .0425 of the gaps, less their variances: four customers of .175, .175 and 0, 0
    # spread by 4 / 3 of the sum of squares, .06125 and .08 * .5 ** 2.
    error = calibration_error(LABEL, TOLD, Customers(WHO), bins=2)
    other = 2 * (((0.5 - 0.15) / 2) ** 2)
    added = 0.5 * (0.06125 + other) * 4 / 3
    assert error.by_chance == pytest.approx(added**0.5)
    assert error.value == 0.0
    table = calibration_table(LABEL, TOLD, 2)
    assert table.to_dict("list") == {"rows": [2, 2], "told": [0.25, 0.65], "observed": [0.5, 0.5]}


def test_bins_of_another_sample_end_elsewhere():
    """Bins (1, 3) and (5, 11): a row at the end between them is worth 4, what lies around it."""
    label, predicted = np.array([1.0, 3.0, 5.0, 11.0]), np.array([0.1, 0.2, 0.3, 0.4])
    people = Customers(pd.Series(["a", "b", "c", "d"]))
    # One more row below the end adds its outcome to the first bin, and half a row of 4 leaves it
    # for the second; one more above it adds its outcome to the second, and half a row leaves that.
    noise = np.array([[1 - 2, 3 - 2, 2, 2], [2, 2, 5 - 2, 11 - 2]], dtype=float).T
    noise = (noise - [[1, 4]]) / 2  # less the mean of each column, over the rows of the bin
    table = calibration_table(label, predicted, 2, people)
    for low, high, mean, spread in zip(
        table["low"], table["high"], (2.0, 8.0), people.spreads(noise), strict=True
    ):
        assert (low, high) == pytest.approx(student_interval(mean, *spread))


def test_means_by_bin_spread_as_those_of_samples_do():
    """Outcomes are what is predicted, so that all the noise is where the bins end."""
    draw, means, deviations = np.random.default_rng(5), [], []
    for _ in range(300):
        label = draw.random(200)
        table = calibration_table(label, label, 4, Customers(pd.Series(np.arange(200))))
        means.append(table["observed"])
        deviations.append((table["high"] - table["low"]) / 2 / 1.97)
    assert np.mean(deviations, axis=0) == pytest.approx(np.std(means, axis=0), rel=0.12)


def test_gini_of_amounts_by_hand():
    # Told right: of 10, 30, 60 the gain curve passes (1/3, .6), (2/3, .9).
    amounts = np.array([10.0, 30.0, 60.0])
    area = (0.6 / 2 + (0.6 + 0.9) / 2 + (0.9 + 1) / 2) / 3
    assert gini(amounts, np.array([1.0, 2.0, 3.0])) == pytest.approx(2 * area - 1)
    assert gini(amounts, np.array([3.0, 2.0, 1.0])) == pytest.approx(1 - 2 * area)
    assert gini(amounts, np.ones(3)) == pytest.approx(0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_order_is_that_of_scikit_learn_ties_included(rows):
    label, told = np.array([row[0] for row in rows]), np.array([row[1] / 6 for row in rows])
    if label.all() or not label.any():
        assert np.isnan(auc(label, told))
        return
    assert auc(label, told) == pytest.approx(roc_auc_score(label, told))
    assert Ranking(label, told).measure()[2] == pytest.approx(average_precision_score(label, told))
    assert gini(label, told) == pytest.approx((1 - label.mean()) * (2 * auc(label, told) - 1))
    turned = np.arange(len(told))[::-1]
    assert auc(label[turned], told[turned]) == pytest.approx(auc(label, told))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=12),
    st.sampled_from(["yes or no", "count"]),
)
def test_the_noise_of_a_row_is_what_its_counting_more_changes(rows, kind):
    outcomes, told = (np.array(column, float) for column in zip(*rows, strict=True))
    label = outcomes > 1 if kind == "yes or no" else outcomes
    many = np.repeat(np.arange(len(rows)), 2000)
    before, noise = Ranking(label[many], told[many]).measure(), Ranking(label, told).noise()
    for row in range(len(rows)):
        more = np.r_[many, row]
        after = Ranking(label[more], told[more]).measure()
        changed = 2000 * (np.array(after) - before)
        figures = 3 if kind == "yes or no" else 1
        assert noise[row, :figures] == pytest.approx(changed[:figures], abs=2e-3, nan_ok=True)


def test_deviances_are_those_of_scikit_learn():
    counts, told = np.array([0, 1, 3, 0]), np.array([0.2, 0.7, 2.0, 0.4])
    assert mean_loss(counts, told, "count") == pytest.approx(mean_poisson_deviance(counts, told))
    amounts = np.array([10.0, 300.0, 25.0, 7.0])
    assert mean_loss(amounts, told, "amount") == pytest.approx(mean_gamma_deviance(amounts, told))
    with pytest.raises(GuanjiaError, match="Leave rows without a payment out"):
        mean_loss(counts, told, "amount")


def test_deviations_are_those_of_the_covariance_and_within_are_the_same_customers():
    people = Customers(pd.Series(["b", "a", "b", "c", "a"]))
    columns = np.arange(10.0).reshape(5, 2) ** 2
    assert people.deviations(columns) ** 2 == pytest.approx(np.diag(people.covariance(columns)))
    part = people.within(np.array([False, True, False, True, True]))
    assert (part.count, part.codes.tolist()) == (2, [0, 1, 0])
    assert np.isinf(Customers(pd.Series(["a", "a"])).deviations(columns[:2])).all()


def test_repeated_rows_do_not_make_an_interval_narrower():
    label, told, _ = drawn(600)
    alone = Customers(pd.Series(np.arange(600))).deviations(Ranking(label, told).noise())
    four = np.tile(np.arange(600), 4)
    noise = Ranking(label[four], told[four]).noise()
    assert Customers(pd.Series(four)).deviations(noise) == pytest.approx(alone)


def test_deviations_are_those_of_resampled_customers():
    """400 customers of two rows, drawn anew a thousand times."""
    label, told, who = drawn(800)
    draw, samples = np.random.default_rng(5), []
    for _ in range(1000):
        chosen = draw.integers(0, 400, 400)
        rows = np.r_[2 * chosen, 2 * chosen + 1]
        slope = fit_line(label[rows], told[rows], Customers(who[rows])).slope
        samples.append((*Ranking(label[rows], told[rows]).measure(), slope))
    people = Customers(who)
    noise = people.deviations(Ranking(label, told).noise())
    ours = [*noise, fit_line(label, told, people).slope_deviation]
    assert ours == pytest.approx(np.std(samples, axis=0), rel=0.1)


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_slope_and_intercept(slope):
    label, told, who = drawn(slope=slope)
    line = fit_line(label, told, Customers(who))
    odds = np.log(told / (1 - told)).reshape(-1, 1)
    assert line.slope == pytest.approx(
        LogisticRegression(C=np.inf, tol=1e-8).fit(odds, label).coef_[0, 0], rel=1e-3
    )
    low, high = line.slope_interval
    assert low < slope < high
    assert high - low < 0.4 * slope
    # The intercept alone makes the mean right.
    low, high = line.intercept_interval
    assert low < line.intercept < high
    shifted = 1 / (1 + np.exp(-(odds[:, 0] + line.intercept)))
    assert shifted.mean() == pytest.approx(label.mean())


def test_a_model_against_itself_and_against_a_worse_one():
    label, told, who = drawn()
    resamples = Customers(who)
    worse = np.where(np.arange(len(told)) % 2, told, label.mean())
    peers = {"base_rate": np.full(len(told), label.mean()), "same": told, "worse": worse}
    base, same, half = compare_with_peers(label, told, peers, resamples)
    assert (same.order_gain, same.order_low, same.order_high) == (0, 0, 0)
    assert (same.loss_gain, same.loss_low, same.loss_high) == (0, 0, 0)
    assert (base.order, base.order_gain) == (0.5, auc(label, told) - 0.5)
    assert 0 < half.order_low < half.order_gain < half.order_high
    assert 0 < half.loss_low < half.loss_gain < half.loss_high
    # In pairs: far narrower than two intervals of their own.
    alone = probability_figures(label, told, resamples)
    assert half.order_high - half.order_low < alone.auc_high - alone.auc_low


@pytest.mark.parametrize("kind", ["probability", "count", "amount"])
def test_every_kind_has_figures_and_peers(kind):
    draw = np.random.default_rng(3)
    size = 900
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(size) // 2,
            "risk": np.where(draw.random(size) < 0.1, np.nan, draw.normal(size=size)),
            "channel": draw.choice(["agent", "direct"], size),
            "nothing": np.nan,
        }
    )
    mean = np.exp(0.7 * frame.risk.fillna(0) - 0.3 + (frame.channel == "agent"))
    frame["label"] = {
        "probability": draw.random(size) < mean / (1 + mean),
        "count": draw.poisson(mean),
        "amount": mean * draw.gamma(2.0, 0.5, size) + 1e-3,
    }[kind]
    train = np.arange(size) < 600
    columns = ["risk", "channel", "nothing"]
    told = predict_peers(frame, train, ~train, columns, threads=1, kind=kind, all_peers=True)
    label = frame["label"].to_numpy()[~train]
    resamples = Customers(frame["customer_id"][~train])
    linear = "logistic_regression" if kind == "probability" else "generalised_linear"
    assert list(told) == ["base_rate", linear, "untuned_lightgbm", "hist_gradient_boosting"]
    usual = predict_peers(frame, train, ~train, columns, threads=1, kind=kind)
    assert list(usual) == ["base_rate", linear, "untuned_lightgbm"]
    # All that learn order better than nothing, and the linear model, which is true here, gains.
    found = {
        one.peer: one for one in compare_with_peers(label, told[linear], told, resamples, kind)
    }
    assert found["base_rate"].order_low > 0
    assert found["base_rate"].loss_low > 0
    chance = 0.5 if kind == "probability" else 0.0
    assert all(one.order > chance for name, one in found.items() if name != "base_rate")
    figures = figures_of(label, told[linear], resamples, kind)
    if kind != "probability":
        assert figures.total_ratio_low < figures.total_ratio < figures.total_ratio_high
        assert figures.total_ratio == pytest.approx(told[linear].sum() / label.sum())
        assert 0 < figures.explained < 1
    if kind == "count":
        assert 0 < figures.gini_low < figures.gini < figures.gini_high
    if kind == "amount":
        # Of 150 customers.
        assert figures.gini > 0
        assert np.isnan([figures.gini_low, figures.gini_high]).all()
        judged = SimpleNamespace(figures=figures, kind="amount")
        sentence = _order(judged)  # type: ignore[arg-type]
        assert sentence.tone == "watch"
        assert sentence.english.startswith(f"Gini {figures.gini:.3f}, of fewer than 250 customers:")
        assert f"{figures.gini:.3f}，客户不足250位，" in sentence.chinese


def test_gain_of_amounts():
    table = gain_table(np.array([0.0, 10.0, 30.0, 60.0]), np.array([1.0, 2.0, 4.0, 3.0]), 2)
    assert table.to_dict("list") == {
        "rows": [2, 2],
        "hits": [90.0, 10.0],
        "found": [0.9, 1.0],
        "lift": [1.8, 0.2],
    }


def test_a_tag_that_knows_the_outcome_is_named():
    label, told, who = drawn(1000)
    frame = pd.DataFrame(
        {
            "customer_id": who,
            "label": label,
            "fair": told,
            "leak": np.where(label, -3.0, np.nan),
            "word": np.where(label, "renewed", "left"),
            "same": 1.0,
        }
    )
    train = np.arange(1000) < 500
    order = auc(label[~train], told[~train])
    # As good as the model it is alone, so it is named too; order by text learns on the train rows.
    found = single_tags(frame, train, ~train, ["fair", "leak", "word", "same"], order)
    assert [(one.name, one.suspicious) for one in found] == [
        ("leak", True),
        ("word", True),
        ("fair", True),
    ]
    assert [one.order for one in found[:2]] == pytest.approx([1.0, 1.0])
    (only,) = single_tags(frame, train, ~train, ["fair"], 0.5 + 2 * (order - 0.5))
    assert not only.suspicious


def history(days=1500, horizon=90):
    as_of = [date(2020, 1, 1) + timedelta(days=d) for d in range(days)]
    ripe = [day + timedelta(days=horizon) for day in as_of]
    return pd.DataFrame({"as_of": as_of, "matures": ripe})


def test_slices_do_not_overlap_and_outcomes_are_ripe_in_time():
    frame = history()
    split = split_by_time(frame)
    assert not (split.train & split.calibration).any()
    assert not (split.calibration & split.test).any()
    assert not (split.train & split.test).any()
    assert frame.matures[split.train].max() < frame.as_of[split.calibration].min()
    assert frame.matures[split.calibration].max() < frame.as_of[split.test].min()


def test_a_short_history_is_refused():
    with pytest.raises(GuanjiaError, match="longer history"):
        split_by_time(history(days=200))


def test_order_of_no_rows_is_not_a_number():
    nothing = Ranking(np.array([], bool), np.array([]))
    assert np.isnan(nothing.measure()).all()
    assert nothing.noise().shape == (0, 3)
