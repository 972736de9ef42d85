"""Estimate distances that cannot be negative: the root mean square of several gaps.

Noise moves every gap away from 0 and so makes a distance larger, most of all where the true one is
small. Its square is too large by the sum of the gaps' variances, which is taken off (Brocker 2012,
"Estimating reliability and resolution of probability forecasts"; Kumar, Liang and Ma 2019,
"Verified uncertainty calibration"). Resampling adds the same noise a second time, so the interval
inverts a test instead: it holds every size at which a distance like the one observed is no
surprise.

A mean of absolute gaps, and a largest one, have no such interval: how much noise adds to them
depends on how the true distance is spread over the gaps, which nobody knows. In trials their
intervals covered 78 to 97%, those of the root mean square 92 to 97%.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.estimators.encoding import Array
from training.evaluation.intervals import CONFIDENCE, Interval

DRAWS = 2000
"""Draws of noise that a distribution is taken from."""
STEPS = 18
"""Halvings of a search."""
WIDEST = 14.0
"""Powers of e by which a gap may be scaled."""


@dataclass(frozen=True)
class Distance:
    """A distance that cannot be negative.

    Attributes
    ----------
    value : float
        Root mean square of the true gaps, estimated: without what noise adds; at least 0.
    interval : tuple of float
        Its 95% interval.
    by_chance : float
        What noise alone shows, on average, where the true distance is 0.
    """

    value: float
    interval: Interval
    by_chance: float


UNKNOWN = Distance(float("nan"), (float("nan"), float("nan")), float("nan"))


def noise(covariance: Array, customers: float = np.inf, seed: int = 7) -> Array:
    """Draw noise of an estimated covariance.

    Parameters
    ----------
    covariance : numpy.ndarray
        Shape (k, k).
    customers : float
        Customers that a variance was estimated from: with few, large noise is more frequent than
        the normal distribution has it (Student's t).
    seed : int
        Seed of the draws.

    Returns
    -------
    numpy.ndarray
        Shape (`DRAWS`, k).
    """
    values, vectors = np.linalg.eigh(covariance)
    draws = _standard(len(covariance), customers, seed)
    return np.asarray(draws @ (vectors * np.sqrt(np.maximum(values, 0.0))).T)


def root_mean_square(
    gaps: Array, weights: Array, covariance: Array, customers: float = np.inf
) -> Distance:
    """Estimate the root mean square of true gaps, with its interval.

    Parameters
    ----------
    gaps, weights : numpy.ndarray
        Shape (k,): observed gaps; their weights, of sum 1.
    covariance : numpy.ndarray
        Shape (k, k): covariance of the gaps.
    customers : float
        Customers that each gap rests on, as in `noise`.

    Returns
    -------
    Distance
        NaN if a gap is.
    """
    if not np.isfinite(gaps).all() or not np.isfinite(covariance).all():
        return UNKNOWN
    scale = np.sqrt(weights)
    variances, axes = np.linalg.eigh(scale[:, None] * covariance * scale)
    variances = np.maximum(variances, 0.0)
    # Along these axes the square is a plain sum, and the noises do not depend on each other.
    along = axes.T @ (scale * gaps)
    drawn = _standard(len(gaps), customers) * np.sqrt(variances)
    square, added = float(along @ along), float(variances.sum())
    value = float(np.sqrt(max(square - added, 0.0)))
    if not variances.any():
        return Distance(value, (value, value), 0.0)
    squares = (drawn**2).sum(axis=1)
    clear = max(float(np.sqrt(np.quantile(squares, CONFIDENCE))), 1e-12)

    def at(power: float) -> tuple[float, float]:
        gap = _likeliest(along, variances, power)
        size = float(gap @ gap)
        share = (squares + 2 * (drawn @ gap) + size <= square).mean()
        return float(np.sqrt(size)), float(share)

    low, high = invert(at, clear, (-WIDEST, WIDEST))
    return Distance(min(max(value, low), high), (low, high), float(np.sqrt(added)))


def _likeliest(observed: Array, variances: Array, power: float) -> Array:
    """Return the true gaps that are likeliest among those of the same size; larger by a power of e.

    Where a gap is noisier, more of what is missing to the size is put there: observed gaps all
    scaled alike would hide noise just where it was small by chance. (Chuang and Lai 2000, "Hybrid
    resampling methods for confidence intervals".)
    """
    factor = np.exp(power)  # of the noisiest gap; one without noise stays as it is
    return np.asarray(observed * factor / (factor + (1 - factor) * variances / variances.max()))


def invert(
    at: Callable[[float], tuple[float, float]], clear: float, between: tuple[float, float]
) -> Interval:
    """Return the sizes at which a figure as observed is no surprise: a 95% interval, at least 0.

    The probability of error of 5% is spent on both sides alike once the size is clear of noise, and
    on one side at 0, where it cannot be missed on the other (as in Feldman and Cousins 1998,
    "Unified approach to the classical statistical analysis of small signals").

    Parameters
    ----------
    at : Callable[[float], tuple[float, float]]
        Maps a place on a line to a true size, rising, and to the probability of a figure up to the
        observed one if that is true, falling.
    clear : float
        Size from which noise alone rarely shows as much.
    between : tuple of float
        Places of a size of 0 and of one larger than the interval can hold.
    """

    def crossing(level: Callable[[float], float]) -> float:
        low, high = between
        size, share = at(low)
        if share <= level(size):
            return 0.0
        for _ in range(STEPS):
            middle = (low + high) / 2
            size, share = at(middle)
            low, high = (middle, high) if share > level(size) else (low, middle)
        return size

    def spent(size: float) -> float:
        return (1 - CONFIDENCE) / 2 * min(1.0, size / clear)

    return crossing(lambda size: CONFIDENCE + spent(size)), crossing(spent)


def typical_difference(values: Array, covariance: Array, customers: float = np.inf) -> Distance:
    """Estimate the typical difference of two of several values: root mean square over all pairs.

    Of two values it is their difference.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (k,): observed values, k >= 2.
    covariance : numpy.ndarray
        Shape (k, k): their covariance.
    customers : float
        Customers that a value rests on, as in `noise`.
    """
    first, second = np.triu_indices(len(values), 1)
    pairs = np.eye(len(values))[first] - np.eye(len(values))[second]
    weights = np.full(len(pairs), 1 / len(pairs))
    return root_mean_square(pairs @ values, weights, pairs @ covariance @ pairs.T, customers)


def _standard(size: int, customers: float, seed: int = 7) -> Array:
    generator, freedom = np.random.default_rng(seed), max(customers - 1, 2.0)
    if not np.isfinite(freedom):
        return generator.standard_normal((DRAWS, size))
    return generator.standard_t(freedom, (DRAWS, size))
