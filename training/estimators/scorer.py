"""Ask a fitted model for what it says before calibration: its parts, added up.

Predicting needs neither what learned the parts nor the libraries that it needed.
"""

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from training.estimators.booster import SingleRow, booster_of
from training.estimators.encoding import Array, Encoding
from training.estimators.lightgbm_library import thread_count
from training.estimators.linear import Linear


class Trees(Protocol):
    """Trees that can be asked: `training.estimators.booster.Booster`, or `lightgbm.Booster`."""

    def predict(
        self,
        matrix: Any,
        /,
        *,
        raw_score: bool = False,
        pred_contrib: bool = False,
        num_threads: int = 1,
    ) -> Any:
        """Predict rows: scores with `raw_score`, contributions with `pred_contrib`."""

    def feature_importance(self, importance_type: Any) -> Any:
        """Count the splits by each feature."""


class Scorer:
    """What a fitted model tells before calibration.

    Parameters
    ----------
    kind : str
        "probability", or "count" and "amount", which are means with a log link.
    encoding : Encoding
    linear, trees : (Linear, float) and (Trees, float), or None
        The parts with their weights.
    """

    def __init__(
        self,
        kind: str,
        encoding: Encoding,
        linear: tuple[Linear, float] | None,
        trees: tuple[Trees, float] | None,
    ) -> None:
        self.kind = kind
        self.encoding = encoding
        self.linear = linear
        self.trees = trees

    @property
    def read(self) -> set[str]:
        """The features that anything is read of: who asks need not fill in the others."""
        found = {term.feature for term in self.linear[0].terms} if self.linear else set()
        if self.trees:
            splits = self.trees[0].feature_importance("split")
            found.update(self.encoding.features[place] for place in np.flatnonzero(splits))
        return found

    def score(self, matrix: Array, threads: int = 1) -> Array:
        """Log-odds or log mean of the rows of a matrix, shape (rows,)."""
        told = np.zeros(len(matrix))
        if self.linear:
            told += self.linear[1] * self.linear[0].score(matrix, self.encoding)
        if self.trees:
            threads = thread_count(len(matrix), threads)
            grown = self.trees[0].predict(matrix, raw_score=True, num_threads=threads)
            told += self.trees[1] * np.asarray(grown)
        return told

    def raw(self, matrix: Array, threads: int = 1) -> Array:
        """Probabilities or means, shape (rows,)."""
        return np.asarray(self._told(self.score(matrix, threads)), np.float64)

    def raw_one(self, row: Array) -> float:
        """The probability or mean of one row, shape (features,); bit for bit that of `raw`."""
        told = 0.0
        if self.linear:
            told += self.linear[1] * self.linear[0].score_one(row, self.encoding)
        if self.trees:
            told += self.trees[1] * self._single(row)
        return float(self._told(told))

    def _told(self, score: Any) -> Any:
        """The probability or mean that a score, or each of many, stands for."""
        return expit(score) if self.kind == "probability" else np.exp(score)

    @cached_property
    def _single(self) -> SingleRow:
        assert self.trees is not None
        return SingleRow(booster_of(self.trees[0]))

    def contributions(self, matrix: Array, threads: int = 1) -> Array:
        """Each feature's share of the score, and the base in the last column."""
        told = np.zeros((len(matrix), len(self.encoding.features) + 1))
        if self.linear:
            told += self.linear[1] * self.linear[0].contributions(matrix, self.encoding)
        if self.trees:
            threads = thread_count(len(matrix), threads)
            grown = self.trees[0].predict(matrix, pred_contrib=True, num_threads=threads)
            told += self.trees[1] * np.asarray(grown)
        return told
