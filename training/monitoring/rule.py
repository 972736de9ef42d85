"""When a figure is an alert: it is beyond its bound, and beyond what chance adds to the bound.

The hypothesis is not "nothing changed", which is never so, but "the figure is within its bound"
(an interval null hypothesis: Hodges and Lehmann 1954, "Testing the approximate validity of
statistical hypotheses"; a minimum-effect test: Murphy and Myors 1999). So the stated rate of false
alarms holds for every model whose true figures keep the bounds, not only for a perfect one. Over
many figures the rate is that of at least one false alarm (Holm 1979), whatever the figures have in
common.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit
from scipy.stats import ncx2

from features.quality.statistics import population_stability_index
from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes

SURE = 0.95
FEWEST = 30
"""Customers, and of a cohort those of either outcome, below which nothing is judged."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard deviation, over so many customers."""

    found: float
    deviation: float
    customers: int


@dataclass(frozen=True)
class Judged:
    """One figure against its bound.

    Attributes
    ----------
    figure : str
        "gap", "slope", "auc", "gini", "lift", "loss", "score_drift", "score_shift" or "tag_drift".
    subject : str
        A segment ("channel agent") or a tag; empty: all rows.
    found, expected : float
    low, high : float
        95% interval of `found`.
    bound : float
        How far from `expected` it may truly be.
    p : float
        Probability of what was found, or more, at the bound.
    alert : bool
        Whether it is an alert among all figures it was judged with.
    """

    figure: str
    subject: str
    found: float
    expected: float
    low: float
    high: float
    bound: float
    p: float
    alert: bool = False


def two_sided(
    figure: str, one: Estimate, bound: float, expected: float = 0.0, subject: str = ""
) -> Judged:
    """The figure may be `bound` above or below what is expected."""
    away, deviation = abs(one.found - expected), max(one.deviation, 1e-12)
    freedom = max(one.customers - 1, 1)
    p = sum(stdtr(freedom, (-away + side) / deviation) for side in (bound, -bound))
    return _test(figure, subject, one, expected, bound, float(min(p, 1.0)))


def not_below(
    figure: str, one: Estimate, bound: float, expected: float, subject: str = ""
) -> Judged:
    """The figure may be `bound` below what is expected, and above it as it likes."""
    short, deviation = expected - one.found, max(one.deviation, 1e-12)
    p = stdtr(max(one.customers - 1, 1), (bound - short) / deviation)
    return _test(figure, subject, one, expected, bound, float(p))


def index_test(
    figure: str,
    reference: Sequence[int],
    now: Sequence[int],
    customers: tuple[int, int],
    bound: float,
    subject: str = "",
) -> Judged:
    """A population stability index against its bound.

    Of n and m customers the index over (1/n + 1/m) is close to a chi-square of bins - 1 degrees of
    freedom, non-central by the true index over the same (Yurdakul 2018, "Statistical properties of
    population stability index"; we let it be non-central).

    Parameters
    ----------
    reference, now : sequence of int
        Rows in each bin.
    customers : tuple of int
        Customers of the two: rows of one customer count once.
    """
    index = population_stability_index(reference, now)
    used = sum(1 for one, other in zip(reference, now, strict=True) if one or other)
    chance = 1 / max(customers[0], 1) + 1 / max(customers[1], 1)
    freedom = max(used - 1, 1)
    around = max(index / chance - freedom, 1e-9)
    low, high = ncx2.ppf([(1 - SURE) / 2, (1 + SURE) / 2], freedom, around) * chance
    p = float(ncx2.sf(index / chance, freedom, bound / chance))
    return Judged(figure, subject, index, 0.0, float(low), float(high), bound, p)


def mean_gap(
    label: Outcomes, told: Array, customers: pd.Series, kind: Kind = "probability"
) -> Estimate:
    """Observed less told, its deviation over customers: their rows are one draw together.

    The deviation is the larger of the customers' own (Liang and Zeger 1986) and that of outcomes as
    told (Spiegelhalter 1986), those of one customer being the same: of few outcomes the former is
    small just when too few, or all, came true. Of amounts nothing is told of how they spread: it is
    the customers' own.
    """
    found = _clustered(np.asarray(label, np.float64) - told, customers)
    spread = {"probability": told * (1 - told), "count": told, "amount": np.zeros(len(told))}[kind]
    own = np.bincount(pd.factorize(customers)[0], np.sqrt(spread))
    as_told = float(np.sqrt((own**2).sum())) / max(len(told), 1)
    return replace(found, deviation=max(found.deviation, as_told))


def mean_of(values: Array, customers: pd.Series) -> Estimate:
    """A mean over rows, its deviation over customers."""
    return _clustered(np.asarray(values, np.float64), customers)


def holm(tests: Sequence[Judged], error: float) -> list[Judged]:
    """Which of the tests are alerts, with at most `error` probability of any false one.

    Examples
    --------
    >>> made = [Judged("gap", "", 0, 0, 0, 0, 0, p) for p in (0.04, 0.001, 0.02)]
    >>> [one.alert for one in holm(made, 0.03)]  # 0.001 < 0.03 / 3, but 0.02 > 0.03 / 2
    [False, True, False]
    """
    alert = [False] * len(tests)
    order = sorted(range(len(tests)), key=lambda place: tests[place].p)
    for done, place in enumerate(order):
        if tests[place].p > error / (len(tests) - done):
            break
        alert[place] = True
    return [replace(one, alert=said) for one, said in zip(tests, alert, strict=True)]


def _clustered(values: Array, customers: pd.Series) -> Estimate:
    codes, names = pd.factorize(customers)
    people, mean = len(names), float(values.mean()) if len(values) else float("nan")
    if people < 2:
        return Estimate(mean, float("inf"), people)
    own = np.bincount(codes, values - mean, minlength=people)
    deviation = np.sqrt((own**2).sum() * people / (people - 1)) / len(values)
    return Estimate(mean, float(deviation), people)


def _test(
    figure: str, subject: str, one: Estimate, expected: float, bound: float, p: float
) -> Judged:
    wide = float(stdtrit(max(one.customers - 1, 1), (1 + SURE) / 2)) * one.deviation
    return Judged(
        figure, subject, one.found, expected, one.found - wide, one.found + wide, bound, p
    )
