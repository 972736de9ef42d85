"""A champion watched as of a date: what ripened that it never saw, and who is asked now."""

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
from training.evaluation.resampling import Resamples
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
from training.monitoring.drift import Drift, asked_alike, asked_now, drift_of
from training.monitoring.stated import Stated, stated
from training.promotion.cohort import TooFewError, read_cohort
from training.registry.champions import champion


@dataclass(frozen=True)
class Watched:
    """One champion as of a date.

    Attributes
    ----------
    model, label : str
    kind : {"probability", "count", "amount"}
    as_of : datetime.date
        Nothing recorded later was used.
    bounds : Bounds
        What it was held against.
    stated : Stated
        What its run states.
    reference : dict of str to float
        Of its test slice: `rows`, `base_rate` where it learned, `order` (AUC or Gini) as stated,
        and `lift` in the order of contacts.
    cohorts : list of CohortFigures
        Oldest first.
    together : CohortFigures or None
        All of them as one, where there are several: what is too small for a month to show.
    ripe_on : datetime.date or None
        When the first cohort can be ripe, where none is yet.
    drift : Drift or None
        None where there is no snapshot after the last question of the test slice.
    alerts : list of Alert
    """

    model: str
    label: str
    kind: Kind
    as_of: date
    bounds: Bounds
    stated: Stated
    reference: dict[str, float]
    cohorts: list[CohortFigures]
    together: CohortFigures | None
    ripe_on: date | None
    drift: Drift | None
    alerts: list[Alert]


def watch(lake: Lake, name: str, as_of: date, months: int = 12, report: Report = quiet) -> Watched:
    """Hold the champion of a model against its bounds.

    Parameters
    ----------
    as_of : datetime.date
        Nothing recorded later is used.
    months : int
        At most so many cohorts, the latest.

    Raises
    ------
    GuanjiaError
        If the model has no champion, or nothing says any more what it learned from.
    """
    model = find(name)
    folder = champion(lake, name)
    bounds = load_bounds(lake.home).of(name)
    predictor = Predictor.load(folder)
    said = stated(lake, name, folder.name)
    tested = read_cohort(
        lake, model, said.test_from, said.known_by, predictor.tags, ROW_LIMIT, report, said.run
    ).frame
    reference = _reference(lake, model, predictor, tested, said)
    months_ripe = list(_ripe(lake, model, predictor, tested, said.known_by, as_of, months, report))
    cohorts, together = _judged(lake, model, predictor, months_ripe, reference, bounds)
    drift = _drift(lake, model, predictor, tested, as_of, bounds, report)
    return Watched(
        model=name,
        label=model.label,
        kind=model.kind,
        as_of=as_of,
        bounds=bounds,
        stated=said,
        reference=reference,
        cohorts=cohorts,
        together=together,
        ripe_on=None if cohorts else _first_ripe(said.known_by, as_of),
        drift=drift,
        alerts=alerts_of(name, as_of, [*([together] if together else []), *cohorts], drift),
    )


def _reference(
    lake: Lake, model: ModelSpec, predictor: Predictor, tested: pd.DataFrame, said: Stated
) -> dict[str, float]:
    """What the cohorts are held against."""
    told = predictor.predict(tested, lake.settings.threads)
    likely = model.kind == "probability"
    label = tested["label"].to_numpy(bool if likely else np.float64)
    name, column = ("auc", 1) if likely else ("gini", 0)
    nobody = Resamples(tested["customer_id"], 0)
    lift, _ = lift_of(label, told, model.purpose, nobody, model.kind)
    return {
        "rows": float(len(tested)),
        "base_rate": said.base_rate,
        "order": said.figures.get(name, Ranking(label, told).measure()[column]),
        "lift": lift,
    }


def _judged(
    lake: Lake,
    model: ModelSpec,
    predictor: Predictor,
    ripe: list[tuple[date, pd.DataFrame]],
    reference: dict[str, float],
    bounds: Bounds,
) -> tuple[list[CohortFigures], CohortFigures | None]:
    """Each month by itself, and all months as one."""
    purpose, found, told = model.purpose, [], []
    for month, part in ripe:
        told.append(predictor.predict(part, lake.settings.threads))
        error, name = bounds.error("cohort"), f"{month:%Y-%m}"
        found.append(
            cohort_figures(name, part, told[-1], reference, bounds, error, purpose, model.kind)
        )
    if len(ripe) < 2:
        return found, None
    frame = pd.concat([part for _, part in ripe], ignore_index=True)
    name = f"{found[0].name} to {found[-1].name}"
    error = bounds.error("together")
    return found, cohort_figures(
        name, frame, np.concatenate(told), reference, bounds, error, purpose, model.kind
    )


def _ripe(
    lake: Lake,
    model: ModelSpec,
    predictor: Predictor,
    tested: pd.DataFrame,
    known_by: date,
    as_of: date,
    months: int,
    report: Report,
) -> Iterator[tuple[date, pd.DataFrame]]:
    """The cohorts that are wholly ripe, of outcomes that were not when the champion learned."""
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
    """The latest snapshot by the date against the test slice."""
    last = pd.to_datetime(tested["as_of"]).max().date()
    day = max((day for day in snapshot_dates(lake) if last < day <= as_of), default=None)
    if day is None:
        return None
    report(f"{model.name}: drift", 0, None)
    now, before = asked_now(lake, model, predictor, day), asked_alike(predictor, tested)
    if now.empty or before.empty:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return drift_of(lake, predictor, before, now, day, bounds, Path(scratch), model.kind)


def _first_ripe(known_by: date, as_of: date) -> date | None:
    """The last day of the first whole month after `known_by`, if it is yet to come."""
    first = (pd.Timestamp(known_by) + pd.offsets.MonthBegin()).to_period("M")
    ends = first.end_time.date()
    return ends if ends > as_of else None
