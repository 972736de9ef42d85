"""Two models on the same rows: differences with paired bootstrap intervals, by customer.

A resample draws customers, not rows, and asks both models about the same draw, so what makes a
cohort easy or hard cancels out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.calibration import TINY
from training.encoding import Array, Flags
from training.evaluation.calibration import expected_calibration_error
from training.evaluation.discrimination import BINS, auc
from training.evaluation.kinds import mean_loss

RESAMPLES = 200


@dataclass(frozen=True)
class Difference:
    """A figure of both, and the challenger's less the champion's.

    Attributes
    ----------
    champion, challenger, difference : float
        NaN where all outcomes are the same and the figure is an AUC.
    low, high : float
        The 2.5 and 97.5 percentile of the difference over resamples of customers.
    deviation : float
        Its standard deviation over them.
    """

    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    deviation: float


@dataclass(frozen=True)
class Compared:
    """Two models on some rows.

    Attributes
    ----------
    dimension, value : str
        What the rows have in common; empty for the whole cohort.
    rows, customers, outcomes : int
        How many, of how many customers, and how many of them came true.
    reference : float
        Log loss of always telling these rows' own share: the scale of differences.
    auc, log_loss, ece : Difference
    """

    dimension: str
    value: str
    rows: int
    customers: int
    outcomes: int
    reference: float
    auc: Difference
    log_loss: Difference
    ece: Difference


@dataclass(frozen=True)
class Gap:
    """How much more a model overstates the outcome for a group than for all others.

    `outcomes` counts what came true, or was to be expected where that is more; `gap` is the group's
    mean of (told - observed) less that of the others, in probability.
    """

    dimension: str
    value: str
    rows: int
    customers: int
    outcomes: int
    gap: float
    low: float
    high: float
    deviation: float


def compare(
    label: Flags,
    champion: Array,
    challenger: Array,
    customers: pd.Series,
    dimension: str = "",
    value: str = "",
    seed: int = 7,
) -> Compared:
    """Figures of two models, shape (rows,) each, on the same rows."""
    codes = np.asarray(pd.factorize(customers)[0])
    both = [_Weighted(label, told) for told in (champion, challenger)]
    drawn = [[one.figures(w) for one in both] for w in _draws(codes, seed)]
    differences = np.array([np.subtract(second, first) for first, second in drawn])
    told = [(auc(label, p), mean_loss(label, p), expected_calibration_error(label, p))
            for p in (champion, challenger)]  # fmt: skip
    share = np.full(len(label), label.mean())
    figures = [
        _difference(told[0][i], told[1][i], differences[:, i]) for i in range(differences.shape[1])
    ]
    return Compared(
        dimension,
        value,
        len(label),
        int(codes.max()) + 1,
        int(label.sum()),
        mean_loss(label, share),
        *figures,
    )


def gaps(
    label: Flags,
    told: Array,
    customers: pd.Series,
    groups: pd.Series,
    dimension: str,
    seed: int = 7,
) -> list[Gap]:
    """The gap of each group, with its interval over resamples of customers."""
    codes = np.asarray(pd.factorize(customers)[0])
    places, values = pd.factorize(groups, sort=True)
    if len(values) < 2:
        return []
    over = told - label
    size = len(values)

    def measured(weight: Array) -> Array:
        rows = np.bincount(places, weight, size)
        sums = np.bincount(places, weight * over, size)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(sums / rows - (sums.sum() - sums) / (rows.sum() - rows))

    found = measured(np.ones(len(label)))
    drawn = np.array([measured(weight) for weight in _draws(codes, seed)])
    counted = pd.Series(codes).groupby(places).agg(["size", "nunique"]).to_numpy()
    came, expected = np.bincount(places, label, size), np.bincount(places, told, size)
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    deviation = np.nanstd(drawn, axis=0)
    return [
        Gap(
            dimension,
            str(value),
            rows=int(counted[i, 0]),
            customers=int(counted[i, 1]),
            outcomes=int(max(came[i], expected[i])),
            gap=float(found[i]),
            low=float(low[i]),
            high=float(high[i]),
            deviation=float(deviation[i]),
        )
        for i, value in enumerate(values)
    ]


class _Weighted:
    """Figures of one model under any weights of its rows; what does not change is sorted once."""

    def __init__(self, label: Flags, told: Array) -> None:
        self.label = label
        sure = np.clip(told, TINY, 1 - TINY)
        self.loss = -np.where(label, np.log(sure), np.log1p(-sure))
        self.order = np.argsort(told, kind="stable")
        self.hit = label[self.order].astype(np.float64)
        ranked = told[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.over = ranked - self.hit
        parts = np.array_split(np.arange(len(told)), min(BINS, len(told)))
        self.bins = np.array([part[0] for part in parts])

    def figures(self, weight: Array) -> tuple[float, float, float]:
        """AUC, log loss and ECE; the bins of the last are those of the unweighted rows."""
        total = weight.sum()
        ranked = weight[self.order]
        yes = np.add.reduceat(ranked * self.hit, self.starts)
        every = np.add.reduceat(ranked, self.starts)
        no = every - yes
        positive, negative = yes.sum(), no.sum()
        area = float("nan")
        if positive and negative:
            area = float((yes * (np.cumsum(no) - no / 2)).sum() / (positive * negative))
        loss = float((weight * self.loss).sum() / total)
        gap = float(np.abs(np.add.reduceat(ranked * self.over, self.bins)).sum() / total)
        return area, loss, gap


def _draws(codes: npt.NDArray[Any], seed: int) -> Iterator[Array]:
    """Weights of the rows, one resample of customers after another."""
    generator = np.random.default_rng(seed)
    people = int(codes.max()) + 1
    for _ in range(RESAMPLES):
        drawn = np.bincount(generator.integers(0, people, people), minlength=people)
        yield drawn[codes].astype(np.float64)


def _difference(first: float, second: float, drawn: Array) -> Difference:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        nothing = float("nan")
        return Difference(first, second, second - first, nothing, nothing, nothing)
    low, high = np.percentile(known, [2.5, 97.5])
    return Difference(first, second, second - first, float(low), float(high), float(known.std()))
