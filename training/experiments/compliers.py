"""Estimate the effect of what was received, from the lot that only encouraged it.

Who was drawn does not always receive, and who was not drawn sometimes does. The effect of the lot
on the outcome over its effect on receiving is the effect for those whom the lot moves, the
compliers (Imbens and Angrist 1994). Its interval holds all effects that the data do not refute
(Anderson and Rubin 1949): it covers however weakly the lot moves, and is then rightly without end.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from training.experiments.effects import (
    CONFIDENCE,
    Effect,
    average_effect,
    influence,
    joint_covariance,
)
from training.experiments.sample import Array, Flags, Sample

Shape = Literal["bounded", "gap", "unbounded"]
STRONG = 10.0
"""F of the first stage from which it is called strong (Staiger and Stock 1997)."""


@dataclass(frozen=True)
class ComplierEffect:
    """Effect of receiving, for those whom the lot moves, with its Anderson-Rubin interval.

    Attributes
    ----------
    value : float
        Effect in the outcome's unit; NaN if the lot moved nobody.
    low, high : float
        Ends of the interval; infinite where the lot hardly moves anyone.
    shape : {"bounded", "gap", "unbounded"}
        "gap": all effects but those strictly between `gap`; "unbounded": all.
    gap : tuple of float or None
        What a "gap" leaves out.
    on_outcome, on_receiving : Effect
        Effects of the lot: intention to treat, and first stage.
    strength : float
        F of the first stage.
    """

    value: float
    low: float
    high: float
    shape: Shape
    gap: tuple[float, float] | None
    on_outcome: Effect
    on_receiving: Effect
    strength: float

    @property
    def weak(self) -> bool:
        """True if the lot moves too few for the usual interval."""
        return self.strength < STRONG


def complier_effect(
    outcome: Array, received: Flags, sample: Sample, most: float = np.inf
) -> ComplierEffect:
    """Estimate the effect of receiving for those who receive because they were drawn.

    The lot must act on the outcome through receiving alone, and keep nobody from it.

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,): renewal as 0 and 1, or yuan.
    received : numpy.ndarray of bool
        Shape (rows,): whether the contact arrived, or the service was used.
    sample : Sample
        The lot: `treated` is being drawn.
    most : float
        Largest effect that is possible, in either direction: 1 of a renewal. Effect and interval
        that go beyond end there; an interval without end says that nothing is known, and stays.
    """
    receiving = np.asarray(received, np.float64)
    on_outcome = average_effect(outcome, sample)
    on_receiving = average_effect(receiving, sample)
    noises = np.column_stack(
        [influence(np.asarray(values, np.float64), sample)[1] for values in (outcome, receiving)]
    )
    covariance, freedom = joint_covariance(noises, sample)
    limit = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) ** 2
    low, high, shape, gap = _unrefuted(on_outcome.value, on_receiving.value, covariance, limit)
    moved = on_receiving.value
    value = on_outcome.value / moved if moved else float("nan")
    value, low, high = (
        float(np.clip(figure, -most, most)) if np.isfinite(figure) else figure
        for figure in (value, low, high)
    )
    return ComplierEffect(
        value=value,
        low=low,
        high=high,
        shape=shape,
        gap=gap,
        on_outcome=on_outcome,
        on_receiving=on_receiving,
        strength=(moved / on_receiving.deviation) ** 2 if on_receiving.deviation else float("inf"),
    )


def _unrefuted(
    outcome: float, receiving: float, covariance: Array, limit: float
) -> tuple[float, float, Shape, tuple[float, float] | None]:
    """Solve (outcome - b * receiving)^2 <= limit * variance of that, for b (Fieller 1954)."""
    if not np.isfinite(covariance).all():
        return -np.inf, np.inf, "unbounded", None
    square = receiving**2 - limit * covariance[1, 1]
    middle = outcome * receiving - limit * covariance[0, 1]
    rest = outcome**2 - limit * covariance[0, 0]
    inner = middle**2 - square * rest
    if square > 0:
        root = np.sqrt(max(inner, 0.0))
        return float((middle - root) / square), float((middle + root) / square), "bounded", None
    if square == 0 or inner <= 0:
        return -np.inf, np.inf, "unbounded", None
    root = np.sqrt(inner)
    first, last = sorted((float((middle - root) / square), float((middle + root) / square)))
    return -np.inf, np.inf, "gap", (first, last)
