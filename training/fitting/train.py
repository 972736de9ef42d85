"""Train models: from history to registered challengers."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from threadpoolctl import threadpool_limits

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.evaluation.assessment import Assessment, assess
from training.evaluation.economics import Economics
from training.evaluation.figures import Amounts, Figures
from training.evaluation.peers import PeerDifference
from training.evaluation.report_files import publish_report, write_files
from training.evaluation.truth import Truth
from training.fitting import provenance
from training.fitting.datasets import ROW_LIMIT, build
from training.fitting.learn import BUNDLE, JUDGED_BUNDLE, SEED, Fits, fit_both
from training.fitting.selection import CandidateScore
from training.fitting.tuning import tune
from training.model_spec import ModelSpec
from training.models import find
from training.registry.champions import fetch
from training.registry.registration import register


@dataclass(frozen=True)
class TrainResult:
    """A trained and registered model, as the command line prints it.

    Attributes
    ----------
    model, label, version, bundle_version : str
        Name, Chinese label, number in the registry, hash of the contents of its bundle.
    folder : pathlib.Path
        The verified bundle that serving loads once it is promoted.
    known_by : datetime.date
        Outcomes recorded later were not used.
    labelled : int
        Number of matured outcomes; beyond the limit training used a sample by customer.
    train_rows, calibration_rows, test_rows : int
        Rows of the three slices, in which the candidate was judged.
    registered_rows : int
        Rows that the registered model learned from: all that were ripe.
    newest_outcome : datetime.date
        Last day that decided one of their outcomes.
    test_from : datetime.date
        First `as_of` of the test slice.
    figures : Figures or Amounts
        Figures of the judged candidate on the test slice.
    baselines : dict[str, dict[str, float]]
        `auc` and `log_loss` of base rate, logistic regression, untuned LightGBM and, if asked for,
        HistGradientBoosting, same slice; of a count or an amount `gini` and `deviance`.
    differences : list of PeerDifference
        By how much the model is better than every baseline, with paired intervals.
    truth : Truth or None
        AUC of the true probabilities and of the model on the same rows; None on real data.
    importance : dict[str, float]
        Feature -> share of the movement of scores on the test slice, largest first.
    candidate : str
        Name of the best candidate.
    trials : list of CandidateScore
        Candidates with their loss on later rows of the train slice, best first.
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
    registered_rows: int
    newest_outcome: date
    test_from: date
    figures: Figures | Amounts
    baselines: dict[str, dict[str, float]]
    differences: list[PeerDifference]
    truth: Truth | None
    importance: dict[str, float]
    candidate: str
    trials: list[CandidateScore]
    report: Path


def train(
    lake: Lake,
    names: Sequence[str],
    known_by: date,
    report: Report = quiet,
    row_limit: int = ROW_LIMIT,
    tuning_seconds: float = 0,
    all_peers: bool = False,
) -> Iterator[TrainResult]:
    """Train, calibrate, evaluate and register challengers on what was known by a date.

    Parameters
    ----------
    lake : Lake
        Home with checked tables and the registry.
    names : sequence of str
        Names of models (`training.models`).
    known_by : datetime.date
        Outcomes recorded later are not used.
    report : Report
        Called with progress.
    row_limit : int
        Most labels of one model; beyond it customers are left out, chosen by hash.
    tuning_seconds : float
        Budget of each model to search for better parameters of the trees; 0: use those declared.
    all_peers : bool
        Whether the report compares with HistGradientBoosting too.

    Yields
    ------
    TrainResult
        The next model, registered.

    Raises
    ------
    GuanjiaError
        If a model is not declared, or has too little history.
    """
    models = [find(name) for name in names]
    datasets = build(lake, models, known_by, report, row_limit)
    priced: dict[tuple[str, str], Economics | None] = {}
    for done, (model, data) in enumerate(zip(models, datasets, strict=True)):
        report("models trained", done, len(models))
        tuned = tune(lake, model, data, tuning_seconds, report) if tuning_seconds else None
        parameters = tuned.parameters if tuned else model.parameters
        fits = fit_both(model, data, lake.settings.threads, parameters, report)
        with tempfile.TemporaryDirectory() as scratch:
            bundle, judged_bundle = fits.write(Path(scratch), model, data.tags)
            predictor, registered = Predictor.load(judged_bundle), Predictor.load(bundle).version
            # One thread: several waste time in busy waiting over sums of a few columns.
            with threadpool_limits(1, user_api="blas"):
                assessment = assess(
                    lake,
                    model,
                    data,
                    predictor,
                    known_by,
                    report,
                    priced,
                    all_peers,
                    registered,
                )
            yield _register(
                lake, model, data, fits, Path(scratch), assessment, known_by, row_limit, report
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
) -> tuple[Path, Path]:
    """Build the dataset and train as `train` does, without registering anything.

    Parameters
    ----------
    lake : Lake
        Home with checked tables.
    model : ModelSpec
        The model to train.
    known_by : datetime.date
        Outcomes recorded later are not used.
    parameters : Mapping[str, float]
        Parameters of the trees.
    seed, threads : int
        Random seed; largest number of threads.
    folder : pathlib.Path
        Folder of the two bundles.
    row_limit : int
        Most labels; beyond it customers are left out, chosen by hash.
    report : Report
        Called with progress.
    check : Callable[[Dataset], None], optional
        Called with the dataset before training; raises to refuse it.

    Returns
    -------
    tuple of pathlib.Path
        Folders of the bundle to register, and of the judged candidate's.
    """
    (data,) = build(lake, [model], known_by, report, row_limit)
    if check is not None:
        check(data)
    fits = fit_both(model, data, threads, parameters, report, seed)
    return fits.write(folder, model, data.tags)


def _register(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    fits: Fits,
    scratch: Path,
    assessment: Assessment,
    known_by: date,
    row_limit: int,
    report: Report,
) -> TrainResult:
    files = write_files(assessment, scratch / "evaluation")
    fitted, learned = fits.registered, assessment.learned[-1]
    report(f"{model.name}: registry", 0, None)
    version = register(
        lake,
        model.name,
        scratch / BUNDLE,
        parameters={
            **fitted.parameters,
            "candidate": fitted.candidate.name,
            **{f"weight_{name}": weight for name, weight in fitted.candidate.weights.items()},
            "trees": fitted.trees_,
            "calibration": fitted.calibration_.kind,
            "known_by": known_by.isoformat(),
            "calibration_from": data.split.calibration_from.isoformat(),
            "test_from": data.split.test_from.isoformat(),
            "rows": len(data.frame),
            "judged_version": assessment.learned[0].bundle_version,
            "newest_outcome": learned.newest.isoformat(),
            "base_rate": float(data.frame.loc[data.split.train, "label"].mean()),
            "seed": SEED,
            "threads": lake.settings.threads,
            "row_limit": row_limit,
        },
        metrics=assessment.metrics()
        | {f"validation_{score.candidate}_loss": score.loss for score in fits.trials},
        tags={
            "training_frame_sha256": data.sha256,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        files=files,
        judged_bundle=scratch / JUDGED_BUNDLE,
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
        example=data.frame.head(100)[data.features].astype(
            {name: "float64" for name in data.features if name not in fitted.encoding_.categories}
        ),
    )
    return TrainResult(
        model=model.name,
        label=model.label,
        version=version,
        bundle_version=assessment.bundle_version,
        folder=fetch(lake, model.name, version),
        known_by=known_by,
        labelled=data.labelled,
        train_rows=int(data.split.train.sum()),
        calibration_rows=int(data.split.calibration.sum()),
        test_rows=int(data.split.test.sum()),
        registered_rows=learned.rows,
        newest_outcome=learned.newest,
        test_from=data.split.test_from,
        figures=assessment.figures,
        baselines=assessment.baselines,
        differences=assessment.differences,
        truth=assessment.truth,
        importance=assessment.importance.features,
        candidate=fitted.candidate.name,
        trials=fits.trials,
        report=publish_report(lake, files, model.name, version),
    )
