"""Bound a total: how many of some customers have the outcome, given their probabilities.

Two things make the number uncertain. Chance: a sum of independent outcomes of probabilities p has
the mean sum(p) and the variance sum(p * (1 - p)) (the Poisson binomial distribution). And the
level: if all log-odds are too high or too low by d, the sum is off by about d * sum(p * (1 - p)).
How large d may be is learned from the rows that the model was calibrated on: what was left over
differs by customer and from one quarter to the next. A quarter to come is one more draw of the
same kind, as in the prediction interval of a random-effects meta-analysis (Higgins, Thompson and
Spiegelhalter 2009, J. R. Stat. Soc. A 172, 137-159); the variance between quarters is the moment
estimator of DerSimonian and Laird (1986, Control. Clin. Trials 7, 177-188).
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from training.estimators.encoding import Array, Flags

if TYPE_CHECKING:
    import pandas as pd

Z95 = 1.959963984540054
"""Standard deviations to either side that hold 95% of a normal distribution."""


def level_deviation(
    outcome: Flags, predicted: Array, customers: "pd.Series[str]", dates: "pd.Series[object]"
) -> float:
    """Estimate how far the log-odds of all rows of a later quarter may be off together.

    Parameters
    ----------
    outcome, predicted : numpy.ndarray
        Shape (rows,): outcomes and calibrated probabilities of rows that the parts of the model
        were not fitted on.
    customers, dates : pandas.Series
        Shape (rows,): customer id and date of each row. Rows of one customer are not independent.

    Returns
    -------
    float
        Standard deviation in log-odds; infinite without rows whose outcome is in doubt.
    """
    import pandas as pd

    left_over = np.asarray(outcome, np.float64) - predicted
    doubt = predicted * (1 - predicted)
    if not doubt.sum() > 0:
        return math.inf
    quarters, names = pd.factorize(pd.to_datetime(dates).dt.to_period("Q"))
    people, _ = pd.factorize(customers)
    of_all = _variance(left_over, doubt, people)
    levels, variances = [], []
    for quarter in range(len(names)):
        rows = quarters == quarter
        variance = _variance(left_over[rows], doubt[rows], people[rows])
        if variance > 0:
            levels.append(left_over[rows].sum() / doubt[rows].sum())
            variances.append(variance)
    return math.sqrt(of_all + _between(np.array(levels), np.array(variances)))


def interval_of_total(probabilities: Array, deviation: float) -> tuple[float, float]:
    """Compute the 95% prediction interval of how many of some customers have the outcome.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Shape (customers,): calibrated probabilities, one of each customer.
    deviation : float
        What `level_deviation` estimated of the model, in log-odds.

    Returns
    -------
    (float, float)
        Whole numbers, rounded outwards: between 0 and the number of customers.

    Examples
    --------
    >>> interval_of_total(np.full(100, 0.5), 0.0)
    (40.0, 60.0)
    >>> interval_of_total(np.full(100, 0.5), 0.2)
    (36.0, 64.0)
    """
    total, chance = float(probabilities.sum()), float((probabilities * (1 - probabilities)).sum())
    # Nobody in doubt: then no error of the level moves the sum.
    level = deviation * chance if chance else 0.0
    half = Z95 * math.sqrt(chance + level**2)
    low, high = max(total - half, 0.0), min(total + half, float(len(probabilities)))
    return float(math.floor(low)), float(math.ceil(high))


def _variance(left_over: Array, doubt: Array, people: Array) -> float:
    """Compute the variance of the level of some rows, with rows of a customer taken together."""
    own = np.bincount(people, left_over - left_over.sum() * doubt / doubt.sum())
    return float((own**2).sum() / doubt.sum() ** 2)


def _between(levels: Array, variances: Array) -> float:
    """Estimate the variance of levels beyond what their own variances explain; 0 of one level."""
    if len(levels) < 2:
        return 0.0
    weights = 1 / variances
    mean = (weights * levels).sum() / weights.sum()
    spread = float((weights * (levels - mean) ** 2).sum())
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(0.0, (spread - (len(levels) - 1)) / scale)
