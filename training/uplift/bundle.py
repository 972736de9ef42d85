"""Distil an econml learner into two boosters and write them as the bundle of an effect model.

`training.uplift.effect_model` documents the bundle, and loads it.
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
    """Fit a booster to the values that a learner gave for some rows.

    Parameters
    ----------
    matrix : numpy.ndarray
        Shape (rows, features).
    values : numpy.ndarray
        Shape (rows,): values to reproduce.
    names : list of str
        Names of the features, in order.
    """
    data = lgb.Dataset(matrix, values, feature_name=names, params={"verbosity": -1})
    return lgb.train(DISTILLED, data, ROUNDS)


def write_effect(
    folder: Path,
    about: Mapping[str, Any],
    encoding: Encoding,
    effect: lgb.Booster,
    deviation: lgb.Booster,
) -> Path:
    """Write a bundle, completely or not at all; equal models give equal bytes.

    Parameters
    ----------
    folder : Path
        Folder of the bundle, replaced if it exists.
    about : mapping
        Further fields of `spec.json`.
    encoding : Encoding
        Names and categories of the features.
    effect, deviation : lightgbm.Booster
        The effect, and its standard error, on the probability of the outcome.

    Returns
    -------
    Path
        `folder`.
    """
    contents = {
        "effect.txt": effect.model_to_string(),
        "deviation.txt": deviation.model_to_string(),
        "encoding.json": _json({"features": encoding.features, "categories": encoding.categories}),
    }
    with published_folder(folder) as draft:
        for name, text in contents.items():
            (draft / name).write_bytes(text.encode("utf-8"))
        hashes = {name: sha256_of(draft / name) for name in contents}
        spec = {**about, "features": encoding.features, "sha256": hashes}
        version = hashlib.sha256(_json(spec).encode()).hexdigest()[:12]
        (draft / "spec.json").write_bytes(_json({**spec, "version": version}).encode("utf-8"))
    return folder


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
