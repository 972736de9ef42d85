"""Put customers into the order in which a contact on a model's word reaches them."""

import numpy as np

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes
from training.model_spec import Purpose

WORKING_SHARE = 0.2
"""Share of those asked whom a touchpoint contacts where nothing else is said (A)."""


def turned(
    label: Outcomes, told: Array, purpose: Purpose | None, kind: Kind = "probability"
) -> tuple[Array, Array]:
    """Flip outcomes and predictions so that a high one means "contact first".

    Parameters
    ----------
    label : numpy.ndarray
        Outcomes, shape (rows,).
    told : numpy.ndarray
        Predictions of the same rows.
    purpose : Purpose or None
        What the contact works on; None leaves both as they are.
    kind : {"probability", "count", "amount"}
        Only probabilities are flipped.
    """
    event = np.asarray(label, dtype=np.float64)
    if kind != "probability" or purpose is None or purpose.outcome_label:
        return event, told
    return 1 - event, 1 - told


def contacted(told: Array, share: float = WORKING_SHARE) -> Array:
    """1 of the share told the highest, 0 of the others, shape (rows,); equal values stay apart.

    As many rows as the share says, rounded, at least one where there is any.
    """
    chosen = np.zeros(len(told))
    count = max(1, round(share * len(told))) if len(told) else 0
    chosen[np.argsort(-told, kind="stable")[:count]] = 1.0
    return chosen
