"""Choose the candidate that predicts best the rows after those it learned from.

Where the rows span too few days for that, it is the one that predicts best other customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.progress import Report, quiet
from training.estimators.candidates import CalibratedModel
from training.estimators.encoding import Array, Encoding, Flags
from training.estimators.losses import row_loss
from training.estimators.parts import BLEND, CANDIDATES, Candidate
from training.estimators.trees import TrainingRows
from training.fitting.blending import blend, inverse_link
from training.fitting.datasets import hash_fractions, held_back
from training.model_spec import ModelSpec

WINDOWS = 2
WINDOW_SHARE = 0.15  # of the days of the train slice, for each window
MOST_ROWS = 20_000  # of each window's training and validation rows; customers are chosen by hash
FEWEST = 200
FOLDS = 5


@dataclass(frozen=True)
class Window:
    """Rows to train on, and rows to validate on: later ones, or those of other customers.

    Attributes
    ----------
    train, validation : numpy.ndarray of bool
        Shape (rows,); disjoint.
    """

    train: Flags
    validation: Flags


@dataclass(frozen=True)
class CandidateScore:
    """Mean loss of a candidate over the validation rows of all windows, and their number.

    Attributes
    ----------
    candidate : str
    loss : float
    rows : int
    weights : dict of str to float
        Name of a part -> its weight; a part alone has 1.
    """

    candidate: str
    loss: float
    rows: int
    weights: dict[str, float]


def choose(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    *,
    parameters: Mapping[str, float] | None = None,
    seed: int = 7,
    threads: int = 2,
    report: Report = quiet,
) -> list[CandidateScore]:
    """Compare the candidates of a model on validation rows, that to take first, others by loss.

    A blend of several parts is taken: weights that are drawn towards equal ones may lose a little
    where they were found, and to prefer the part that is best there would follow chance again.

    Parameters
    ----------
    model : ModelSpec
        The model, which names its candidates.
    rows : pandas.DataFrame
        The train slice, with the features, `as_of`, `matures`, `label` and `customer_id`.
    features : sequence of str
        Columns to learn from.
    parameters : Mapping[str, float]
        Parameters of the trees; default: those of the model.
    seed : int
        Same data and seed give the same scores.
    threads : int
        Largest number of threads.
    report : Report
        Called with progress.

    Returns
    -------
    list of CandidateScore
        Empty if the slice is too small to be divided.
    """
    windows = windows_of(rows)
    alone = [CANDIDATES[name] for name in model.candidates if name != BLEND]
    scores: dict[str, list[Array]] = {candidate.name: [] for candidate in alone}
    outcomes: list[Array] = []
    for done, window in enumerate(windows):
        report(f"{model.name}: candidates", done, len(windows))
        fold = Fold.encode(rows, features, window)
        if fold is None:
            continue
        outcomes.append(fold.outcomes)
        for candidate in alone:
            fitted = fold.fit(model, candidate, parameters or model.parameters, seed, threads)
            scores[candidate.name].append(fitted.scorer_.score(fold.later, threads))
    report(f"{model.name}: candidates", len(windows), len(windows))
    if not outcomes:
        return []
    outcome = np.concatenate(outcomes)
    joined = {name: np.concatenate(parts) for name, parts in scores.items()}
    alone_losses = []
    for name, score in joined.items():
        loss = row_loss(outcome, inverse_link(score, model.kind), model.kind)
        alone_losses.append(CandidateScore(name, float(loss.mean()), len(outcome), {name: 1.0}))
    compared = sorted(alone_losses, key=lambda score: score.loss)
    if BLEND in model.candidates:
        weights, loss = blend(joined, outcome, model.kind)
        if len(weights) > 1:
            compared.insert(0, CandidateScore(BLEND, float(loss.mean()), len(outcome), weights))
    return compared


@dataclass(frozen=True)
class Fold:
    """Rows of one window as matrices.

    Attributes
    ----------
    rows : TrainingRows
        Rows to train on.
    later, outcomes : numpy.ndarray
        Matrix (rows, features) and outcomes (rows,) of the validation rows.
    """

    rows: TrainingRows
    later: Array
    outcomes: Array

    @classmethod
    def encode(cls, rows: pd.DataFrame, features: Sequence[str], window: Window) -> "Fold | None":
        """Encode the rows of a window, at most `MOST_ROWS` of each kind.

        Parameters
        ----------
        rows : pandas.DataFrame
            With the features, `label` and `customer_id`.
        features : sequence of str
            Columns to learn from.
        window : Window
            Which rows train and which validate.

        Returns
        -------
        Fold or None
            None if all training rows have the same outcome.
        """
        part, after = rows[_sampled(rows, window.train)], rows[_sampled(rows, window.validation)]
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
    ) -> CalibratedModel:
        """Fit a candidate to the training rows that are not held back.

        Parameters
        ----------
        model : ModelSpec
            The model, for its kind and monotone constraints.
        candidate : Candidate
            Parts to fit.
        parameters : Mapping[str, float]
            Parameters of the trees.
        seed, threads : int
            Random seed; largest number of threads.
        """
        fitted = CalibratedModel(
            parameters,
            candidate,
            kind=model.kind,
            monotone=model.monotone,
            bends=model.bends,
            seed=seed,
            threads=threads,
        )
        return fitted.fit_rows(self.rows, on_all_rows=False)


def windows_of(rows: pd.DataFrame) -> list[Window]:
    """Divide the rows by time; where they have no dates or too few days, by customer."""
    later = time_windows(rows) if "as_of" in rows else []
    return later or customer_windows(rows)


def time_windows(rows: pd.DataFrame) -> list[Window]:
    """Divide the last days of a slice into windows; rows ripe before a window train for it."""
    as_of = pd.to_datetime(rows["as_of"], cache=False).to_numpy()
    ripe = pd.to_datetime(rows["matures"], cache=False).to_numpy()
    first, last = as_of.min(), as_of.max()
    width = (last - first) * WINDOW_SHARE
    windows = []
    for place in range(WINDOWS, 0, -1):
        start = last - place * width
        validation = (as_of > start) & (as_of <= start + width)
        train = ripe <= start
        if min(validation.sum(), train.sum()) >= FEWEST:
            windows.append(Window(train, validation))
    return windows


def customer_windows(rows: pd.DataFrame) -> list[Window]:
    """Divide the customers into fifths; each validates what the rows of all others train."""
    fifth = np.floor(hash_fractions(rows, "fold") * FOLDS)
    windows = [Window(fifth != number, fifth == number) for number in range(FOLDS)]
    return [w for w in windows if w.train.sum() >= FEWEST and w.validation.any()]


def _sampled(rows: pd.DataFrame, chosen: Flags) -> Flags:
    """Select about `MOST_ROWS` of the chosen rows at most, by customer."""
    count = int(chosen.sum())
    if count <= MOST_ROWS:
        return chosen
    return chosen & held_back(rows, MOST_ROWS / count, "choose")
