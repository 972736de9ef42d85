"""What a rule of whom to treat is worth, estimated doubly robustly, with intervals by customer.

For every row two numbers stand for its outcome under treatment and under control: what a model
expects, corrected by what was seen, weighted with the probability that the lot stated (Robins,
Rotnitzky and Zhao 1994; Dudik, Langford and Li 2011 for policies). That probability is known, so
the means are right even where the model is wrong; a good model only narrows the intervals.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.estimators.encoding import Array, Flags

Numbers = npt.NDArray[np.intp]

RESAMPLES = 1000
TOPS = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Estimate:
    """A mean with the 2.5 and 97.5 percentile over resamples of customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Policy:
    """What a rule is worth.

    Attributes
    ----------
    name : str
    treated : float
        Share of customers it treats.
    renewal : Estimate
        Share that renews under it.
    gained : Estimate
        The same less that of treating nobody.
    yuan : Estimate
        Worth of the renewals gained less the cost of treating, yuan a customer.
    """

    name: str
    treated: float
    renewal: Estimate
    gained: Estimate
    yuan: Estimate


@dataclass(frozen=True)
class SleepingDogs:
    """Customers whom the treatment is expected to drive away: the effect told is below zero.

    Attributes
    ----------
    customers : int
        Rows told so.
    share : float
    told : float
        Their mean effect as told.
    effect : Estimate or None
        Their mean effect as it was, on rows the model has not seen; None where there are none.
    proven : bool
        Whether the whole interval lies below zero.
    """

    customers: int
    share: float
    told: float
    effect: Estimate | None
    proven: bool


@dataclass(frozen=True)
class Outcomes:
    """Doubly robust outcomes of each row, shape (rows,), and whose they are."""

    treated: Array
    control: Array
    customers: pd.Series

    @property
    def effect(self) -> Array:
        """Their difference: on average the effect, in a single row mostly noise."""
        return self.treated - self.control


def doubly_robust(
    label: Flags,
    treated: Flags,
    propensity: float | Array,
    expected: tuple[Array, Array],
    customers: pd.Series,
) -> Outcomes:
    """The outcomes under treatment and control.

    Parameters
    ----------
    label, treated : numpy.ndarray of bool
        Shape (rows,).
    propensity : float or numpy.ndarray
        Stated probability of treatment among these rows, or one of each row.
    expected : tuple of numpy.ndarray
        What a model that has not seen these rows expects under control and under treatment.
    customers : pandas.Series
        Whose row it is.
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
    seed: int = 7,
) -> list[Policy]:
    """Nobody, all, the top by effect where it differs, those with an expected value above zero.

    Parameters
    ----------
    effect, lower : numpy.ndarray
        Shape (rows,): what the effect is told to be, and its lower bound.
    worth : numpy.ndarray
        Yuan a renewal of that row is worth; NaN where unknown, which counts as nothing.
    cost : float
        Yuan a row treated.
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
    found = means(columns, outcomes.customers, seed)
    return [
        Policy(
            name,
            float(rule.mean()),
            *(found[f"{name} {what}"] for what in ("renewal", "gained", "yuan")),
        )
        for name, rule in rules.items()
    ]


def sleeping_dogs(outcomes: Outcomes, effect: Array, seed: int = 7) -> SleepingDogs:
    """Rows whose effect is told to be below zero, and what it was."""
    below = effect < 0
    if not below.any():
        return SleepingDogs(0, 0.0, float("nan"), None, False)
    whose = outcomes.customers[below]
    was = means({"effect": outcomes.effect[below]}, whose, seed)["effect"]
    told = float(effect[below].mean())
    return SleepingDogs(int(below.sum()), float(below.mean()), told, was, was.high < 0)


def resampled(customers: pd.Series, count: int = 200, seed: int = 7) -> Iterator[Numbers]:
    """Row numbers of resamples of whole customers."""
    codes, people = pd.factorize(customers)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(people) + 1))
    generator = np.random.default_rng(seed)
    for _ in range(count):
        drawn = generator.integers(0, len(people), len(people))
        yield np.concatenate([order[starts[one] : starts[one + 1]] for one in drawn])


def means(columns: Mapping[str, Array], customers: pd.Series, seed: int = 7) -> dict[str, Estimate]:
    """Means of rows, with intervals over resamples of whole customers."""
    codes, people = pd.factorize(customers)
    names, values = list(columns), np.column_stack([*columns.values(), np.ones(len(codes))])
    sums = np.zeros((len(people), values.shape[1]))
    np.add.at(sums, codes, values)
    generator = np.random.default_rng(seed)
    drawn = np.empty((RESAMPLES, values.shape[1]))
    for turn in range(RESAMPLES):
        picked = generator.integers(0, len(people), len(people))
        drawn[turn] = np.bincount(picked, minlength=len(people)) @ sums
    low, high = np.percentile(drawn[:, :-1] / drawn[:, -1:], [2.5, 97.5], axis=0)
    centre = values[:, :-1].mean(axis=0)
    return {
        name: Estimate(float(centre[at]), float(low[at]), float(high[at]))
        for at, name in enumerate(names)
    }
