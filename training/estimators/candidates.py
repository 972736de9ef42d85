"""A model as it is learned: a linear part, a tree part, or both, and a calibration on top.

The parts add up on the scale of the link (log-odds, or the log of a mean), so contributions of
features add up too. What is learned is text and JSON, never a pickled object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from features.errors import GuanjiaError
from training.estimators.calibration import Calibration
from training.estimators.encoding import Array, Columns, Encoding, Flags
from training.estimators.linear import PENALTY, Linear
from training.estimators.single_row import SingleRow
from training.estimators.trees import TrainingRows, grow, thread_count


@dataclass(frozen=True)
class Candidate:
    """A way to learn.

    Attributes
    ----------
    name : str
    linear, trees : float
        Weight of each part's score; 0: there is none.
    parameters : Mapping[str, float]
        Changes to the parameters of the trees.
    penalty : float
        Of the linear part (`Linear.fit`).
    """

    name: str
    linear: float
    trees: float
    parameters: Mapping[str, float] | None = None
    penalty: float = PENALTY


CANDIDATES: dict[str, Candidate] = {
    each.name: each
    for each in (
        Candidate("linear", 1.0, 0.0),
        # Trees of one split add up to a curve for each tag: a generalised additive model.
        Candidate(
            "additive",
            0.0,
            1.0,
            parameters={"num_leaves": 2, "feature_fraction": 0.5, "learning_rate": 0.1},
        ),
        Candidate("trees", 0.0, 1.0),
        Candidate("blend", 0.5, 0.5),
        # Where tags count only together, as the month asked about and the days to expiry do.
        Candidate(
            "deep",
            0.0,
            1.0,
            parameters={"num_leaves": 15, "min_data_in_leaf": 100, "feature_fraction": 0.8},
        ),
        # Where outcomes are few and wild, as costs of claims are: near the mean for long.
        Candidate("shrunk", 1.0, 0.0, penalty=1_000.0),
        Candidate("flat", 1.0, 0.0, penalty=10_000.0),
    )
}


class Scorer:
    """What a fitted model tells before calibration.

    Parameters
    ----------
    kind : str
        "probability", or "count" and "amount", which are means with a log link.
    encoding : Encoding
    linear, trees : (Linear, float) and (lightgbm.Booster, float), or None
        The parts with their weights.
    """

    def __init__(
        self,
        kind: str,
        encoding: Encoding,
        linear: tuple[Linear, float] | None,
        trees: tuple[lgb.Booster, float] | None,
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
        return SingleRow(self.trees[0])

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


class CalibratedModel:
    """A candidate on tags, calibrated on a later slice.

    Parameters
    ----------
    parameters : Mapping[str, float]
        LightGBM's parameters plus `rounds` and `patience`.
    candidate : Candidate
        Which parts to learn.
    kind : str
        "probability", "count" or "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: the prediction never rises, or never falls, with it.
    seed : int
        Same data and seed give the same parts, byte for byte.
    threads : int
        At most so many.
    """

    def __init__(
        self,
        parameters: Mapping[str, float],
        candidate: Candidate = CANDIDATES["trees"],
        *,
        kind: str = "probability",
        monotone: Mapping[str, int] | None = None,
        seed: int = 7,
        threads: int = 2,
    ) -> None:
        self.parameters = parameters
        self.candidate = candidate
        self.kind = kind
        self.monotone = monotone or {}
        self.seed = seed
        self.threads = threads

    def fit(
        self, frame: pd.DataFrame, outcome: Flags | Array, stop: Flags, features: Sequence[str]
    ) -> "CalibratedModel":
        """Learn from the rows; those in `stop` are first held back to count the trees.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row an outcome, with the features.
        outcome : numpy.ndarray
            Shape (rows,): whether it happened, how often, or how much.
        stop : numpy.ndarray of bool
            Shape (rows,).
        features : sequence of str
            Columns to learn from.

        Raises
        ------
        GuanjiaError
            If all outcomes are the same.
        """
        encoding = Encoding.learn(frame, features)
        outcome = np.asarray(outcome, np.float64)
        return self.fit_rows(TrainingRows(encoding.matrix(frame), encoding, outcome, stop))

    def fit_rows(
        self, rows: TrainingRows, linear: Linear | None = None, trees: lgb.Booster | None = None
    ) -> "CalibratedModel":
        """Learn from rows that are a matrix already.

        Parameters
        ----------
        rows : TrainingRows
        linear, trees : Linear and lightgbm.Booster, optional
            Parts that were fitted on these rows before; they are taken as they are.

        Raises
        ------
        GuanjiaError
            If all outcomes are the same.
        """
        if len(np.unique(rows.outcome)) < 2:
            raise GuanjiaError(
                "the training rows", "all have the same outcome", "use a longer or later history"
            )
        if self.candidate.linear and linear is None:
            linear = Linear.fit(
                rows.matrix,
                rows.encoding,
                rows.outcome,
                self.kind,
                self.monotone,
                self.candidate.penalty,
            )
        if self.candidate.trees and trees is None:
            trees = grow(
                rows,
                {**self.parameters, **(self.candidate.parameters or {})},
                kind=self.kind,
                monotone=self.monotone,
                seed=self.seed,
                threads=self.threads,
            )
        self.scorer_ = Scorer(
            self.kind,
            rows.encoding,
            (linear, self.candidate.linear) if linear and self.candidate.linear else None,
            (trees, self.candidate.trees) if trees and self.candidate.trees else None,
        )
        self.calibration_ = Calibration("identity", [], [])
        return self

    @property
    def trees_(self) -> int:
        """How many trees there are."""
        return int(self.scorer_.trees[0].current_iteration()) if self.scorer_.trees else 0

    @property
    def encoding_(self) -> Encoding:
        """Names and categories of the matrix it reads."""
        return self.scorer_.encoding

    def calibrate(self, frame: pd.DataFrame, outcome: Flags | Array) -> "CalibratedModel":
        """Choose and fit the calibration on a slice the parts have not seen."""
        raw = self.raw(frame)
        if self.kind == "probability":
            self.calibration_ = Calibration.choose(raw, np.asarray(outcome, bool))
        else:
            self.calibration_ = Calibration.balance(raw, np.asarray(outcome, np.float64))
        return self

    def raw(self, frame: Columns) -> Array:
        """What the parts tell together, before calibration."""
        return self.scorer_.raw(self.encoding_.matrix(frame), self.threads)

    def predict_proba(self, frame: Columns) -> Array:
        """Calibrated probabilities of "yes", or means, shape (rows,)."""
        return self.calibration_.apply(self.raw(frame))
