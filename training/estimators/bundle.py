"""Verify, load and apply the bundle of a trained model.

A bundle is a folder of text: `calibration.json`, `encoding.json`, `linear.json` and `booster.txt`
as far as the model has those parts, and `spec.json`, which names the model, its features and tag
set, the weights of the parts, and the sha256 of the other files. Nothing in it is executed.
Scoring, the API and evaluation all predict through `Predictor`, so they cannot disagree.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import GuanjiaError
from features.lake import sha256_of
from training.estimators.booster import Booster
from training.estimators.calibration import Calibration
from training.estimators.encoding import Array, Columns, Encoding, Places
from training.estimators.linear import Linear
from training.estimators.scorer import Scorer

FILES = ("calibration.json", "encoding.json")
EARLIER_RANGES = {"lead_days": (7, 60)}
"""Values of features of questions that bundles learned from which do not state them."""
PARTS = {"linear": "linear.json", "trees": "booster.txt"}


class Predictor:
    """The model of a loaded bundle.

    Attributes
    ----------
    name, label, service, eligible, version : str
        As in the specification; `service` is the tag set, `version` a hash of the contents.
    features, tags, extra : list of str
        Columns it takes, in order; those of them that are tags; the others.
    ranges : dict of str to (int, int)
        Lowest and highest value that it learned from, of features that are no tags.
    features_used : set of str
        Columns that a prediction depends on; the others may be left out of a single row.
    given : str
        Model whose "yes" it takes for granted (`training.estimators.chained`); empty: none.
    level_margin : float or None
        How far a later quarter may be off (`training.estimators.level`); None of judged candidates,
        of counts and amounts, of rows without dates, and in bundles of earlier releases.
    """

    def __init__(self, spec: dict[str, Any], scorer: Scorer, calibration: Calibration) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.label: str = spec["label"]
        self.service: str = spec["service"]
        self.eligible: str = spec["eligible"]
        self.version: str = spec["version"]
        self.features: list[str] = spec["features"]
        self.extra: list[str] = spec["extra"]
        self.given: str = spec.get("given", "")
        self.level_margin: float | None = spec.get("level_margin")
        self.tags = [name for name in self.features if name not in self.extra]
        self.ranges: dict[str, tuple[int, int]] = {
            name: (low, high) for name, (low, high) in spec.get("ranges", EARLIER_RANGES).items()
        }
        self.scorer = scorer
        self.calibration = calibration
        self.features_used = scorer.features_used
        self._encode_row = scorer.encoding.row_encoder(self.features_used)

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """Verify and load a bundle.

        Raises
        ------
        GuanjiaError
            If a file is missing or altered, or the trees read other features than declared.
            LightGBM aborts the process on a damaged file, so hashes are compared before loading.
        """
        spec = verify(folder)
        encoding = json.loads((folder / "encoding.json").read_text("utf-8"))
        table = json.loads((folder / "calibration.json").read_text("utf-8"))
        encoder = Encoding(encoding["features"], encoding["categories"])
        weights = _weights(spec)
        linear = trees = None
        if "linear" in weights:
            stored = json.loads((folder / PARTS["linear"]).read_text("utf-8"))
            linear = (Linear.from_json(stored), float(weights["linear"]))
        if "trees" in weights:
            text = (folder / PARTS["trees"]).read_text("utf-8")
            trees = (Booster(model_str=text), float(weights["trees"]))
        columns = trees[0].feature_name() if trees else encoder.features
        if not columns == encoder.features == spec["features"]:
            raise GuanjiaError(
                f"model bundle {folder}",
                "cannot be loaded: its trees read other features than spec.json declares",
                "train the model again",
            )
        scorer = Scorer(spec.get("kind", "probability"), encoder, linear, trees)
        return cls(spec, scorer, Calibration(table["kind"], table["x"], table["y"]))

    def matrix(self, columns: Columns) -> Array:
        """Encode columns as the parts read them, shape (rows, features)."""
        return self.scorer.encoding.matrix(columns)

    def predict(self, columns: Columns, threads: int = 1, rows: Places | None = None) -> Array:
        """Predict rows: calibrated probabilities or means.

        Parameters
        ----------
        columns : mapping, pandas.DataFrame, pyarrow.Table or pyarrow.RecordBatch
            The columns `features`, in any order; further columns are ignored.
        threads : int
            Number of threads for LightGBM.
        rows : numpy.ndarray of int, optional
            Positions of the rows to predict; default: all of them.

        Returns
        -------
        numpy.ndarray
            Shape (rows,): probability, count, or amount in yuan.

        Raises
        ------
        GuanjiaError
            If a column that is read is missing.
        """
        matrix = self.scorer.encoding.matrix(columns, rows, self.features_used)
        return self.predict_matrix(matrix, threads)

    def predict_one(self, values: Mapping[str, Any]) -> float:
        """Predict one customer from plain values by name; bit for bit as `predict` does.

        Made for requests: it takes microseconds, where columns take milliseconds.
        """
        return self.calibration.apply_one(self.scorer.raw_one(self._encode_row(values)))

    def predict_matrix(self, matrix: Array, threads: int = 1) -> Array:
        """Predict the rows of a matrix made by `matrix`, shape (rows,)."""
        if len(matrix) == 0:
            return np.empty(0)
        return self.calibration.apply(self.scorer.raw(matrix, threads))

    def contributions(self, columns: Columns, threads: int = 1) -> Array:
        """Divide the score before calibration among the features, with the base in the last column.

        Returns
        -------
        numpy.ndarray
            Shape (rows, features + 1), in the order of `features`.
        """
        matrix = self.matrix(columns)
        if len(matrix) == 0:
            return np.empty((0, len(self.features) + 1))
        return self.scorer.contributions(matrix, threads)


def verify(folder: Path) -> dict[str, Any]:
    """Verify that the files of a bundle have the hashes it states, and return its specification.

    Raises
    ------
    GuanjiaError
        If a file is missing, unreadable or altered.
    """
    cure = "fetch it again from the registry, or train the model again"
    try:
        spec: dict[str, Any] = json.loads((folder / "spec.json").read_text("utf-8"))
        stated = spec["sha256"]
        parts = [PARTS[part] for part in _weights(spec)]
        for name in [*FILES, *parts]:
            if sha256_of(folder / name) != stated[name]:
                raise GuanjiaError(f"model bundle {folder}", f"{name} was altered", cure)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise GuanjiaError(f"model bundle {folder}", f"is not complete ({fault})", cure) from fault
    return spec


def _weights(spec: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the weight of each part; bundles of old releases have trees alone."""
    weights: Mapping[str, float] = spec.get("weights", {"trees": 1.0})
    return weights
