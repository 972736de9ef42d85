"""A look for leaks: does one tag alone order the outcomes as well as a model of all of them?

A tag that knows the outcome does. That outcomes are ripe, that later rows change nothing, and that
only rows recorded by the cutoff count, is held by tests and not looked for here.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind
from training.evaluation.discrimination import auc, gini

SUSPICIOUS = 0.95
"""A tag alone that reaches this part of the model's way above chance is named (A)."""


@dataclass(frozen=True)
class SingleTag:
    """How well one column alone orders the test rows, turned round where it is the other way.

    `suspicious`: it comes close to the whole model.
    """

    name: str
    order: float
    suspicious: bool


def single_tags(
    frame: pd.DataFrame,
    train: Flags,
    test: Flags,
    features: list[str],
    order: float,
    kind: Kind = "probability",
    top: int = 5,
) -> list[SingleTag]:
    """The columns that order best alone, best first.

    Parameters
    ----------
    order : float
        What the model of all columns reaches: AUC of a probability, else Gini.
    """
    label = frame["label"].to_numpy(dtype=np.float64)
    chance = 0.5 if kind == "probability" else 0.0
    found = {}
    for name in features:
        values = _numbers(frame[name], label, train)[test]
        if np.ptp(values) == 0:
            continue
        ranked = auc(label[test], values) if kind == "probability" else gini(label[test], values)
        found[name] = chance + abs(ranked - chance)
    best = sorted(found, key=lambda name: -found[name])[:top]
    reach = chance + SUSPICIOUS * (order - chance)
    return [SingleTag(name, found[name], bool(found[name] >= reach)) for name in best]


def _numbers(column: pd.Series, label: Array, train: Flags) -> Array:
    """A column as numbers: null below all others, a text as the mean outcome of its train rows."""
    present = column.dropna()
    if len(present) and isinstance(present.iloc[0], str):
        means = pd.Series(label[train]).groupby(column[train].to_numpy(dtype=object)).mean()
        column = column.map(means)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(values).all():
        return np.zeros(len(values))
    return np.asarray(np.where(np.isnan(values), np.nanmin(values) - 1, values))
