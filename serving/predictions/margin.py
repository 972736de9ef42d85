"""Calculate the expected claims cost and margin of the coming commercial term.

    cost   = claims in the term * cost of a claim          (models claim_frequency, claim_severity)
    margin = premium * (1 - expense share) - cost

The premium is that of the renewal quote in force, or the current term's if there is no quote.
"""

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from training.estimators.encoding import Array

FREQUENCY, SEVERITY = "claim_frequency", "claim_severity"
QUOTED_PREMIUM, CURRENT_PREMIUM = "renewal_quote_premium", "commercial_premium_current"


def margin_tags(models: Mapping[str, object]) -> list[str]:
    """List the tags that the margin needs; none unless both models of claims are there."""
    return [QUOTED_PREMIUM, CURRENT_PREMIUM] if {FREQUENCY, SEVERITY} <= models.keys() else []


def expected_cost_and_margin(
    tags: Mapping[str, Any], answers: Mapping[str, Any], expense_share: float
) -> tuple[Array, Array]:
    """Compute expected cost and margin in yuan, of one customer or of many at once.

    Parameters
    ----------
    tags : Mapping[str, object]
        `margin_tags` by name: columns of a frame, or the plain values of one customer.
    answers : Mapping[str, object]
        Predictions by model of the same customers; None or NaN where a question does not arise.
    expense_share : float
        Expenses of a term as a share of its premium, in [0, 1].

    Returns
    -------
    tuple of numpy.ndarray
        Cost and margin, of shape (customers,), or () for one customer; NaN where unknown.
    """
    if not margin_tags(answers):
        size = len(tags) if _is_pandas(tags) else ()
        return np.full(size, np.nan), np.full(size, np.nan)
    cost = np.asarray(_numbers(answers[FREQUENCY]) * _numbers(answers[SEVERITY]))
    return cost, premium(tags) * (1 - expense_share) - cost


def premium(tags: Mapping[str, Any]) -> Array:
    """Read the premium of the coming term in yuan, of one customer or of many at once.

    NaN if no term is in force.
    """
    quoted, current = _numbers(tags[QUOTED_PREMIUM]), _numbers(tags[CURRENT_PREMIUM])
    return np.asarray(np.where(np.isnan(quoted), current, quoted), np.float64)


def number_or_none(value: Array) -> float | None:
    """Convert a number of one customer to a plain value; NaN becomes None."""
    return None if math.isnan(value) else float(value)


def _numbers(values: Any) -> Any:
    """Read a column or a plain value as float64, missing ones NaN."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64, copy=False)
    if _is_pandas(values):
        return sys.modules["pandas"].to_numeric(values).astype("float64").to_numpy()
    return np.nan if values is None else float(values)


def _is_pandas(values: object) -> bool:
    """Check whether values are a frame or a column; importing pandas takes longer than the sums."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(values, pandas.DataFrame | pandas.Series)
