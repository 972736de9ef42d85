"""Measure how well predictions rank rows: AUC, average precision, Gini, gain and lift."""

import numpy as np
import pandas as pd

from training.estimators.encoding import Array
from training.estimators.losses import Outcomes

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
        self._first = np.r_[True, score[1:] != score[:-1]][: len(score)]

    def measure(self) -> tuple[float, float, float]:
        """Compute Gini, AUC and average precision; NaN if all outcomes are equal.

        The Gini is twice the area between the gain curve (share of all outcomes among the share of
        rows that come first) and the diagonal. AUC and average precision need outcomes of yes and
        no: of counts and amounts only the Gini has a meaning.

        Returns
        -------
        gini, auc, average_precision : float
        """
        if not self.label.sum() > 0 or np.ptp(self.label) == 0:
            return (float("nan"),) * 3
        rows, hits = self._groups()
        rows_so_far, hits_so_far = rows.cumsum(), hits.cumsum()
        total, outcomes = rows_so_far[-1], hits_so_far[-1]
        area = float((rows * (hits_so_far - hits / 2)).sum() / total / outcomes)
        gini = 2 * area - 1
        rate = outcomes / total
        precision = float((hits * hits_so_far / rows_so_far).sum() / outcomes)
        area_under_roc = (gini / (1 - rate) + 1) / 2 if rate < 1 else float("nan")
        return gini, float(area_under_roc), precision

    def noise(self) -> Array:
        """Compute what each row adds to the noise of the three figures, shape (rows, 3).

        A figure changes by so much, to first order, if a row counts once more: of the AUC these are
        the structural components of DeLong and others (1988, "Comparing the areas under two or more
        correlated receiver operating characteristic curves"), which Obuchowski (1997,
        "Nonparametric analysis of clustered ROC curve data") sums by customer. NaN where `measure`
        is.
        """
        gini, area_under_roc, precision = self.measure()
        if np.isnan(gini):
            return np.full((len(self.label), 3), np.nan)
        rows, hits = self._groups()
        others = rows - hits
        total, outcomes, rest = rows.sum(), hits.sum(), others.sum()
        rows_so_far, hits_so_far = rows.cumsum(), hits.cumsum()
        # Of each group of equal prediction: the share of the outcomes before it, of rows behind it.
        before = (hits_so_far - hits / 2) / outcomes
        behind = 1 - (rows_so_far - rows / 2) / total
        area, reached = (gini + 1) / 2, hits_so_far / rows_so_far
        weight = (hits / rows_so_far)[::-1].cumsum()[::-1]
        diluted = (hits * reached / rows_so_far)[::-1].cumsum()[::-1]
        group = np.repeat(np.arange(len(rows)), rows.astype(np.intp))
        label, noise = self.label, np.empty((len(self.label), 3))
        noise[:, 0] = (before[group] - area) / total + label * (behind[group] - area) / outcomes
        noise[:, 0] *= 2
        noise[:, 2] = label * (reached - precision + weight)[group] - diluted[group]
        noise[:, 2] /= outcomes
        with np.errstate(invalid="ignore", divide="ignore"):
            below = 1 - (others.cumsum() - others / 2) / rest
            noise[:, 1] = (1 - label) * (before[group] - area_under_roc) / rest
            noise[:, 1] += label * (below[group] - area_under_roc) / outcomes
        unsorted = np.empty_like(noise)
        unsorted[self.order] = noise
        return unsorted

    def _groups(self) -> tuple[Array, Array]:
        """Count rows and sum outcomes of each group of equal prediction."""
        starts = np.flatnonzero(self._first)
        sizes = np.diff(np.r_[starts, len(self.order)]).astype(np.float64)
        return sizes, np.asarray(np.add.reduceat(self.label, starts))


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
