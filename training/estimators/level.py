"""Bound a total: how many of some customers have the outcome, given their probabilities.

Two things make the number uncertain. Chance: a sum of independent outcomes of probabilities p has
the mean sum(p) and the variance sum(p * (1 - p)) (the Poisson binomial distribution). And the
level: if all log-odds are too high or too low by d, the sum is off by about d * sum(p * (1 - p)).
How large d may be is learned from the rows that the model was calibrated on: what was left over
differs by customer and from one quarter to the next, and a quarter to come is one more draw of the
same kind. This is the prediction interval of a random-effects meta-analysis. Few quarters say
little of how far quarters differ, so the standard deviation between them has a prior, half-Cauchy
(Gelman 2006, Bayesian Analysis 1, 515-534; Roever 2020, J. Stat. Softw. 93(6)), and the margin is
taken over its posterior.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from training.estimators.encoding import Array, Flags

if TYPE_CHECKING:
    import pandas as pd

Z95 = 1.959963984540054
"""Standard deviations to either side that hold 95% of a normal distribution."""
BETWEEN = 0.05
"""Median, before any row is seen, of the standard deviation between quarters, in log-odds. Measured
(DerSimonian and Laird 1986): 0 to 0.08 in eight of ten models (ADR 66)."""
STEPS = 400
"""Deviations between quarters that the posterior is computed at, equally likely before."""


def level_margin(
    outcome: Flags, predicted: Array, customers: "pd.Series[str]", dates: "pd.Series[object]"
) -> float:
    """Estimate how far the log-odds of all rows of a later quarter may be off together.

    Parameters
    ----------
    outcome, predicted : numpy.ndarray
        Shape (rows,): outcomes, and calibrated probabilities inside (0, 1), of rows that the parts
        of the model were not fitted on.
    customers, dates : pandas.Series
        Shape (rows,): customer id and date of each row. Rows of one customer are not independent.

    Returns
    -------
    float
        95% margin in log-odds, to either side.
    """
    import pandas as pd

    left_over = np.asarray(outcome, np.float64) - predicted
    weight = predicted * (1 - predicted)
    quarters, names = pd.factorize(pd.to_datetime(dates).dt.to_period("Q"))
    people, _ = pd.factorize(customers)
    sums = np.bincount(quarters, weight)
    levels = np.bincount(quarters, left_over) / sums
    variances = np.array(
        [
            _variance(left_over[rows], weight[rows], people[rows])
            for rows in (quarters == quarter for quarter in range(len(names)))
        ]
    )
    known = variances > 0
    between, likely = _between(levels[known], variances[known])
    # The level that was fitted is the mean of these quarters', and the next one is another draw.
    draws = 1 + float((sums**2).sum() / sums.sum() ** 2)
    return _quantile(_variance(left_over, weight, people) + draws * between, likely)


def interval_of_total(probabilities: Array, margin: float) -> tuple[float, float]:
    """Compute the 95% prediction interval of how many of some customers have the outcome.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Shape (customers,): calibrated probabilities, one of each customer.
    margin : float
        What `level_margin` estimated of the model, in log-odds.

    Returns
    -------
    (float, float)
        The nearest whole numbers, since counts are whole: a count up to half beyond an end is
        within. Between 0 and the number of customers.

    Examples
    --------
    >>> interval_of_total(np.full(100, 0.5), 0.0)
    (40.0, 60.0)
    >>> interval_of_total(np.full(100, 0.5), 0.4)
    (36.0, 64.0)
    """
    total, chance = float(probabilities.sum()), float((probabilities * (1 - probabilities)).sum())
    half = math.hypot(Z95 * math.sqrt(chance), margin * chance)
    low, high = max(total - half, 0.0), min(total + half, float(len(probabilities)))
    return float(round(low)), float(round(high))


def _variance(left_over: Array, weight: Array, people: Array) -> float:
    """Compute the variance of the level of some rows, with rows of a customer taken together."""
    own = np.bincount(people, left_over - left_over.sum() * weight / weight.sum())
    return float((own**2).sum() / weight.sum() ** 2)


def _between(levels: Array, variances: Array) -> tuple[Array, Array]:
    """Compute the posterior of the variance between levels: variances, and how likely each is."""
    middles = (np.arange(STEPS) + 0.5) / STEPS
    between = (BETWEEN * np.tan(np.pi / 2 * middles)) ** 2
    if len(levels) < 2:
        return between, np.full(STEPS, 1 / STEPS)
    weights = 1 / (variances + between[:, None])
    sums = weights.sum(axis=1)
    # Restricted likelihood: the mean of all levels is not known.
    means = (weights * levels).sum(axis=1) / sums
    fit = np.log(weights).sum(axis=1) - np.log(sums)
    fit -= (weights * (levels - means[:, None]) ** 2).sum(axis=1)
    likely = np.exp((fit - fit.max()) / 2)
    return between, likely / likely.sum()


def _quantile(variances: Array, likely: Array) -> float:
    """Find what 95% of a mixture of normal distributions around 0 are within."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    deviations = np.sqrt(variances)
    if deviations.max() == 0:
        return 0.0
    most = Z95 * float(deviations.max())
    return float(brentq(lambda far: float(likely @ ndtr(far / deviations)) - 0.975, 0.0, most))
