"""Distil what econml's learners found into two boosters and write them as an effect model's bundle.

`training.uplift.effect_model` says what a bundle holds, and loads it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb

from features.lake import sha256_of
from features.publishing import published_folder
from training.estimators.encoding import Array, Encoding

DISTILLED = {
    "objective": "regression", "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 20,
    "seed": 7, "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
ROUNDS = 300


def distil(matrix: Array, values: Array, names: list[str]) -> lgb.Booster:
    """A booster that says what a learner said of these rows."""
    data = lgb.Dataset(matrix, values, feature_name=names, params={"verbosity": -1})
    return lgb.train(DISTILLED, data, ROUNDS)


def write_effect(
    folder: Path,
    about: Mapping[str, Any],
    encoding: Encoding,
    effect: lgb.Booster,
    deviation: lgb.Booster,
) -> Path:
    """Publish a bundle, whole or not at all; the same model gives the same bytes."""
    contents = {
        "effect.txt": effect.model_to_string(),
        "deviation.txt": deviation.model_to_string(),
        "encoding.json": _json({"features": encoding.features, "categories": encoding.categories}),
    }
    with published_folder(folder) as draft:
        for name, text in contents.items():
            (draft / name).write_bytes(text.encode("utf-8"))
        hashes = {name: sha256_of(draft / name) for name in contents}
        told = {**about, "features": encoding.features, "sha256": hashes}
        version = hashlib.sha256(_json(told).encode()).hexdigest()[:12]
        (draft / "spec.json").write_bytes(_json({**told, "version": version}).encode("utf-8"))
    return folder


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
