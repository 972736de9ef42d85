"""Train models from history to registered challengers."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.estimators.candidates import CANDIDATES, CalibratedModel
from training.evaluation.assessment import Assessment, assess
from training.evaluation.economics import Economics
from training.evaluation.figures import Amounts, Figures
from training.evaluation.peers import PeerDifference
from training.evaluation.report_files import publish_report, write_files
from training.evaluation.truth import Truth
from training.fitting import provenance
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import ROW_LIMIT, build, held_back
from training.fitting.selection import Trial, choose
from training.fitting.tuning import tune
from training.model_spec import ModelSpec
from training.models import find
from training.registry import versions as registry
from training.registry.champions import fetch

SEED = 7


@dataclass(frozen=True)
class TrainResult:
    """What training found, as the command line prints it.

    Attributes
    ----------
    model, label, version, bundle_version : str
        Name, Chinese label, number in the registry, hash of the contents.
    folder : pathlib.Path
        The verified bundle that serving loads once it is promoted.
    known_by : datetime.date
        Outcomes recorded later were not used.
    labelled : int
        Matured outcomes there were; training used a sample by customer if above the limit.
    train_rows, calibration_rows, test_rows : int
    test_from : datetime.date
        First `as_of` of the test slice.
    figures : Figures or Amounts
        On the test slice.
    baselines : dict[str, dict[str, float]]
        `auc` and `log_loss` of base rate, logistic regression, untuned LightGBM and
        HistGradientBoosting, same slice; of a count or an amount `gini` and `deviance`.
    differences : list of PeerDifference
        By how much the model is better than each, with paired intervals.
    truth : Truth or None
        AUC of the true probabilities and of the model on the same rows; None on real data.
    importance : dict[str, float]
        Share of what features move the score by on the test slice, largest first.
    candidate : str
        The way to learn that won.
    trials : list of Trial
        The candidates with their loss on later rows of the train slice, best first.
    report : pathlib.Path
        The HTML page; the model card and the tables lie beside it.
    """

    model: str
    label: str
    version: str
    bundle_version: str
    folder: Path
    known_by: date
    labelled: int
    train_rows: int
    calibration_rows: int
    test_rows: int
    test_from: date
    figures: Figures | Amounts
    baselines: dict[str, dict[str, float]]
    differences: list[PeerDifference]
    truth: Truth | None
    importance: dict[str, float]
    candidate: str
    trials: list[Trial]
    report: Path


def train(
    lake: Lake,
    names: Sequence[str],
    known_by: date,
    report: Report = quiet,
    row_limit: int = ROW_LIMIT,
    tuning_seconds: float = 0,
) -> Iterator[TrainResult]:
    """Train, calibrate, evaluate and register challengers on what was known by a date.

    Parameters
    ----------
    names : sequence of str
        Models of `training.models`.
    known_by : datetime.date
        Outcomes recorded later are not used.
    row_limit : int
        Labels of one model beyond which customers are left out, chosen by hash.
    tuning_seconds : float
        Budget of each model to search for better parameters of the trees; 0: those declared.
    """
    models = [find(name) for name in names]
    datasets = build(lake, models, known_by, report, row_limit)
    priced: dict[tuple[str, str], Economics | None] = {}
    for done, (model, data) in enumerate(zip(models, datasets, strict=True)):
        report("models trained", done, len(models))
        tuned = tune(lake, model, data, tuning_seconds, report) if tuning_seconds else None
        parameters = tuned.parameters if tuned else model.parameters
        fitted, trials = fit(model, data, lake.settings.threads, parameters, report)
        with tempfile.TemporaryDirectory() as scratch:
            bundle = write_bundle(Path(scratch) / "bundle", model, fitted, data.tags)
            predictor = Predictor.load(bundle)
            # One thread: several wait for one another, busily, over sums of a few columns.
            with threadpool_limits(1, user_api="blas"):
                found = assess(lake, model, data, predictor, known_by, report, priced)
            yield _register(
                lake, model, data, fitted, trials, bundle, found, known_by, row_limit, report
            )
    report("models trained", len(models), len(models))


def retrain(
    lake: Lake,
    model: ModelSpec,
    known_by: date,
    parameters: Mapping[str, float],
    seed: int,
    threads: int,
    folder: Path,
    *,
    row_limit: int = ROW_LIMIT,
    report: Report = quiet,
    check: Callable[[Dataset], None] | None = None,
) -> Path:
    """Build the dataset and train as `train` does, and register nothing.

    Parameters
    ----------
    folder : pathlib.Path
        Where the bundle goes.
    check : Callable[[Dataset], None], optional
        Sees the dataset before anything learns from it, and may refuse it.

    Returns
    -------
    pathlib.Path
        The bundle's folder.
    """
    (data,) = build(lake, [model], known_by, report, row_limit)
    if check is not None:
        check(data)
    fitted, _ = fit(model, data, threads, parameters, report, seed)
    return write_bundle(folder, model, fitted, data.tags)


def fit(
    model: ModelSpec,
    data: Dataset,
    threads: int = 2,
    parameters: Mapping[str, float] | None = None,
    report: Report = quiet,
    seed: int = SEED,
) -> tuple[CalibratedModel, list[Trial]]:
    """Learn the train slice of a dataset and calibrate on the slice after, as `learn` does."""
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
) -> tuple[CalibratedModel, list[Trial]]:
    """Let the candidates compete within the rows; the winner learns all of them.

    Parameters
    ----------
    rows : pandas.DataFrame
        With the features, `as_of`, `matures`, `label` and `customer_id`.
    later : pandas.DataFrame, optional
        Rows to calibrate on; without, what the winner tells stands as it is.
    parameters : Mapping[str, float]
        Those of the trees; default: the model's own.

    Returns
    -------
    (CalibratedModel, list of Trial)
        The winner; and the candidates, best first, none where the rows cannot be cut (then the
        first declared one learns).
    """
    given = model.parameters if parameters is None else parameters
    trials = choose(
        model, rows, features, parameters=given, seed=seed, threads=threads, report=report
    )
    winner = trials[0].candidate if trials else model.candidates[0]
    report(f"{model.name}: {winner}", 0, None)
    fitted = CalibratedModel(
        given,
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


def _register(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    fitted: CalibratedModel,
    trials: list[Trial],
    bundle: Path,
    found: Assessment,
    known_by: date,
    row_limit: int,
    report: Report,
) -> TrainResult:
    files = write_files(found, bundle.parent / "evaluation")
    report(f"{model.name}: registry", 0, None)
    version = registry.register(
        lake,
        model.name,
        bundle,
        parameters={
            **fitted.parameters,
            "candidate": fitted.candidate.name,
            "trees": fitted.trees_,
            "calibration": fitted.calibration_.kind,
            "known_by": known_by.isoformat(),
            "calibration_from": data.split.calibration_from.isoformat(),
            "test_from": data.split.test_from.isoformat(),
            "rows": len(data.frame),
            "base_rate": float(data.frame.loc[data.split.train, "label"].mean()),
            "seed": SEED,
            "threads": lake.settings.threads,
            "row_limit": row_limit,
        },
        metrics=found.metrics()
        | {f"validation_{each.candidate}_loss": each.loss for each in trials},
        tags={
            "training_frame_sha256": data.sha256,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        files=files,
        documents={
            "training": {
                "model": model.name,
                "known_by": known_by.isoformat(),
                "row_limit": row_limit,
                "parameters": dict(fitted.parameters),
                "seed": SEED,
                "threads": lake.settings.threads,
                "timezone": lake.settings.timezone,
            },
            "data": provenance.data_identity(data.frame),
            "code": provenance.code_identity(),
            "environment": provenance.environment(),
        },
        example=data.frame[data.features]
        .head(100)
        .astype(
            {name: "float64" for name in data.features if name not in fitted.encoding_.categories}
        ),
    )
    return TrainResult(
        model=model.name,
        label=model.label,
        version=version,
        bundle_version=found.bundle_version,
        folder=fetch(lake, model.name, version),
        known_by=known_by,
        labelled=data.labelled,
        train_rows=int(data.split.train.sum()),
        calibration_rows=int(data.split.calibration.sum()),
        test_rows=int(data.split.test.sum()),
        test_from=data.split.test_from,
        figures=found.figures,
        baselines=found.baselines,
        differences=found.differences,
        truth=found.truth,
        importance=found.importance.features,
        candidate=fitted.candidate.name,
        trials=trials,
        report=publish_report(lake, files, model.name, version),
    )
