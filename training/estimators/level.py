"""Bound a total: how many of some customers have the outcome, given their probabilities.

Two things make the number uncertain. Chance: a sum of independent outcomes of probabilities p has
the mean sum(p) and the variance sum(p * (1 - p)) (the Poisson binomial distribution). And the
level: if all log-odds are too high or too low by d, the sum is off by about d * sum(p * (1 - p)).
How large d may be is learned from the rows that the model was calibrated on: what was left over
differs by customer and from one quarter to the next. A quarter to come is one more draw of the
same kind, as in the prediction interval of a random-effects meta-analysis, with Student's t
(Higgins, Thompson and Spiegelhalter 2009, J. R. Stat. Soc. A 172, 137-159; with one degree of
freedom more it covers here). The variance between quarters is the moment estimator of DerSimonian
and Laird (1986, Control. Clin. Trials 7, 177-188).
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from training.estimators.encoding import Array, Flags

if TYPE_CHECKING:
    import pandas as pd

Z95 = 1.959963984540054
"""Standard deviations to either side that hold 95% of a normal distribution."""


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
    from scipy.special import stdtrit

    left_over = np.asarray(outcome, np.float64) - predicted
    weight = predicted * (1 - predicted)
    quarters, names = pd.factorize(pd.to_datetime(dates).dt.to_period("Q"))
    people, _ = pd.factorize(customers)
    levels, variances = [], []
    for quarter in range(len(names)):
        rows = quarters == quarter
        levels.append(left_over[rows].sum() / weight[rows].sum())
        variances.append(_variance(left_over[rows], weight[rows], people[rows]))
    known = np.array(variances) > 0
    between = _between(np.array(levels)[known], np.array(variances)[known])
    quantile = float(stdtrit(max(len(names) - 1, 1), 0.975))
    return quantile * math.sqrt(_variance(left_over, weight, people) + between)


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


def _between(levels: Array, variances: Array) -> float:
    """Estimate the variance of levels beyond what their own variances explain; 0 of one level."""
    if len(levels) < 2:
        return 0.0
    weights = 1 / variances
    mean = (weights * levels).sum() / weights.sum()
    spread = float((weights * (levels - mean) ** 2).sum())
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(0.0, (spread - (len(levels) - 1)) / scale)
