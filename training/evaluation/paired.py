"""Two models on the same rows: differences with paired bootstrap intervals, by customer.

A resample draws customers, not rows, and asks both models about the same draw, so what makes a
cohort easy or hard cancels out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes, mean_loss, row_loss
from training.evaluation.calibration import (
    expected_calibration_error,
    resampled_calibration_errors,
)
from training.evaluation.discrimination import Ranking
from training.evaluation.resampling import Resamples, interval


@dataclass(frozen=True)
class Difference:
    """A figure of both, and the challenger's less the champion's.

    Attributes
    ----------
    champion, challenger, difference : float
        NaN where all outcomes are the same and the figure is an order.
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
    rows, customers : int
        How many, of how many customers.
    outcomes : int
        What speaks for or against a model: of yes and no the rarer, of counts all that were
        counted, of amounts all rows.
    reference : float
        Loss of always telling these rows' own mean: the scale of differences.
    order, loss, ece : Difference
        AUC or Gini; log loss or deviance; expected calibration error, of counts and amounts as a
        share of the mean outcome.
    """

    dimension: str
    value: str
    rows: int
    customers: int
    outcomes: int
    reference: float
    order: Difference
    loss: Difference
    ece: Difference


@dataclass(frozen=True)
class Gap:
    """How much more a model overstates the outcome for a group than for all others.

    `gap` is the group's mean of (told - observed) less that of the others: in probability, or as a
    share of the mean count or amount. `outcomes` as `Compared` has them, or as many as were to be
    expected where that is more.
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
    label: Outcomes,
    champion: Array,
    challenger: Array,
    resamples: Resamples,
    dimension: str = "",
    value: str = "",
    kind: Kind = "probability",
) -> Compared:
    """Figures of two models, shape (rows,) each, on the same rows."""
    scale = _scale(label, kind)
    first, second = (_figures(label, told, resamples, kind) for told in (champion, challenger))
    found = [
        _difference(one, other, drawn / unit, unit)
        for one, other, drawn, unit in zip(
            first[0], second[0], (second[1] - first[1]).T, (1.0, 1.0, scale), strict=True
        )
    ]
    mean = np.full(len(label), label.mean())
    return Compared(
        dimension,
        value,
        rows=len(label),
        customers=len(np.unique(resamples.codes)),
        outcomes=_outcomes(label, kind),
        reference=mean_loss(label, mean, kind),
        order=found[0],
        loss=found[1],
        ece=found[2],
    )


def gaps(
    label: Outcomes,
    told: Array,
    resamples: Resamples,
    groups: pd.Series,
    dimension: str,
    kind: Kind = "probability",
) -> list[Gap]:
    """The gap of each group, with its interval over resamples of customers."""
    places, values = pd.factorize(groups, sort=True)
    if len(values) < 2:
        return []
    inside = places[:, None] == np.arange(len(values))
    over = (told - label) / _scale(label, kind)
    columns = np.hstack([inside, inside * over[:, None]]).astype(np.float64)

    def measured(sums: Array) -> Array:
        rows, total = np.split(sums, 2, axis=-1)
        all_rows, all_over = (part.sum(axis=-1, keepdims=True) for part in (rows, total))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / rows - (all_over - total) / (all_rows - rows))

    found = measured(columns.sum(axis=0))
    drawn = measured(resamples.sums(columns))
    return [
        Gap(
            dimension,
            str(value),
            rows=int(inside[:, at].sum()),
            customers=len(np.unique(resamples.codes[inside[:, at]])),
            outcomes=max(
                _outcomes(label[inside[:, at]], kind), _expected(told[inside[:, at]], kind)
            ),
            gap=float(found[at]),
            low=interval(drawn[:, at])[0],
            high=interval(drawn[:, at])[1],
            deviation=float(np.nanstd(drawn[:, at])),
        )
        for at, value in enumerate(values)
    ]


def _figures(label: Outcomes, told: Array, resamples: Resamples, kind: Kind) -> tuple[Array, Array]:
    """Order, loss and calibration error, shape (3,); and of each resample, shape (resamples, 3)."""
    column = 1 if kind == "probability" else 0
    ranking, losses = Ranking(label, told), row_loss(label, told, kind)
    sums = resamples.sums(np.column_stack([losses, np.ones(len(losses))]))
    drawn = np.column_stack(
        [
            ranking.order_resampled(resamples)[:, column],
            sums[:, 0] / sums[:, 1],
            resampled_calibration_errors(label, told, resamples),
        ]
    )
    own = [ranking.measure()[column], losses.mean(), expected_calibration_error(label, told)]
    return np.array(own), drawn


def _difference(first: float, second: float, drawn: Array, unit: float) -> Difference:
    first, second = float(first / unit), float(second / unit)
    known = drawn[np.isfinite(drawn)]
    spread = float(known.std()) if len(known) else float("nan")
    return Difference(first, second, second - first, *interval(drawn), spread)


def _scale(label: Outcomes, kind: Kind) -> float:
    """What calibration is told in: probability as it is, counts and amounts by their mean."""
    return 1.0 if kind == "probability" else float(label.mean()) or float("nan")


def _outcomes(label: Outcomes, kind: Kind) -> int:
    if kind == "amount":
        return len(label)
    came = int(label.sum())
    return min(came, len(label) - came) if kind == "probability" else came


def _expected(told: Array, kind: Kind) -> int:
    expected = float(told.sum())
    return int(min(expected, len(told) - expected) if kind == "probability" else expected)
