"""What the coming commercial term is expected to cost and to leave.

    cost   = claims in the term * cost of a claim          (models claim_frequency, claim_severity)
    margin = premium * (1 - expense share) - cost

The premium is that of the renewal quote in force, or the current term's where none was made.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from training.estimators.encoding import Array

FREQUENCY, SEVERITY = "claim_frequency", "claim_severity"
QUOTED, CURRENT = "renewal_quote_premium", "commercial_premium_current"
COST, MARGIN = "expected_claims_cost", "expected_margin"
LABELS = {COST: "下一年度预期赔款(元)", MARGIN: "下一年度预期边际(元)"}


def margin_tags(models: Mapping[str, object]) -> list[str]:
    """Tags the margin needs, where both models of claims are there."""
    return [QUOTED, CURRENT] if {FREQUENCY, SEVERITY} <= models.keys() else []


def expected(
    tags: pd.DataFrame, answers: Mapping[str, np.ndarray], expense_share: float
) -> dict[str, Array]:
    """Expected cost and margin in yuan, shape (customers,) each; NaN where they are unknown.

    Parameters
    ----------
    tags : pandas.DataFrame
        One row a customer, with `margin_tags`.
    answers : Mapping[str, numpy.ndarray]
        What the models told of the same customers.
    expense_share : float
        Expenses of a term as a share of its premium.
    """
    if not margin_tags(answers):
        nothing = np.full(len(tags), np.nan)
        return {COST: nothing, MARGIN: nothing}
    cost = np.asarray(answers[FREQUENCY] * answers[SEVERITY], np.float64)
    premium = np.asarray(premium_of(tags), np.float64)
    return {COST: cost, MARGIN: premium * (1 - expense_share) - cost}


def expected_of(
    tags: Mapping[str, Any], answers: Mapping[str, float | None], expense_share: float
) -> tuple[float | None, float | None]:
    """The same of one customer, from plain values; None where unknown."""
    frequency, severity = answers.get(FREQUENCY), answers.get(SEVERITY)
    if frequency is None or severity is None:
        return None, None
    cost, premium = frequency * severity, premium_of_one(tags)
    return cost, None if premium is None else premium * (1 - expense_share) - cost


def premium_of_one(tags: Mapping[str, Any]) -> float | None:
    """Premium of a customer's coming term in yuan, None where no term is in force."""
    quoted: float | None = tags[QUOTED]
    current: float | None = tags[CURRENT]
    return current if quoted is None else quoted


def premium_of(tags: pd.DataFrame) -> Array:
    """Premium of the coming term in yuan, NaN where no term is in force."""
    quoted, current = (pd.to_numeric(tags[name]).astype("float64") for name in (QUOTED, CURRENT))
    return np.asarray(quoted.fillna(current), np.float64)
