"""Fit a model: linear parts, parts of trees, or both, and a calibration on top.

The parts add up on the scale of the link (log-odds, or the log of a mean), so contributions of
features add up too. A fitted model is stored as text and JSON, never as a pickled object.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TypeAlias, cast

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from training.estimators.calibration import Calibration, log_odds
from training.estimators.encoding import Array, Columns, Encoding, Flags
from training.estimators.linear import Linear
from training.estimators.logistic import expit
from training.estimators.parts import CANDIDATES, Candidate, Part
from training.estimators.rows import TrainingRows
from training.estimators.scorer import Scorer
from training.estimators.trees import grow, number_of_trees, sum_of

Fitted: TypeAlias = Linear | lgb.Booster
"""A part that was fitted."""


class CalibratedModel:
    """A candidate on tags, calibrated on a later slice.

    Parameters
    ----------
    parameters : Mapping[str, float]
        LightGBM's parameters plus `rounds` and `patience`; `<part>.<parameter>` is of that part
        alone.
    candidate : Candidate
        Which parts to learn.
    kind : str
        "probability", "count" or "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: the prediction never rises, or never falls, with it.
    bends : Mapping[str, sequence of float]
        Feature -> values at which the line of the linear part may bend.
    seed : int
        Same data and seed give the same parts, byte for byte.
    threads : int
        Largest number of threads.
    """

    def __init__(
        self,
        parameters: Mapping[str, float],
        candidate: Candidate = CANDIDATES["trees"],
        *,
        kind: str = "probability",
        monotone: Mapping[str, int] | None = None,
        bends: Mapping[str, Sequence[float]] | None = None,
        seed: int = 7,
        threads: int = 2,
    ) -> None:
        self.parameters = parameters
        self.candidate = candidate
        self.kind = kind
        self.monotone = monotone or {}
        self.bends = bends or {}
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        frame: pd.DataFrame,
        outcome: Flags | Array,
        stop: Flags,
        features: Sequence[str],
        *,
        on_all_rows: bool = True,
        counts: Mapping[str, int] | None = None,
    ) -> "CalibratedModel":
        """Fit the parts; rows in `stop` are first held back to choose the numbers of trees.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per outcome, with the columns `features`.
        outcome : numpy.ndarray
            Shape (rows,): boolean, count, or amount in yuan.
        stop : numpy.ndarray of bool
            Shape (rows,): rows held back.
        features : sequence of str
            Columns to learn from.
        on_all_rows, counts : bool, mapping or None
            As in `fit_rows`.

        Raises
        ------
        GuanjiaError
            If all outcomes are the same.
        """
        outcome = np.asarray(outcome, np.float64)
        rows = TrainingRows.of(frame, outcome, stop, features, self.kind)
        return self.fit_rows(rows, on_all_rows=on_all_rows, counts=counts)

    def fit_rows(
        self,
        rows: TrainingRows,
        on_all_rows: bool = True,
        counts: Mapping[str, int] | None = None,
    ) -> "CalibratedModel":
        """Fit the parts to rows that are encoded already.

        Parameters
        ----------
        rows : TrainingRows
            Matrix, outcomes and the rows held back.
        on_all_rows : bool
            False: all parts learn from the rows not held back alone, which is enough to judge a
            candidate. True: the trees are then grown anew, as many, on all rows.
        counts : Mapping[str, int], optional
            Name of a part -> number of its trees, grown on all rows; default: the rows held back
            choose it.

        Raises
        ------
        GuanjiaError
            If all outcomes are the same.
        """
        if len(np.unique(rows.outcome)) < 2:
            raise GuanjiaError(
                "the training rows", "all have the same outcome", "use a longer or later history"
            )
        self.fitted_: dict[str, Fitted] = {
            part.name: self._fit(part, rows, on_all_rows, counts) for part in self.candidate.parts
        }
        weighted = [(self.fitted_[name], weight) for name, weight in self.candidate.weights.items()]
        linear = [(part, weight) for part, weight in weighted if isinstance(part, Linear)]
        trees = [(part, weight) for part, weight in weighted if isinstance(part, lgb.Booster)]
        self.scorer_ = self.parts_ = Scorer(
            self.kind,
            rows.encoding,
            (Linear.sum_of(linear), 1.0) if len(linear) > 1 else next(iter(linear), None),
            (sum_of(trees), 1.0) if len(trees) > 1 else next(iter(trees), None),
        )
        self.calibration_ = Calibration("identity", [], [])
        self.level_margin_: float | None = None
        return self

    def _fit(
        self, part: Part, rows: TrainingRows, on_all_rows: bool, counts: Mapping[str, int] | None
    ) -> Fitted:
        if part.linear:
            every = on_all_rows or rows.learned.all()
            learned = slice(None) if every else rows.learned
            outcome = rows.outcome[learned]
            return Linear.fit(
                rows.matrix[learned],
                rows.encoding,
                outcome,
                self.kind,
                self.monotone,
                part.penalty_of(len(outcome)),
                self.bends,
                None if rows.weights is None else rows.weights[learned],
            )
        grown = self._grow(part, rows, (counts or {}).get(part.name))
        if on_all_rows and grown.best_iteration > 0:
            return self._grow(part, rows, number_of_trees(grown))
        return grown

    def _grow(self, part: Part, rows: TrainingRows, count: int | None) -> lgb.Booster:
        shared = {name: value for name, value in self.parameters.items() if "." not in name}
        own = {
            name.removeprefix(f"{part.name}."): value
            for name, value in self.parameters.items()
            if name.startswith(f"{part.name}.")
        }
        return grow(
            rows,
            {**shared, **part.parameters, **own},
            kind=self.kind,
            monotone=self.monotone,
            monotone_method=part.monotone_method,
            seed=self.seed,
            threads=self.threads,
            count=count,
        )

    @property
    def trees_(self) -> int:
        """Number of trees that predict."""
        if self.scorer_.trees is None:
            return 0
        return number_of_trees(cast(lgb.Booster, self.scorer_.trees[0]))

    @property
    def encoding_(self) -> Encoding:
        """Names and categories of the columns it reads."""
        return self.scorer_.encoding

    def fit_again(
        self, frame: pd.DataFrame, outcome: Flags | Array, features: Sequence[str]
    ) -> "CalibratedModel":
        """Fit the same candidate to other rows, with as many trees; not calibrated.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row per outcome, with the columns `features`.
        outcome : numpy.ndarray
            Shape (rows,): boolean, count, or amount in yuan.
        features : sequence of str
            Columns to learn from.
        """
        nobody = np.zeros(len(frame), bool)
        grown = {n: part for n, part in self.fitted_.items() if isinstance(part, lgb.Booster)}
        counts = {name: number_of_trees(part) for name, part in grown.items()}
        return copy(self).fit(frame, outcome, nobody, features, counts=counts)

    def calibrate(self, frame: pd.DataFrame, outcome: Flags | Array) -> "CalibratedModel":
        """Choose and fit the calibration on rows that the parts were not fitted on."""
        return self.calibrate_raw(frame, self.raw_of_parts(frame), outcome)

    def calibrate_raw(
        self, frame: pd.DataFrame, raw: Array, outcome: Flags | Array
    ) -> "CalibratedModel":
        """Choose and fit the calibration, and what the bends add, on rows no part was fitted on.

        Parameters
        ----------
        frame : pandas.DataFrame
            The rows, with the columns it reads.
        raw : numpy.ndarray
            Shape (rows,): predictions of the parts, `raw_of_parts`, perhaps of an earlier fit.
        outcome : numpy.ndarray
            Shape (rows,): boolean, count, or amount in yuan.

        Returns
        -------
        CalibratedModel
            Itself; `calibrated_` holds its predictions of the rows.
        """
        if self.kind == "probability":
            if self.bends:
                raw = self._follow_bends(frame, raw, np.asarray(outcome, np.float64))
            self.calibration_ = Calibration.choose(raw, np.asarray(outcome, bool))
        else:
            self.calibration_ = Calibration.balance(raw, np.asarray(outcome, np.float64))
        self.calibrated_ = self.calibration_.apply(raw)
        return self

    def _follow_bends(self, frame: pd.DataFrame, raw: Array, outcome: Array) -> Array:
        """Make the score follow the bends; return the raw predictions that it gives now."""
        matrix, scores = self.encoding_.matrix(frame), log_odds(raw)
        fitted = Linear.of_bends(matrix, self.encoding_, scores, outcome, self.bends)
        self.scorer_ = self.parts_
        if fitted is None:
            return raw
        added, slope = fitted
        self.scorer_ = self.parts_.plus(added, slope)
        return np.asarray(expit(scores * slope + added.score(matrix, self.encoding_)), np.float64)

    def raw_of_parts(self, frame: Columns) -> Array:
        """Predict rows by the fitted parts alone, before bends and calibration, shape (rows,)."""
        return self.parts_.raw(self.encoding_.matrix(frame), self.threads)

    def raw(self, frame: Columns) -> Array:
        """Predict rows before calibration, shape (rows,)."""
        return self.scorer_.raw(self.encoding_.matrix(frame), self.threads)

    def predict_proba(self, frame: Columns) -> Array:
        """Predict rows: calibrated probabilities of "yes", or means, shape (rows,)."""
        return self.calibration_.apply(self.raw(frame))
