"""Search better parameters for the trees with Optuna, within a budget of time.

A study lies at `<home>/training/<model>/tuning.db` and is named by the data: it goes on where it
was stopped, and starts anew when the data change. A trial is evaluated window after window on later
rows, or, where rows cannot be divided by time, on those of other customers; one that is worse than
the median of the others after the first window is pruned.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import optuna

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.losses import row_loss
from training.estimators.parts import CANDIDATES
from training.fitting.windows import Fold, windows_of
from training.model_spec import ModelSpec

SEED = 7
COMPARED = "held back, declared bins"
"""How losses are measured; a study of losses that were measured otherwise is not gone on with."""
OWN = {"rounds": 1500, "patience": 60, "bagging_freq": 1}


@dataclass(frozen=True)
class TunedParameters:
    """Best parameters of a study.

    Attributes
    ----------
    parameters : dict of str to float
        Parameters of the best trial.
    loss, declared_loss : float
        Mean loss of the best trial and of the declared parameters, same windows.
    trials, pruned : int
        Number of trials finished and pruned, over all sessions.
    """

    parameters: dict[str, float]
    loss: float
    declared_loss: float
    trials: int
    pruned: int


def tune(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    seconds: float,
    report: Report = quiet,
) -> TunedParameters | None:
    """Search parameters until the budget is spent; a trial that has begun is finished.

    Parameters
    ----------
    lake : Lake
        Home where the study lies.
    model : ModelSpec
        The model, for its declared parameters.
    data : Dataset
        Its train slice is searched on.
    seconds : float
        Budget of this session. At least the declared parameters are tried.
    report : Report
        Called with progress.

    Returns
    -------
    TunedParameters or None
        None if the train slice is too short to be divided into windows.
    """
    rows = data.frame[data.split.train]
    encoded = (Fold.encode(rows, data.features, window, model.kind) for window in windows_of(rows))
    folds = [fold for fold in encoded if fold is not None]
    if not folds:
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = lake.home / "training" / model.name / "tuning.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{path}",
        study_name=f"{model.name}-{data.sha256[:16]}-{COMPARED}",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=SEED),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    declared = {name: model.parameters[name] for name in _SPACE if name in model.parameters}
    finished = (optuna.trial.TrialState.COMPLETE,)
    if not study.get_trials(states=finished):
        study.enqueue_trial(declared)

    def objective(trial: optuna.Trial) -> float:
        parameters = {**model.parameters, **OWN, **_suggested(trial)}
        return _loss(model, folds, parameters, lake.settings.threads, trial)

    begun = time.monotonic()
    while True:
        study.optimize(objective, n_trials=1)
        spent = time.monotonic() - begun
        report(f"{model.name}: tuning, seconds", min(int(spent), int(seconds)), int(seconds))
        if spent >= seconds:
            break
    done = study.get_trials(states=finished)
    pruned = sum(t.state == optuna.trial.TrialState.PRUNED for t in study.trials)
    best = study.best_trial
    return TunedParameters(
        {**model.parameters, **OWN, **best.params},
        float(best.value or 0.0),
        float(done[0].value or 0.0),
        len(done),
        pruned,
    )


_SPACE: dict[str, tuple[float, float, bool]] = {
    # name: lowest, highest, whether on a logarithmic scale
    "learning_rate": (0.02, 0.15, True),
    "num_leaves": (2, 31, True),
    "min_data_in_leaf": (20, 1000, True),
    "lambda_l2": (0.1, 100.0, True),
    "feature_fraction": (0.15, 1.0, False),
    "bagging_fraction": (0.5, 1.0, False),
}


def _suggested(trial: optuna.Trial) -> dict[str, float]:
    parameters: dict[str, float] = {}
    for name, (low, high, log) in _SPACE.items():
        if isinstance(low, int):
            parameters[name] = trial.suggest_int(name, low, int(high), log=log)
        else:
            parameters[name] = trial.suggest_float(name, low, high, log=log)
    return parameters


def _loss(
    model: ModelSpec,
    folds: Sequence[Fold],
    parameters: dict[str, float],
    threads: int,
    trial: optuna.Trial,
) -> float:
    total = rows = 0.0
    for step, fold in enumerate(folds):
        fitted = fold.fit(model, CANDIDATES["trees"], parameters, SEED, threads)
        predicted = fitted.scorer_.raw(fold.later, threads)
        loss = row_loss(fold.outcomes, predicted, model.kind)
        total, rows = total + float(loss.sum()), rows + len(loss)
        trial.report(total / rows, step)
        if step < len(folds) - 1 and trial.should_prune():
            raise optuna.TrialPruned
    return total / rows
