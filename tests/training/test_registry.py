"""A bundle goes into MLflow and comes back the same; without MLflow the last one serves."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import training
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training import registry
from training.estimators import CalibratedModel
from training.models import MODELS
from training.predictor import Predictor, write_bundle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_round_trip_and_offline(tmp_path):
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"age": draw.normal(size=500), "lead_days": 7.0})
    label = frame.age.to_numpy() > 0
    fitted = CalibratedModel({"rounds": 5}, threads=1)
    fitted.fit(frame, label, np.zeros(500, dtype=bool), ["age", "lead_days"])
    bundle = write_bundle(tmp_path / "bundle", MODELS["renewal"], fitted, ["age"])
    lake = Lake(Settings(home=tmp_path / "home"))
    with pytest.raises(GuanjiaError, match="guanjia train renewal"):
        registry.champion(lake, "renewal")
    given = {
        "parameters": {"seed": 7},
        "metrics": {"test_auc": 0.7, "other": float("nan")},
        "tags": {"training_frame_sha256": "abc"},
        "files": [],
        "example": frame,
    }
    assert registry.register(lake, "renewal", bundle, **given) == "1"
    assert registry.register(lake, "renewal", bundle, **given) == "2"
    shutil.rmtree(lake.home / "models")
    folder = registry.champion(lake, "renewal")
    assert folder.name == "2"
    told = Predictor.load(folder).predict(frame)
    assert np.array_equal(told, fitted.predict_proba(frame))

    shutil.rmtree(lake.home / "mlflow")
    assert registry.champion(lake, "renewal") == folder
    (folder / "booster.txt").write_text("tree")
    with pytest.raises(GuanjiaError, match="altered"):
        registry.champion(lake, "renewal")


def test_nothing_is_pickled_and_one_module_imports_mlflow():
    for path in Path(training.__file__).parent.glob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*(import|from) (pickle|joblib|dill)\b", text, re.M), path
        if path.name != "registry.py":
            assert not re.search(r"^\s*(import|from) mlflow\b", text, re.M), path
