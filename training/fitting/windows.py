"""Divide rows into those to train on and those to validate on, by time or by customer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.progress import Report
from training.estimators.candidates import CalibratedModel
from training.estimators.encoding import Array, Flags
from training.estimators.parts import Candidate
from training.estimators.rows import TrainingRows, count_taken
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
    stop : str
        Which customers of `train` are held back to choose numbers of trees: a purpose, as
        `held_back` takes it.
    """

    train: Flags
    validation: Flags
    stop: str = "stop"


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
    def encode(
        cls,
        rows: pd.DataFrame,
        features: Sequence[str],
        window: Window,
        kind: str,
        most_rows: int = MOST_ROWS,
    ) -> "Fold | None":
        """Encode the rows of a window; of a rare outcome a part of those without it trains.

        Parameters
        ----------
        rows : pandas.DataFrame
            With the features, `label` and `customer_id`.
        features : sequence of str
            Columns to learn from.
        window : Window
            Which rows train and which validate.
        kind : str
            "probability", "count" or "amount".
        most_rows : int
            About so many train, and so many validate, at most, chosen by customer.

        Returns
        -------
        Fold or None
            None if all training rows have the same outcome.
        """
        labels = rows["label"].to_numpy(np.float64)
        learned = count_taken(labels[window.train], kind)
        validating = int(window.validation.sum())
        part = rows[_sampled(rows, window.train, learned, most_rows)]
        after = rows[_sampled(rows, window.validation, validating, most_rows)]
        outcome = part["label"].to_numpy(np.float64)
        if len(np.unique(outcome)) < 2:
            return None
        stop = held_back(part, purpose=window.stop)
        training = TrainingRows.of(part, outcome, stop, features, kind)
        return cls(training, training.encoding.matrix(after), after["label"].to_numpy(np.float64))

    def fit(
        self,
        model: ModelSpec,
        candidate: Candidate,
        parameters: Mapping[str, float],
        seed: int,
        threads: int,
        trees: Mapping[str, int] | None = None,
    ) -> CalibratedModel:
        """Fit a candidate to the training rows that are not held back, or to all of them.

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
        trees : Mapping[str, int], optional
            Name of a part -> number of its trees: then nobody is held back to choose it.
        """
        fitted = unfitted(model, candidate, parameters, seed, threads)
        return fitted.fit_rows(self.rows, on_all_rows=trees is not None, counts=trees)


def unfitted(
    model: ModelSpec,
    candidate: Candidate,
    parameters: Mapping[str, float],
    seed: int,
    threads: int,
) -> CalibratedModel:
    """Make the model of a candidate as declared; it is not fitted yet.

    Parameters
    ----------
    model : ModelSpec
        The model, for its kind, monotone constraints and bends.
    candidate : Candidate
        Its parts and their weights.
    parameters : Mapping[str, float]
        Parameters of the trees.
    seed, threads : int
        Random seed; largest number of threads.
    """
    return CalibratedModel(
        parameters,
        candidate,
        kind=model.kind,
        monotone=model.monotone,
        bends=model.bends,
        seed=seed,
        threads=threads,
    )


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


def join_equal(windows: Sequence[Window]) -> list[Window]:
    """Make one of windows that train on the same rows: their fits would be the same.

    Where the days are few, as of questions asked each quarter, windows of time may.
    """
    joined: list[Window] = []
    for window in windows:
        if joined and np.array_equal(joined[-1].train, window.train):
            both = joined[-1].validation | window.validation
            joined[-1] = replace(joined[-1], validation=both)
        else:
            joined.append(window)
    return joined


def customer_windows(rows: pd.DataFrame) -> list[Window]:
    """Divide the customers into fifths; each validates what the rows of all others train."""
    fifth = np.floor(hash_fractions(rows, "fold") * FOLDS)
    windows = [
        Window(fifth != number, fifth == number, f"stop {number}") for number in range(FOLDS)
    ]
    return [w for w in windows if w.train.sum() >= FEWEST and w.validation.any()]


def can_count_trees(windows: Sequence[Window]) -> bool:
    """Tell whether the windows choose numbers of trees that serve for all rows.

    Windows of time do not, whose rows are the older ones; nor do samples of many rows, for more
    rows need more trees, and have customers enough to choose their number.
    """
    apart = len({window.stop for window in windows}) == len(windows) > 1
    return apart and all(window.train.sum() <= MOST_ROWS for window in windows)


def encode_windows(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    windows: Sequence[Window],
    doing: str,
    report: Report,
) -> Iterator[Fold]:
    """Encode window after window, but those whose training rows all have the same outcome.

    Parameters
    ----------
    model : ModelSpec
        The model, for its kind and its name in progress.
    rows : pandas.DataFrame
        With the features, `label` and `customer_id`.
    features : sequence of str
        Columns to learn from.
    windows : sequence of Window
        Windows of these rows.
    doing : str
        What is done with them, for progress.
    report : Report
        Called with progress.
    """
    for done, window in enumerate(windows):
        report(f"{model.name}: {doing}", done, len(windows))
        fold = Fold.encode(rows, features, window, model.kind)
        if fold is not None:
            yield fold
    report(f"{model.name}: {doing}", len(windows), len(windows))


def _sampled(rows: pd.DataFrame, chosen: Flags, count: int, most_rows: int) -> Flags:
    """Mark the rows of so many customers that of `count` about `most_rows` are left at most."""
    if count <= most_rows:
        return chosen
    return chosen & held_back(rows, most_rows / count, "choose")
