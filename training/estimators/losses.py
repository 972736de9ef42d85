"""What a model tells, and how far one told value is from the outcome."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from features.errors import GuanjiaError

Losses: TypeAlias = npt.NDArray[np.float64]
Outcomes: TypeAlias = npt.NDArray[Any]
"""Yes or no of a probability, a count, or an amount."""

Kind = Literal["probability", "count", "amount"]
TINY = 1e-6
"""What predictions are kept away from 0, and probabilities from 1."""
LOSSES: dict[Kind, tuple[str, str]] = {
    "probability": ("对数损失", "log loss"),
    "count": ("泊松偏差", "Poisson deviance"),
    "amount": ("伽马偏差", "gamma deviance"),
}
RANKINGS: dict[Kind, tuple[str, str]] = {
    "probability": ("AUC", "AUC"),
    "count": ("基尼系数", "Gini"),
    "amount": ("基尼系数", "Gini"),
}


def row_loss(label: Outcomes, told: Losses, kind: Kind = "probability") -> Losses:
    """The loss of each row: negative log likelihood, Poisson or gamma deviance.

    Parameters
    ----------
    label, told : numpy.ndarray
        Shape (rows,): outcome and what was told of it, in the same unit.

    Raises
    ------
    GuanjiaError
        If an amount is not positive: severity is asked only where there was a claim to pay.
    """
    if kind == "probability":
        sure = np.clip(told, TINY, 1 - TINY)
        return np.asarray(-np.where(label, np.log(sure), np.log1p(-sure)))
    mean, seen = np.maximum(told, TINY), np.asarray(label, dtype=np.float64)
    if kind == "count":
        part = np.where(seen > 0, seen * np.log(np.maximum(seen, TINY) / mean), 0.0)
        return np.asarray(2 * (part - seen + mean))
    if len(seen) and seen.min() <= 0:
        raise GuanjiaError(
            "the outcomes of an amount", "are not all positive", "leave rows without a payment out"
        )
    return np.asarray(2 * (seen / mean - 1 - np.log(seen / mean)))


def mean_loss(label: Outcomes, told: Losses, kind: Kind = "probability") -> float:
    """The mean of `row_loss`."""
    return float(row_loss(label, told, kind).mean())
