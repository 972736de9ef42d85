"""Bootstrap by customer: rows of one customer stay together.

All figures of a model and of its peers use the same draws, so that differences are paired.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.special import expit, logit, stdtrit

from training.estimators.encoding import Array, Flags, Places
from training.estimators.losses import TINY, Outcomes

RESAMPLES = 200
CONFIDENCE = 0.95
"""Of every interval."""
Interval = tuple[float, float]


class Resamples:
    """Bootstrap resamples of customers: how often each resample draws each customer.

    Parameters
    ----------
    customers : pandas.Series
        Shape (rows,): customer id of each row.
    count : int
        Number of resamples.
    seed : int
        Seed of the draws; the same seed gives the same draws.
    """

    def __init__(self, customers: pd.Series, count: int = RESAMPLES, seed: int = 7) -> None:
        codes, names = pd.factorize(customers)
        generator, people = np.random.default_rng(seed), len(names)
        self.codes: npt.NDArray[np.int64] = codes
        # A customer's draws lie together: rows are gathered by customer, not by resample.
        self.drawn = np.zeros((people, count), dtype=np.float64)
        for place in range(count if people else 0):
            chosen = generator.integers(0, people, people)
            self.drawn[:, place] = np.bincount(chosen, minlength=people)

    def within(self, rows: Flags) -> "Resamples":
        """Restrict the same draws to the rows marked, shape (all rows,)."""
        part = object.__new__(Resamples)
        people, part.codes = np.unique(self.codes[rows], return_inverse=True)
        part.drawn = self.drawn[people]
        return part

    def weights(self) -> Iterator[Array]:
        """Yield the weights of the rows, shape (rows,), one resample after the other."""
        for drawn in self.drawn.T:
            yield drawn[self.codes]

    def sums(self, columns: Array) -> Array:
        """Sum columns over the rows, weighted, in every resample.

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k).

        Returns
        -------
        numpy.ndarray
            Shape (resamples, k).
        """
        people = len(self.drawn)
        own = [np.bincount(self.codes, column, minlength=people) for column in columns.T]
        return np.asarray(self.drawn.T @ np.column_stack(own))

    def covariance(self, columns: Array) -> Array:
        """Estimate the covariance of the sums of columns; a customer's rows are one draw.

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k): what each row adds to each sum.

        Returns
        -------
        numpy.ndarray
            Shape (k, k); infinite with fewer than two customers.
        """
        people = len(self.drawn)
        if people < 2:
            return np.full((columns.shape[1],) * 2, np.inf)
        own = np.column_stack([np.bincount(self.codes, c, minlength=people) for c in columns.T])
        return np.atleast_2d(np.cov(own, rowvar=False)) * people

    def evidence(self, label: Outcomes) -> int:
        """Count the customers with the rarer outcome; all, if all rows or none have it."""
        came = label > 0
        sides = [len(np.unique(self.codes[side])) for side in (came, ~came)]
        return min(sides) or max(sides)

    def sums_by_group(self, groups: Places, codes: Places, values: Array) -> Array:
        """Sum values by group of rows, weighted, in every resample.

        Parameters
        ----------
        groups : numpy.ndarray of int
            Shape (rows,): number of the group of each row, from 0.
        codes : numpy.ndarray of int
            Shape (rows,): `self.codes` in the order of the rows given here.
        values : numpy.ndarray
            Shape (rows,): the values to sum.

        Returns
        -------
        numpy.ndarray
            Shape (groups, resamples).
        """
        shape = (int(groups.max(initial=-1)) + 1, len(self.drawn))
        # A sparse product reads each row once for all resamples.
        return np.asarray(sparse.csr_array((values, (groups, codes)), shape) @ self.drawn)


def interval(samples: Array) -> Interval:
    """Return the 2.5 and 97.5 percentiles of the finite samples; NaN if there are none.

    The k-th smallest of n samples is the k / (n + 1) quantile of what they are drawn from; taken
    for the (k - 1) / (n - 1) one, it would lose 1 point of coverage at 200 samples.
    """
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [2.5, 97.5], method="weibull")
    return float(low), float(high)


def student_interval(figure: float, deviation: float, customers: int) -> Interval:
    """Return the 95% interval of a figure that is nearly a mean, by Student's t.

    Parameters
    ----------
    figure, deviation : float
        The figure and its standard deviation.
    customers : int
        Number of customers that both rest on.
    """
    away = float(stdtrit(max(customers - 1, 1), (1 + CONFIDENCE) / 2)) * deviation
    return figure - away, figure + away


def share_interval(figure: float, samples: Array, evidence: int) -> Interval:
    """Return the 95% interval of a figure between 0 and 1, such as an AUC: normal in log-odds.

    Parameters
    ----------
    figure : float
        The figure.
    samples : numpy.ndarray
        Shape (resamples,): its value in every resample.
    evidence : int
        Customers that it rests on (`Resamples.evidence`).
    """
    odds = logit(np.clip(samples[np.isfinite(samples)], TINY, 1 - TINY))
    if not len(odds) or not np.isfinite(figure):
        return float("nan"), float("nan")
    middle = float(logit(np.clip(figure, TINY, 1 - TINY)))
    low, high = student_interval(middle, float(odds.std(ddof=1)), min(evidence, len(odds)))
    return float(expit(low)), float(expit(high))


def wilson_interval(share: float, deviation: float, customers: int) -> Interval:
    """Return the 95% interval of a share of rows (Wilson 1927); never without width.

    The rows count as so many independent ones as would have the same deviation.

    Parameters
    ----------
    share, deviation : float
        The share of yes, and its standard deviation.
    customers : int
        Number of customers, for a share of 0 or 1, which shows no deviation.
    """
    spread = share * (1 - share)
    size = spread / deviation**2 if spread > 0 and deviation > 0 else float(customers)
    square = float(stdtrit(max(customers - 1, 1), (1 + CONFIDENCE) / 2)) ** 2
    middle = (share + square / size / 2) / (1 + square / size)
    away = np.sqrt(square * (spread / size + square / size**2 / 4)) / (1 + square / size)
    return float(middle - away), float(middle + away)
