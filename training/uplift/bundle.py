"""The bundle of an effect model: the effect of a treatment and its lower bound, as LightGBM's text.

A folder: `effect.txt`, `deviation.txt`, `encoding.json`, and `spec.json`, which names the sha256 of
the others. What econml's learners found is distilled into two boosters, so nothing is pickled.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.stats import norm

from features.errors import GuanjiaError
from features.lake import sha256_of
from features.publishing import published_folder
from training.estimators.encoding import Array, Columns, Encoding
from training.estimators.single_row import SingleRow

CONFIDENCE = 0.95
QUANTILE = float(norm.ppf(CONFIDENCE))
DISTILLED = {
    "objective": "regression", "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 20,
    "seed": 7, "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
ROUNDS = 300


class EffectModel:
    """A loaded effect model.

    Attributes
    ----------
    spec : dict
        What `spec.json` says: treatment, trial, service, who is asked, learner, features, version.
    features : list of str
        Tags it reads, in order.
    version : str
        A hash of the contents.
    """

    def __init__(
        self, spec: dict[str, Any], encoding: Encoding, effect: lgb.Booster, deviation: lgb.Booster
    ) -> None:
        self.spec = spec
        self.features: list[str] = spec["features"]
        self.version: str = spec["version"]
        self._encoding = encoding
        self._effect = effect
        self._deviation = deviation
        self._row = encoding.reader()
        self._single = SingleRow(effect), SingleRow(deviation)

    def tell(self, columns: Columns, threads: int = 1) -> tuple[Array, Array]:
        """The effect on the probability of renewal, and its lower bound, each of shape (rows,).

        The bound is one-sided at 95%: the effect less 1.64 standard errors. It holds what the
        learner would have said on other customers, not what it cannot see at all.

        Parameters
        ----------
        columns : pandas.DataFrame, pyarrow.Table or mapping
            The tags of the tag set; others are ignored.
        """
        matrix = self._encoding.matrix(columns)
        if len(matrix) == 0:
            return np.empty(0), np.empty(0)
        effect = np.asarray(self._effect.predict(matrix, num_threads=threads), np.float64)
        told = np.asarray(self._deviation.predict(matrix, num_threads=threads), np.float64)
        return effect, effect - QUANTILE * np.maximum(told, 0.0)

    def tell_one(self, values: Mapping[str, Any]) -> tuple[float, float]:
        """The same of one customer, from plain values by name, and bit for bit."""
        row = self._row(values)
        effect, told = self._single[0](row), self._single[1](row)
        return effect, effect - QUANTILE * max(told, 0.0)


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


def load_effect(folder: Path) -> EffectModel:
    """Verify and load a bundle.

    Raises
    ------
    GuanjiaError
        If a file is missing or altered: LightGBM aborts the process on a damaged file.
    """
    cure = "run `guanjia uplift` again"
    try:
        spec = json.loads((folder / "spec.json").read_text("utf-8"))
        for name, stated in spec["sha256"].items():
            if sha256_of(folder / name) != stated:
                raise GuanjiaError(f"effect model {folder}", f"{name} was altered", cure)
        table = json.loads((folder / "encoding.json").read_text("utf-8"))
        texts = [(folder / name).read_text("utf-8") for name in ("effect.txt", "deviation.txt")]
        encoding = Encoding(table["features"], table["categories"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise GuanjiaError(f"effect model {folder}", f"is not complete ({fault})", cure) from fault
    boosters = [lgb.Booster(model_str=text) for text in texts]
    if any(one.feature_name() != spec["features"] for one in boosters):
        raise GuanjiaError(f"effect model {folder}", "reads other tags than it declares", cure)
    return EffectModel(spec, encoding, *boosters)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
