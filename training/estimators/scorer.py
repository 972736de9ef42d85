"""Score rows with a fitted model before calibration: its weighted parts, added up.

Predicting needs neither the code that fitted the parts nor its libraries.
"""

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from training.estimators.booster import SingleRow, booster_of
from training.estimators.encoding import Array, Encoding
from training.estimators.lightgbm_library import thread_count
from training.estimators.linear import Linear
from training.estimators.logistic import expit

ROWS_OF_SHARES = 100
"""Rows that are predicted in the time in which one is divided among its features, or more."""


class Trees(Protocol):
    """Trees that can predict: `training.estimators.booster.Booster`, or `lightgbm.Booster`."""

    def predict(
        self,
        matrix: Any,
        /,
        *,
        raw_score: bool = False,
        pred_contrib: bool = False,
        num_threads: int = 1,
    ) -> Any:
        """Predict rows, as `training.estimators.booster.Booster.predict` documents.

        Parameters
        ----------
        matrix : numpy.ndarray
            Shape (rows, features).
        raw_score, pred_contrib : bool
            Return scores; return contributions.
        num_threads : int
            Number of threads for LightGBM.
        """

    def feature_importance(self, importance_type: Any) -> Any:
        """Count the splits by each feature."""


class Scorer:
    """A fitted model without its calibration.

    Parameters
    ----------
    kind : str
        "probability", or "count" and "amount", which are means with a log link.
    encoding : Encoding
        Names and categories of the columns of a matrix.
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
    def features_used(self) -> set[str]:
        """Features that a score depends on; callers need not fill in the others."""
        used = {term.feature for term in self.linear[0].terms} if self.linear else set()
        if self.trees:
            splits = self.trees[0].feature_importance("split")
            used.update(self.encoding.features[place] for place in np.flatnonzero(splits))
        return used

    def score(self, matrix: Array, threads: int = 1) -> Array:
        """Compute log-odds or log means of the rows of a matrix, shape (rows,)."""
        scores = np.zeros(len(matrix))
        if self.linear:
            scores += self.linear[1] * self.linear[0].score(matrix, self.encoding)
        if self.trees:
            threads = thread_count(len(matrix), threads)
            grown = self.trees[0].predict(matrix, raw_score=True, num_threads=threads)
            scores += self.trees[1] * np.asarray(grown)
        return scores

    def plus(self, added: Linear, slope: float) -> "Scorer":
        """Return one whose score is this one's times a slope, and that of a further linear part."""
        own = [(self.linear[0], self.linear[1] * slope)] if self.linear else []
        linear = Linear.sum_of([*own, (added, 1.0)]), 1.0
        trees = (self.trees[0], self.trees[1] * slope) if self.trees else None
        return Scorer(self.kind, self.encoding, linear, trees)

    def raw(self, matrix: Array, threads: int = 1) -> Array:
        """Compute probabilities or means before calibration, shape (rows,)."""
        return np.asarray(self._inverse_link(self.score(matrix, threads)), np.float64)

    def raw_one(self, row: Array) -> float:
        """Compute the probability or mean of one row, shape (features,); bit for bit as `raw`."""
        score = 0.0
        if self.linear:
            score += self.linear[1] * self.linear[0].score_one(row, self.encoding)
        if self.trees:
            score += self.trees[1] * self._single(row)
        return float(self._inverse_link(score))

    def _inverse_link(self, score: Any) -> Any:
        """Invert the link function: scores to probabilities or means."""
        return expit(score) if self.kind == "probability" else np.exp(score)

    @cached_property
    def _single(self) -> SingleRow:
        assert self.trees is not None
        return SingleRow(booster_of(self.trees[0]))

    def contributions(self, matrix: Array, threads: int = 1) -> Array:
        """Divide the score among the features; shape (rows, features + 1), the base last."""
        shares = np.zeros((len(matrix), len(self.encoding.features) + 1))
        if self.linear:
            shares += self.linear[1] * self.linear[0].contributions(matrix, self.encoding)
        if self.trees:
            threads = thread_count(len(matrix) * ROWS_OF_SHARES, threads)
            grown = self.trees[0].predict(matrix, pred_contrib=True, num_threads=threads)
            shares += self.trees[1] * np.asarray(grown)
        return shares
