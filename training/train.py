"""Train models from history to registered champions."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.lake import Lake
from features.progress import Report, quiet
from training import registry
from training.datasets import Dataset, build, held_back
from training.estimators import CalibratedBooster
from training.evaluation.assessment import assess
from training.evaluation.figures import Amounts, Figures
from training.evaluation.peers import Difference
from training.evaluation.report_files import publish_report, write_files
from training.evaluation.truth import Truth
from training.models import ModelSpec, find
from training.predictor import Predictor, write_bundle

SEED = 7


@dataclass(frozen=True)
class TrainResult:
    """What training found, as the command line prints it.

    Attributes
    ----------
    model, label, version, bundle_version : str
        Name, Chinese label, number in the registry, hash of the contents.
    folder : pathlib.Path
        The verified bundle that serving loads.
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
    differences : list of Difference
        By how much the model is better than each, with paired intervals.
    truth : Truth or None
        AUC of the true probabilities and of the model on the same rows; None on real data.
    importance : dict[str, float]
        Share of the total gain by feature, largest first.
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
    differences: list[Difference]
    truth: Truth | None
    importance: dict[str, float]
    report: Path


def train(
    lake: Lake,
    names: Sequence[str],
    known_by: date,
    report: Report = quiet,
    row_limit: int = 400_000,
) -> Iterator[TrainResult]:
    """Train, calibrate, evaluate and register models on what was known by a date.

    Parameters
    ----------
    names : sequence of str
        Models of `training.models`.
    known_by : datetime.date
        Outcomes recorded later are not used.
    row_limit : int
        Labels of one model beyond which customers are left out, chosen by hash.
    """
    models = [find(name) for name in names]
    datasets = build(lake, models, known_by, report, row_limit)
    for model, data in zip(models, datasets, strict=True):
        report(f"{model.name}: trees", 0, None)
        fitted = fit(model, data, lake.settings.threads)
        with tempfile.TemporaryDirectory() as scratch:
            bundle = write_bundle(Path(scratch) / "bundle", model, fitted, data.tags)
            yield _register(lake, model, data, fitted, bundle, known_by, report)


def fit(model: ModelSpec, data: Dataset, threads: int = 2) -> CalibratedBooster:
    """Grow the trees on the train slice and calibrate them on the next."""
    rows = data.frame[data.split.train]
    later = data.frame[data.split.calibration]
    label = rows["label"].to_numpy(dtype=bool)
    fitted = CalibratedBooster(model.parameters, SEED, threads)
    fitted.fit(rows, label, held_back(rows), data.features)
    return fitted.calibrate(later, later["label"].to_numpy(dtype=bool))


def _register(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    fitted: CalibratedBooster,
    bundle: Path,
    known_by: date,
    report: Report,
) -> TrainResult:
    predictor = Predictor.load(bundle)
    found = assess(lake, model, data, predictor, known_by, report)
    gains = fitted.importance()
    total = sum(gains.values()) or 1.0
    importance = {name: value / total for name, value in gains.items()}
    report(f"{model.name}: registry", 0, None)
    version = registry.register(
        lake,
        model.name,
        bundle,
        parameters={
            **model.parameters,
            "trees": fitted.trees_,
            "calibration": fitted.calibration_.kind,
            "known_by": known_by.isoformat(),
            "calibration_from": data.split.calibration_from.isoformat(),
            "test_from": data.split.test_from.isoformat(),
            "rows": len(data.frame),
        },
        metrics=found.metrics(),
        tags={
            "training_frame_sha256": data.sha256,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        files=write_files(found, bundle.parent / "evaluation"),
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
        bundle_version=predictor.version,
        folder=registry.champion(lake, model.name),
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
        importance=importance,
        report=publish_report(lake, found, version),
    )
