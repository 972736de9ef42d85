"""Of a rare outcome every yes teaches and a part of the no; levels stay what they were."""

from datetime import date, timedelta

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.estimators.candidates import CalibratedModel
from training.estimators.linear import Linear
from training.estimators.parts import CANDIDATES
from training.estimators.rows import NO_PER_YES, TrainingRows, count_taken, thin
from training.fitting.windows import MOST_ROWS, Fold, Window, join_equal, time_windows

PARAMETERS = {"rounds": 60, "num_leaves": 7, "min_data_in_leaf": 50, "learning_rate": 0.1}


def rare(count: int = 40_000) -> pd.DataFrame:
    """Questions of which one in two hundred says yes, the likelier the larger x is."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=count)
    return pd.DataFrame(
        {
            "customer_id": [f"C{place:06d}" for place in range(count)],
            "x": x,
            "z": draw.normal(size=count),
            "label": draw.random(count) < 1 / (1 + np.exp(6 - 1.2 * x)),
        }
    )


def rows_of(frame: pd.DataFrame) -> TrainingRows:
    outcome = frame["label"].to_numpy(float)
    return TrainingRows.of(frame, outcome, np.zeros(len(frame), bool), ["x", "z"], "probability")


def test_of_ten_yes_among_ten_thousand_all_are_taken_and_forty_no_for_each() -> None:
    outcome = np.zeros(10_000)
    outcome[::1000] = 1
    taken, weights = thin(outcome)
    assert taken is not None
    assert weights is not None
    assert taken[outcome > 0].all()
    assert int((taken & (outcome == 0)).sum()) == pytest.approx(400, abs=60)
    assert set(weights[outcome[taken] > 0]) == {1.0}
    assert weights.sum() == pytest.approx(10_000)
    assert count_taken(outcome, "probability") == 10 + 400
    assert count_taken(outcome, "count") == 10_000


@given(yes=st.integers(0, 60), no=st.integers(0, 6_000))
def test_the_weights_add_up_to_the_rows_and_no_yes_is_lost(yes: int, no: int) -> None:
    outcome = np.r_[np.ones(yes), np.zeros(no)]
    taken, weights = thin(outcome)
    if taken is None or weights is None:
        assert not yes or NO_PER_YES * yes >= 0.5 * no
        return
    assert NO_PER_YES * yes < 0.5 * no
    assert taken[:yes].all()
    assert len(weights) == taken.sum()
    assert weights.sum() == pytest.approx(yes + no)


@pytest.mark.parametrize("part", ["linear", "trees", "additive"])
def test_a_model_of_a_rare_outcome_tells_its_true_level_and_order(part: str) -> None:
    frame, later = rare(), rare().assign(x=lambda t: t["x"][::-1].to_numpy())
    outcome, features = frame["label"].to_numpy(), ["x", "z"]
    nobody = np.zeros(len(frame), bool)
    model = CalibratedModel(PARAMETERS, CANDIDATES[part]).fit(frame, outcome, nobody, features)
    # A no that counted for one would make the level five times as high.
    assert model.predict_proba(frame).sum() == pytest.approx(outcome.sum(), rel=0.15)
    high, low = later["x"] > 1, later["x"] < 0
    predicted = model.predict_proba(later)
    assert predicted[high].mean() > 4 * predicted[low].mean()


def test_means_that_contributions_start_from_are_those_of_all_rows() -> None:
    frame = rare()
    rows = rows_of(frame)
    assert rows.weights is not None
    assert len(rows.matrix) < len(frame) / 2
    fitted = Linear.fit(rows.matrix, rows.encoding, rows.outcome, weights=rows.weights)
    (term,) = [place for place, term in enumerate(fitted.terms) if term.feature == "x"]
    centre, spread = fitted.terms[term].centre, fitted.terms[term].spread
    assert fitted.means[term] == pytest.approx((frame["x"].mean() - centre) / spread, abs=0.05)


def test_a_window_of_a_rare_outcome_holds_all_its_yes() -> None:
    frame = rare(3 * MOST_ROWS)
    train = np.arange(len(frame)) < 2.5 * MOST_ROWS
    fold = Fold.encode(frame, ["x", "z"], Window(train, ~train), "probability")
    assert fold is not None
    assert fold.rows.outcome.sum() == frame["label"][train].sum()
    assert len(fold.rows.outcome) < MOST_ROWS


def test_windows_that_train_on_the_same_rows_are_one() -> None:
    quarters = [date(2023, 1, 1) + timedelta(days=91 * number) for number in range(12)]
    rows = pd.DataFrame({"as_of": np.repeat(quarters, 300)})
    rows["matures"] = [day + timedelta(days=200) for day in rows["as_of"]]
    windows = join_equal(time_windows(rows))
    trained = [tuple(window.train) for window in windows]
    assert len(set(trained)) == len(trained)
    validated = sum(window.validation for window in windows)
    start = rows["as_of"].map(date.toordinal)
    span = start.max() - start.min()
    assert validated.sum() == (start > start.max() - 2 * 0.15 * span).sum()


def test_parts_with_leaves_of_a_hundred_rows_or_more_share_their_bins() -> None:
    rows = rows_of(rare(2_000))
    settings = {"objective": "binary", "verbosity": -1, "max_bin": 63}
    large = rows.all_rows({**settings, "min_data_in_leaf": 300})
    lgb.train({**settings, "min_data_in_leaf": 300}, large, num_boost_round=1)
    # The first booster left its own settings there: LightGBM would refuse the second.
    shared = rows.all_rows({**settings, "min_data_in_leaf": 100})
    assert shared is large
    assert lgb.train({**settings, "min_data_in_leaf": 100}, shared, 1).num_trees() == 1
    assert rows.all_rows({**settings, "min_data_in_leaf": 20}) is not large
