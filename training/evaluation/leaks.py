"""Look for leaks: a single tag that ranks outcomes almost as well as the whole model.

Such a tag probably contains the outcome. Tests, not this module, check that outcomes are ripe, that
later rows change nothing, and that only rows recorded by the cutoff count.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind
from training.evaluation.discrimination import auc, gini

SUSPICIOUS = 0.95
"""A tag is suspicious if it alone reaches this share of the model's lead over chance (A)."""


@dataclass(frozen=True)
class SingleTag:
    """How well one column alone ranks the test rows, whichever its direction.

    Attributes
    ----------
    name : str
        Column.
    order : float
        AUC of a probability, else Gini.
    suspicious : bool
        Whether it comes close to the whole model.
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
    """Find the columns that rank the test rows best alone, best first.

    Parameters
    ----------
    frame : pandas.DataFrame
        The features and `label`.
    train, test : numpy.ndarray of bool
        Shape (rows,): train rows, by which texts become numbers, and test rows to rank.
    features : list of str
        Columns to try.
    order : float
        What the whole model reaches: AUC of a probability, else Gini.
    kind : {"probability", "count", "amount"}
        What the model predicts.
    top : int
        At most so many columns are returned.
    """
    label = frame["label"].to_numpy(dtype=np.float64)
    chance = 0.5 if kind == "probability" else 0.0
    orders = {}
    for name in features:
        values = _numbers(frame[name], label, train, test)
        if np.ptp(values) == 0:
            continue
        ranked = auc(label[test], values) if kind == "probability" else gini(label[test], values)
        orders[name] = chance + abs(ranked - chance)
    best = sorted(orders, key=lambda name: -orders[name])[:top]
    reach = chance + SUSPICIOUS * (order - chance)
    return [SingleTag(name, orders[name], bool(orders[name] >= reach)) for name in best]


def _numbers(column: pd.Series, label: Array, train: Flags, test: Flags) -> Array:
    """Convert the test rows of a column to numbers, shape (test rows,).

    Null goes below all others; a text becomes its mean train outcome.
    """
    rows = column[test]
    if column.dtype.kind == "O" and isinstance(next(iter(column.dropna()), None), str):
        means = pd.Series(label[train]).groupby(column[train].to_numpy(dtype=object)).mean()
        rows = rows.map(means)
    values = pd.to_numeric(rows, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(values).all():
        return np.zeros(len(values))
    return np.asarray(np.where(np.isnan(values), np.nanmin(values) - 1, values))
