"""What ripened since a champion learned, month by month: figures, and how far they may be off.

A cohort is the outcomes that ripened within one calendar month, so that all lead times of a term
are in one cohort and cohorts have few customers in common.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from training.encoding import Array, Flags
from training.evaluation.calibration import expected_calibration_error, fit_line
from training.evaluation.contact import Purpose, turned
from training.evaluation.discrimination import BINS, Ranking
from training.evaluation.kinds import mean_loss, row_loss
from training.evaluation.resampling import RESAMPLES, Resamples
from training.evaluation.slices import ATTRIBUTES, parts
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
    slope, ece, log_loss, auc, lift : float
        As `training.evaluation.figures`, lift in the order of contacts; `base_loss` is the log loss
        of telling everybody the share that came true where the champion learned.
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
    log_loss: float
    base_loss: float
    auc: float
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
) -> CohortFigures:
    """Measure and judge one cohort.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its rows: `label`, `customer_id`, `as_of`, and the columns of the segments.
    told : numpy.ndarray
        Shape (rows,): what the champion tells of them.
    reference : Mapping[str, float]
        Of the champion's test slice: `rows`, `auc`, `lift`, `base_rate` where it learned.
    error : float
        Probability of a false alarm that may be spent on it.
    purpose : Purpose or None
        What its tenth told the highest is contacted for.
    """
    label = frame["label"].to_numpy(dtype=bool)
    days = pd.to_datetime(frame["as_of"])
    base = np.full(len(label), reference["base_rate"])
    resamples = Resamples(frame["customer_id"])
    line = fit_line(label, told, resamples)
    ranking = Ranking(label, told)
    auc = ranking.measure()[1]
    lift, lift_deviation = lift_of(label, told, purpose, resamples)
    tests: list[Judged] = []
    if enough(label, told, frame["customer_id"]):
        # Of figures by resampling; those of the test slice are uncertain too, as its rows are few.
        people = min(frame["customer_id"].nunique(), RESAMPLES)
        wider = float(np.sqrt(1 + len(label) / max(reference["rows"], 1)))
        auc_deviation = deviation(ranking.resampled(resamples)[:, 1])
        slope_deviation = (line.slope_interval[1] - line.slope_interval[0]) / WIDTH
        gained = row_loss(label, base) - row_loss(label, told)
        whole = [
            two_sided(
                "gap",
                mean_gap(label, told, frame["customer_id"]),
                bounds.gap * log_odds_scale(told),
            ),
            two_sided("slope", Estimate(line.slope, slope_deviation, people), bounds.slope, 1.0),
            not_below("auc", Estimate(auc, auc_deviation * wider, people), bounds.auc,
                      reference["auc"]),
            not_below("lift", Estimate(lift, lift_deviation * wider, people),
                      bounds.lift * reference["lift"], reference["lift"]),
            not_below("loss", mean_of(gained, frame["customer_id"]), 0.0, 0.0),
        ]  # fmt: skip
        # Where all came true there is no order to judge.
        whole = [one for one in whole if np.isfinite(one.p)]
        segments = segment_gaps(frame, label, told, bounds)
        tests = [*holm(whole, error / 2), *holm(segments, error / 2)]
    return CohortFigures(
        name=name,
        asked_from=days.min().date(),
        asked_to=days.max().date(),
        rows=len(label),
        customers=int(frame["customer_id"].nunique()),
        outcomes=int(label.sum()),
        observed=float(label.mean()),
        told=float(told.mean()),
        slope=line.slope,
        ece=expected_calibration_error(label, told),
        log_loss=mean_loss(label, told),
        base_loss=mean_loss(label, base),
        auc=auc,
        lift=lift,
        tests=tests,
    )


def segment_gaps(frame: pd.DataFrame, label: Flags, told: Array, bounds: Bounds) -> list[Judged]:
    """Observed less told in each segment that has outcomes enough."""
    found = []
    for attribute in SEGMENTS:
        for value, _, rows in parts(frame, attribute):
            customers = frame["customer_id"][rows]
            if enough(label[rows], told[rows], customers):
                gap = mean_gap(label[rows], told[rows], customers)
                bound = bounds.segment_gap * log_odds_scale(told[rows])
                found.append(two_sided("gap", gap, bound, 0.0, f"{attribute.english} {value}"))
    return found


def lift_of(
    label: Flags, told: Array, purpose: Purpose | None, resamples: Resamples
) -> tuple[float, float]:
    """Lift of the tenth contacted first, and its deviation over customers.

    Lift is of the outcome that a contact works on: of renewals, that none follows.
    """
    event, ahead = turned(label, told, purpose)
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


def enough(label: Flags, told: Array, customers: pd.Series) -> bool:
    """Whether chance can be told: customers with and without the outcome, seen or expected.

    What is expected counts, so that outcomes which stay away are judged.
    """
    codes = pd.factorize(customers)[0]
    share = 1 / np.bincount(codes)[codes]
    yes = max(float((share * label).sum()), float((share * told).sum()))
    no = max(float((share * ~label).sum()), float((share * (1 - told)).sum()))
    return min(yes, no) >= FEWEST


def log_odds_scale(told: Array) -> float:
    """Probability per log-odds, at what is told."""
    return float((told * (1 - told)).mean())
