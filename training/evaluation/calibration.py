"""Whether what was told is what happened: by tenth, on the whole, slope and intercept."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from training.estimators.calibration import log_odds
from training.estimators.encoding import Array
from training.estimators.losses import Outcomes
from training.evaluation.discrimination import BINS
from training.evaluation.resampling import Interval, Resamples, centred_interval, interval

STEPS = 50


@dataclass(frozen=True)
class Fit:
    """Log-odds of the outcome as a line of the log-odds told.

    Attributes
    ----------
    slope : float
        1 is right; below 1 the model is too sure of itself.
    intercept : float
        With the slope held at 1: by how much log-odds are told too low; 0 is right.
    slope_interval, intercept_interval : tuple of float
    """

    slope: float
    slope_interval: Interval
    intercept: float
    intercept_interval: Interval


def calibration_table(
    label: Outcomes, told: Array, bins: int = BINS, resamples: Resamples | None = None
) -> pd.DataFrame:
    """Told and observed mean in bins of equal size, lowest first.

    Returns
    -------
    pandas.DataFrame
        `rows`, `told`, `observed`; with resamples also `low` and `high` of what was observed.
    """
    parts = _parts(told, bins)
    rows = [(len(p), float(told[p].mean()), float(label[p].mean())) for p in parts]
    table = pd.DataFrame(rows, columns=["rows", "told", "observed"])
    if resamples is None:
        return table
    counts, seen, _ = _resampled_bins(label, told, parts, resamples)
    bounds = [interval(_ratio(y, n)) for y, n in zip(seen.T, counts.T, strict=True)]
    return table.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])


def expected_calibration_error(label: Outcomes, told: Array, bins: int = BINS) -> float:
    """Mean distance of told and observed mean over bins of equal size."""
    table = calibration_table(label, told, bins)
    gaps = (table["told"] - table["observed"]).abs()
    return float((gaps * table["rows"]).sum() / table["rows"].sum())


def resampled_calibration_errors(
    label: Outcomes, told: Array, resamples: Resamples, bins: int = BINS
) -> Array:
    """The expected calibration error of each resample; the bins are those of all rows."""
    counts, seen, said = _resampled_bins(label, told, _parts(told, bins), resamples)
    return np.asarray(np.abs(seen - said).sum(axis=1) / counts.sum(axis=1))


def calibration_error_interval(
    label: Outcomes, told: Array, resamples: Resamples, bins: int = BINS
) -> tuple[float, float, float]:
    """Interval of the expected calibration error, and the error that chance alone would show.

    Returns
    -------
    low, high, by_chance : float
        `by_chance`: the mean error of a model without any, on as many rows of as many customers.
    """
    counts, seen, said = _resampled_bins(label, told, _parts(told, bins), resamples)
    gaps = _ratio(seen - said, counts)
    shares = counts / counts.sum(axis=1, keepdims=True)
    samples = np.abs(seen - said).sum(axis=1) / counts.sum(axis=1)
    spread = np.nanstd(gaps, axis=0)
    # The mean of |x| of a normal x is its deviation times sqrt(2 / pi).
    by_chance = float((spread * shares.mean(axis=0)).sum() * np.sqrt(2 / np.pi))
    low, high = centred_interval(expected_calibration_error(label, told, bins), samples)
    return low, high, by_chance


def fit_line(label: Outcomes, told: Array, resamples: Resamples) -> Fit:
    """Slope and intercept with intervals; NaN where all outcomes, or all told, are the same.

    Each resample takes one Newton step from the fit of all rows, which is the fit to first order
    and needs sums over the customers alone.
    """
    nothing = (float("nan"), float("nan"))
    odds = log_odds(told)
    if not len(label) or label.all() or not label.any() or np.ptp(odds) == 0:
        return Fit(float("nan"), nothing, float("nan"), nothing)
    line = np.column_stack([odds, np.ones(len(odds))])
    both = _newton(label, line, np.zeros(len(odds)), np.array([1.0, 0.0]))
    only = _newton(label, line[:, 1:], odds, np.array([0.0]))
    slopes = _one_step(label, line, np.zeros(len(odds)), both, resamples)[:, 0]
    intercepts = _one_step(label, line[:, 1:], odds, only, resamples)[:, 0]
    return Fit(float(both[0]), interval(slopes), float(only[0]), interval(intercepts))


def _parts(told: Array, bins: int) -> list[Array]:
    return np.array_split(np.argsort(told, kind="stable"), min(bins, max(len(told), 1)))


def _resampled_bins(
    label: Outcomes, told: Array, parts: list[Array], resamples: Resamples
) -> tuple[Array, Array, Array]:
    """Weight, outcomes and told by bin, each of shape (resamples, bins)."""
    place = np.empty(len(told), dtype=np.int64)
    for number, part in enumerate(parts):
        place[part] = number
    inside = place[:, None] == np.arange(len(parts))
    columns = np.hstack([inside, inside * label[:, None], inside * told[:, None]])
    sums = resamples.sums(columns.astype(np.float64))
    counts, seen, said = np.split(sums, 3, axis=1)
    return counts, seen, said


def _ratio(above: Array, below: Array) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _gradient(label: Outcomes, line: Array, offset: Array, at: Array) -> tuple[Array, Array]:
    """Score and information of each row, shapes (rows, k) and (rows, k * k)."""
    told = expit(offset + line @ at)
    score = line * (label - told)[:, None]
    products = (line[:, :, None] * line[:, None, :]).reshape(len(line), -1)
    return score, products * (told * (1 - told))[:, None]


def _newton(label: Outcomes, line: Array, offset: Array, start: Array) -> Array:
    found, size = start, len(start)
    for _ in range(STEPS):
        score, information = _gradient(label, line, offset, found)
        step = np.linalg.solve(information.sum(axis=0).reshape(size, size), score.sum(axis=0))
        found = found + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return found


def _one_step(
    label: Outcomes, line: Array, offset: Array, at: Array, resamples: Resamples
) -> Array:
    """The coefficients of each resample, shape (resamples, k)."""
    size = len(at)
    score, information = _gradient(label, line, offset, at)
    sums = resamples.sums(np.hstack([score, information]))
    weighed = sums[:, size:].reshape(-1, size, size)
    usable = np.linalg.matrix_rank(weighed) == size
    found = np.full((len(sums), size), np.nan)
    steps = np.linalg.solve(weighed[usable], sums[usable, :size, None])[:, :, 0]
    found[usable] = at + steps
    return found
