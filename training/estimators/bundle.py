"""The bundle of a trained model: how it is written, verified, loaded and asked.

A folder of text: `calibration.json`, `encoding.json`, `linear.json` and `booster.txt` as far as the
model has those parts, and `spec.json`, which names the model, its features and service, the weights
of the parts, and the sha256 of the other files. Nothing in it is executed.
Scoring, the API and evaluation all predict through `Predictor`, so they cannot disagree.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.errors import GuanjiaError
from features.lake import sha256_of
from training.estimators.calibration import Calibration
from training.estimators.candidates import Scorer
from training.estimators.encoding import Array, Columns, Encoding, Places
from training.estimators.linear import Linear

FILES = ("calibration.json", "encoding.json")
PARTS = {"linear": "linear.json", "trees": "booster.txt"}


class Predictor:
    """A loaded bundle.

    Attributes
    ----------
    name, label, service, eligible, version : str
        As the specification has them; `version` is a hash of the contents.
    features, tags, extra : list of str
        Columns it takes, in order; those of them that are tags; the others.
    read : set of str
        Those that a prediction depends on.
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
        self.tags = [name for name in self.features if name not in self.extra]
        self.scorer = scorer
        self.calibration = calibration
        self.read = scorer.read
        self._row = scorer.encoding.reader(self.read)

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """Verify and load a bundle.

        Raises
        ------
        GuanjiaError
            If a file is missing or altered, or the trees read other features than declared.
            LightGBM aborts the process on a damaged file, hence hashes before loading.
        """
        spec = verify(folder)
        encoding = json.loads((folder / "encoding.json").read_text("utf-8"))
        table = json.loads((folder / "calibration.json").read_text("utf-8"))
        reader = Encoding(encoding["features"], encoding["categories"])
        weights = _weights(spec)
        linear = trees = None
        if "linear" in weights:
            stored = json.loads((folder / PARTS["linear"]).read_text("utf-8"))
            linear = (Linear.of_json(stored), float(weights["linear"]))
        if "trees" in weights:
            text = (folder / PARTS["trees"]).read_text("utf-8")
            trees = (lgb.Booster(model_str=text), float(weights["trees"]))
        read = trees[0].feature_name() if trees else reader.features
        if not read == reader.features == spec["features"]:
            raise GuanjiaError(
                f"model bundle {folder}", "reads other features than it declares", "train it again"
            )
        scorer = Scorer(spec.get("kind", "probability"), reader, linear, trees)
        return cls(spec, scorer, Calibration(table["kind"], table["x"], table["y"]))

    def matrix(self, columns: Columns) -> Array:
        """The columns as the parts read them, shape (rows, features)."""
        return self.scorer.encoding.matrix(columns)

    def predict(self, columns: Columns, threads: int = 1, rows: Places | None = None) -> Array:
        """Calibrated probabilities or means of pandas, pyarrow or plain columns, shape (rows,).

        Parameters
        ----------
        rows : numpy.ndarray of int, optional
            Places of the rows to predict; default: all of them.
        """
        matrix = self.scorer.encoding.matrix(columns, rows, self.read)
        return self.predict_matrix(matrix, threads)

    def predict_one(self, values: Mapping[str, Any]) -> float:
        """The prediction of one customer, from plain values by name; bit for bit that of `predict`.

        What a request asks: it takes microseconds, where columns take milliseconds.
        """
        return self.calibration.apply_one(self.scorer.raw_one(self._row(values)))

    def predict_matrix(self, matrix: Array, threads: int = 1) -> Array:
        """The same for a matrix made by `matrix`."""
        if len(matrix) == 0:
            return np.empty(0)
        return self.calibration.apply(self.scorer.raw(matrix, threads))

    def contributions(self, columns: Columns, threads: int = 1) -> Array:
        """Each feature's share of the score before calibration, and the base in the last column.

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
    """The specification of a bundle whose files all have the hash it states."""
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
    """Weight of each part; bundles from before there were parts are trees alone."""
    found: Mapping[str, float] = spec.get("weights", {"trees": 1.0})
    return found
