"""Bundles nobody has loaded yet: whole ones load, others are refused, and this process goes on."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import GuanjiaError
from training.estimators.bundle import Predictor
from training.estimators.candidates import CalibratedModel
from training.estimators.parts import CANDIDATES
from training.fitting.bundle_writer import write_bundle
from training.models import MODELS
from training.registry import load_check
from training.registry.load_check import LateError, try_loading

Bundle = Callable[..., Path]


def altered(bundle: Path, folder: Path, trees: bytes) -> Path:
    """The bundle with other trees, its specification naming their hash."""
    shutil.copytree(bundle, folder)
    (folder / "booster.txt").write_bytes(trees)
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    spec["sha256"]["booster.txt"] = hashlib.sha256(trees).hexdigest()
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    return folder


def test_a_whole_bundle_loads(bundle: Bundle) -> None:
    assert try_loading(bundle("good")) == Predictor.load(bundle("good")).version


def test_a_bundle_without_trees_loads(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    columns = {"age_years": draw.normal(size=400), "tenure_years": draw.normal(size=400)}
    frame = pd.DataFrame(columns)
    linear = CalibratedModel({}, CANDIDATES["linear"])
    linear.fit(frame, draw.random(400) < 0.5, np.zeros(400, bool), list(columns))
    folder = write_bundle(tmp_path / "linear", MODELS["churn"], linear, list(columns))
    assert not (folder / "booster.txt").exists()
    assert try_loading(folder) == Predictor.load(folder).version


@pytest.mark.parametrize("kept", [0.3, 0.6])
def test_trees_cut_off_are_refused(bundle: Bundle, tmp_path: Path, kept: float) -> None:
    whole = (bundle("good") / "booster.txt").read_bytes()
    with pytest.raises(GuanjiaError, match=r"does not load|ends the process"):
        try_loading(altered(bundle("good"), tmp_path / "cut", whole[: int(len(whole) * kept)]))


def test_what_is_no_model_is_refused_with_the_words_of_lightgbm(
    bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(GuanjiaError, match="number of classes"):
        try_loading(altered(bundle("good"), tmp_path / "text", b"hello\n"))


def test_an_encoding_that_is_no_json_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = altered(
        bundle("good"), tmp_path / "bundle", (bundle("good") / "booster.txt").read_bytes()
    )
    (folder / "encoding.json").write_text("[]", "utf-8")
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    spec["sha256"]["encoding.json"] = hashlib.sha256(b"[]").hexdigest()
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    with pytest.raises(GuanjiaError, match="does not load"):
        try_loading(folder)


def test_a_slow_machine_says_nothing_about_the_bundle(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_check, "SECONDS", 0.001)
    with pytest.raises(LateError, match=r"was not loaded within .*try again when less runs on it"):
        try_loading(bundle("good"))
