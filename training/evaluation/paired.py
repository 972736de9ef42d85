"""Compare two models on the same rows: differences with paired bootstrap intervals, by customer.

A resample draws customers, not rows, and both models are measured on the same draw. So what makes a
cohort easy or hard cancels out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes, mean_loss, row_loss
from training.evaluation.calibration import calibration_error, count_bins, gaps_by_bin
from training.evaluation.discrimination import Ranking
from training.evaluation.distances import Distance, noise
from training.evaluation.resampling import Resamples, interval


@dataclass(frozen=True)
class Difference:
    """One figure of both models, and the challenger's minus the champion's.

    Attributes
    ----------
    champion, challenger, difference : float
        NaN if the figure is AUC or Gini and all outcomes are the same.
    low, high : float
        The 2.5 and 97.5 percentiles of the difference over resamples of customers.
    deviation : float
        Standard deviation of the difference over these resamples.
    """

    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    deviation: float


@dataclass(frozen=True)
class PairedFigures:
    """Figures of two models on the same rows.

    Attributes
    ----------
    dimension, value : str
        The segment the rows belong to; empty for the whole cohort.
    rows, customers : int
        Number of rows and of customers.
    outcomes : int
        Outcomes that carry evidence: of yes and no the rarer, of counts their sum, of amounts all
        rows.
    reference : float
        Loss of always predicting the mean of these rows: the scale of differences in loss.
    order, loss, ece : Difference
        AUC or Gini; log loss or deviance; expected calibration error (`compare_calibration`), of
        counts and amounts as a share of the mean outcome.
    challenger_ece : Distance
        The challenger's own error, in tenths of its own predictions, in the same unit.
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
    challenger_ece: Distance


@dataclass(frozen=True)
class Gap:
    """How much more a model overstates the outcome for a group than for all others.

    Attributes
    ----------
    dimension, value : str
        The attribute and the group.
    rows, customers : int
        Number of rows and of customers in the group.
    outcomes : int
        As in `PairedFigures`, or the expected number if that is larger.
    gap : float
        The group's mean of (predicted - observed) minus that of the others: in probability, or as
        a share of the mean count or amount.
    low, high, deviation : float
        95% interval and standard deviation of `gap` over resamples of customers.
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
) -> PairedFigures:
    """Compare two models on the same rows.

    Parameters
    ----------
    label, champion, challenger : numpy.ndarray
        Shape (rows,): outcomes and the predictions of both models.
    resamples : Resamples
        Resamples of the customers of the rows, for the intervals.
    dimension, value : str
        The segment the rows belong to; empty for the whole cohort.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    first, first_drawn = _figures(label, champion, resamples, kind)
    second, second_drawn = _figures(label, challenger, resamples, kind)
    order, loss = (
        _difference(before, after, drawn)
        for before, after, drawn in zip(first, second, (second_drawn - first_drawn).T, strict=True)
    )
    mean = np.full(len(label), label.mean())
    return PairedFigures(
        dimension,
        value,
        rows=len(label),
        customers=len(np.unique(resamples.codes)),
        outcomes=_outcomes(label, kind),
        reference=mean_loss(label, mean, kind),
        order=order,
        loss=loss,
        ece=compare_calibration(label, champion, challenger, resamples, kind),
        challenger_ece=calibration_error(label, challenger, resamples, kind),
    )


def compare_calibration(
    label: Outcomes,
    champion: Array,
    challenger: Array,
    resamples: Resamples,
    kind: Kind = "probability",
    bins: int | None = None,
) -> Difference:
    """Compare the expected calibration errors of two models in the same tenths.

    The tenths are of the mean of both predictions. In the same tenths both models err against the
    same outcomes, so that only their predictions set them apart, and the errors differ by no more
    than these do. What is not known is how far the champion errs in the direction in which the
    predictions differ, and how far in all others. Both are drawn around
    their estimates, the latter as a square without what noise adds (generalised pivotal
    quantities: Hannig 2009, "On generalized fiducial inference").

    Parameters
    ----------
    label, champion, challenger : numpy.ndarray
        Shape (rows,): outcomes and the predictions of both models, in the same unit.
    resamples : Resamples
        The customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted: of counts and amounts errors are shares of the mean outcome.
    bins : int, optional
        Number of bins; default: as `training.evaluation.calibration.count_bins` has it.
    """
    middle = (champion + challenger) / 2
    bins = count_bins(label, resamples) if bins is None else bins
    first, weights, before_noise = gaps_by_bin(label, champion, middle, bins, kind)
    second, _, after_noise = gaps_by_bin(label, challenger, middle, bins, kind)
    covariance = resamples.covariance(np.hstack([before_noise, after_noise]))
    length = float(np.sqrt(weights @ (second - first) ** 2))
    if not np.isfinite(covariance).all() or not np.isfinite(length):
        return Difference(*(float("nan"),) * 6)
    variances = np.diag(covariance)
    added = weights @ variances[:bins], weights @ variances[bins:]
    before, after = (
        float(np.sqrt(max(float(weights @ gaps**2 - extra), 0.0)))
        for gaps, extra in zip((first, second), added, strict=True)
    )
    if not length:
        return Difference(before, after, 0.0, 0.0, 0.0, 0.0)
    direction = weights * (second - first) / length
    across = added[0] - float(direction @ covariance[:bins, :bins] @ direction)
    drawn_first, drawn_second = np.hsplit(
        np.r_[first, second] + noise(covariance, len(resamples.drawn) / bins), 2
    )
    along = drawn_first @ direction
    rest = np.maximum(drawn_first**2 @ weights - along**2 - 2 * across, 0.0)
    samples = np.sqrt((drawn_second @ direction) ** 2 + rest) - np.sqrt(along**2 + rest)
    return Difference(before, after, after - before, *interval(samples), float(samples.std()))


def gaps(
    label: Outcomes,
    predicted: Array,
    resamples: Resamples,
    groups: pd.Series,
    dimension: str,
    kind: Kind = "probability",
) -> list[Gap]:
    """Measure the gap of every group, with its interval over resamples of customers.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    resamples : Resamples
        Resamples of the customers of the rows.
    groups : pandas.Series
        Shape (rows,): group of each row; rows without one are left out of all groups.
    dimension : str
        Name of the attribute that forms the groups.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    list of Gap
        By name of the group; empty if there are fewer than two.
    """
    places, values = pd.factorize(groups, sort=True)
    if len(values) < 2:
        return []
    inside = places[:, None] == np.arange(len(values))
    over = (predicted - label) / _scale(label, kind)
    columns = np.hstack([inside, inside * over[:, None]]).astype(np.float64)

    def gaps_from(sums: Array) -> Array:
        rows, total = np.split(sums, 2, axis=-1)
        all_rows, all_over = (part.sum(axis=-1, keepdims=True) for part in (rows, total))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / rows - (all_over - total) / (all_rows - rows))

    observed = gaps_from(columns.sum(axis=0))
    drawn = gaps_from(resamples.sums(columns))
    return [
        Gap(
            dimension,
            str(value),
            rows=int(inside[:, at].sum()),
            customers=len(np.unique(resamples.codes[inside[:, at]])),
            outcomes=max(
                _outcomes(label[inside[:, at]], kind), _expected(predicted[inside[:, at]], kind)
            ),
            gap=float(observed[at]),
            low=interval(drawn[:, at])[0],
            high=interval(drawn[:, at])[1],
            deviation=float(np.nanstd(drawn[:, at])),
        )
        for at, value in enumerate(values)
    ]


def _figures(
    label: Outcomes, predicted: Array, resamples: Resamples, kind: Kind
) -> tuple[Array, Array]:
    """Measure order and loss, shape (2,), and in every resample, shape (resamples, 2)."""
    column = 1 if kind == "probability" else 0
    ranking, losses = Ranking(label, predicted), row_loss(label, predicted, kind)
    sums = resamples.sums(np.column_stack([losses, np.ones(len(losses))]))
    drawn = np.column_stack(
        [ranking.measure_order_resamples(resamples)[:, column], sums[:, 0] / sums[:, 1]]
    )
    return np.array([ranking.measure()[column], losses.mean()]), drawn


def _difference(first: float, second: float, drawn: Array) -> Difference:
    known = drawn[np.isfinite(drawn)]
    spread = float(known.std()) if len(known) else float("nan")
    first, second = float(first), float(second)
    return Difference(first, second, second - first, *interval(drawn), spread)


def _scale(label: Outcomes, kind: Kind) -> float:
    """Return the unit of calibration: 1 of a probability, else the mean count or amount."""
    return 1.0 if kind == "probability" else float(label.mean()) or float("nan")


def _outcomes(label: Outcomes, kind: Kind) -> int:
    if kind == "amount":
        return len(label)
    came = int(label.sum())
    return min(came, len(label) - came) if kind == "probability" else came


def _expected(predicted: Array, kind: Kind) -> int:
    expected = float(predicted.sum())
    return int(min(expected, len(predicted) - expected) if kind == "probability" else expected)
