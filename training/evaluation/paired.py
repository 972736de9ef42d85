"""Compare two models on the same rows: differences with paired intervals, by customer.

What a row adds to the noise of one model's figure is taken from what it adds to the other's, and
then summed by customer. So what makes a cohort easy or hard cancels out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes, mean_loss, row_loss
from training.evaluation.calibration import calibration_error, count_bins, gaps_by_bin
from training.evaluation.discrimination import Ranking
from training.evaluation.distances import Distance
from training.evaluation.error_difference import ErrorDifference
from training.evaluation.intervals import Customers, Spread, student_interval


@dataclass(frozen=True)
class Difference:
    """One figure of both models, and the challenger's minus the champion's.

    Attributes
    ----------
    champion, challenger, difference : float
        NaN if the figure is AUC or Gini and all outcomes are the same.
    low, high : float
        95% interval of the difference.
    deviation : float
        Standard deviation of the difference.
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
        95% interval and standard deviation of `gap`.
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
    people: Customers,
    dimension: str = "",
    value: str = "",
    kind: Kind = "probability",
) -> PairedFigures:
    """Compare two models on the same rows.

    Parameters
    ----------
    label, champion, challenger : numpy.ndarray
        Shape (rows,): outcomes and the predictions of both models.
    people : Customers
        Customers of the rows, for the intervals.
    dimension, value : str
        The segment the rows belong to; empty for the whole cohort.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    first, first_noise = _figures(label, champion, kind)
    second, second_noise = _figures(label, challenger, kind)
    spreads = people.spreads(second_noise - first_noise)
    order, loss = (
        _difference(before, after, spread)
        for before, after, spread in zip(first, second, spreads, strict=True)
    )
    mean = np.full(len(label), label.mean())
    return PairedFigures(
        dimension,
        value,
        rows=len(label),
        customers=len(np.unique(people.codes)),
        outcomes=_outcomes(label, kind),
        reference=mean_loss(label, mean, kind),
        order=order,
        loss=loss,
        ece=compare_calibration(label, champion, challenger, people, kind),
        challenger_ece=calibration_error(label, challenger, people, kind),
    )


def compare_calibration(
    label: Outcomes,
    champion: Array,
    challenger: Array,
    people: Customers,
    kind: Kind = "probability",
    bins: int | None = None,
) -> Difference:
    """Compare the expected calibration errors of two models in the same tenths.

    The tenths are of the mean of both predictions (`training.evaluation.error_difference`).

    Parameters
    ----------
    label, champion, challenger : numpy.ndarray
        Shape (rows,): outcomes and the predictions of both models, in the same unit.
    people : Customers
        The customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted: of counts and amounts errors are shares of the mean outcome.
    bins : int, optional
        Number of bins; default: as `training.evaluation.calibration.count_bins` has it.
    """
    middle = (champion + challenger) / 2
    bins = count_bins(label, people) if bins is None else bins
    first, weights, before_noise = gaps_by_bin(label, champion, middle, bins, kind)
    second, _, after_noise = gaps_by_bin(label, challenger, middle, bins, kind)
    covariance = people.covariance(np.hstack([before_noise, after_noise]))
    if not np.isfinite(covariance).all() or not np.isfinite([first, second]).all():
        return Difference(*(float("nan"),) * 6)
    apart = ErrorDifference(first, second, weights, covariance, people.resting(before_noise))
    before, after = apart.errors
    return Difference(before, after, after - before, *apart.interval, apart.deviation)


def gaps(
    label: Outcomes,
    predicted: Array,
    people: Customers,
    groups: pd.Series,
    dimension: str,
    kind: Kind = "probability",
) -> list[Gap]:
    """Measure the gap of every group, with its interval.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    people : Customers
        Customers of the rows.
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
    over = ((predicted - label) / _scale(label, kind))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = inside / inside.sum(axis=0), ~inside / (~inside).sum(axis=0)
        means = [(share * over).sum(axis=0) for share in shares]
    noises = [share * (over - mean) for share, mean in zip(shares, means, strict=True)]
    observed, spreads = means[0] - means[1], people.spreads(noises[0] - noises[1])
    customers = [len(np.unique(people.codes[group])) for group in inside.T]
    bounds = [
        student_interval(estimate, *spread)
        for estimate, spread in zip(observed.tolist(), spreads, strict=True)
    ]
    return [
        Gap(
            dimension,
            str(value),
            rows=int(inside[:, at].sum()),
            customers=customers[at],
            outcomes=max(
                _outcomes(label[inside[:, at]], kind), _expected(predicted[inside[:, at]], kind)
            ),
            gap=float(observed[at]),
            low=bounds[at][0],
            high=bounds[at][1],
            deviation=spreads[at][0],
        )
        for at, value in enumerate(values)
    ]


def _figures(label: Outcomes, predicted: Array, kind: Kind) -> tuple[Array, Array]:
    """Measure order and loss, shape (2,), and the noise that each row adds, shape (rows, 2)."""
    column = 1 if kind == "probability" else 0
    ranking, losses = Ranking(label, predicted), row_loss(label, predicted, kind)
    noise = [ranking.noise()[:, column], (losses - losses.mean()) / len(losses)]
    return np.array([ranking.measure()[column], losses.mean()]), np.column_stack(noise)


def _difference(first: float, second: float, spread: Spread) -> Difference:
    first, second = float(first), float(second)
    bounds = student_interval(second - first, *spread)
    return Difference(first, second, second - first, *bounds, spread[0])


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
