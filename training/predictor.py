"""The bundle of a trained model: how it is written, verified, loaded and asked.

A folder of text: `booster.txt`, `calibration.json`, `encoding.json`, and `spec.json`, which names
the model, its features and service, and the sha256 of the other three. Nothing in it is executed.
Scoring, the API and evaluation all predict through `Predictor`, so they cannot disagree.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.errors import GuanjiaError
from features.lake import sha256_of
from training.estimators import Array, CalibratedBooster, Calibration, Columns, Encoding
from training.models import ModelSpec

FILES = ("booster.txt", "calibration.json", "encoding.json")


class Predictor:
    """A loaded bundle.

    Attributes
    ----------
    name, label, service, eligible, version : str
        As the specification has them; `version` is a hash of the contents.
    features, tags, extra : list of str
        Columns it reads, in order; those of them that are tags; the others.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        booster: lgb.Booster,
        encoding: Encoding,
        calibration: Calibration,
    ) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.label: str = spec["label"]
        self.service: str = spec["service"]
        self.eligible: str = spec["eligible"]
        self.version: str = spec["version"]
        self.features: list[str] = spec["features"]
        self.extra: list[str] = spec["extra"]
        self.tags = [name for name in self.features if name not in self.extra]
        self.booster = booster
        self.encoding = encoding
        self.calibration = calibration

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
        booster = lgb.Booster(model_str=(folder / "booster.txt").read_text("utf-8"))
        if booster.feature_name() != spec["features"] or encoding["features"] != spec["features"]:
            raise GuanjiaError(
                f"model bundle {folder}", "reads other features than it declares", "train it again"
            )
        return cls(
            spec,
            booster,
            Encoding(encoding["features"], encoding["categories"]),
            Calibration(table["kind"], table["x"], table["y"]),
        )

    def matrix(self, columns: Columns) -> Array:
        """The columns as the booster reads them, shape (rows, features)."""
        return self.encoding.matrix(columns)

    def predict(self, columns: Columns, threads: int = 1) -> Array:
        """Calibrated probabilities of pandas, pyarrow or plain columns, shape (rows,)."""
        return self.predict_matrix(self.matrix(columns), threads)

    def predict_matrix(self, matrix: Array, threads: int = 1) -> Array:
        """The same for a matrix made by `matrix`."""
        if len(matrix) == 0:
            return np.empty(0)
        raw = self.booster.predict(matrix, num_threads=threads)
        return self.calibration.apply(np.asarray(raw, dtype=np.float64))

    def contributions(self, columns: Columns, threads: int = 1) -> Array:
        """Each feature's share of the log-odds before calibration, and the base in the last column.

        Returns
        -------
        numpy.ndarray
            Shape (rows, features + 1), in the order of `features`.
        """
        matrix = self.matrix(columns)
        if len(matrix) == 0:
            return np.empty((0, len(self.features) + 1))
        told = self.booster.predict(matrix, pred_contrib=True, num_threads=threads)
        return np.asarray(told, dtype=np.float64)


def write_bundle(
    folder: Path, model: ModelSpec, fitted: CalibratedBooster, tags: Sequence[str]
) -> Path:
    """Write the bundle; the same fit gives the same bytes, so it holds no date and no path."""
    folder.mkdir(parents=True, exist_ok=True)
    table = fitted.calibration_
    contents = {
        "booster.txt": fitted.text(),
        "calibration.json": _json({"kind": table.kind, "x": table.x, "y": table.y}),
        "encoding.json": _json(
            {"features": fitted.encoding_.features, "categories": fitted.encoding_.categories}
        ),
    }
    hashes = {}
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode("utf-8"))
        hashes[name] = sha256_of(folder / name)
    identity = _json({"name": model.name, "files": hashes, "tags": list(tags)})
    spec = {
        "name": model.name,
        "label": model.label,
        "service": model.service,
        "eligible": model.eligible,
        "features": fitted.encoding_.features,
        "extra": list(model.extra),
        "version": hashlib.sha256(identity.encode()).hexdigest()[:12],
        "sha256": hashes,
    }
    (folder / "spec.json").write_bytes(_json(spec).encode("utf-8"))
    return folder


def verify(folder: Path) -> dict[str, Any]:
    """The specification of a bundle whose files all have the hash it states."""
    cure = "fetch it again from the registry, or train the model again"
    try:
        spec: dict[str, Any] = json.loads((folder / "spec.json").read_text("utf-8"))
        stated = spec["sha256"]
        for name in FILES:
            if sha256_of(folder / name) != stated[name]:
                raise GuanjiaError(f"model bundle {folder}", f"{name} was altered", cure)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise GuanjiaError(f"model bundle {folder}", f"is not complete ({fault})", cure) from fault
    return spec


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
