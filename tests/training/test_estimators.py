"""The estimator, its calibration and its bundle."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from training.datasets import held_back
from training.estimators import CalibratedBooster, Calibration, Encoding
from training.models import MODELS
from training.predictor import Predictor, write_bundle

FEATURES = ["age", "channel", "electric", "lead_days"]


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
    model = CalibratedBooster(parameters, seed=3, threads=1)
    model.fit(frame, label, held_back(frame), FEATURES)
    return model.calibrate(*rows(seed=2))


@pytest.fixture
def bundle(fitted, tmp_path):
    return write_bundle(tmp_path / "bundle", MODELS["renewal"], fitted, FEATURES[:3])


def test_predictor_equals_booster(fitted, bundle):
    frame, _ = rows(seed=4)
    predictor = Predictor.load(bundle)
    told = predictor.predict(frame)
    assert np.array_equal(told, fitted.predict_proba(frame))
    raw = fitted.booster_.predict(fitted.encoding_.matrix(frame), num_iteration=fitted.trees_)
    assert np.array_equal(told, fitted.calibration_.apply(raw))
    turned = pa.Table.from_pandas(frame[frame.columns[::-1]])
    assert np.array_equal(told, predictor.predict(turned))


def test_contributions_sum_to_the_log_odds(fitted, bundle):
    frame, _ = rows(50, seed=4)
    odds = Predictor.load(bundle).contributions(frame).sum(axis=1)
    assert np.allclose(1 / (1 + np.exp(-odds)), fitted.raw(frame))


def test_the_same_seed_gives_the_same_bytes(fitted, bundle, tmp_path):
    frame, label = rows()
    again = CalibratedBooster(fitted.parameters, seed=3, threads=1)
    again.fit(frame, label, held_back(frame), FEATURES).calibrate(*rows(seed=2))
    other = write_bundle(tmp_path / "other", MODELS["renewal"], again, FEATURES[:3])
    for path in bundle.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


@pytest.mark.parametrize("name", ["booster.txt", "calibration.json", "encoding.json"])
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


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([300, 3000]))
def test_calibration_keeps_the_order(seed, count):
    draw = np.random.default_rng(seed)
    raw = draw.random(count)
    table = Calibration.choose(raw, draw.random(count) < raw**2)
    assert (np.diff(table.apply(np.sort(raw))) >= 0).all()
