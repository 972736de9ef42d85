"""Fit a model: choose and judge a candidate in time, then learn anew from every ripe row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.candidates import CalibratedModel
from training.estimators.level import level_margin
from training.estimators.parts import CANDIDATES, Candidate
from training.estimators.rows import FEWEST_TO_STOP
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import held_back
from training.fitting.selection import CandidateScore, choose
from training.fitting.windows import unfitted
from training.model_spec import ModelSpec

SEED = 7
BUNDLE, JUDGED_BUNDLE = "bundle", "judged"
"""Folders of the two bundles of a training."""


@dataclass(frozen=True)
class Fits:
    """The two fits of one training.

    Attributes
    ----------
    judged_fit : CalibratedModel
        Learned from the train slice, calibrated on the next: its figures are those that are told.
    registered : CalibratedModel
        The same candidate, learned from every ripe row: it serves once it is promoted.
    trials : list of CandidateScore
        Candidates with their loss on later rows of the train slice, that taken first.
    """

    judged_fit: CalibratedModel
    registered: CalibratedModel
    trials: list[CandidateScore]

    def write(self, folder: Path, model: ModelSpec, tags: Sequence[str]) -> tuple[Path, Path]:
        """Write both bundles into a folder; return that to register, then the judged one.

        Parameters
        ----------
        folder : Path
            Folder to write into.
        model : ModelSpec
            The model's declaration.
        tags : sequence of str
            Tags it was trained on.
        """
        return (
            write_bundle(folder / BUNDLE, model, self.registered, tags),
            write_bundle(folder / JUDGED_BUNDLE, model, self.judged_fit, tags),
        )


def fit_both(
    model: ModelSpec,
    data: Dataset,
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> Fits:
    """Fit the candidate that is judged, then the same one to every ripe row.

    Parameters
    ----------
    model, data, threads, parameters, report, seed
        As `fit` takes them.
    """
    judged_fit, trials = fit(model, data, threads, parameters, report, seed)
    report(f"{model.name}: every ripe row", 0, None)
    return Fits(judged_fit, refit(data, judged_fit), trials)


def fit(
    model: ModelSpec,
    data: Dataset,
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> tuple[CalibratedModel, list[CandidateScore]]:
    """Fit the candidate that is judged: on the train slice, calibrated on the slice after it.

    That slice also chooses the number of its trees, as later rows will be what it is asked about.
    If it is too small for that, customers held back from the train slice choose it. Where other
    customers judged the candidates, these chose it already.

    Parameters
    ----------
    model : ModelSpec
        The model to fit.
    data : Dataset
        Frame and split.
    threads : int
        Largest number of threads.
    parameters : Mapping[str, float], optional
        Parameters of the trees; default: those of the model.
    report : Report
        Called with progress.
    seed : int
        Same data and seed give the same model.

    Returns
    -------
    (CalibratedModel, list of CandidateScore)
        See `learn`.
    """
    split, outcome = data.split, data.frame["label"].to_numpy()
    rows, later = data.frame[split.train], data.frame[split.calibration]
    fitted, trials = _choose(model, rows, data.features, threads, parameters, report, seed)
    counts = trials[0].trees if trials else {}
    if counts:
        seen, stop = split.train, np.zeros(len(rows), bool)
    elif len(later) >= FEWEST_TO_STOP and len(np.unique(outcome[split.calibration])) > 1:
        seen = split.train | split.calibration
        stop = split.calibration[seen]
    else:
        seen, stop = split.train, held_back(rows)
    fitted.fit(
        data.frame[seen], outcome[seen], stop, data.features, on_all_rows=False, counts=counts
    )
    return fitted.calibrate(later, outcome[split.calibration]), trials


def refit(data: Dataset, judged_fit: CalibratedModel) -> CalibratedModel:
    """Fit the judged candidate anew to every ripe row, with as many trees, and calibrate it.

    It is calibrated on rows that the same candidate predicts after learning from earlier rows: the
    calibration slice by the judged fit, the test slice by one that learned all that was ripe before
    it.

    Parameters
    ----------
    data : Dataset
        Frame and split.
    judged_fit : CalibratedModel
        What `fit` returned for them.

    Returns
    -------
    CalibratedModel
        The model to register. Of a probability whose rows have dates, `level_margin_` says how far
        a later quarter may be off (`training.estimators.level`).
    """
    frame, split = data.frame, data.split
    outcome = frame["label"].to_numpy()
    before = split.before_test
    later = judged_fit.fit_again(frame[before], outcome[before], data.features)
    folds = (judged_fit, split.calibration), (later, split.test)
    registered = judged_fit.fit_again(frame, outcome, data.features)
    rows = pd.concat([frame[part] for _, part in folds])
    came = np.concatenate([outcome[part] for _, part in folds])
    raw = np.concatenate([fitted.raw_of_parts(frame[part]) for fitted, part in folds])
    registered.calibrate_raw(rows, raw, came)
    if registered.kind == "probability" and "as_of" in rows:
        registered.level_margin_ = level_margin(
            came, registered.calibrated_, rows["customer_id"], rows["as_of"]
        )
    return registered


def learn(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> tuple[CalibratedModel, list[CandidateScore]]:
    """Choose the best candidate within the rows and fit it to all of them, not calibrated.

    Parameters
    ----------
    model : ModelSpec
        The model to fit, which names its candidates.
    rows : pandas.DataFrame
        Rows with the features, `as_of`, `matures`, `label` and `customer_id`.
    features : sequence of str
        Columns to learn from.
    threads : int
        Largest number of threads.
    parameters : Mapping[str, float], optional
        Parameters of the trees; default: those of the model.
    report : Report
        Called with progress.
    seed : int
        Same data and seed give the same model.

    Returns
    -------
    (CalibratedModel, list of CandidateScore)
        The fitted model, and the candidates, that taken first. The list is empty if the rows cannot
        be divided into windows: then the candidate declared first is fitted.
    """
    fitted, trials = _choose(model, rows, features, threads, parameters, report, seed)
    counts = trials[0].trees if trials else {}
    chooses = fitted.candidate.has_trees and not counts
    stop = held_back(rows) if chooses else np.zeros(len(rows), bool)
    return fitted.fit(rows, rows["label"].to_numpy(), stop, features, counts=counts), trials


def _choose(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    threads: int,
    parameters: Mapping[str, float] | None,
    report: Report,
    seed: int,
) -> tuple[CalibratedModel, list[CandidateScore]]:
    """Choose the candidate that predicts best within the rows; it is not fitted yet."""
    parameters = model.parameters if parameters is None else parameters
    trials = choose(
        model, rows, features, parameters=parameters, seed=seed, threads=threads, report=report
    )
    winner = (
        Candidate(trials[0].candidate, trials[0].weights)
        if trials
        else CANDIDATES[model.candidates[0]]
    )
    report(f"{model.name}: {winner.name}", 0, None)
    return unfitted(model, winner, parameters, seed, threads), trials
