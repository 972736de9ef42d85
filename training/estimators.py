"""The estimator: native LightGBM, categories as stored lists, calibration as a stored table.

What it learns is text and JSON, never a pickled object: the bundle can be read without running it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from features.errors import GuanjiaError

Array = npt.NDArray[np.float64]
Columns: TypeAlias = "Mapping[str, Any] | pd.DataFrame | pa.Table"

TINY = 1e-6
FEWEST_FOR_ISOTONIC = 1000
FEWEST_TO_STOP = 200
ROUNDS_UNTESTED = 100


class Encoding:
    """Columns to the matrix the booster reads: names in order, categories as codes.

    A category that was not in training, and null, are missing values to the booster.
    """

    def __init__(self, features: Sequence[str], categories: Mapping[str, Sequence[str]]) -> None:
        self.features = list(features)
        self.categories = {name: list(values) for name, values in categories.items()}
        self._codes = {
            name: {value: float(code) for code, value in enumerate(values)}
            for name, values in self.categories.items()
        }

    @classmethod
    def learn(cls, frame: pd.DataFrame, features: Sequence[str]) -> "Encoding":
        """Take text columns as categories, in the order of their sorted values."""
        categories = {}
        for name in features:
            kind = frame[name].dtype
            present = frame[name].dropna()
            texts = kind.kind == "O"
            if texts and len(present) and isinstance(present.iloc[0], str):
                categories[name] = sorted(set(present.astype(str)))
        return cls(features, categories)

    def matrix(self, columns: Columns) -> Array:
        """The features as float64, one row a customer, missing as NaN.

        Raises
        ------
        GuanjiaError
            If a feature is missing; other columns are ignored and their order does not matter.
        """
        names = columns.column_names if isinstance(columns, pa.Table) else list(columns)
        missing = [name for name in self.features if name not in names]
        if missing:
            raise GuanjiaError(
                f"features {missing}",
                "are missing from the rows to predict",
                "compute the tags of this model's feature service, or train the model again",
            )
        values = [self._column(name, columns[name]) for name in self.features]
        matrix = np.empty((len(values[0]) if values else 0, len(values)))
        for place, column in enumerate(values):
            matrix[:, place] = column
        return matrix

    def _column(self, name: str, values: Any) -> Array:
        if isinstance(values, pa.ChunkedArray | pa.Array):
            values = values.to_pandas()
        series = values if isinstance(values, pd.Series) else pd.Series(list(values))
        if name in self._codes:
            coded = series.astype(object).map(self._codes[name])
            return np.asarray(coded, dtype=np.float64)
        if series.dtype == object:  # booleans or numbers among nulls
            series = pd.to_numeric(series, errors="coerce")
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


class Calibration:
    """A monotone map from the booster's probability to the observed frequency.

    `kind` is "identity", "platt" (slope and intercept on the log-odds) or "isotonic" (a table).
    """

    def __init__(self, kind: str, x: Sequence[float], y: Sequence[float]) -> None:
        self.kind = kind
        self.x = [float(value) for value in x]
        self.y = [float(value) for value in y]

    @classmethod
    def choose(cls, raw: Array, label: npt.NDArray[np.bool_]) -> "Calibration":
        """Take the kind with the smaller log loss on the halves it was not fitted on."""
        if len(np.unique(label)) < 2 or min(label.sum(), (~label).sum()) < 20:
            return cls("identity", [], [])
        if len(label) < FEWEST_FOR_ISOTONIC:
            return cls._platt(raw, label)
        half = np.arange(len(label)) % 2 == 0
        losses = {}
        for kind, fit in (("platt", cls._platt), ("isotonic", cls._isotonic)):
            loss = 0.0
            for side in (half, ~half):
                told = fit(raw[side], label[side]).apply(raw[~side])
                told = np.clip(told, TINY, 1 - TINY)
                loss += float(log_loss(label[~side], told, labels=[False, True]))
            losses[kind] = loss
        best = cls._isotonic if losses["isotonic"] < losses["platt"] else cls._platt
        return best(raw, label)

    def apply(self, raw: Array) -> Array:
        """Calibrated probabilities, in the order of the raw ones."""
        if self.kind == "platt":
            odds = _logit(raw) * self.x[0] + self.y[0]
            return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)
        if self.kind == "isotonic":
            return np.asarray(np.interp(raw, self.x, self.y), dtype=np.float64)
        return np.asarray(raw, dtype=np.float64)

    @classmethod
    def _platt(cls, raw: Array, label: npt.NDArray[np.bool_]) -> "Calibration":
        fitted = LogisticRegression(C=1e6).fit(_logit(raw).reshape(-1, 1), label)
        # A slope below zero would turn the order round; the ranking is the booster's to decide.
        return cls("platt", [max(float(fitted.coef_[0, 0]), TINY)], [float(fitted.intercept_[0])])

    @classmethod
    def _isotonic(cls, raw: Array, label: npt.NDArray[np.bool_]) -> "Calibration":
        fitted = IsotonicRegression(y_min=TINY, y_max=1 - TINY, out_of_bounds="clip")
        fitted.fit(raw, label)
        return cls("isotonic", fitted.X_thresholds_, fitted.y_thresholds_)


class CalibratedBooster:
    """LightGBM on tags, calibrated on a later slice.

    Parameters
    ----------
    parameters : Mapping[str, float]
        LightGBM parameters plus `rounds` and `patience`.
    seed, threads : int
        Same data, seed and number of threads give the same text, byte for byte.
    """

    def __init__(self, parameters: Mapping[str, float], seed: int = 7, threads: int = 2) -> None:
        self.parameters = parameters
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        frame: pd.DataFrame,
        label: npt.NDArray[np.bool_],
        stop: npt.NDArray[np.bool_],
        features: Sequence[str],
    ) -> "CalibratedBooster":
        """Grow as many trees, on all rows, as the rows in `stop` gain from when held back.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row an outcome, with the features.
        label, stop : numpy.ndarray of bool
            Shape (rows,): the outcome; whether the row is held back to count the trees.
        features : sequence of str
            Columns to learn from.

        Raises
        ------
        GuanjiaError
            If all outcomes are the same.
        """
        label = np.asarray(label, dtype=bool)
        if len(np.unique(label)) < 2:
            raise GuanjiaError(
                "the training rows", "all have the same outcome", "use a longer or later history"
            )
        self.encoding_ = Encoding.learn(frame, features)
        matrix = self.encoding_.matrix(frame)
        names = self.encoding_.features
        given = {k: v for k, v in self.parameters.items() if k not in ("rounds", "patience")}
        settings: dict[str, Any] = {
            "objective": "binary",
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
            **given,
        }
        text = [names.index(name) for name in self.encoding_.categories]
        rounds = int(self.parameters.get("rounds", 100))
        patience = int(self.parameters.get("patience", 0))

        def dataset(rows: npt.NDArray[np.bool_], reference: lgb.Dataset | None = None) -> Any:
            return lgb.Dataset(
                matrix[rows],
                label[rows].astype(np.float64),
                reference=reference,
                feature_name=names,
                categorical_feature=text,
                params={"verbosity": -1},
            )

        both = [len(np.unique(label[rows])) == 2 for rows in (stop, ~stop)]
        if patience > 0 and stop.sum() >= FEWEST_TO_STOP and all(both):
            part = dataset(~stop)
            ceased = lgb.train(
                settings,
                part,
                num_boost_round=rounds,
                valid_sets=[dataset(stop, part)],
                callbacks=[lgb.early_stopping(patience, verbose=False)],
            )
            rounds = int(ceased.best_iteration)
        else:
            rounds = min(rounds, ROUNDS_UNTESTED)
        # The customers held back have told how many trees; now they teach like all others.
        self.booster_ = lgb.train(settings, dataset(np.ones_like(stop)), num_boost_round=rounds)
        self.trees_ = int(self.booster_.current_iteration())
        self.calibration_ = Calibration("identity", [], [])
        return self

    def calibrate(self, frame: pd.DataFrame, label: npt.NDArray[np.bool_]) -> "CalibratedBooster":
        """Choose and fit the calibration on a slice the trees have not seen."""
        self.calibration_ = Calibration.choose(self.raw(frame), np.asarray(label, dtype=bool))
        return self

    def raw(self, frame: Columns) -> Array:
        """The booster's own probabilities."""
        matrix = self.encoding_.matrix(frame)
        told = self.booster_.predict(matrix, num_iteration=self.trees_, num_threads=self.threads)
        return np.asarray(told, dtype=np.float64)

    def predict_proba(self, frame: Columns) -> Array:
        """Calibrated probabilities of "yes", shape (rows,)."""
        return self.calibration_.apply(self.raw(frame))

    def text(self) -> str:
        """The trees as LightGBM's own text."""
        return str(self.booster_.model_to_string(num_iteration=self.trees_))

    def importance(self) -> dict[str, float]:
        """Total gain of each feature, largest first."""
        gain = self.booster_.feature_importance("gain", iteration=self.trees_)
        pairs = zip(self.encoding_.features, gain, strict=True)
        return {name: float(value) for name, value in sorted(pairs, key=lambda p: -p[1])}


def _logit(probability: Array) -> Array:
    clipped = np.clip(probability, TINY, 1 - TINY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), dtype=np.float64)
