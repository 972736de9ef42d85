"""The linear part bends where it is told to, and what calibrates follows the bends."""

import numpy as np
import pandas as pd
import pytest

from training.estimators.candidates import CalibratedModel
from training.estimators.encoding import Encoding
from training.estimators.linear import Linear
from training.estimators.parts import CANDIDATES


def test_the_linear_part_bends_where_it_is_told_to():
    """Log-odds fall by 2 in the last four days and are level before: no straight line does that."""
    draw = np.random.default_rng(5)
    days = draw.integers(0, 61, 20_000).astype(float)
    odds = -0.5 * np.maximum(4 - days, 0)
    frame = pd.DataFrame({"customer_id": [f"C{n}" for n in range(len(days))], "lead_days": days})
    label = draw.random(len(days)) < 1 / (1 + np.exp(-odds))
    none = np.zeros(len(days), bool)
    asked = pd.DataFrame({"lead_days": [0.0, 2.0, 4.0, 60.0]})
    right = 1 / (1 + np.exp([2.0, 1.0, 0.0, 0.0]))
    for bends, close in (({}, False), ({"lead_days": (4,)}, True)):
        model = CalibratedModel({}, CANDIDATES["linear"], bends=bends, threads=1)
        told = model.fit(frame, label, none, ["lead_days"]).predict_proba(asked)
        assert np.allclose(told, right, atol=0.06) == close
        linear, matrix = model.scorer_.linear[0], model.encoding_.matrix(asked)
        alone = [linear.score_one(row, model.encoding_) for row in matrix]
        assert alone == linear.score(matrix, model.encoding_).tolist()
        assert linear.from_json(linear.to_json()).score(matrix, model.encoding_).tolist() == alone


def test_where_a_bend_has_no_value_it_says_nothing():
    encoding = Encoding(["lead_days"], {})
    matrix = np.array([[1.0], [np.nan], [9.0]] * 50)
    linear = bent(matrix, encoding)
    missing = [term.kind for term in linear.terms]
    assert missing.count("bend") == 1
    assert linear.score_one(np.array([np.nan]), encoding) == linear.score(matrix, encoding)[1]


def bent(matrix, encoding):
    outcome = (np.arange(len(matrix)) % 2).astype(float)
    return Linear.fit(matrix, encoding, outcome, bends={"lead_days": (4,), "unknown": (1,)})


def test_bends_are_followed_however_much_the_score_is_shrunk() -> None:
    """The score of the parts is nearly noise; what is known of the days is not lost with it."""
    draw = np.random.default_rng(5)
    days = draw.integers(0, 61, 4_000).astype(float)
    label = draw.random(4_000) < np.where(days < 3, 0.3, 0.8)
    frame = pd.DataFrame({"days": days, **{f"x{n}": draw.normal(size=4_000) for n in range(60)}})
    model = CalibratedModel({}, CANDIDATES["linear"], bends={"days": (2.0, 4.0)})
    few = frame.index < 200
    model.fit(frame[few], label[few], np.zeros(200, bool), list(frame))
    model.calibrate(frame[~few], label[~few])
    predicted = model.predict_proba(frame[~few])
    for part in (days[~few] < 3, days[~few] > 4):
        assert predicted[part].mean() == pytest.approx(label[~few][part].mean(), abs=0.03)
    # Of a bundle one row at a time, as many at once.
    one = model.scorer_.raw_one(model.encoding_.matrix(frame[:1])[0])
    assert one == pytest.approx(model.raw(frame[:1])[0], rel=1e-12)
