"""Judge offices by what they reached against what was expected of their terms.

Each office gives four sums over its terms: the renewals, and of the probabilities p of the terms
the sums of p, of p(1 - p) and of p(1 - p)(1 - 2p). No term is needed besides, so a database can add
them up. What moved all offices alike (a price, a holiday, a model that is a little off) is taken
out first; what is left is compared with chance and with how much offices differ as a rule.

An office lies outside its bounds if its difference is further out than 95 in 100 offices that
differ by chance and by the usual spread (a funnel plot, Spiegelhalter 2005). Under no difference 5
in 100 do, which `benchmarks/office_coverage.py` shows.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, ndtri

Array = npt.NDArray[np.float64]
CONFIDENCE = 0.95
QUANTILE = float(ndtri((1 + CONFIDENCE) / 2))
STEPS = 20
"""Newton steps for the common shift; it converges in three or four."""
TRIMMED = 0.1
"""Share of the offices at each end that count only as the next ones inside, so that one outlier
does not widen the bounds by which it is judged."""
FEWEST_OFFICES = 5
"""Fewer offices do not show how much offices differ as a rule."""


@dataclass(frozen=True)
class Comparison:
    """Offices against what was expected of them; arrays have the shape (offices,).

    Attributes
    ----------
    shift : float
        By how much the log-odds of all offices together lie above the expected ones.
    expected : numpy.ndarray
        Renewals expected after the common shift; they add up to those observed.
    score : numpy.ndarray
        Standard score of the difference by chance alone; NaN for an office without chance.
    spread : float
        Standard deviation of the offices' true log-odds as estimated; 0: no more than chance.
    low, high : numpy.ndarray
        Bounds of the renewals: outside of them lie 5 in 100 offices of the usual spread.
    outside : numpy.ndarray of bool
        Whether an office lies outside of its bounds.
    shrunk : numpy.ndarray
        Difference in renewals, shrunk towards 0 by as much as it is likely to be chance.
    shrunk_low, shrunk_high : numpy.ndarray
        95% interval of `shrunk`.
    """

    shift: float
    expected: Array
    score: Array
    spread: float
    low: Array
    high: Array
    outside: npt.NDArray[np.bool_]
    shrunk: Array
    shrunk_low: Array
    shrunk_high: Array


def compare_offices(
    observed: npt.ArrayLike,
    expected: npt.ArrayLike,
    variance: npt.ArrayLike,
    skewness: npt.ArrayLike,
) -> Comparison:
    """Compare offices with what was expected of their terms, and with each other.

    Parameters
    ----------
    observed : array_like
        Shape (offices,): terms renewed.
    expected, variance, skewness : array_like
        Shape (offices,): sums over the terms of p, of p(1 - p), of p(1 - p)(1 - 2p).

    Raises
    ------
    ValueError
        If the arrays differ in length, or a variance is negative.
    """
    seen, hoped, chance, third = (
        np.atleast_1d(np.asarray(values, np.float64))
        for values in (observed, expected, variance, skewness)
    )
    if not len(seen) == len(hoped) == len(chance) == len(third):
        raise ValueError("offices have a number each in all four arrays")
    if (chance < 0).any():
        raise ValueError("a variance is not negative")
    shift = common_shift(seen, hoped, chance, third)
    hoped = hoped + shift * chance + shift**2 / 2 * third
    chance = np.maximum(chance + shift * third, 0.0)
    free = chance > 0
    total = chance.sum()
    # The shift was fitted to the same offices: each has moved it a little its own way.
    own = np.where(free, chance * (1 - chance / total), 0.0) if free.sum() > 1 else 0.0 * chance
    score = np.full(len(seen), np.nan)
    rows = own > 0
    score[rows] = (seen[rows] - hoped[rows]) / np.sqrt(own[rows])
    excess = between_variance(score[rows], own[rows])
    wider = np.sqrt(1 + excess * own)
    with np.errstate(invalid="ignore"):
        outside = np.abs(score) / wider > QUANTILE
    half = QUANTILE * np.sqrt(own) * wider
    weight = excess * own / (1 + excess * own)
    shrunk = np.where(rows, (seen - hoped) * weight, 0.0)
    spread = QUANTILE * np.sqrt(own * weight)
    return Comparison(
        shift=shift,
        expected=hoped,
        score=score,
        spread=float(np.sqrt(excess)),
        low=hoped - half,
        high=hoped + half,
        outside=outside,
        shrunk=shrunk,
        shrunk_low=shrunk - spread,
        shrunk_high=shrunk + spread,
    )


def common_shift(seen: Array, hoped: Array, chance: Array, third: Array) -> float:
    """Find the shift of all log-odds at which the expected renewals add up to those observed.

    The sum of p grows by its variance for a small shift, and that by the third sum: a parabola. If
    it does not reach the observed sum, the shift at its summit is taken.

    Parameters
    ----------
    seen, hoped, chance, third : numpy.ndarray
        As in `compare_offices`.
    """
    gap, slope, bend = float((seen - hoped).sum()), float(chance.sum()), float(third.sum())
    if slope <= 0:
        return 0.0
    shift = gap / slope
    for _ in range(STEPS):
        steepness = slope + shift * bend
        if steepness < slope / 4:
            # Beyond this the parabola says nothing of the logistic curve any more.
            return float(np.clip(shift, -1.0, 1.0))
        shift -= (shift * slope + shift**2 / 2 * bend - gap) / steepness
    return shift


def between_variance(score: Array, information: Array) -> float:
    """Estimate the variance of the offices' true log-odds beyond chance; 0 if chance explains it.

    By the method of moments (DerSimonian and Laird 1986) on scores whose outer tenths are pulled in
    (Spiegelhalter 2005). It counts only where the offices differ more than chance does in 19 of 20
    months: an estimate that is positive by chance would make the bounds too wide.

    Parameters
    ----------
    score : numpy.ndarray
        Standard scores of the offices by chance alone.
    information : numpy.ndarray
        Variance of the renewals of each, the inverse variance of its log-odds.
    """
    count = len(score)
    if count < FEWEST_OFFICES:
        return 0.0
    low, high = np.quantile(score, [TRIMMED, 1 - TRIMMED])
    squares = np.clip(score, low, high) ** 2
    mean, variance = _moments_of_trimmed(TRIMMED)
    statistic = float(squares.sum()) / mean
    degrees = 2 * count * mean**2 / variance
    if statistic <= (count - 1) * float(chdtri(degrees, 1 - CONFIDENCE)) / degrees:
        return 0.0
    weight = information.sum()
    free = weight - (information**2).sum() / weight
    return max(0.0, (statistic - (count - 1)) / float(free))


def _moments_of_trimmed(share: float) -> tuple[float, float]:
    """Compute the mean of the square of a standard normal that is cut at two quantiles of a sample,
    and the variance of a row's influence on that mean.

    The quantiles are the sample's own and move with it, which more than doubles the variance.
    """
    edge = float(ndtri(1 - share))
    density = math.exp(-(edge**2) / 2) / math.sqrt(2 * math.pi)
    inner = 1 - 2 * share
    mean = inner - 2 * edge * density + 2 * share * edge**2
    fourth = 3 * (inner - 2 * edge * density) - 2 * edge**3 * density + 2 * share * edge**4
    pull = 2 * share * edge / density
    outer = 2 * share * inner
    shared = 2 * share * (edge**2 - mean)
    return mean, fourth - mean**2 + pull**2 * outer + 2 * pull * shared
