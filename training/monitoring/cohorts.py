"""Measure a champion on outcomes that ripened since it learned, month by month, and test them.

A cohort is the outcomes that ripened in one calendar month. So all lead times of a term are in one
cohort, and cohorts have few customers in common.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes, mean_loss, row_loss
from training.evaluation.calibration import calibration_error, fit_line
from training.evaluation.contact import orient_for_contact
from training.evaluation.discrimination import BINS, Ranking
from training.evaluation.intervals import Customers, Spread, order_is_bounded
from training.evaluation.slices import ATTRIBUTES, parts
from training.model_spec import Purpose
from training.monitoring.bounds import Bounds
from training.monitoring.rule import (
    FEWEST_CUSTOMERS,
    BoundTest,
    Estimate,
    holm,
    mean_gap,
    mean_of,
    not_below,
    two_sided,
)

SEGMENTS = tuple(attribute for attribute in ATTRIBUTES if attribute.name != "month")


@dataclass(frozen=True)
class CohortFigures:
    """Figures and tests of one cohort.

    Attributes
    ----------
    name : str
        The month in which its outcomes ripened, "2025-11"; first and last month of all together.
    asked_from, asked_to : datetime.date
        First and last date of its questions.
    rows, customers, outcomes : int
        Number of rows, of customers, and of outcomes that came true (of amounts all rows).
    observed, predicted : float
        Mean outcome and mean prediction.
    slope, ece, loss, order, lift : float
        As in `training.evaluation.figures`, lift in the order of contacts; slope is NaN for counts
        and amounts.
    base_loss : float
        Loss of always predicting the mean outcome of the rows the champion learned from.
    tests : list of BoundTest
        Of all rows, then of segments; empty if there are too few outcomes to test.
    """

    name: str
    asked_from: date
    asked_to: date
    rows: int
    customers: int
    outcomes: int
    observed: float
    predicted: float
    slope: float
    ece: float
    loss: float
    base_loss: float
    order: float
    lift: float
    tests: list[BoundTest]

    @property
    def alerts(self) -> list[BoundTest]:
        """The tests that are alerts."""
        return [test for test in self.tests if test.alert]


def whole_months(known_by: date, as_of: date) -> list[date]:
    """List the first days of the calendar months wholly after `known_by` that end by `as_of`.

    Examples
    --------
    >>> [str(day) for day in whole_months(date(2025, 6, 30), date(2025, 9, 15))]
    ['2025-07-01', '2025-08-01']
    """
    months, day = [], known_by.replace(day=1)
    while day <= as_of:
        later = (day + timedelta(days=32)).replace(day=1)
        if day > known_by and later - timedelta(days=1) <= as_of:
            months.append(day)
        day = later
    return months


def by_month(frame: pd.DataFrame, months: list[date]) -> Iterator[tuple[date, Flags]]:
    """Yield the months that have ripe rows, with the mask of those rows, shape (rows,)."""
    ripe = pd.to_datetime(frame["matures"]).dt.to_period("M")
    for month in months:
        rows = (ripe == pd.Period(month, "M")).to_numpy()
        if rows.any():
            yield month, rows


def cohort_figures(
    name: str,
    frame: pd.DataFrame,
    predicted: Array,
    reference: Mapping[str, float],
    bounds: Bounds,
    error: float,
    purpose: Purpose | None,
    kind: Kind = "probability",
) -> CohortFigures:
    """Measure one cohort and test its figures against the bounds.

    Parameters
    ----------
    name : str
        Name of the cohort.
    frame : pandas.DataFrame
        Its rows: `label`, `customer_id`, `as_of`, and the columns of the segments.
    predicted : numpy.ndarray
        Shape (rows,): the champion's predictions.
    reference : Mapping[str, float]
        Of the champion's test slice: `rows`, `order`, `lift`; and `base_rate`, the mean outcome of
        the rows it learned from.
    bounds : Bounds
        The bounds of the model.
    error : float
        Probability of a false alarm that the cohort may spend.
    purpose : Purpose or None
        Decides which tenth is contacted first.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    likely = kind == "probability"
    label = frame["label"].to_numpy(dtype=bool if likely else np.float64)
    days = pd.to_datetime(frame["as_of"])
    base = np.full(len(label), reference["base_rate"])
    people = Customers(frame["customer_id"])
    line = fit_line(label, predicted, people) if likely else None
    ranking, column = Ranking(label, predicted), 1 if likely else 0
    order = ranking.measure()[column]
    lift, lift_spread = lift_of(label, predicted, purpose, people, kind)
    tests: list[BoundTest] = []
    if has_enough_outcomes(label, predicted, frame["customer_id"], kind):
        # In tests wider, since the reference is uncertain too.
        evidence = people.evidence(label)
        wider = float(np.sqrt(1 + len(label) / max(reference["rows"], 1)))
        amounts = None if likely else label
        (order_spread,) = people.spreads(ranking.noise()[:, [column]], amounts)
        gained = row_loss(label, base, kind) - row_loss(label, predicted, kind)
        overall = [
            two_sided(
                "gap",
                mean_gap(label, predicted, frame["customer_id"], kind),
                bounds.gap * scale_of(predicted, kind),
            ),
            *([not_below("auc" if likely else "gini",
                         Estimate(order, *order_spread, order_spread[0] * wider),
                         bounds.auc, reference["order"])]
              if order_is_bounded(people, kind) else []),
            not_below("lift", Estimate(lift, *lift_spread, lift_spread[0] * wider),
                      bounds.lift * reference["lift"], reference["lift"]),
            not_below("loss", mean_of(gained, frame["customer_id"]), 0.0, 0.0),
        ]  # fmt: skip
        if line is not None:
            slope = Estimate(line.slope, line.slope_deviation, evidence)
            overall.append(two_sided("slope", slope, bounds.slope, 1.0))
        # If all outcomes are the same there is no order to test.
        overall = [test for test in overall if np.isfinite(test.p)]
        segments = segment_gaps(frame, label, predicted, bounds, kind)
        tests = [*holm(overall, error / 2), *holm(segments, error / 2)]
    return CohortFigures(
        name=name,
        asked_from=days.min().date(),
        asked_to=days.max().date(),
        rows=len(label),
        customers=int(frame["customer_id"].nunique()),
        outcomes=int(label.sum()) if kind != "amount" else len(label),
        observed=float(label.mean()),
        predicted=float(predicted.mean()),
        slope=line.slope if line is not None else float("nan"),
        ece=calibration_error(label, predicted, people, kind).value,
        loss=mean_loss(label, predicted, kind),
        base_loss=mean_loss(label, base, kind),
        order=order,
        lift=lift,
        tests=tests,
    )


def segment_gaps(
    frame: pd.DataFrame, label: Outcomes, predicted: Array, bounds: Bounds, kind: Kind
) -> list[BoundTest]:
    """Test the gap, observed minus predicted, of every segment that has enough outcomes.

    Parameters
    ----------
    frame : pandas.DataFrame
        `customer_id` and the columns of the segments.
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions of these rows.
    bounds : Bounds
        The bounds of the model.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    tests = []
    for attribute in SEGMENTS:
        for value, _, rows in parts(frame, attribute):
            customers = frame["customer_id"][rows]
            if has_enough_outcomes(label[rows], predicted[rows], customers, kind):
                gap = mean_gap(label[rows], predicted[rows], customers, kind)
                bound = bounds.segment_gap * scale_of(predicted[rows], kind)
                tests.append(two_sided("gap", gap, bound, 0.0, f"{attribute.english} {value}"))
    return tests


def lift_of(
    label: Outcomes,
    predicted: Array,
    purpose: Purpose | None,
    people: Customers,
    kind: Kind = "probability",
) -> tuple[float, Spread]:
    """Measure the lift of the tenth contacted first, and its noise over customers.

    Lift is that of the outcome a contact works on: for renewals, that the customer does not renew.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    purpose : Purpose or None
        Decides who is contacted first; None: the highest predictions.
    people : Customers
        Customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    lift : float
        NaN if no outcome came true.
    spread : (float, float, float)
        Its deviation, customers and skewness (`Customers.spreads`).
    """
    event, priority = orient_for_contact(label, predicted, purpose, kind)
    order = np.argsort(-priority, kind="stable")
    first = np.zeros(len(predicted))
    first[np.array_split(order, BINS)[0]] = 1.0
    count = int(first.sum())
    # Where more of a sample rank high, fewer of each kind are in the tenth.
    last = float(event[order[count // 2 : count + count // 2 + 1]].mean())
    share, mean = count / len(first), float(event.mean())
    if not mean > 0:
        return float("nan"), (float("nan"), 2.0, 0.0)
    rate = float(event[first == 1].mean())
    noise = (first * (event - last) / share + last - rate) / mean - rate / mean**2 * (event - mean)
    (spread,) = people.spreads(noise[:, None] / len(first), np.asarray(event, np.float64))
    return rate / mean, spread


def has_enough_outcomes(
    label: Outcomes, predicted: Array, customers: pd.Series, kind: Kind = "probability"
) -> bool:
    """Check that enough customers have the outcome, and enough do not, to test a figure.

    Expected outcomes count as well as observed ones, so that outcomes which fail to come are
    noticed.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    customers : pandas.Series
        Shape (rows,): customer id of each row.
    kind : {"probability", "count", "amount"}
        What is predicted; of amounts only customers count.
    """
    codes, people = pd.factorize(customers)
    share = 1 / np.bincount(codes)[codes]
    least = float(len(people))
    if kind != "amount":
        least = min(least, max(float((share * label).sum()), float((share * predicted).sum())))
    if kind == "probability":
        without = max(float((share * (1 - label)).sum()), float((share * (1 - predicted)).sum()))
        least = min(least, without)
    return least >= FEWEST_CUSTOMERS


def scale_of(predicted: Array, kind: Kind = "probability") -> float:
    """Return the change of the mean prediction per unit of score (log-odds, or log of a mean)."""
    return float((predicted * (1 - predicted) if kind == "probability" else predicted).mean())
