"""Fit a model: choose the best candidate, fit it to all rows, and calibrate."""

from collections.abc import Mapping, Sequence

import pandas as pd

from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.candidates import CANDIDATES, CalibratedModel
from training.fitting.datasets import held_back
from training.fitting.selection import CandidateScore, choose
from training.model_spec import ModelSpec

SEED = 7


def fit(
    model: ModelSpec,
    data: Dataset,
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> tuple[CalibratedModel, list[CandidateScore]]:
    """Fit the train slice of a dataset and calibrate on the slice after it, as `learn` does.

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
    rows, later = data.frame[data.split.train], data.frame[data.split.calibration]
    return learn(model, rows, data.features, later, threads, parameters, report, seed)


def learn(
    model: ModelSpec,
    rows: pd.DataFrame,
    features: Sequence[str],
    later: pd.DataFrame | None = None,
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> tuple[CalibratedModel, list[CandidateScore]]:
    """Choose the best candidate within the rows and fit it to all of them.

    Parameters
    ----------
    model : ModelSpec
        The model to fit, which names its candidates.
    rows : pandas.DataFrame
        Rows with the features, `as_of`, `matures`, `label` and `customer_id`.
    features : sequence of str
        Columns to learn from.
    later : pandas.DataFrame, optional
        Rows to calibrate on; without them predictions are not calibrated.
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
        The fitted model, and the candidates, best first. The list is empty if the rows cannot be
        divided into windows: then the candidate declared first is fitted.
    """
    parameters = model.parameters if parameters is None else parameters
    trials = choose(
        model, rows, features, parameters=parameters, seed=seed, threads=threads, report=report
    )
    winner = trials[0].candidate if trials else model.candidates[0]
    report(f"{model.name}: {winner}", 0, None)
    fitted = CalibratedModel(
        parameters,
        CANDIDATES[winner],
        kind=model.kind,
        monotone=model.monotone,
        seed=seed,
        threads=threads,
    )
    fitted.fit(rows, rows["label"].to_numpy(), held_back(rows), features)
    if later is not None:
        fitted.calibrate(later, later["label"].to_numpy())
    return fitted, trials
