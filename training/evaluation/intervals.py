"""Bound figures at 95%; rows of one customer stay together.

The noise of a figure is, to first order, a sum over rows of what each adds to it (its influence
function, Hampel 1974). Summed by customer, it gives the figure's variance, and that of differences,
without resampling (the infinitesimal jackknife, Efron 1982).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, stdtrit

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes

CONFIDENCE = 0.95
"""Of every interval."""
LEAST_SKEWED = 1e-6
"""Skewness from which an interval is bent."""
LEAST_REST = 1e-6
"""Least share of all amounts that the others have."""
FEWEST_PAID = 250
"""Customers that a Gini of amounts needs, else it stands without an interval: among fewer, large
amounts are too few. Intervals held .92 with 160 customers and .94 with 240."""
Interval = tuple[float, float]
Spread = tuple[float, float, float]
"""Deviation of a figure, customers that it rests on, and its skewness."""


class Customers:
    """Customers of rows, whose rows are one draw.

    Parameters
    ----------
    customers : pandas.Series
        Shape (rows,): customer id of each row.

    Attributes
    ----------
    codes : numpy.ndarray of int
        Shape (rows,): number of each row's customer, from 0.
    count : int
        Number of customers.
    """

    def __init__(self, customers: pd.Series) -> None:
        codes, names = pd.factorize(customers)
        self.codes: npt.NDArray[np.int64] = codes
        self.count = len(names)

    def within(self, rows: Flags) -> "Customers":
        """Restrict to the rows marked, shape (all rows,)."""
        return Customers(pd.Series(self.codes[rows]))

    def deviations(self, columns: Array) -> Array:
        """Estimate the standard deviations of the sums of columns, as `covariance` does.

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k): what each row adds to each sum.

        Returns
        -------
        numpy.ndarray
            Shape (k,); infinite with fewer than two customers.
        """
        if self.count < 2:
            return np.full(columns.shape[1], np.inf)
        return np.asarray(self._own(columns).std(axis=0, ddof=1) * np.sqrt(self.count))

    def spreads(self, columns: Array, amounts: Array | None = None) -> list[Spread]:
        """Estimate deviation, evidence and skewness of the sums of columns.

        Where few customers make most of the noise, its deviation is known as badly as if there were
        few: their number is the one that makes the variance of a variance what it is (as in
        Satterthwaite 1946).

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k): what each row adds to each sum.
        amounts : numpy.ndarray, optional
            Shape (rows,), not negative: of figures that are shares of the sum of amounts, such as a
            Gini or a lift. Without a customer who has a share h of that sum, such a figure differs
            by what they add over 1 - h (the delete-one jackknife, Miller 1974); to first order the
            noise of few large amounts would be taken for too small.

        Returns
        -------
        list of (float, float, float)
            Of each column; deviation, customers and skewness as in `student_interval`.
        """
        if self.count < 2:
            return [(float("inf"), 2.0, 0.0)] * columns.shape[1]
        own = self._own(columns)
        if amounts is not None:
            shares = self._own(amounts[:, None]) / (amounts.sum() or np.inf)
            own /= np.maximum(1 - shares, LEAST_REST)
        away = own - own.mean(axis=0)
        squared = away * away
        second, third, fourth = (
            powers.sum(axis=0) for powers in (squared, squared * away, squared * squared)
        )
        varies = second > 0
        scale = np.where(varies, second, 1.0)
        with np.errstate(divide="ignore"):
            freedom = 2 / np.maximum(fourth / scale**2 - 1 / self.count, 0.0)
        freedom = np.where(varies, np.clip(freedom, 1, self.count - 1), self.count - 1)
        skewness = np.where(varies, third / scale**1.5, 0.0)
        deviations = np.sqrt(second * self.count / (self.count - 1))
        return list(
            zip(deviations.tolist(), (freedom + 1).tolist(), skewness.tolist(), strict=True)
        )

    def resting(self, columns: Array) -> float:
        """Count the customers that each of several gaps rests on, on average.

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k): what each row adds to each gap, of disjoint rows.
        """
        evidence = np.mean([customers for _, customers, _ in self.spreads(columns)])
        return float(np.fmin(evidence, self.count / columns.shape[1]))

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
        if self.count < 2:
            return np.full((columns.shape[1],) * 2, np.inf)
        return np.atleast_2d(np.cov(self._own(columns), rowvar=False)) * self.count

    def _own(self, columns: Array) -> Array:
        """Sum columns over the rows of each customer, shape (customers, k)."""
        return np.column_stack(
            [np.bincount(self.codes, c, minlength=self.count) for c in columns.T]
        )

    def evidence(self, label: Outcomes) -> int:
        """Count the customers with the rarer outcome; all, if all rows or none have it."""
        came = label > 0
        sides = [len(np.unique(self.codes[side])) for side in (came, ~came)]
        return min(sides) or max(sides)


def pool_evidence(spreads: Iterable[Spread]) -> float:
    """Count the customers that the variances of several figures rest on together.

    What noise adds to a distance is the sum of the variances of its gaps. That sum is known better
    than any of them, the largest counting most (Satterthwaite 1946).

    Parameters
    ----------
    spreads : iterable of (float, float, float)
        Of figures of customers that are not the same (`Customers.spreads`).

    Returns
    -------
    float
        Infinite if no figure varies.

    Examples
    --------
    >>> pool_evidence([(2.0, 11.0, 0.0), (2.0, 11.0, 0.0)])
    21.0
    >>> pool_evidence([(2.0, 11.0, 0.0), (0.0, 5.0, 0.0)])
    11.0
    """
    deviations, customers, _ = np.array(list(spreads)).T
    variances = deviations**2
    uncertain = float((variances**2 / np.maximum(customers - 1, 1)).sum())
    return 1 + float(variances.sum()) ** 2 / uncertain if uncertain > 0 else float("inf")


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


def student_interval(
    figure: float, deviation: float, customers: float, skewness: float = 0.0
) -> Interval:
    """Return the 95% interval of a figure that is nearly a mean, by Student's t.

    A skewed figure reaches further to one side: by Hall's transformation (1992, "On the removal of
    skewness by transformation").

    Parameters
    ----------
    figure, deviation : float
        The figure and its standard deviation.
    customers : float
        Number of customers that both rest on.
    skewness : float
        Skewness of the figure's noise (`Customers.spreads`).
    """
    away = float(stdtrit(max(customers - 1, 1), (1 + CONFIDENCE) / 2))
    if abs(skewness) < LEAST_SKEWED:
        return figure - away * deviation, figure + away * deviation
    bend, shift = skewness / 3, skewness / 6
    high, low = (np.cbrt(1 + 3 * bend * (side - shift)) - 1 for side in (away, -away))
    return figure - float(high) / bend * deviation, figure - float(low) / bend * deviation


def share_interval(
    figure: float, deviation: float, customers: float, skewness: float = 0.0
) -> Interval:
    """Return the 95% interval of a figure between 0 and 1, such as an AUC: normal in log-odds.

    Parameters
    ----------
    figure, deviation : float
        The figure and its standard deviation; at 0 and 1 there is none.
    customers : int
        Customers that it rests on (`Customers.spreads`).
    skewness : float
        As in `student_interval`.
    """
    spread = figure * (1 - figure)
    if not spread > 0:
        return student_interval(figure, deviation, customers)
    low, high = student_interval(float(logit(figure)), deviation / spread, customers, skewness)
    return float(expit(low)), float(expit(high))


def order_is_bounded(people: Customers, kind: Kind) -> bool:
    """Check that an interval of an AUC or a Gini would hold: not that of few amounts."""
    return kind != "amount" or people.count >= FEWEST_PAID


def order_interval(figure: float, spread: Spread, people: Customers, kind: Kind) -> Interval:
    """Return the 95% interval of an AUC (0 to 1), or of the Gini of counts and amounts (-1 to 1).

    Parameters
    ----------
    figure : float
        The AUC or the Gini.
    spread : (float, float, float)
        Of the figure (`Customers.spreads`).
    people : Customers
        Customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    (float, float)
        NaN of amounts of fewer than `FEWEST_PAID` customers.
    """
    if not order_is_bounded(people, kind):
        return float("nan"), float("nan")
    if kind == "probability":
        return share_interval(figure, *spread)
    deviation, customers, skewness = spread
    low, high = share_interval((figure + 1) / 2, deviation / 2, customers, skewness)
    return 2 * low - 1, 2 * high - 1


def ratio_interval(
    figure: float, deviation: float, customers: float, skewness: float = 0.0
) -> Interval:
    """Return the 95% interval of a figure above 0, such as a ratio of sums: normal in its log.

    Parameters
    ----------
    figure, deviation : float
        The figure and its standard deviation.
    customers : float
        Number of customers that both rest on.
    skewness : float
        As in `student_interval`.
    """
    low, high = student_interval(0.0, deviation / figure, customers, skewness)
    return figure * float(np.exp(low)), figure * float(np.exp(high))


def wilson_interval(share: float, deviation: float, customers: float) -> Interval:
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
