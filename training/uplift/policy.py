"""Estimate what a rule of whom to treat is worth: doubly robust, with intervals by customer.

Every row has two numbers for its outcome under treatment and under control: what a model
expects, corrected by what was observed, weighted with the probability that the lot stated (Robins,
Rotnitzky and Zhao 1994; Dudik, Langford and Li 2011 for policies). That probability is known, so
the means are right even where the model is wrong; a good model only narrows the intervals.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from training.estimators.encoding import Array, Flags
from training.evaluation.intervals import Customers, student_interval
from training.uplift import measures

Numbers = npt.NDArray[np.intp]

TOPS = (0.1, 0.2, 0.3, 0.5)
POWER = 0.8
"""Probability that an effect as predicted would be proven."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval over customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Policy:
    """Worth of a rule of whom to treat.

    Attributes
    ----------
    name : str
        The rule in words.
    treated : float
        Share of rows it treats.
    renewal : Estimate
        Share that renews under it.
    gained : Estimate
        The same less that of treating nobody.
    yuan : Estimate
        Worth of the renewals gained less the cost of treating, yuan per row.
    """

    name: str
    treated: float
    renewal: Estimate
    gained: Estimate
    yuan: Estimate


@dataclass(frozen=True)
class SleepingDogs:
    """Customers whom the treatment is expected to drive away: predicted effect below zero.

    Attributes
    ----------
    customers : int
        Number of such rows.
    share : float
        Their share of all rows.
    predicted : float
        Mean of their predicted effects.
    effect : Estimate or None
        Their mean effect as observed, on rows the model has not seen; None if there are none.
    proven : bool
        True if the whole interval lies below zero.
    needed : int
        Such rows that would prove it four times in five (power 0.8), if the effect is as predicted;
        0 if there are none.
    """

    customers: int
    share: float
    predicted: float
    effect: Estimate | None
    proven: bool
    needed: int


@dataclass(frozen=True)
class Outcomes:
    """Doubly robust outcomes of every row, shape (rows,), and the customer of the row."""

    treated: Array
    control: Array
    customers: pd.Series

    @property
    def effect(self) -> Array:
        """Difference of the two: on average the effect, in a single row mostly noise."""
        return self.treated - self.control


def doubly_robust(
    label: Flags,
    treated: Flags,
    propensity: float | Array,
    expected: tuple[Array, Array],
    customers: pd.Series,
) -> Outcomes:
    """Calculate doubly robust outcomes under treatment and control.

    Parameters
    ----------
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
    propensity : float or numpy.ndarray
        Stated probability of treatment: of all these rows, or of every row, shape (rows,).
    expected : tuple of numpy.ndarray
        Outcomes under control and under treatment, shape (rows,) each, as expected by a model that
        has not seen these rows.
    customers : pandas.Series
        Customer of every row.
    """
    yes = label.astype(np.float64)
    without, with_it = expected
    return Outcomes(
        with_it + treated * (yes - with_it) / propensity,
        without + ~treated * (yes - without) / (1 - propensity),
        customers,
    )


def policies(
    outcomes: Outcomes,
    effect: Array,
    lower: Array,
    worth: Array,
    cost: float,
) -> list[Policy]:
    """Estimate the worth of rules: nobody, top shares by effect, effect or value above 0, all.

    Parameters
    ----------
    outcomes : Outcomes
        Doubly robust outcomes of the rows.
    effect, lower : numpy.ndarray
        Shape (rows,): predicted effect, and its lower bound.
    worth : numpy.ndarray
        Shape (rows,): yuan that a renewal of the row is worth; NaN counts as 0.
    cost : float
        Yuan per row treated.
    """
    value = np.nan_to_num(worth)
    order = np.argsort(np.argsort(-effect, kind="stable"), kind="stable")
    rules: dict[str, Flags] = {"nobody": np.zeros(len(effect), bool)}
    if np.ptp(effect) > 0:
        rules |= {f"top {top:.0%} by effect": order < top * len(effect) for top in TOPS}
    rules["effect above 0"] = effect > 0
    rules["expected value above 0"] = lower * value - cost > 0
    rules["all"] = np.ones(len(effect), bool)
    columns = {}
    for name, rule in rules.items():
        gained = rule * outcomes.effect
        columns[f"{name} renewal"] = outcomes.control + gained
        columns[f"{name} gained"] = gained
        columns[f"{name} yuan"] = gained * value - rule * cost
    estimates = means(columns, outcomes.customers)
    return [
        Policy(
            name,
            float(rule.mean()),
            *(estimates[f"{name} {figure}"] for figure in ("renewal", "gained", "yuan")),
        )
        for name, rule in rules.items()
    ]


def sleeping_dogs(outcomes: Outcomes, effect: Array) -> SleepingDogs:
    """Estimate the effect on rows whose predicted effect is below zero.

    Parameters
    ----------
    outcomes : Outcomes
        Doubly robust outcomes of the rows.
    effect : numpy.ndarray
        Shape (rows,): predicted effect.
    """
    below = effect < 0
    if not below.any():
        return SleepingDogs(0, 0.0, float("nan"), None, False, 0)
    customers = outcomes.customers[below]
    observed = means({"effect": outcomes.effect[below]}, customers)["effect"]
    predicted = float(effect[below].mean())
    rows = int(below.sum())
    # The variance of a mean falls with the rows it is of.
    deviation = (observed.high - observed.low) / (2 * ndtri(0.975))
    needed = rows * (deviation * (ndtri(0.975) + ndtri(POWER)) / predicted) ** 2
    return SleepingDogs(
        rows, float(below.mean()), predicted, observed, observed.high < 0, int(np.ceil(needed))
    )


def resampled(customers: pd.Series, count: int = 200, seed: int = 7) -> Iterator[Numbers]:
    """Draw resamples of customers and yield their row numbers.

    Parameters
    ----------
    customers : pandas.Series
        Customer of every row.
    count, seed : int
        Number of resamples; random seed.
    """
    codes, people = pd.factorize(customers)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(people) + 1))
    generator = np.random.default_rng(seed)
    for _ in range(count):
        drawn = generator.integers(0, len(people), len(people))
        yield np.concatenate([order[starts[code] : starts[code + 1]] for code in drawn])


def qini_with_interval(
    label: Flags, treated: Flags, effect: Array, customers: pd.Series
) -> Estimate:
    """Calculate the Qini coefficient, with its interval over customers.

    Parameters
    ----------
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
    effect : numpy.ndarray
        Shape (rows,): predicted effect.
    customers : pandas.Series
        Customer of every row.
    """
    value, people = measures.qini(label, treated, effect), Customers(customers)
    (deviation,) = people.deviations(measures.qini_noise(label, treated, effect)[:, None])
    return Estimate(value, *student_interval(value, float(deviation), people.count))


def means(columns: Mapping[str, Array], customers: pd.Series) -> dict[str, Estimate]:
    """Calculate means of rows, with intervals by Student's t of sums by customer.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray
        Name -> values, shape (rows,).
    customers : pandas.Series
        Customer of every row.
    """
    values, people = np.column_stack([*columns.values()]), Customers(customers)
    centre = values.mean(axis=0)
    variances = np.diag(people.covariance((values - centre) / len(values)))
    return {
        name: Estimate(mean, *student_interval(mean, deviation, people.count))
        for name, mean, deviation in zip(
            columns, centre.tolist(), np.sqrt(variances).tolist(), strict=True
        )
    }
