"""What ripened since a champion learned, month by month: figures, and how far they may be off.

A cohort is the outcomes that ripened within one calendar month, so that all lead times of a term
are in one cohort and cohorts have few customers in common.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes, mean_loss, row_loss
from training.evaluation.calibration import expected_calibration_error, fit_line
from training.evaluation.contact import orient_for_contact
from training.evaluation.discrimination import BINS, Ranking
from training.evaluation.resampling import RESAMPLES, Resamples
from training.evaluation.slices import ATTRIBUTES, parts
from training.model_spec import Purpose
from training.monitoring.bounds import Bounds
from training.monitoring.rule import (
    FEWEST,
    Estimate,
    Judged,
    holm,
    mean_gap,
    mean_of,
    not_below,
    two_sided,
)

SEGMENTS = tuple(one for one in ATTRIBUTES if one.name != "month")
WIDTH = 2 * 1.96
"""Of a 95% interval, in deviations."""


@dataclass(frozen=True)
class CohortFigures:
    """One cohort.

    Attributes
    ----------
    name : str
        The calendar month in which its outcomes ripened: "2025-11"; or the months, of all together.
    asked_from, asked_to : datetime.date
        First and last date of its questions.
    rows, customers, outcomes : int
    observed, told : float
        Mean outcome and mean told.
    slope, ece, loss, order, lift : float
        As `training.evaluation.figures` has them, lift in the order of contacts; slope is NaN of
        counts and amounts. `base_loss` is the loss of telling everybody the mean of where the
        champion learned.
    tests : list of Judged
        Of all rows, then of segments; empty where there are too few outcomes to judge.
    """

    name: str
    asked_from: date
    asked_to: date
    rows: int
    customers: int
    outcomes: int
    observed: float
    told: float
    slope: float
    ece: float
    loss: float
    base_loss: float
    order: float
    lift: float
    tests: list[Judged]

    @property
    def alerts(self) -> list[Judged]:
        """The tests that are alerts."""
        return [one for one in self.tests if one.alert]


def whole_months(known_by: date, as_of: date) -> list[date]:
    """First days of the calendar months that lie wholly after `known_by` and end by `as_of`.

    Examples
    --------
    >>> [str(day) for day in whole_months(date(2025, 6, 30), date(2025, 9, 15))]
    ['2025-07-01', '2025-08-01']
    """
    found, day = [], known_by.replace(day=1)
    while day <= as_of:
        later = (day + timedelta(days=32)).replace(day=1)
        if day > known_by and later - timedelta(days=1) <= as_of:
            found.append(day)
        day = later
    return found


def by_month(frame: pd.DataFrame, months: list[date]) -> Iterator[tuple[date, Flags]]:
    """The rows whose outcome ripened in each month, for months that have any."""
    ripe = pd.to_datetime(frame["matures"]).dt.to_period("M")
    for month in months:
        rows = (ripe == pd.Period(month, "M")).to_numpy()
        if rows.any():
            yield month, rows


def cohort_figures(
    name: str,
    frame: pd.DataFrame,
    told: Array,
    reference: Mapping[str, float],
    bounds: Bounds,
    error: float,
    purpose: Purpose | None,
    kind: Kind = "probability",
) -> CohortFigures:
    """Measure and judge one cohort.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its rows: `label`, `customer_id`, `as_of`, and the columns of the segments.
    told : numpy.ndarray
        Shape (rows,): what the champion tells of them.
    reference : Mapping[str, float]
        Of the champion's test slice: `rows`, `order`, `lift`, `base_rate` where it learned.
    error : float
        Probability of a false alarm that may be spent on it.
    purpose : Purpose or None
        What its tenth told the highest is contacted for.
    kind : {"probability", "count", "amount"}
    """
    likely = kind == "probability"
    label = frame["label"].to_numpy(dtype=bool if likely else np.float64)
    days = pd.to_datetime(frame["as_of"])
    base = np.full(len(label), reference["base_rate"])
    resamples = Resamples(frame["customer_id"])
    line = fit_line(label, told, resamples) if likely else None
    ranking, column = Ranking(label, told), 1 if likely else 0
    order = ranking.measure()[column]
    lift, lift_deviation = lift_of(label, told, purpose, resamples, kind)
    tests: list[Judged] = []
    if enough(label, told, frame["customer_id"], kind):
        # Of figures by resampling; those of the test slice are uncertain too, as its rows are few.
        people = min(frame["customer_id"].nunique(), RESAMPLES)
        wider = float(np.sqrt(1 + len(label) / max(reference["rows"], 1)))
        order_deviation = deviation(ranking.measure_order_resamples(resamples)[:, column])
        gained = row_loss(label, base, kind) - row_loss(label, told, kind)
        whole = [
            two_sided(
                "gap",
                mean_gap(label, told, frame["customer_id"], kind),
                bounds.gap * scale_of(told, kind),
            ),
            not_below("auc" if likely else "gini", Estimate(order, order_deviation * wider, people),
                      bounds.auc, reference["order"]),
            not_below("lift", Estimate(lift, lift_deviation * wider, people),
                      bounds.lift * reference["lift"], reference["lift"]),
            not_below("loss", mean_of(gained, frame["customer_id"]), 0.0, 0.0),
        ]  # fmt: skip
        if line is not None:
            spread = (line.slope_interval[1] - line.slope_interval[0]) / WIDTH
            slope = Estimate(line.slope, spread, people)
            whole.append(two_sided("slope", slope, bounds.slope, 1.0))
        # Where all came true there is no order to judge.
        whole = [one for one in whole if np.isfinite(one.p)]
        segments = segment_gaps(frame, label, told, bounds, kind)
        tests = [*holm(whole, error / 2), *holm(segments, error / 2)]
    return CohortFigures(
        name=name,
        asked_from=days.min().date(),
        asked_to=days.max().date(),
        rows=len(label),
        customers=int(frame["customer_id"].nunique()),
        outcomes=int(label.sum()) if kind != "amount" else len(label),
        observed=float(label.mean()),
        told=float(told.mean()),
        slope=line.slope if line is not None else float("nan"),
        ece=expected_calibration_error(label, told)
        / (1.0 if likely else float(label.mean()) or float("nan")),
        loss=mean_loss(label, told, kind),
        base_loss=mean_loss(label, base, kind),
        order=order,
        lift=lift,
        tests=tests,
    )


def segment_gaps(
    frame: pd.DataFrame, label: Outcomes, told: Array, bounds: Bounds, kind: Kind
) -> list[Judged]:
    """Observed less told in each segment that has outcomes enough."""
    found = []
    for attribute in SEGMENTS:
        for value, _, rows in parts(frame, attribute):
            customers = frame["customer_id"][rows]
            if enough(label[rows], told[rows], customers, kind):
                gap = mean_gap(label[rows], told[rows], customers, kind)
                bound = bounds.segment_gap * scale_of(told[rows], kind)
                found.append(two_sided("gap", gap, bound, 0.0, f"{attribute.english} {value}"))
    return found


def lift_of(
    label: Outcomes,
    told: Array,
    purpose: Purpose | None,
    resamples: Resamples,
    kind: Kind = "probability",
) -> tuple[float, float]:
    """Lift of the tenth contacted first, and its deviation over customers.

    Lift is of the outcome that a contact works on: of renewals, that none follows.
    """
    event, ahead = orient_for_contact(label, told, purpose, kind)
    first = np.zeros(len(told))
    first[np.array_split(np.argsort(-ahead, kind="stable"), BINS)[0]] = 1.0
    sums = resamples.sums(np.column_stack([first * event, first, event, np.ones(len(told))]))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (sums[:, 0] / sums[:, 1]) / (sums[:, 2] / sums[:, 3])
        found = event[first == 1].mean() / event.mean()
    return float(found), deviation(drawn)


def deviation(drawn: Array) -> float:
    """The standard deviation of the resamples that have the figure; NaN where none has."""
    known = drawn[np.isfinite(drawn)]
    return float(known.std()) if len(known) else float("nan")


def enough(label: Outcomes, told: Array, customers: pd.Series, kind: Kind = "probability") -> bool:
    """Whether chance can be told: customers with the outcome and without, seen or expected.

    What is expected counts, so that outcomes which stay away are judged.
    """
    codes, people = pd.factorize(customers)
    share = 1 / np.bincount(codes)[codes]
    least = float(len(people))
    if kind != "amount":
        least = min(least, max(float((share * label).sum()), float((share * told).sum())))
    if kind == "probability":
        without = max(float((share * (1 - label)).sum()), float((share * (1 - told)).sum()))
        least = min(least, without)
    return least >= FEWEST


def scale_of(told: Array, kind: Kind = "probability") -> float:
    """What is told, for each unit of its score: log-odds, or the log of a mean."""
    return float((told * (1 - told) if kind == "probability" else told).mean())
