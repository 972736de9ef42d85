"""Sum what a list is expected to bring: outcomes, margin and cost, with 95% intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.lake import Lake
from serving.lists.definitions.definition import ListDefinition
from serving.lists.places import Place
from training.estimators.bundle import Predictor
from training.registry.champions import champion

Z95 = 1.959963984540054
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sum:
    """A sum over the customers who are sent.

    Attributes
    ----------
    total : float
        The sum.
    low, high : float or None
        95% prediction interval; None where there is nothing to derive one from.
    """

    total: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Expectation:
    """What a list is expected to bring.

    Attributes
    ----------
    outcome : str
        Chinese label of the prediction: 续保概率.
    outcomes : Sum
        Customers of whom the outcome is expected, whether they are contacted or not.
    worth : Sum
        Yuan that those outcomes are worth: margin of the terms or products, and what keeping or
        winning the customer saves.
    margin : Sum or None
        Expected margin of the coming motor terms of those who have the outcome; None where the
        model is not about motor.
    added : Sum
        Yuan that the contacts themselves add, before costs. Without interval: it is a lower bound
        (`basis` "uplift") or an expert's rule ("propensity").
    cost : Sum
        Yuan of the contacts; known, so its interval is itself.
    value : Sum
        What the contacts add less every cost, yuan: what `/decide` would sum.
    bases : dict of str to int
        Where `added` comes from -> customers.
    """

    outcome: str
    outcomes: Sum
    worth: Sum
    margin: Sum | None
    added: Sum
    cost: Sum
    value: Sum
    bases: dict[str, int]


def expect(
    lake: Lake, definition: ListDefinition, sent: Sequence[Place], cost: float
) -> Expectation:
    """Sum what is expected of the customers who are sent.

    Parameters
    ----------
    lake : Lake
        The home, with the champion of the list's model.
    definition : ListDefinition
        The list.
    sent : sequence of Place
        Those sent.
    cost : float
        Yuan of one contact.
    """
    level = level_of(lake, definition.model)
    spec, values = definition.spec, [place.value for place in sent]
    predicted = np.array([float(place.row[spec.name]) for place in sent])
    probability = spec.kind == "probability"
    worth = np.array([float(value.worth or 0) if value else 0.0 for value in values])
    margins = np.array([float(place.row["expected_margin"] or 0) for place in sent])
    motor = spec.purpose is not None and spec.purpose.benefit == "motor"
    added = sum(value.benefit * value.weight for value in values if value)
    bases: dict[str, int] = {}
    for value in values:
        basis = value.basis if value else "none"
        bases[basis] = bases.get(basis, 0) + 1
    paid = round(cost * len(sent), 2)

    def sum_up(amounts: Array) -> Sum:
        return sum_with_interval(predicted, amounts, level if probability else None)

    return Expectation(
        outcome=spec.label,
        outcomes=sum_up(np.ones(len(sent))),
        worth=sum_up(worth),
        margin=sum_up(margins) if motor else None,
        added=Sum(round(added, 2)),
        cost=Sum(paid, paid, paid),
        value=Sum(round(sum(value.total for value in values if value), 2)),
        bases=bases,
    )


def sum_with_interval(predicted: Array, amounts: Array, level: float | None) -> Sum:
    """Sum amounts that each come true with a probability, with a 95% prediction interval.

    Chance moves each customer alone; the level of the model moves all of them together (see
    `training.estimators.level`).

    Parameters
    ----------
    predicted, amounts : numpy.ndarray
        Shape (customers,): probability, and yuan or 1.
    level : float or None
        95% margin of the level in log-odds; None: no interval.

    Examples
    --------
    >>> found = sum_with_interval(np.full(100, 0.5), np.ones(100), 0.0)
    >>> found.total, round(found.low, 1), round(found.high, 1)
    (50.0, 40.2, 59.8)
    """
    total = float((predicted * amounts).sum())
    if level is None:
        return Sum(round(total, 2))
    spread = predicted * (1 - predicted)
    chance = Z95 * math.sqrt(float((spread * amounts**2).sum()))
    half = math.hypot(chance, level * float((spread * amounts).sum()))
    return Sum(round(total, 2), round(total - half, 2), round(total + half, 2))


def level_of(lake: Lake, model: str) -> float | None:
    """Read how far the level of a champion may be off, in log-odds; None if it does not say."""
    margin: float | None = Predictor.load(champion(lake, model)).level_margin
    return margin
