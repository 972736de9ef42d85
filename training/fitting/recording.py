"""Record a training: report, card, run and version, and what the command line prints of it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.lake import Lake
from features.progress import Report, quiet
from training.dataset import Dataset
from training.estimators.candidates import CalibratedModel
from training.evaluation.assessment import Assessment
from training.evaluation.figures import Amounts, Figures
from training.evaluation.peers import PeerDifference
from training.evaluation.report_files import publish_report, write_files
from training.evaluation.statements import statements
from training.evaluation.truth import Truth
from training.fitting import provenance
from training.fitting.learn import BUNDLE, JUDGED_BUNDLE, SEED, Fits
from training.fitting.selection import CandidateScore
from training.fitting.tuning import Tuning
from training.model_spec import ModelSpec
from training.registry.champions import fetch
from training.registry.registration import register
from training.registry.run_page import RunPage

PREDICTED = {
    "probability": "the probability of yes",
    "count": "the expected number",
    "amount": "the expected amount",
}


@dataclass(frozen=True)
class TrainResult:
    """A trained and registered model, as the command line prints it.

    Attributes
    ----------
    model, label, version, bundle_version : str
        Name, Chinese label, number in the registry, hash of the contents of its bundle.
    folder : pathlib.Path
        The verified bundle that serving loads once it is promoted.
    known_by : datetime.date or None
        Outcomes recorded later were not used; None, as all dates here, where rows have no dates.
    labelled : int
        Number of matured outcomes; beyond the limit training used a sample by customer.
    train_rows, calibration_rows, test_rows : int
        Rows of the three slices, in which the candidate was judged.
    registered_rows : int
        Rows that the registered model learned from: all that were ripe.
    newest_outcome : datetime.date or None
        Last day that decided one of their outcomes.
    test_from : datetime.date or None
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
        Candidates with their loss on later rows of the train slice, that taken first.
    tuning : str
        What the search for better trees came to, in a sentence.
    report : pathlib.Path
        The HTML page; the model card and the tables lie beside it.
    """

    model: str
    label: str
    version: str
    bundle_version: str
    folder: Path
    known_by: date | None
    labelled: int
    train_rows: int
    calibration_rows: int
    test_rows: int
    registered_rows: int
    newest_outcome: date | None
    test_from: date | None
    figures: Figures | Amounts
    baselines: dict[str, dict[str, float]]
    differences: list[PeerDifference]
    truth: Truth | None
    importance: dict[str, float]
    candidate: str
    trials: list[CandidateScore]
    tuning: str
    report: Path


def record(
    lake: Lake,
    model: ModelSpec,
    data: Dataset,
    fits: Fits,
    tuning: Tuning,
    scratch: Path,
    assessment: Assessment,
    *,
    known_by: date | None,
    row_limit: int,
    source: str,
    seconds: float,
    report: Report = quiet,
) -> TrainResult:
    """Write report and card, and register the fits of a training with their evidence.

    Parameters
    ----------
    lake : Lake
        Home of reports, bundles and the registry.
    model : ModelSpec
        The model.
    data : Dataset
        Its rows.
    fits : Fits
        The judged candidate and what is to be registered.
    tuning : Tuning
        What the search for better trees came to.
    scratch : pathlib.Path
        Folder where their bundles lie; the files of the evaluation are written there first.
    assessment : Assessment
        Evaluation of the judged candidate.
    known_by : datetime.date or None
        Outcomes recorded later are not in the rows; None where rows have no dates.
    row_limit : int
        Most labels the rows were thinned to.
    source : str
        The command or call that trains.
    seconds : float
        How long training and evaluation took.
    report : Report
        Called with progress.

    Returns
    -------
    TrainResult
        The registered model.
    """
    files = write_files(assessment, scratch / "evaluation")
    fitted, learned = fits.registered, assessment.learned[-1]
    report(f"{model.name}: registry", 0, None)
    dates = {
        "known_by": known_by,
        "calibration_from": data.split.calibration_from,
        "test_from": data.split.test_from,
        "newest_outcome": learned.newest,
    }
    stated = {name: day.isoformat() for name, day in dates.items() if day is not None}
    code = provenance.code_identity()
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
            **stated,
            "rows": len(data.frame),
            "judged_version": assessment.learned[0].bundle_version,
            "base_rate": float(data.frame.loc[data.split.train, "label"].mean()),
            "seed": SEED,
            "threads": lake.settings.threads,
            "row_limit": row_limit,
        },
        metrics=assessment.metrics()
        | tuning.metrics()
        | {f"validation_{score.candidate}_loss": score.loss for score in fits.trials},
        tags={
            "training_frame_sha256": data.sha256,
            **{f"history_{group}_sha256": digest for group, digest in data.inputs.items()},
        },
        files=files,
        judged_bundle=scratch / JUDGED_BUNDLE,
        page=RunPage(
            description=describe_run(assessment, fitted, tuning.words),
            dataset=f"{model.name} rows",
            digest=data.sha256,
            place=str(data.path) if data.path is not None else "a frame of its owner's",
            rows=len(data.frame),
            source=source,
            code=code,
            seconds=seconds,
        ),
        documents={
            "training": {
                "model": model.name,
                "known_by": stated.get("known_by"),
                "own_frame": assessment.own_frame,
                "row_limit": row_limit,
                "parameters": dict(fitted.parameters),
                "seed": SEED,
                "threads": lake.settings.threads,
                "timezone": lake.settings.timezone,
            },
            "data": provenance.data_identity(data.frame),
            "code": code,
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
        tuning=tuning.words,
        report=publish_report(lake, files, model.name, version),
    )


def describe_run(assessment: Assessment, fitted: CalibratedModel, tuning: str) -> str:
    """Describe a training in Markdown: what is predicted, from which rows, how well.

    Parameters
    ----------
    assessment : Assessment
        Evaluation of the judged candidate.
    fitted : CalibratedModel
        What is registered.
    tuning : str
        What the search for better trees came to, in a sentence.
    """
    model, (train, calibration, test) = assessment.model, assessment.time_slices
    span = f", {test.first} to {test.last}" if test.first else ", other groups than it learned from"
    trees = f", {fitted.trees_} trees" if fitted.trees_ else ""
    tones = {"good": "✓", "watch": "△", "bad": "✗"}
    return "\n".join(
        [
            f"**{model.label}** (`{model.name}`) predicts {PREDICTED[model.kind]} of each row. "
            f"Candidate *{fitted.candidate.name}*{trees}, {assessment.features} features.",
            "",
            f"Learned from {assessment.learned[-1].rows:,} rows. Judged on {test.rows:,} rows"
            f"{span}, after learning from {train.rows:,} and calibrating on {calibration.rows:,}. "
            f"{tuning}.",
            "",
            *(f"- {tones[line.tone]} {line.english}" for line in statements(assessment)),
            "",
            "✓ good, △ to be watched, ✗ bad. Report and model card: artifacts, `evaluation`.",
        ]
    )
