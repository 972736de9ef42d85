"""Order customers by predictions: the first are contacted first."""

import numpy as np

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes
from training.model_spec import Purpose

WORKING_SHARE = 0.2
"""Share of the eligible customers that a touchpoint contacts, unless stated otherwise (A)."""


def orient_for_contact(
    label: Outcomes, predicted: Array, purpose: Purpose | None, kind: Kind = "probability"
) -> tuple[Array, Array]:
    """Turn outcomes and predictions so that a high value means "contact first".

    Parameters
    ----------
    label : numpy.ndarray
        Outcomes, shape (rows,).
    predicted : numpy.ndarray
        Predictions for the same rows, shape (rows,).
    purpose : Purpose or None
        What the contact works on; None leaves both as they are.
    kind : {"probability", "count", "amount"}
        Only probabilities are flipped.

    Returns
    -------
    event, priority : numpy.ndarray
        Shape (rows,): whether the outcome is the one that the contact works on (1 or 0; of a count
        or an amount the outcome itself), and its prediction.
    """
    event = np.asarray(label, dtype=np.float64)
    if kind != "probability" or purpose is None or purpose.outcome_label:
        return event, predicted
    return 1 - event, 1 - predicted


def mark_contacted(priority: Array, share: float = WORKING_SHARE) -> Array:
    """Mark the share of rows of highest priority with 1, the others with 0, shape (rows,).

    The count is rounded, at least one if there are rows; rows of equal priority count in their
    order.
    """
    chosen = np.zeros(len(priority))
    count = max(1, round(share * len(priority))) if len(priority) else 0
    chosen[np.argsort(-priority, kind="stable")[:count]] = 1.0
    return chosen
