"""What a contact after a prediction is for: which outcome it works on, and who is asked first."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes

WORKING_SHARE = 0.2
"""Share of those asked whom a touchpoint contacts where nothing else is said (A)."""


@dataclass(frozen=True)
class Purpose:
    """Whom a touchpoint contacts on a model's word.

    Attributes
    ----------
    chinese, english : str
        The outcome that the contact works on.
    wanted : bool
        The model's label of that outcome: a contact wins back who would not renew (False).
    benefit : {"motor", "non_motor"}
        What is won with it: the margin of a motor year, or of a product sold.
    line : str
        The product sold; empty for motor.
    """

    chinese: str
    english: str
    wanted: bool
    benefit: Literal["motor", "non_motor"]
    line: str = ""


def purpose_of(model: str) -> Purpose | None:
    """The purpose of contacts on a model's word; None where nobody is contacted on it."""
    if model == "renewal":
        return Purpose("不续保", "does not renew", False, "motor")
    if model in ("churn", "churn_hazard"):
        return Purpose("流失", "leaves", True, "motor")
    if model.startswith("cross_sell_"):
        line = model.removeprefix("cross_sell_")
        return Purpose("购买", "buys", True, "non_motor", line)
    return None


def turned(
    label: Outcomes, told: Array, purpose: Purpose | None, kind: Kind = "probability"
) -> tuple[Array, Array]:
    """Outcomes and told values of what the contact works on, highest to be contacted first."""
    event = np.asarray(label, dtype=np.float64)
    if kind != "probability" or purpose is None or purpose.wanted:
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
