"""The estimator, its calibration and its bundle."""

import filecmp

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from training.estimators import lightgbm_library, trees
from training.estimators.booster import SingleRow, booster_of
from training.estimators.bundle import Predictor
from training.estimators.calibration import Calibration
from training.estimators.candidates import CalibratedModel
from training.estimators.encoding import Encoding
from training.estimators.linear import PENALTY, Linear, Term
from training.estimators.parts import BLEND, CANDIDATES, PARTS, Candidate
from training.estimators.rows import TrainingRows
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import held_back
from training.models import MODELS

FEATURES = ["age", "channel", "electric", "lead_days"]
HALVES = Candidate(BLEND, {"linear": 0.5, "trees": 0.5})
ALL = Candidate(BLEND, dict.fromkeys(PARTS, 1 / len(PARTS)))
EVERY = [*CANDIDATES.values(), ALL]


def rows(count=3000, seed=1):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in range(count)],
            "age": np.where(draw.random(count) < 0.1, np.nan, draw.normal(40, 10, count)),
            "channel": draw.choice(["agent", "direct", "online"], count),
            "electric": draw.random(count) < 0.3,
            "lead_days": draw.choice([7, 15, 30, 60], count),
        }
    )
    odds = (frame.age.fillna(40) - 40) / 10 + (frame.channel == "direct") - frame.electric
    label = draw.random(count) < 1 / (1 + np.exp(-odds))
    return frame, np.asarray(label)


@pytest.fixture(scope="module")
def fitted():
    frame, label = rows()
    parameters = {"num_leaves": 7, "rounds": 60, "patience": 10, "min_data_in_leaf": 20}
    model = CalibratedModel(parameters, HALVES, seed=3, threads=1)
    model.fit(frame, label, held_back(frame), FEATURES)
    return model.calibrate(*rows(seed=2))


@pytest.fixture
def bundle(fitted, tmp_path):
    return write_bundle(tmp_path / "bundle", MODELS["renewal"], fitted, FEATURES[:3])


def test_the_bundle_tells_what_the_fit_told(fitted, bundle):
    frame, _ = rows(seed=4)
    told = Predictor.load(bundle).predict(frame)
    assert np.array_equal(told, fitted.predict_proba(frame))
    turned = pa.Table.from_pandas(frame[frame.columns[::-1]])
    assert np.array_equal(told, Predictor.load(bundle).predict(turned))


def test_a_blend_is_the_mean_log_odds_of_its_parts(fitted):
    matrix = fitted.encoding_.matrix(rows(50, seed=4)[0])
    booster, linear = fitted.scorer_.trees[0], fitted.scorer_.linear[0]
    grown = booster.predict(matrix)
    odds = (np.log(grown / (1 - grown)) + linear.score(matrix, fitted.encoding_)) / 2
    assert np.allclose(fitted.scorer_.raw(matrix), 1 / (1 + np.exp(-odds)))


def test_a_blend_of_many_parts_is_stored_as_one_of_each_kind_and_scores_their_weighted_sum(
    tmp_path,
):
    frame, label = rows()
    weights = {"linear": 0.1, "shrunk": 0.2, "additive": 0.25, "deep": 0.3, "trees": 0.15}
    parameters = {"num_leaves": 5, "rounds": 40, "patience": 5, "min_data_in_leaf": 20}
    model = CalibratedModel(parameters, Candidate(BLEND, weights), threads=1)
    model.fit(frame, label, held_back(frame), FEATURES)
    matrix = model.encoding_.matrix(rows(500, seed=4)[0])

    def score(part):
        if isinstance(part, Linear):
            return part.score(matrix, model.encoding_)
        return part.predict(matrix, raw_score=True)

    parts = {name: score(part) for name, part in model.fitted_.items()}
    assert len({one.tobytes() for one in parts.values()}) == len(weights)
    expected = sum(weight * parts[name] for name, weight in weights.items())
    assert np.allclose(model.scorer_.score(matrix), expected, rtol=0, atol=1e-12)
    grown = [part for part in model.fitted_.values() if not isinstance(part, Linear)]
    assert model.trees_ == sum(trees.number_of_trees(one) for one in grown)
    terms = model.scorer_.linear[0].terms
    assert len(set(terms)) == len(terms)
    loaded = Predictor.load(write_bundle(tmp_path, MODELS["renewal"], model, FEATURES[:3]))
    assert loaded.scorer.score(matrix).tolist() == model.scorer_.score(matrix).tolist()
    assert loaded.spec["parts"] == weights
    # The same candidate grows as many trees of each part when it learns anew.
    again = model.fit_again(frame, label, FEATURES)
    assert [trees.number_of_trees(again.fitted_[n]) for n in ("additive", "deep", "trees")] == [
        trees.number_of_trees(model.fitted_[n]) for n in ("additive", "deep", "trees")
    ]


def test_linear_models_are_added_term_by_term():
    age, old = Term("age", "number", 0.0, 40.0, 10.0), Term("age", "missing")
    one = Linear([age], [2.0], [0.5], 1.0)
    two = Linear([old, age], [4.0, -1.0], [0.1, 0.5], -3.0)
    both = Linear.sum_of([(one, 0.25), (two, 0.75)])
    assert both.terms == [age, old]
    assert both.coefficients.tolist() == [0.25 * 2.0 - 0.75, 3.0]
    assert both.means.tolist() == [0.5, 0.1]
    assert both.intercept == 0.25 - 2.25


def test_contributions_sum_to_the_log_odds(fitted, bundle):
    frame, _ = rows(50, seed=4)
    odds = Predictor.load(bundle).contributions(frame).sum(axis=1)
    assert np.allclose(1 / (1 + np.exp(-odds)), fitted.raw(frame))


def test_the_same_seed_gives_the_same_bytes(fitted, bundle, tmp_path):
    frame, label = rows()
    again = CalibratedModel(fitted.parameters, HALVES, seed=3, threads=1)
    again.fit(frame, label, held_back(frame), FEATURES).calibrate(*rows(seed=2))
    other = write_bundle(tmp_path / "other", MODELS["renewal"], again, FEATURES[:3])
    names = sorted(path.name for path in bundle.iterdir())
    assert names == ["booster.txt", "calibration.json", "encoding.json", "linear.json", "spec.json"]
    assert filecmp.cmpfiles(bundle, other, names, shallow=False) == (names, [], [])


@pytest.mark.parametrize(
    "name", ["booster.txt", "calibration.json", "encoding.json", "linear.json"]
)
def test_an_altered_bundle_is_refused(bundle, name):
    path = bundle / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(GuanjiaError, match=f"{name} was altered"):
        Predictor.load(bundle)


def test_a_missing_file_and_feature_are_named(bundle):
    frame, _ = rows(5)
    with pytest.raises(GuanjiaError, match="channel"):
        Predictor.load(bundle).predict(frame.drop(columns="channel"))
    (bundle / "booster.txt").unlink()
    with pytest.raises(GuanjiaError, match="is not complete"):
        Predictor.load(bundle)


def test_an_unknown_category_is_missing():
    encoding = Encoding(["channel"], {"channel": ["agent", "direct"]})
    told = encoding.matrix({"channel": ["direct", "kiosk", None]})[:, 0]
    assert told[0] == 1.0
    assert np.isnan(told[1:]).all()


def test_a_matrix_is_the_same_from_texts_and_categories_and_of_chosen_rows():
    frame = pd.DataFrame(
        {"channel": ["direct", None, "kiosk", "agent"], "days": [1, 2, 3, 4], "seen": [True] * 4}
    )
    encoding = Encoding(["days", "channel", "seen"], {"channel": ["agent", "direct"]})
    whole = np.array([[1, 1, 1], [2, np.nan, 1], [3, np.nan, 1], [4, 0, 1]])
    coded = frame.assign(channel=frame["channel"].astype("category"))
    np.testing.assert_array_equal(encoding.matrix(frame), whole)
    np.testing.assert_array_equal(encoding.matrix(coded), whole)
    np.testing.assert_array_equal(encoding.matrix(coded, np.array([3, 0])), whole[[3, 0]])
    read = encoding.matrix(coded, used={"channel"})
    np.testing.assert_array_equal(read[:, 1], whole[:, 1])
    assert (read[:, [0, 2]] == 0).all()


@pytest.mark.parametrize(
    "candidate", [CANDIDATES["linear"], CANDIDATES["trees"], HALVES, ALL], ids=lambda one: one.name
)
@pytest.mark.parametrize("kind", ["probability", "count", "amount"])
def test_one_customer_is_told_what_many_are_bit_for_bit(candidate, kind, tmp_path):
    frame, label = rows(1500)
    outcome = label if kind == "probability" else np.where(label, 120.5, 0.4)
    parameters = {"num_leaves": 7, "rounds": 30, "patience": 0, "min_data_in_leaf": 20}
    model = CalibratedModel(parameters, candidate, kind=kind, threads=1)
    model.fit(frame, outcome, np.zeros(len(frame), bool), FEATURES).calibrate(frame, outcome)
    predictor = Predictor.load(write_bundle(tmp_path, MODELS["renewal"], model, FEATURES[:3]))
    asked = rows(200, seed=8)[0].astype(object)
    asked = asked.where(asked.notna(), None)
    asked.loc[0, ["age", "electric"]], asked.loc[0, "channel"] = None, "kiosk"
    many = predictor.predict(asked)
    assert len(np.unique(many)) > 10
    assert [predictor.predict_one(one) for one in asked.to_dict("records")] == many.tolist()


def test_a_row_of_another_shape_is_refused_before_lightgbm_reads_beyond_it(fitted):
    ask = SingleRow(booster_of(fitted.scorer_.trees[0]))
    with pytest.raises(ValueError, match="a row of 4 float64 numbers"):
        ask(np.zeros(3))
    with pytest.raises(ValueError, match="float32"):
        ask(np.zeros(4, np.float32))


def test_features_that_nothing_reads_do_not_matter(bundle):
    frame, _ = rows(400, seed=9)
    predictor = Predictor.load(bundle)
    unread = [name for name in predictor.features if name not in predictor.scorer.features_used]
    whole = predictor.predict_matrix(predictor.matrix(frame))
    np.testing.assert_array_equal(predictor.predict(frame), whole)
    places = np.array([5, 3, 399])
    np.testing.assert_array_equal(predictor.predict(frame, rows=places), whole[places])
    np.testing.assert_array_equal(
        predictor.predict(frame.assign(**dict.fromkeys(unread, 7))), whole
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([300, 3000]))
def test_calibration_keeps_the_order(seed, count):
    draw = np.random.default_rng(seed)
    raw = draw.random(count)
    table = Calibration.choose(raw, draw.random(count) < raw**2)
    assert (np.diff(table.apply(np.sort(raw))) >= 0).all()


@pytest.mark.parametrize("candidate", EVERY, ids=lambda one: one.name)
@pytest.mark.parametrize("sign", [-1, 1])
def test_no_candidate_breaks_a_monotone_constraint(candidate, sign):
    # What the data say is the opposite of what the business demands.
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({"customer_id": [f"C{i}" for i in range(2000)]})
    frame["change"], frame["other"] = draw.normal(size=2000), draw.normal(size=2000)
    label = draw.random(2000) < 1 / (1 + np.exp(sign * 1.5 * frame["change"] - frame["other"]))
    model = CalibratedModel(
        {"num_leaves": 7, "rounds": 40, "min_data_in_leaf": 20},
        candidate, monotone={"change": sign}, threads=1,
    )  # fmt: skip
    model.fit(frame, label, held_back(frame), ["change", "other"])
    grid = pd.DataFrame({"change": np.linspace(-3, 3, 50), "other": 0.5})
    assert (np.diff(sign * model.raw(grid)) >= -1e-12).all()
    # The same without the constraint follows the data: the test can fail.
    free = CalibratedModel(model.parameters, candidate, threads=1)
    free.fit(frame, label, held_back(frame), ["change", "other"])
    assert (np.diff(sign * free.raw(grid)) < 0).any()


@pytest.mark.parametrize(("kind", "parameter"), [("count", 0.3), ("amount", 5000.0)])
@pytest.mark.parametrize("candidate", EVERY, ids=lambda one: one.name)
def test_means_are_balanced_and_follow_the_driver(kind, parameter, candidate):
    draw = np.random.default_rng(6)
    frame = pd.DataFrame({"customer_id": [f"C{i}" for i in range(4000)]})
    frame["risk"] = draw.normal(size=4000)
    mean = parameter * np.exp(0.5 * frame["risk"])
    label = draw.poisson(mean) if kind == "count" else draw.gamma(2.0, mean / 2)
    model = CalibratedModel({"num_leaves": 4, "rounds": 60}, candidate, kind=kind, threads=1)
    model.fit(frame, label, held_back(frame), ["risk"]).calibrate(frame, label)
    told = model.predict_proba(frame)
    assert np.isclose(told.sum(), label.sum())
    low, high = model.predict_proba(pd.DataFrame({"risk": [-1.0, 1.0]}))
    shrunk = any(part.penalty > PENALTY for part in candidate.parts)
    least = 1.0 if shrunk else 2.0  # what is shrunk tells less
    assert least < high / low < 3.6  # e = 2.72 in truth


def test_contributions_of_each_part_sum_to_its_score():
    frame, label = rows()
    for candidate in EVERY:
        model = CalibratedModel({"num_leaves": 5, "rounds": 30}, candidate, threads=1)
        model.fit(frame, label, held_back(frame), FEATURES)
        matrix = model.encoding_.matrix(frame.head(20))
        told = model.scorer_.contributions(matrix)
        assert told.shape == (20, len(FEATURES) + 1)
        assert np.allclose(told.sum(axis=1), model.scorer_.score(matrix))


def test_candidates_that_share_their_rows_learn_what_each_learns_alone():
    frame, label = rows()
    encoding = Encoding.learn(frame, FEATURES)
    parameters = {"num_leaves": 7, "rounds": 60, "patience": 10, "min_data_in_leaf": 20}

    def learned_from():
        matrix = encoding.matrix(frame)
        return TrainingRows(matrix, encoding, label.astype(float), held_back(frame))

    shared = learned_from()
    for name in ("additive", "trees", "finer", "trees"):
        # "finer" bins its rows otherwise than the others do.
        finer = {"max_bin": 15} if name == "finer" else {}
        model = CalibratedModel(parameters | finer, CANDIDATES.get(name, CANDIDATES["trees"]))
        together = model.fit_rows(shared).scorer_.trees[0].model_to_string()
        alone = model.fit_rows(learned_from()).scorer_.trees[0].model_to_string()
        assert together == alone


def test_compared_candidates_do_not_learn_from_the_rows_held_back():
    frame, label = rows()
    encoding, stop = Encoding.learn(frame, FEATURES), held_back(frame)
    parameters = {"num_leaves": 7, "rounds": 60, "patience": 10, "min_data_in_leaf": 20}

    def fitted(outcome, on_all_rows):
        learned = TrainingRows(encoding.matrix(frame), encoding, outcome.astype(float), stop)
        model = CalibratedModel(parameters, HALVES, threads=1)
        scorer = model.fit_rows(learned, on_all_rows=on_all_rows).scorer_
        first = scorer.trees[0].predict(learned.matrix, raw_score=True, num_iteration=1)
        return scorer.linear[0].to_json(), first.tolist()

    other = np.where(stop, ~label, label)
    assert fitted(label, False) == fitted(other, False)
    assert fitted(label, True)[0] != fitted(other, True)[0]
    assert fitted(label, True)[1] != fitted(other, True)[1]


@pytest.mark.parametrize("fraction", [0.5, 0.8])
def test_trees_do_not_depend_on_threads_nor_on_how_rows_are_read(fraction, monkeypatch):
    monkeypatch.setattr(lightgbm_library, "ROWS_PER_THREAD", 1)
    frame, label = rows()
    encoding = Encoding.learn(frame, FEATURES)
    learned = TrainingRows(encoding.matrix(frame), encoding, label.astype(float), held_back(frame))
    parameters = {"num_leaves": 15, "rounds": 40, "feature_fraction": fraction}
    grown = set()
    for threads in (1, 2):
        for few in (0.0, 1.0):
            monkeypatch.setattr(trees, "FEW_FEATURES", few)
            text = trees.grow(learned, parameters, threads=threads).model_to_string()
            grown.add(text.split("\nparameters:")[0])
    assert len(grown) == 1
