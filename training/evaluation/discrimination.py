"""How well a model orders: AUC, average precision, Gini (ordered Lorenz), gain and lift."""

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags, Places
from training.estimators.losses import Outcomes
from training.evaluation.resampling import Resamples

BINS = 10


class Ranking:
    """Rows in the order of what was told, highest first, rows told the same together."""

    def __init__(self, label: Outcomes, told: Array) -> None:
        self.order = np.argsort(-told, kind="stable")
        score = told[self.order]
        self.label = label[self.order].astype(np.float64)
        self.starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]]) if len(score) else None

    def measure(self, weight: Array | None = None) -> tuple[float, float, float]:
        """Gini, AUC and average precision of weighted rows; NaN where there is nothing to order.

        The Gini is twice the area between the gain curve (share of all outcomes found among the
        share of rows asked first) and the diagonal. AUC and average precision are those of yes
        and no: of counts and amounts, read only the Gini.
        """
        if self.starts is None:
            return (float("nan"),) * 3
        own = np.ones(len(self.label)) if weight is None else weight[self.order]
        rows = np.add.reduceat(own, self.starts)
        found = np.add.reduceat(own * self.label, self.starts)
        asked, all_found = rows.cumsum(), found.cumsum()
        total, outcomes = asked[-1], all_found[-1]
        if not total or not outcomes > 0 or np.ptp(self.label[own > 0]) == 0:
            return (float("nan"),) * 3
        area = float((rows * (all_found - found / 2)).sum() / total / outcomes)
        gini = 2 * area - 1
        rate = outcomes / total
        seen = asked > 0
        precision = float((found[seen] * all_found[seen] / asked[seen]).sum() / outcomes)
        area_under_roc = (gini / (1 - rate) + 1) / 2 if rate < 1 else float("nan")
        return gini, float(area_under_roc), precision

    def resampled(self, resamples: Resamples) -> Array:
        """The three figures of each resample, shape (resamples, 3)."""
        return np.array([self.measure(weight) for weight in resamples.weights()]).reshape(-1, 3)

    def order_resampled(self, resamples: Resamples) -> Array:
        """Gini and AUC of each resample, shape (resamples, 2), as `measure` has them.

        Neighbours of one outcome are counted together, for among them the gain curve is straight.
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
        found = resamples.sums_by_group(groups, codes, self.label)
        all_found, total = found.cumsum(axis=0), rows.sum(axis=0)
        outcomes = all_found[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            gini = 2 * ((rows * (all_found - found / 2)).sum(axis=0) / total / outcomes) - 1
            rate = outcomes / total
            area_under_roc = np.where(rate < 1, (gini / (1 - rate) + 1) / 2, np.nan)
        ordered = (outcomes > 0) & ~self._constant(resamples, codes)
        return np.where(ordered[:, None], np.column_stack([gini, area_under_roc]), np.nan)

    def _constant(self, resamples: Resamples, codes: Places) -> Flags:
        """In which resamples all rows drawn have one outcome, shape (resamples,)."""
        other = (self.label != self.label[0]).astype(np.intp)
        drawn = resamples.sums_by_group(other, codes, np.ones(len(codes)))
        constant = (drawn > 0).sum(axis=0) < 2
        # Without any row of the first row's outcome, the others may still differ.
        for place in np.flatnonzero(drawn[0] == 0):
            present = self.label[resamples.drawn[codes, place] > 0]
            constant[place] = not len(present) or bool(np.ptp(present) == 0)
        return np.asarray(constant)


def auc(label: Outcomes, told: Array) -> float:
    """Area under the ROC curve; NaN where all outcomes are the same."""
    return Ranking(label, told).measure()[1]


def gini(label: Outcomes, told: Array) -> float:
    """Twice the area between the gain curve and the diagonal; 0 tells nothing."""
    return Ranking(label, told).measure()[0]


def gain_table(label: Outcomes, told: Array, bins: int = BINS) -> pd.DataFrame:
    """Of each tenth, highest told first: outcomes found, share of all found so far, lift."""
    parts = np.array_split(np.argsort(-told, kind="stable"), min(bins, len(label)))
    total = float(label.sum())
    base = float(label.mean()) if len(label) else 0.0
    found = 0.0
    rows = []
    for part in parts:
        hits = float(label[part].sum())
        found += hits
        lift = hits / len(part) / base if base else float("nan")
        rows.append((len(part), hits, found / total if total else 0.0, lift))
    return pd.DataFrame(rows, columns=["rows", "hits", "found", "lift"])
