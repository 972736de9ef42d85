"""Measure calibration: predicted against observed means by bin, the error, slope and intercept."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from training.estimators.calibration import log_odds
from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes
from training.evaluation.discrimination import BINS
from training.evaluation.distances import Distance, root_mean_square
from training.evaluation.intervals import (
    Customers,
    Interval,
    student_interval,
    wilson_interval,
)

STEPS = 50
FEWEST_OUTCOMES, FEWEST_PAID = 30, 150
"""Customers in a bin of the calibration error: with the rarer outcome; of an amount."""


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic regression of the outcome on the predicted log-odds.

    Attributes
    ----------
    slope : float
        1 is perfect; below 1 the predictions are too extreme.
    intercept : float
        With the slope fixed at 1: by how much the predicted log-odds are too low; 0 is perfect.
    slope_interval, intercept_interval : tuple of float
        95% intervals.
    slope_deviation : float
        Standard deviation of the slope.
    """

    slope: float
    slope_interval: Interval
    intercept: float
    intercept_interval: Interval
    slope_deviation: float


UNKNOWN_LINE = CalibrationLine(*(float("nan"), (float("nan"), float("nan"))) * 2, float("nan"))


def calibration_table(
    label: Outcomes, predicted: Array, bins: int = BINS, people: Customers | None = None
) -> pd.DataFrame:
    """Compare predicted and observed means in bins of equal size, lowest prediction first.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    bins : int
        Number of bins.
    people : Customers, optional
        Customers of the customers of the rows, for intervals.

    Returns
    -------
    pandas.DataFrame
        One row per bin: `rows`, `told` (mean prediction), `observed` (mean outcome); with people
        also `low` and `high`, the 95% interval of `observed`.
    """
    parts = _parts(predicted, bins)
    rows = [(len(p), float(predicted[p].mean()), float(label[p].mean())) for p in parts]
    table = pd.DataFrame(rows, columns=["rows", "told", "observed"])
    if people is None:
        return table
    spreads = people.spreads(_noise_of_means(label, parts))
    bounds = [
        wilson_interval(mean, spread[0], len(np.unique(people.codes[part])))
        if label.dtype == bool
        else student_interval(mean, *spread)
        for part, (_, _, mean), spread in zip(parts, rows, spreads, strict=True)
    ]
    return table.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])


def calibration_error(
    label: Outcomes,
    predicted: Array,
    people: Customers,
    kind: Kind = "probability",
    bins: int | None = None,
) -> Distance:
    """Estimate the calibration error: root mean square gap of predicted and observed means by bin.

    What chance adds to the gaps is taken off, so that it can be 0.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    people : Customers
        The customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted: of counts and amounts the error is a share of the mean outcome.
    bins : int, optional
        Number of bins of equal size, lowest prediction first; default: as `count_bins` has it.
    """
    bins = count_bins(label, people) if bins is None else bins
    gaps, weights, columns = gaps_by_bin(label, predicted, predicted, bins, kind)
    return root_mean_square(gaps, weights, people.covariance(columns), people.resting(columns))


def count_bins(label: Outcomes, people: Customers) -> int:
    """Count the bins of a calibration error: tenths, or fewer where outcomes are few.

    A gap needs outcomes enough for its noise to be nearly normal: customers with the rarer outcome,
    or of amounts, which are skewed, customers.
    """
    fewest = FEWEST_OUTCOMES if (label <= 0).any() else FEWEST_PAID
    return int(np.clip(people.evidence(label) / fewest, 1, BINS))


def gaps_by_bin(
    label: Outcomes, predicted: Array, order: Array, bins: int, kind: Kind = "probability"
) -> tuple[Array, Array, Array]:
    """Measure predicted minus observed means in bins of equal size.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    order : numpy.ndarray
        Shape (rows,): what the rows are ordered by.
    bins : int
        Number of bins.
    kind : {"probability", "count", "amount"}
        What is predicted: of counts and amounts gaps are shares of the mean outcome.

    Returns
    -------
    gaps, weights : numpy.ndarray
        Shape (bins,): gap, and share of the rows.
    columns : numpy.ndarray
        Shape (rows, bins): what each row adds to the noise of each gap.
    """
    parts = _parts(order, bins)
    over = predicted - label
    gaps, columns = np.empty(len(parts)), np.zeros((len(over), len(parts)))
    for number, part in enumerate(parts):
        gaps[number] = over[part].mean()
        columns[part, number] = (over[part] - gaps[number]) / len(part)
    if kind != "probability":
        mean = float(label.mean()) or float("nan")
        gaps = gaps / mean
        columns = columns / mean - gaps * ((label - mean) / mean / len(label))[:, None]
    return gaps, np.array([len(part) for part in parts]) / len(over), columns


def fit_line(label: Outcomes, predicted: Array, people: Customers) -> CalibrationLine:
    """Fit calibration slope and intercept; NaN if all outcomes or all predictions are the same.

    NaN too where every yes is predicted higher than every no: any steeper line then fits better.

    The noise of a coefficient is one Newton step of each row from the fit of all.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes (yes or no) and predicted probabilities.
    people : Customers
        Customers of the rows, for the intervals.
    """
    odds = log_odds(predicted)
    if not len(label) or label.all() or not label.any() or np.ptp(odds) == 0:
        return UNKNOWN_LINE
    yes = np.asarray(label, dtype=bool)
    if odds[yes].min() > odds[~yes].max():
        return UNKNOWN_LINE
    line = np.column_stack([odds, np.ones(len(odds))])
    both = _newton(label, line, np.zeros(len(odds)), np.array([1.0, 0.0]))
    only = _newton(label, line[:, 1:], odds, np.array([0.0]))
    steps = [_steps(label, line, np.zeros(len(odds)), both), _steps(label, line[:, 1:], odds, only)]
    spreads = people.spreads(np.column_stack(steps))
    return CalibrationLine(
        float(both[0]),
        student_interval(float(both[0]), *spreads[0]),
        float(only[0]),
        student_interval(float(only[0]), *spreads[1]),
        spreads[0][0],
    )


def _parts(predicted: Array, bins: int) -> list[Array]:
    return np.array_split(np.argsort(predicted, kind="stable"), min(bins, max(len(predicted), 1)))


def _noise_of_means(label: Outcomes, parts: list[Array]) -> Array:
    """Compute what each row adds to the noise of the mean outcome of each bin, shape (rows, bins).

    Which rows a bin holds depends on all rows: where more of a sample are predicted low, rows near
    the end of a bin fall into the next one. Such a row is worth the mean outcome of the half bins
    to either side of that end.
    """
    count, after = len(label), 0
    columns, below, level = np.zeros((count, len(parts))), np.zeros(count), 0.0
    for number, part in enumerate(parts):
        before, after = after, after + len(part)
        lower, inside = below.copy(), np.zeros(count)
        inside[part], below[part] = label[part], 1.0
        noise = inside - inside.sum() / count + level * (lower - before / count)
        level = 0.0
        if number + 1 < len(parts):
            here, there = part[-max(len(part) // 2, 1) :], parts[number + 1]
            level = float(label[np.r_[here, there[: max(len(there) // 2, 1)]]].mean())
        columns[:, number] = (noise - level * (below - after / count)) / len(part)
    return columns


def _gradient(label: Outcomes, line: Array, offset: Array, at: Array) -> tuple[Array, Array]:
    """Compute score and information of each row, shapes (rows, k) and (rows, k * k)."""
    predicted = expit(offset + line @ at)
    score = line * (label - predicted)[:, None]
    products = (line[:, :, None] * line[:, None, :]).reshape(len(line), -1)
    return score, products * (predicted * (1 - predicted))[:, None]


def _newton(label: Outcomes, line: Array, offset: Array, start: Array) -> Array:
    coefficients, size = start, len(start)
    for _ in range(STEPS):
        score, information = _gradient(label, line, offset, coefficients)
        step = np.linalg.solve(information.sum(axis=0).reshape(size, size), score.sum(axis=0))
        coefficients = coefficients + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return coefficients


def _steps(label: Outcomes, line: Array, offset: Array, at: Array) -> Array:
    """Compute what each row adds to the noise of the first coefficient, shape (rows,)."""
    score, information = _gradient(label, line, offset, at)
    size = len(at)
    inverse = np.linalg.inv(information.sum(axis=0).reshape(size, size))
    return np.asarray(score @ inverse[:, 0])
