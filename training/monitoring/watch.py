"""Watch a champion as of a date: outcomes it never saw, and drift of the questions asked now."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.lake import Lake
from features.progress import Report, quiet
from features.snapshots.snapshots import snapshot_dates
from training.estimators.bundle import Predictor
from training.estimators.losses import Kind
from training.evaluation.discrimination import Ranking
from training.evaluation.intervals import Customers
from training.fitting.datasets import ROW_LIMIT
from training.model_spec import ModelSpec
from training.models import find
from training.monitoring.alerts import Alert, alerts_of
from training.monitoring.bounds import Bounds, load_bounds
from training.monitoring.cohorts import (
    CohortFigures,
    by_month,
    cohort_figures,
    lift_of,
    whole_months,
)
from training.monitoring.drift import Drift, comparable_test_rows, drift_of, snapshot_questions
from training.monitoring.training_run import TrainingRun, read_training_run
from training.promotion.cohort import TooFewError, read_cohort
from training.registry.champions import NoChampionError, champion, family


@dataclass(frozen=True)
class MonitoringReport:
    """What watching one champion as of a date has shown; the fields are those of its JSON.

    Attributes
    ----------
    model, label : str
        Name of the model, and its Chinese label.
    kind : {"probability", "count", "amount"}
        What it predicts.
    as_of : datetime.date
        Nothing recorded later was used.
    bounds : Bounds
        The bounds it was tested against.
    stated : TrainingRun
        Facts from its training run.
    reference : dict of str to float
        Of its test slice: `rows`, `order` (AUC or Gini), `lift` in the order of contacts; and
        `base_rate`, the mean outcome of the rows it learned from.
    cohorts : list of CohortFigures
        Oldest first.
    together : CohortFigures or None
        All cohorts as one, if there are several: it shows what is too small for one month to show.
    ripe_on : datetime.date or None
        When the first cohort can be ripe, if none is yet.
    drift : Drift or None
        None if there is no snapshot after the last question of the test slice, or the model takes
        another's "yes" for granted.
    alerts : list of Alert
        Broken bounds.
    """

    model: str
    label: str
    kind: Kind
    as_of: date
    bounds: Bounds
    stated: TrainingRun
    reference: dict[str, float]
    cohorts: list[CohortFigures]
    together: CohortFigures | None
    ripe_on: date | None
    drift: Drift | None
    alerts: list[Alert]


def watch(
    lake: Lake, name: str, as_of: date, months: int = 12, report: Report = quiet
) -> MonitoringReport:
    """Test the champion of a model against its bounds.

    Parameters
    ----------
    lake : Lake
        The home.
    name : str
        Name of the model.
    as_of : datetime.date
        Nothing recorded later is used.
    months : int
        Most cohorts to measure; the latest are taken.
    report : Report
        Called with the progress.

    Raises
    ------
    NoChampionError
        If the model has no champion, or one of an earlier release that was asked another question.
    GuanjiaError
        If its training run cannot be read or lacks a parameter.
    """
    model = find(name)
    folder = champion(lake, name)
    bounds = load_bounds(lake.home).bounds_for(name)
    predictor = Predictor.load(folder)
    if predictor.given != model.given:
        raise NoChampionError(
            f"version {folder.name} of {name}",
            "answers the question of an earlier release, so it cannot be measured by this one's",
            f"run `guanjia train {family(name)}` and `guanjia promote {name}`",
        )
    trained = read_training_run(lake, name, folder.name)
    tested = read_cohort(
        lake,
        model,
        trained.test_from,
        trained.known_by,
        predictor.tags,
        ROW_LIMIT,
        report,
        trained.run,
    ).frame
    reference = _reference(lake, model, predictor, tested, trained)
    months_ripe = list(
        _ripe_cohorts(lake, model, predictor, tested, trained.known_by, as_of, months, report)
    )
    cohorts, together = _cohort_figures(lake, model, predictor, months_ripe, reference, bounds)
    drift = _drift(lake, model, predictor, tested, as_of, bounds, report)
    return MonitoringReport(
        model=name,
        label=model.label,
        kind=model.kind,
        as_of=as_of,
        bounds=bounds,
        stated=trained,
        reference=reference,
        cohorts=cohorts,
        together=together,
        ripe_on=None if cohorts else _first_ripe(trained.known_by, as_of),
        drift=drift,
        alerts=alerts_of(name, as_of, [*([together] if together else []), *cohorts], drift),
    )


def _reference(
    lake: Lake, model: ModelSpec, predictor: Predictor, tested: pd.DataFrame, trained: TrainingRun
) -> dict[str, float]:
    """Read the figures of the test slice, which the cohorts are compared with.

    They are the judged candidate's: the champion has learned from the slice. A run of an earlier
    release lacks some; its champion was judged itself, and is measured.
    """
    predicted = predictor.predict(tested, lake.settings.threads)
    likely = model.kind == "probability"
    label = tested["label"].to_numpy(bool if likely else np.float64)
    name, column = ("auc", 1) if likely else ("gini", 0)
    people = Customers(tested["customer_id"])
    lift, _ = lift_of(label, predicted, model.purpose, people, model.kind)
    return {
        "rows": float(len(tested)),
        "base_rate": trained.base_rate,
        "order": trained.figures.get(name, Ranking(label, predicted).measure()[column]),
        "lift": trained.figures.get("contact_lift", lift),
    }


def _cohort_figures(
    lake: Lake,
    model: ModelSpec,
    predictor: Predictor,
    ripe: list[tuple[date, pd.DataFrame]],
    reference: dict[str, float],
    bounds: Bounds,
) -> tuple[list[CohortFigures], CohortFigures | None]:
    """Measure every month by itself, and all months as one."""
    purpose, cohorts, predicted = model.purpose, [], []
    for month, part in ripe:
        predicted.append(predictor.predict(part, lake.settings.threads))
        error, name = bounds.error("cohort"), f"{month:%Y-%m}"
        cohorts.append(
            cohort_figures(name, part, predicted[-1], reference, bounds, error, purpose, model.kind)
        )
    if len(ripe) < 2:
        return cohorts, None
    frame = pd.concat([part for _, part in ripe], ignore_index=True)
    name = f"{cohorts[0].name} to {cohorts[-1].name}"
    error = bounds.error("together")
    return cohorts, cohort_figures(
        name, frame, np.concatenate(predicted), reference, bounds, error, purpose, model.kind
    )


def _ripe_cohorts(
    lake: Lake,
    model: ModelSpec,
    predictor: Predictor,
    tested: pd.DataFrame,
    known_by: date,
    as_of: date,
    months: int,
    report: Report,
) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield the months whose outcomes all ripened after the champion learned, with their rows."""
    due = whole_months(known_by, as_of)[-months:]
    if not due:
        return
    longest = (pd.to_datetime(tested["matures"]) - pd.to_datetime(tested["as_of"])).max()
    first = (pd.Timestamp(due[0]) - longest).date()
    try:
        later = read_cohort(lake, model, first, as_of, predictor.tags, ROW_LIMIT, report).frame
    except TooFewError:
        return
    report(f"{model.name}: cohorts", 0, None)
    for month, rows in by_month(later, due):
        yield month, later[rows].reset_index(drop=True)


def _drift(
    lake: Lake,
    model: ModelSpec,
    predictor: Predictor,
    tested: pd.DataFrame,
    as_of: date,
    bounds: Bounds,
    report: Report,
) -> Drift | None:
    """Compare the latest snapshot by the date with the test slice; None if there are no rows.

    None, too, of a model that takes another's "yes" for granted: of whom that is true is not known
    yet. The other model is asked of the same customers by the same tags; it shows the drift.
    """
    if model.given:
        return None
    last = pd.to_datetime(tested["as_of"]).max().date()
    day = max((day for day in snapshot_dates(lake) if last < day <= as_of), default=None)
    if day is None:
        return None
    report(f"{model.name}: drift", 0, None)
    now, before = (
        snapshot_questions(lake, model, predictor, day),
        comparable_test_rows(predictor, tested),
    )
    if now.empty or before.empty:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return drift_of(lake, predictor, before, now, day, bounds, Path(scratch), model.kind)


def _first_ripe(known_by: date, as_of: date) -> date | None:
    """Return the last day of the first whole month after `known_by`, if it is yet to come."""
    first = (pd.Timestamp(known_by) + pd.offsets.MonthBegin()).to_period("M")
    ends = first.end_time.date()
    return ends if ends > as_of else None
