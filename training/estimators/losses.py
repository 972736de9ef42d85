"""Name the losses of predictions and compute them row by row."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from features.errors import GuanjiaError

Losses: TypeAlias = npt.NDArray[np.float64]
Outcomes: TypeAlias = npt.NDArray[Any]
"""Shape (rows,): booleans, counts, or amounts in yuan."""

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


def row_loss(label: Outcomes, predicted: Losses, kind: Kind = "probability") -> Losses:
    """Compute the loss of each row: negative log likelihood, Poisson or gamma deviance.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcome and prediction, in the same unit.
    kind : {"probability", "count", "amount"}
        What the model predicts.

    Returns
    -------
    numpy.ndarray
        Shape (rows,).

    Raises
    ------
    GuanjiaError
        If an amount is not positive: severity is defined only where a claim was paid.
    """
    if kind == "probability":
        sure = np.clip(predicted, TINY, 1 - TINY)
        return np.asarray(-np.where(label, np.log(sure), np.log1p(-sure)))
    mean, seen = np.maximum(predicted, TINY), np.asarray(label, dtype=np.float64)
    if kind == "count":
        part = np.where(seen > 0, seen * np.log(np.maximum(seen, TINY) / mean), 0.0)
        return np.asarray(2 * (part - seen + mean))
    if len(seen) and seen.min() <= 0:
        raise GuanjiaError(
            "the outcomes of an amount", "are not all positive", "leave rows without a payment out"
        )
    return np.asarray(2 * (seen / mean - 1 - np.log(seen / mean)))


def mean_loss(label: Outcomes, predicted: Losses, kind: Kind = "probability") -> float:
    """Compute the mean of `row_loss`.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcome and prediction, in the same unit.
    kind : {"probability", "count", "amount"}
        What the model predicts.
    """
    return float(row_loss(label, predicted, kind).mean())
