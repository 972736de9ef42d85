"""Which candidate learns a model best, by the rows that came after those it learned from.

Where the rows do not reach far enough in time for that, by rows of other customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.progress import Report, quiet
from training.estimators.candidates import CANDIDATES, CalibratedModel, Candidate
from training.estimators.encoding import Array, Encoding, Flags
from training.estimators.linear import Linear
from training.estimators.losses import row_loss
from training.estimators.trees import TrainingRows
from training.fitting.datasets import held_back, places
from training.model_spec import ModelSpec

WINDOWS = 2
WINDOW_SHARE = 0.15  # of the days of the train slice, each
MOST_ROWS = 20_000  # of each window's training and validation, whole customers by hash
FEWEST = 200
FOLDS = 5


@dataclass(frozen=True)
class Window:
    """Rows to learn from, and rows to judge by: later ones, or those of other customers."""

    learn: Flags
    judge: Flags


@dataclass(frozen=True)
class Trial:
    """How well one candidate did: mean loss over the windows' judged rows."""

    candidate: str
    loss: float
    rows: int


def choose(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    *,
    parameters: Mapping[str, float] | None = None,
    seed: int = 7,
    threads: int = 2,
    report: Report = quiet,
) -> list[Trial]:
    """The model's candidates, best first.

    Parameters
    ----------
    rows : pandas.DataFrame
        The train slice, with the features, `as_of`, `matures`, `label` and `customer_id`.
    parameters : Mapping[str, float]
        Those of the trees; default: the model's own.

    Returns
    -------
    list of Trial
        Empty where the slice is too small to be cut: then nothing is known.
    """
    windows = cut(rows) or folds(rows)
    losses: dict[str, list[Array]] = {name: [] for name in model.candidates}
    for done, window in enumerate(windows):
        report(f"{model.name}: candidates", done, len(windows))
        fold = Fold.of(rows, features, window)
        if fold is None:
            continue
        linear: dict[float, Linear] = {}
        trees: lgb.Booster | None = None
        for candidate in (CANDIDATES[name] for name in model.candidates):
            fitted = fold.fit(model, candidate, parameters or model.parameters, seed, threads,
                              linear.get(candidate.penalty),
                              None if candidate.parameters else trees)  # fmt: skip
            if fitted.scorer_.linear:
                linear[candidate.penalty] = fitted.scorer_.linear[0]
            if fitted.scorer_.trees and not candidate.parameters:
                trees = cast(lgb.Booster, fitted.scorer_.trees[0])
            told = fitted.scorer_.raw(fold.later, threads)
            losses[candidate.name].append(row_loss(fold.judged, told, model.kind))
    report(f"{model.name}: candidates", len(windows), len(windows))
    trials = [
        Trial(name, float(np.concatenate(found).mean()), sum(map(len, found)))
        for name, found in losses.items()
        if found
    ]
    return sorted(trials, key=lambda trial: trial.loss)


@dataclass(frozen=True)
class Fold:
    """One window's rows as matrices.

    Attributes
    ----------
    rows : TrainingRows
        Those to learn from.
    later, judged : numpy.ndarray
        Matrix and outcomes of the rows that came after.
    """

    rows: TrainingRows
    later: Array
    judged: Array

    @classmethod
    def of(cls, rows: pd.DataFrame, features: Sequence[str], window: Window) -> "Fold | None":
        """The fold of a window, of at most `MOST_ROWS`; None if nothing can be learned there."""
        part, after = rows[_some(rows, window.learn)], rows[_some(rows, window.judge)]
        outcome = part["label"].to_numpy(np.float64)
        if len(np.unique(outcome)) < 2:
            return None
        encoding = Encoding.learn(part, features)
        return cls(
            TrainingRows(encoding.matrix(part), encoding, outcome, held_back(part)),
            encoding.matrix(after),
            after["label"].to_numpy(np.float64),
        )

    def fit(
        self,
        model: ModelSpec,
        candidate: Candidate,
        parameters: Mapping[str, float],
        seed: int,
        threads: int,
        linear: Linear | None = None,
        trees: lgb.Booster | None = None,
    ) -> CalibratedModel:
        """A candidate learned from the fold's earlier rows."""
        fitted = CalibratedModel(
            parameters,
            candidate,
            kind=model.kind,
            monotone=model.monotone,
            seed=seed,
            threads=threads,
        )
        return fitted.fit_rows(self.rows, linear, trees)


def cut(rows: pd.DataFrame) -> list[Window]:
    """The last days of the slice in windows, each with the rows that were ripe before it."""
    as_of = pd.to_datetime(rows["as_of"]).to_numpy()
    ripe = pd.to_datetime(rows["matures"]).to_numpy()
    first, last = as_of.min(), as_of.max()
    width = (last - first) * WINDOW_SHARE
    found = []
    for place in range(WINDOWS, 0, -1):
        start = last - place * width
        judge = (as_of > start) & (as_of <= start + width)
        learn = ripe <= start
        if min(judge.sum(), learn.sum()) >= FEWEST:
            found.append(Window(learn, judge))
    return found


def folds(rows: pd.DataFrame) -> list[Window]:
    """Fifths of the customers, each with the rows of all others; none of fewer than 200 rows."""
    fifth = np.floor(places(rows, "fold") * FOLDS)
    found = [Window(fifth != number, fifth == number) for number in range(FOLDS)]
    return [each for each in found if each.learn.sum() >= FEWEST and each.judge.any()]


def _some(rows: pd.DataFrame, wanted: Flags) -> Flags:
    """At most `MOST_ROWS` of the wanted rows, those of whole customers."""
    count = int(wanted.sum())
    if count <= MOST_ROWS:
        return wanted
    return wanted & held_back(rows, MOST_ROWS / count, "choose")
