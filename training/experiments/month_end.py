"""Forecast how many of the terms of a month are renewed in the end, with a prediction interval.

What is renewed already is counted. An open term is renewed with its probability, which is off by
two things: chance, and what moves all terms of a month alike. The second is estimated from months
that are over, as the spread of their log-odds around what their probabilities said.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr

CONFIDENCE = 0.95
SPREADS = np.linspace(0.0, 1.5, 61)
"""Spreads of months that are weighed, in log-odds."""
USUAL_SPREAD = 0.5
"""Scale of the half-normal prior of the spread: a month that moves odds by a factor of 2.7 is rare
anywhere."""
MOVES = 61
"""Points of the grid over the shift of the month."""
WIDEST = 4.0
"""How many deviations the grid covers to each side."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """What may move all terms of the coming month alike, in log-odds.

    Attributes
    ----------
    moves, weights : numpy.ndarray
        Shape (points,): possible shifts, and the probability of each.
    months : int
        Months that it was learned from.
    """

    moves: Array
    weights: Array
    months: int

    @property
    def mean(self) -> float:
        """The expected shift."""
        return float(self.weights @ self.moves)


@dataclass(frozen=True)
class Forecast:
    """Renewals of a month at its end.

    Attributes
    ----------
    mean : float
        Expected number of renewals.
    low, high : int
        95% prediction interval.
    """

    mean: float
    low: int
    high: int


NO_SHIFT = Shift(np.zeros(1), np.ones(1), 0)
"""The probabilities are taken at their word: there is no month to learn from."""


def estimate_shift(
    observed: npt.ArrayLike, expected: npt.ArrayLike, variance: npt.ArrayLike
) -> Shift:
    """Estimate what may move the terms of the coming month alike, from months that are over.

    The shift of a month is normal around a common mean; how far months spread is weighed by how
    well it explains them, so that few months give wide tails.

    Parameters
    ----------
    observed : array_like
        Shape (months,): renewals.
    expected, variance : array_like
        Shape (months,): sums over the terms of p and of p(1 - p).
    """
    seen, hoped, chance = (
        np.atleast_1d(np.asarray(values, np.float64)) for values in (observed, expected, variance)
    )
    rows = chance > 0
    if rows.sum() < 2:
        return NO_SHIFT
    information = chance[rows]
    moves = (seen - hoped)[rows] / information
    precision = 1 / (1 / information[None, :] + SPREADS[:, None] ** 2)
    total = precision.sum(axis=1)
    means = (precision @ moves) / total
    misfit = (precision * (moves[None, :] - means[:, None]) ** 2).sum(axis=1)
    likely = 0.5 * (np.log(precision).sum(axis=1) - np.log(total) - misfit)
    likely -= 0.5 * (SPREADS / USUAL_SPREAD) ** 2
    belief = np.exp(likely - likely.max())
    belief /= belief.sum()
    deviations = np.sqrt(SPREADS**2 + 1 / total)
    centre = float(belief @ means)
    wide = WIDEST * float(np.sqrt(belief @ (deviations**2 + (means - centre) ** 2)))
    grid = np.linspace(centre - wide, centre + wide, MOVES)
    density = belief / deviations
    height = np.exp(-0.5 * ((grid[:, None] - means[None, :]) / deviations[None, :]) ** 2) @ density
    return Shift(grid, height / height.sum(), int(rows.sum()))


def forecast_renewals(
    renewed: int, probabilities: npt.ArrayLike, shift: Shift = NO_SHIFT
) -> Forecast:
    """Forecast the renewals of a month from what is renewed and the probabilities of open terms.

    Given the common shift the number is a sum of independent yes and no (Poisson-binomial); the
    shift is integrated out over a grid.

    Parameters
    ----------
    renewed : int
        Terms of the month that are renewed already.
    probabilities : array_like
        Shape (open terms,): probability of each to be renewed.
    shift : Shift
        What may move all terms alike; its mean is applied, its uncertainty widens the interval.

    Raises
    ------
    ValueError
        If a probability is not between 0 and 1.
    """
    p = np.asarray(probabilities, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a probability lies between 0 and 1")
    if not len(p):
        return Forecast(float(renewed), renewed, renewed)
    odds = logit(np.clip(p, 1e-9, 1 - 1e-9))
    weights = shift.weights
    shifted = expit(odds[None, :] + shift.moves[:, None])
    means, variances = shifted.sum(axis=1), (shifted * (1 - shifted)).sum(axis=1)
    count = np.arange(len(p) + 1)
    below = _normal_below(count, means, variances)
    below = weights @ below
    tail = (1 - CONFIDENCE) / 2
    low = int(np.searchsorted(below, tail, side="right"))
    high = int(np.searchsorted(below, 1 - tail, side="left"))
    return Forecast(renewed + float(weights @ means), renewed + low, renewed + min(high, len(p)))


def _normal_below(count: npt.NDArray[np.int64], means: Array, variances: Array) -> Array:
    """Compute the probability of at most `count`, shape (nodes, counts), by the normal law."""
    deviations = np.sqrt(np.maximum(variances, 1e-12))
    return np.asarray(ndtr((count[None, :] + 0.5 - means[:, None]) / deviations[:, None]))
