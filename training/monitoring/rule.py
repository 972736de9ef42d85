"""Decide which figures are alerts: beyond their bound, and beyond what chance adds to it.

The hypothesis is not "nothing changed", which is never true, but "the figure is within its bound"
(an interval null hypothesis: Hodges and Lehmann 1954, "Testing the approximate validity of
statistical hypotheses"; a minimum-effect test: Murphy and Myors 1999). So the declared rate of
false alarms holds for every model whose true figures keep the bounds, not only for a perfect one.
Over many figures it is the rate of at least one false alarm (Holm 1979), however they depend on
each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import chndtr, stdtr
from scipy.stats import ncx2

from features.quality.statistics import population_stability_index
from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes
from training.evaluation.distances import invert
from training.evaluation.intervals import CONFIDENCE, Customers, Interval, student_interval

FEWEST_CUSTOMERS = 30
"""Customers, and in a cohort customers of either outcome, below which no test is made."""


@dataclass(frozen=True)
class Estimate:
    """A figure, its standard deviation, and the number of customers it rests on.

    Attributes
    ----------
    value, deviation : float
        The figure; its standard deviation, for its interval.
    customers : float
        Number of customers; fewer where few make most of the noise (`Customers.spreads`).
    skewness : float
        Of the figure's noise, for its interval.
    tested : float
        Deviation that a test against a bound uses, where it must be larger.
    """

    value: float
    deviation: float
    customers: float
    skewness: float = 0.0
    tested: float = 0.0

    @property
    def cautious(self) -> float:
        """The larger deviation; never 0."""
        return max(self.deviation, self.tested, 1e-12)


@dataclass(frozen=True)
class BoundTest:
    """Test of one figure against its bound.

    Attributes
    ----------
    figure : str
        "gap", "slope", "auc", "gini", "lift", "loss", "score_drift", "score_shift" or "tag_drift".
    subject : str
        A segment ("channel agent") or a tag; empty: all rows.
    estimate, expected : float
        The figure as measured, and its value if nothing changed.
    low, high : float
        95% interval of `estimate`.
    bound : float
        How far the true figure may be from `expected`.
    p : float
        Probability of a figure at least as far off, if the true one is at the bound.
    alert : bool
        Whether it is an alert among all figures tested with it.
    """

    figure: str
    subject: str
    estimate: float
    expected: float
    low: float
    high: float
    bound: float
    p: float
    alert: bool = False


def two_sided(
    figure: str, estimate: Estimate, bound: float, expected: float = 0.0, subject: str = ""
) -> BoundTest:
    """Test a figure that may be up to `bound` above or below what is expected.

    Parameters
    ----------
    figure : str
        Name of the figure, as in `BoundTest`.
    estimate : Estimate
        The figure as measured.
    bound, expected : float
        In the unit of the figure.
    subject : str
        The segment or tag; empty: all rows.
    """
    away, freedom = abs(estimate.value - expected), max(estimate.customers - 1, 1)
    p = sum(stdtr(freedom, (-away + side) / estimate.cautious) for side in (bound, -bound))
    return _test(figure, subject, estimate, expected, bound, float(min(p, 1.0)))


def not_below(
    figure: str, estimate: Estimate, bound: float, expected: float, subject: str = ""
) -> BoundTest:
    """Test a figure that may be up to `bound` below what is expected, and any amount above.

    Parameters
    ----------
    figure : str
        Name of the figure, as in `BoundTest`.
    estimate : Estimate
        The figure as measured.
    bound, expected : float
        In the unit of the figure.
    subject : str
        The segment or tag; empty: all rows.
    """
    short = expected - estimate.value
    p = stdtr(max(estimate.customers - 1, 1), (bound - short) / estimate.cautious)
    return _test(figure, subject, estimate, expected, bound, float(p))


def index_test(
    figure: str,
    reference: Sequence[int],
    now: Sequence[int],
    customers: tuple[int, int],
    bound: float,
    subject: str = "",
) -> BoundTest:
    """Test a population stability index (PSI) against its bound.

    For n and m customers the index over (1/n + 1/m) is close to a chi-square of bins - 1 degrees of
    freedom (Yurdakul 2018, "Statistical properties of population stability index"). Ours is
    non-central, by the true index over the same. The index shown is as measured, chance included;
    its interval is that of the true one, without what chance adds.

    Parameters
    ----------
    figure : str
        Name of the figure, as in `BoundTest`.
    reference, now : sequence of int
        Rows in each bin, then and now.
    customers : (int, int)
        Customers then and now: rows of one customer count once.
    bound : float
        Largest allowed index.
    subject : str
        The tag; empty: the scores.
    """
    index = population_stability_index(reference, now)
    used = sum(1 for then, later in zip(reference, now, strict=True) if then or later)
    chance = 1 / max(customers[0], 1) + 1 / max(customers[1], 1)
    freedom = max(used - 1, 1)
    low, high = _index_interval(index / chance, freedom)
    p = float(ncx2.sf(index / chance, freedom, bound / chance))
    return BoundTest(figure, subject, index, 0.0, low * chance, high * chance, bound, p)


def mean_gap(
    label: Outcomes, predicted: Array, customers: pd.Series, kind: Kind = "probability"
) -> Estimate:
    """Measure the mean of observed minus predicted; rows of one customer are one draw.

    The deviation is that of the sums by customer (Liang and Zeger 1986). With few outcomes it is
    small just when too few, or all, came true. So tests use the larger of it and the one the
    predictions imply if all outcomes of a customer are the same (Spiegelhalter 1986). Amounts have
    no implied deviation.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions, in the same unit.
    customers : pandas.Series
        Shape (rows,): customer id of each row.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    gap = _clustered(np.asarray(label, np.float64) - predicted, customers)
    variances = {
        "probability": predicted * (1 - predicted),
        "count": predicted,
        "amount": np.zeros(len(predicted)),
    }
    own = np.bincount(pd.factorize(customers)[0], np.sqrt(variances[kind]))
    implied = float(np.sqrt((own**2).sum())) / max(len(predicted), 1)
    return replace(gap, tested=implied)


def mean_of(values: Array, customers: pd.Series) -> Estimate:
    """Measure a mean over rows, shape (rows,), with its deviation over customers."""
    return _clustered(np.asarray(values, np.float64), customers)


def holm(tests: Sequence[BoundTest], error: float) -> list[BoundTest]:
    """Mark the tests that are alerts, by Holm's method: at most `error` probability of a false one.

    Examples
    --------
    >>> tests = [BoundTest("gap", "", 0, 0, 0, 0, 0, p) for p in (0.04, 0.001, 0.02)]
    >>> [test.alert for test in holm(tests, 0.03)]  # 0.001 < 0.03 / 3, but 0.02 > 0.03 / 2
    [False, True, False]
    """
    alerts = [False] * len(tests)
    order = sorted(range(len(tests)), key=lambda place: tests[place].p)
    for done, place in enumerate(order):
        if tests[place].p > error / (len(tests) - done):
            break
        alerts[place] = True
    return [replace(test, alert=alert) for test, alert in zip(tests, alerts, strict=True)]


def _clustered(values: Array, customers: pd.Series) -> Estimate:
    mean = float(values.mean()) if len(values) else float("nan")
    columns = (values - mean)[:, None] / max(len(values), 1)
    (spread,) = Customers(customers).spreads(columns)
    return Estimate(mean, *spread)


def _index_interval(shown: float, freedom: int) -> Interval:
    """Return the true indices, in units of chance, at which one as observed is no surprise."""
    clear = max(float(ncx2.ppf(CONFIDENCE, freedom, 1e-9)) - freedom, 1.0)

    def at(index: float) -> tuple[float, float]:
        return index, float(chndtr(shown, freedom, index))

    return invert(at, clear, (0.0, shown + 10 * clear))


def _test(
    figure: str, subject: str, estimate: Estimate, expected: float, bound: float, p: float
) -> BoundTest:
    low, high = student_interval(
        estimate.value, estimate.deviation, estimate.customers, estimate.skewness
    )
    return BoundTest(figure, subject, estimate.value, expected, low, high, bound, p)
