"""Search better parameters for the part `trees` with Optuna, and judge whether they are better.

The earlier windows of the train slice search: each trial grows other trees, and its loss is that of
the blend in which they take the place of the declared ones, beside the other parts. The later
windows, which no trial has seen, judge the best trial: it replaces what is declared where the blend
surely loses less there, by a share worth having. So a search that follows chance costs its seconds
and nothing else. Both take all rows, as the fit does: on samples other trees win, which gain
nothing on all rows.

A study lies at `<home>/training/<model>/tuning.db` and is named by the data: it goes on where it
was stopped, and starts anew when the data change.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import optuna
import pandas as pd

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.encoding import Array
from training.estimators.parts import BLEND, CANDIDATES
from training.evaluation.intervals import Customers, student_interval
from training.fitting.blending import blend, evidence
from training.fitting.windows import Fold, Window, windows_of
from training.model_spec import ModelSpec

SECONDS = 30.0
"""Most seconds of a search, unless others are given."""
PATIENCE = 20
"""Trials after the best one with which a search ends, whatever its seconds."""
FEWEST_OUTCOMES = 1_000
"""Rows of the rarer outcome in the windows that judge, below which trials are not told apart."""
LEAST_GAIN = 0.002
"""Share of the loss that must be saved at least, as the low end of the interval has it.

The interval says what other customers would do, and not another year: in Spain trees that saved
0.0009 in one year, beyond chance, cost 0.0027 in the next (docs/adr/0061).
"""
SEED = 7
TUNED = "trees"
"""The part whose parameters are searched."""
COMPARED = "blends, earlier windows"
"""How losses are measured; a study of losses that were measured otherwise is not gone on with."""
OWN = {"rounds": 1500, "patience": 60, "bagging_freq": 1}


@dataclass(frozen=True)
class Tuning:
    """Parameters to fit with, and why these.

    Attributes
    ----------
    parameters : dict of str to float
        Those declared, and, where a trial is surely better, its own for the part `trees`, as
        `trees.<parameter>`.
    better : bool
        Whether it is: the low end of the interval is at least `LEAST_GAIN` of the loss.
    refused : str
        Why nothing was searched; empty if it was.
    trials : int
        Trials finished, over all sessions.
    outcomes : int
        Rows of the rarer outcome in the windows that judge.
    gain, low, high : float
        What the blend with the best trial loses less a row than with the declared parameters, in
        the windows that judge, and its 95% interval by customer; 0 where none is better than those
        in the windows that search.
    loss : float
        What it loses a row with the declared parameters.
    """

    parameters: dict[str, float]
    better: bool = False
    refused: str = ""
    trials: int = 0
    outcomes: int = 0
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    loss: float = 0.0

    @property
    def words(self) -> str:
        """What was done, in a sentence."""
        if self.refused:
            return f"Trees as declared: {self.refused}"
        if not self.gain:
            return f"Trees as declared: none of {self.trials - 1} other trials is better"
        verdict = "Tuned trees" if self.better else "Trees as declared"
        return (
            f"{verdict}: the best of {self.trials} trials lowers the loss of {self.loss:.5f} by "
            f"{self.gain:.5f} ({self.low:.5f} to {self.high:.5f}), {self.outcomes:,} outcomes; "
            f"surely at least {LEAST_GAIN:.1%} is wanted"
        )

    def metrics(self) -> dict[str, float]:
        """Return the figures of the search for the run; none if nothing was searched."""
        if self.refused:
            return {}
        figures = {"trials": self.trials, "outcomes": self.outcomes, "gain": self.gain}
        figures |= {"gain_low": self.low, "gain_high": self.high}
        return {f"tuning_{name}": float(value) for name, value in figures.items()}


def tune(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    seconds: float = SECONDS,
    report: Report = quiet,
) -> Tuning:
    """Search parameters until the budget is spent or nothing better comes, and judge the best.

    Parameters
    ----------
    lake : Lake
        Home where the study lies.
    model : ModelSpec
        The model, for its declared parameters and its parts.
    data : Dataset
        Its train slice searches and judges.
    seconds : float
        Budget of this session; a trial that has begun is finished. At least the declared parameters
        are tried.
    report : Report
        Called with progress, and at the end with what was done.

    Returns
    -------
    Tuning
        Where nothing is searched, it says why: no part to tune, no two windows, too few outcomes.
    """
    if seconds <= 0:
        return Tuning(dict(model.parameters), refused="no seconds are given to search")
    rows = data.frame[data.split.train]
    windows = [w for w in windows_of(rows) if rows["label"][w.train].nunique() > 1]
    middle = len(windows) // 2
    outcomes = evidence(_validated(rows, "label", windows[middle:])) if middle else 0
    refused = _refuse(model, windows, outcomes)
    if refused:
        tuning = Tuning(dict(model.parameters), refused=refused, outcomes=outcomes)
    else:
        study = _search(lake, model, data, windows[:middle], seconds, report)
        trials = sum(t.state == optuna.trial.TrialState.COMPLETE for t in study.trials)
        tuning = Tuning(dict(model.parameters), trials=trials, outcomes=outcomes)
        if study.best_trial.number > 0:
            report(f"{model.name}: tuning, judged", 0, None)
            judge = Contest(model, data, windows[middle:], lake.settings.threads)
            tuning = judge.judge(tuning, _named(study.best_params))
    report(f"{model.name}: {tuning.words}", 0, None)
    return tuning


class Contest:
    """Windows in which trees compete for their place in the blend of a model.

    Parameters
    ----------
    model : ModelSpec
        The model, whose other parts are fitted as declared, once.
    data : Dataset
        Its train slice competes: all its rows, since samples are too few for what fits more rows.
    windows : sequence of Window
        Windows of the train slice.
    threads : int
        Largest number of threads.
    """

    def __init__(
        self, model: ModelSpec, data: Dataset, windows: Sequence[Window], threads: int
    ) -> None:
        self.model, self.threads = model, threads
        rows = data.frame[data.split.train]
        encoded = (
            Fold.encode(rows, data.features, window, model.kind, len(rows)) for window in windows
        )
        self._folds = [fold for fold in encoded if fold is not None]
        self._outcomes = np.concatenate([fold.outcomes for fold in self._folds])
        self._customers = Customers(_validated(rows, "customer_id", windows))
        names = model.candidates if BLEND in model.candidates else (TUNED,)
        self._scores = {name: self._score(name) for name in names if name != BLEND}

    def losses(self, parameters: Mapping[str, float] | None = None) -> Array:
        """Return each row's loss by the blend, with trees of other parameters if there are any."""
        scores = self._scores
        if parameters is not None:
            scores = {**scores, TUNED: self._score(TUNED, parameters)}
        return blend(scores, self._outcomes, self.model.kind)[1]

    def judge(self, tuning: Tuning, parameters: Mapping[str, float]) -> Tuning:
        """Take trees of these parameters where they save enough; say what they save either way."""
        before = self.losses()
        saved, loss = before - self.losses(parameters), float(before.mean())
        gain, away = float(saved.mean()), saved - saved.mean()
        (spread,) = self._customers.spreads(away[:, None] / len(away))
        low, high = student_interval(gain, *spread)
        better = low >= LEAST_GAIN * loss
        chosen = {**tuning.parameters, **parameters} if better else tuning.parameters
        return replace(
            tuning, parameters=chosen, better=better, gain=gain, low=low, high=high, loss=loss
        )

    def _score(self, name: str, parameters: Mapping[str, float] | None = None) -> Array:
        declared = {**self.model.parameters, **(parameters or {})}
        fits = (
            fold.fit(self.model, CANDIDATES[name], declared, SEED, self.threads)
            for fold in self._folds
        )
        scores = [
            fit.scorer_.score(fold.later, self.threads)
            for fit, fold in zip(fits, self._folds, strict=True)
        ]
        return np.concatenate(scores)


def _validated(rows: pd.DataFrame, column: str, windows: Sequence[Window]) -> pd.Series:
    """Return a column of the rows that validate, window after window."""
    return pd.concat([rows[column][window.validation] for window in windows])


def _refuse(model: ModelSpec, windows: Sequence[Window], outcomes: int) -> str:
    """Say why nothing is searched; empty if it is."""
    if TUNED not in model.candidates:
        return f"the model has no part {TUNED}"
    if len(windows) < 2:
        return "the history has no two windows, to search and to judge"
    if outcomes < FEWEST_OUTCOMES:
        return f"{outcomes:,} outcomes judge, and fewer than {FEWEST_OUTCOMES:,} tell nothing apart"
    return ""


def _search(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    windows: Sequence[Window],
    seconds: float,
    report: Report,
) -> optuna.Study:
    begun = time.monotonic()
    contest = Contest(model, data, windows, lake.settings.threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = lake.home / "training" / model.name / "tuning.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{path}",
        study_name=f"{model.name}-{data.sha256[:16]}-{COMPARED}",
        load_if_exists=True,
    )
    before = len(study.trials)
    # A session that goes on does not draw again what the one before drew.
    study.sampler = optuna.samplers.TPESampler(seed=SEED + before)
    if not before:
        declared = {name: model.parameters[name] for name in _SPACE if name in model.parameters}
        study.enqueue_trial(declared)

    def objective(trial: optuna.Trial) -> float:
        own = _named(_suggest(trial))
        return float(contest.losses(own if trial.number else None).mean())

    spent, waited = 0.0, 0
    while not spent or (spent < seconds and waited < PATIENCE):
        study.optimize(objective, n_trials=1)
        spent = time.monotonic() - begun
        report(f"{model.name}: tuning, seconds", min(int(spent), int(seconds)), int(seconds))
        waited = len(study.trials) - max(study.best_trial.number + 1, before)
    return study


_SPACE: dict[str, tuple[float, float, bool]] = {
    # name: lowest, highest, whether on a logarithmic scale
    "learning_rate": (0.02, 0.3, True),
    "num_leaves": (2, 31, True),
    "min_data_in_leaf": (20, 1000, True),
    "lambda_l2": (0.1, 100.0, True),
    "feature_fraction": (0.15, 1.0, False),
    "bagging_fraction": (0.5, 1.0, False),
}


def _named(parameters: Mapping[str, float]) -> dict[str, float]:
    """Name parameters as those of the tuned part alone."""
    return {f"{TUNED}.{name}": value for name, value in {**OWN, **parameters}.items()}


def _suggest(trial: optuna.Trial) -> dict[str, float]:
    parameters: dict[str, float] = {}
    for name, (low, high, log) in _SPACE.items():
        if isinstance(low, int):
            parameters[name] = trial.suggest_int(name, low, int(high), log=log)
        else:
            parameters[name] = trial.suggest_float(name, low, high, log=log)
    return parameters
