"""Measure how well predictions rank rows: AUC, average precision, Gini, gain and lift."""

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags, Places
from training.estimators.losses import Outcomes
from training.evaluation.resampling import Resamples

BINS = 10


class Ranking:
    """Rows ordered by prediction, highest first; rows of equal prediction form one group.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    """

    def __init__(self, label: Outcomes, predicted: Array) -> None:
        self.order = np.argsort(-predicted, kind="stable")
        score = predicted[self.order]
        self.label = label[self.order].astype(np.float64)
        self.starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]]) if len(score) else None

    def measure(self, weight: Array | None = None) -> tuple[float, float, float]:
        """Compute Gini, AUC and average precision of weighted rows; NaN if all outcomes are equal.

        The Gini is twice the area between the gain curve (share of all outcomes among the share of
        rows that come first) and the diagonal. AUC and average precision need outcomes of yes and
        no: of counts and amounts only the Gini has a meaning.

        Parameters
        ----------
        weight : numpy.ndarray, optional
            Shape (rows,): weight of each row; default: 1.

        Returns
        -------
        gini, auc, average_precision : float
        """
        if self.starts is None:
            return (float("nan"),) * 3
        own = np.ones(len(self.label)) if weight is None else weight[self.order]
        rows = np.add.reduceat(own, self.starts)
        hits = np.add.reduceat(own * self.label, self.starts)
        rows_so_far, hits_so_far = rows.cumsum(), hits.cumsum()
        total, outcomes = rows_so_far[-1], hits_so_far[-1]
        if not total or not outcomes > 0 or np.ptp(self.label[own > 0]) == 0:
            return (float("nan"),) * 3
        area = float((rows * (hits_so_far - hits / 2)).sum() / total / outcomes)
        gini = 2 * area - 1
        rate = outcomes / total
        seen = rows_so_far > 0
        precision = float((hits[seen] * hits_so_far[seen] / rows_so_far[seen]).sum() / outcomes)
        area_under_roc = (gini / (1 - rate) + 1) / 2 if rate < 1 else float("nan")
        return gini, float(area_under_roc), precision

    def measure_resamples(self, resamples: Resamples) -> Array:
        """Compute the three figures in every resample, shape (resamples, 3)."""
        return np.array([self.measure(weight) for weight in resamples.weights()]).reshape(-1, 3)

    def measure_order_resamples(self, resamples: Resamples) -> Array:
        """Compute Gini and AUC in every resample, shape (resamples, 2), as `measure` does.

        Neighbours of the same outcome are counted together, since the gain curve is straight there.
        Of yes and no that leaves twice as many groups as there are rows of the rarer outcome.
        """
        if self.starts is None:
            return np.full((resamples.drawn.shape[1], 2), np.nan)
        low = np.minimum.reduceat(self.label, self.starts)
        pure = low == np.maximum.reduceat(self.label, self.starts)
        alike = pure[1:] & pure[:-1] & (low[1:] == low[:-1])
        sizes = np.diff(np.r_[self.starts, len(self.order)])
        groups = np.repeat(np.cumsum(np.r_[False, ~alike]), sizes)
        codes = resamples.codes[self.order]
        rows = resamples.sums_by_group(groups, codes, np.ones(len(codes)))
        hits = resamples.sums_by_group(groups, codes, self.label)
        hits_so_far, total = hits.cumsum(axis=0), rows.sum(axis=0)
        outcomes = hits_so_far[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            gini = 2 * ((rows * (hits_so_far - hits / 2)).sum(axis=0) / total / outcomes) - 1
            rate = outcomes / total
            area_under_roc = np.where(rate < 1, (gini / (1 - rate) + 1) / 2, np.nan)
        ordered = (outcomes > 0) & ~self._constant(resamples, codes)
        return np.where(ordered[:, None], np.column_stack([gini, area_under_roc]), np.nan)

    def _constant(self, resamples: Resamples, codes: Places) -> Flags:
        """Mark the resamples whose rows all have the same outcome, shape (resamples,)."""
        other = (self.label != self.label[0]).astype(np.intp)
        drawn = resamples.sums_by_group(other, codes, np.ones(len(codes)))
        constant = (drawn > 0).sum(axis=0) < 2
        # Without any row of the first row's outcome, the others may still differ.
        for place in np.flatnonzero(drawn[0] == 0):
            present = self.label[resamples.drawn[codes, place] > 0]
            constant[place] = not len(present) or bool(np.ptp(present) == 0)
        return np.asarray(constant)


def auc(label: Outcomes, predicted: Array) -> float:
    """Compute the area under the ROC curve; NaN if all outcomes are the same."""
    return Ranking(label, predicted).measure()[1]


def gini(label: Outcomes, predicted: Array) -> float:
    """Compute the Gini: twice the area between the gain curve and the diagonal; 0 is chance."""
    return Ranking(label, predicted).measure()[0]


def gain_table(label: Outcomes, predicted: Array, bins: int = BINS) -> pd.DataFrame:
    """Compute gain and lift by bins of equal size, highest prediction first.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    bins : int
        Number of bins.

    Returns
    -------
    pandas.DataFrame
        One row per bin: `rows`; `hits`, the sum of its outcomes; `found`, the share of all
        outcomes in this bin and those before; `lift`, its mean outcome over that of all rows.
    """
    parts = np.array_split(np.argsort(-predicted, kind="stable"), min(bins, len(label)))
    total = float(label.sum())
    base = float(label.mean()) if len(label) else 0.0
    hits_so_far = 0.0
    rows = []
    for part in parts:
        hits = float(label[part].sum())
        hits_so_far += hits
        lift = hits / len(part) / base if base else float("nan")
        rows.append((len(part), hits, hits_so_far / total if total else 0.0, lift))
    return pd.DataFrame(rows, columns=["rows", "hits", "found", "lift"])
