"""Load an effect model and predict with it: the effect of a treatment and its lower bound.

A bundle is a folder: `effect.txt`, `deviation.txt`, `encoding.json`, and `spec.json`, which states
the sha256 of the others. econml's learners are distilled into two boosters, so nothing is pickled.
`training.uplift.bundle` writes it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from features.errors import GuanjiaError
from features.lake import sha256_of
from training.estimators.booster import Booster, SingleRow
from training.estimators.encoding import Array, Columns, Encoding

CONFIDENCE = 0.95
QUANTILE = float(ndtri(CONFIDENCE))


class EffectModel:
    """A loaded effect model.

    Attributes
    ----------
    spec : dict
        Content of `spec.json`: treatment, trial, tag set, eligibility, learner, features, version.
    features : list of str
        Tags it reads, in order.
    version : str
        A hash of the contents.
    encoding : Encoding
        Names and categories of the features.
    """

    def __init__(
        self, spec: dict[str, Any], encoding: Encoding, effect: Booster, deviation: Booster
    ) -> None:
        self.spec = spec
        self.features: list[str] = spec["features"]
        self.version: str = spec["version"]
        self.encoding = encoding
        self._effect = effect
        self._deviation = deviation
        self._encode_row = encoding.row_encoder()
        self._single = SingleRow(effect), SingleRow(deviation)

    def predict(self, columns: Columns, threads: int = 1) -> tuple[Array, Array]:
        """Predict the effect on the probability of renewal, and its lower bound.

        The bound is one-sided at 95%: the effect less 1.64 standard errors. It covers the chance
        of which customers were learned from, not what the tags cannot show.

        Parameters
        ----------
        columns : pandas.DataFrame, pyarrow.Table or mapping
            Tags of the tag set; others are ignored.
        threads : int
            Number of threads for LightGBM.

        Returns
        -------
        effect, lower : numpy.ndarray
            Shape (rows,) each.
        """
        matrix = self.encoding.matrix(columns)
        if len(matrix) == 0:
            return np.empty(0), np.empty(0)
        effect = np.asarray(self._effect.predict(matrix, num_threads=threads), np.float64)
        deviation = np.asarray(self._deviation.predict(matrix, num_threads=threads), np.float64)
        return effect, effect - QUANTILE * np.maximum(deviation, 0.0)

    def predict_one(self, values: Mapping[str, Any]) -> tuple[float, float]:
        """Predict one customer from plain values by name; bit for bit as `predict` does."""
        row = self._encode_row(values)
        effect, deviation = self._single[0](row), self._single[1](row)
        return effect, effect - QUANTILE * max(deviation, 0.0)


def load_effect(folder: Path) -> EffectModel:
    """Verify and load a bundle.

    Raises
    ------
    GuanjiaError
        If a file is missing or altered. LightGBM aborts the process on a damaged file, so hashes
        are compared before loading.
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
    boosters = [Booster(model_str=text) for text in texts]
    if any(booster.feature_name() != spec["features"] for booster in boosters):
        raise GuanjiaError(f"effect model {folder}", "reads other tags than it declares", cure)
    return EffectModel(spec, encoding, *boosters)
