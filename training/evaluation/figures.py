"""The main figures of one model on one slice, each with its interval."""

from dataclasses import dataclass

import numpy as np

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes, mean_loss
from training.evaluation.calibration import calibration_error, fit_line
from training.evaluation.discrimination import Ranking, gain_table
from training.evaluation.intervals import Customers, order_interval, ratio_interval, share_interval


@dataclass(frozen=True)
class Figures:
    """Quality of predicted probabilities; `_low` and `_high` bound the 95% interval of a figure.

    Attributes
    ----------
    rows, base_rate : int, float
    auc, average_precision : float
        How well predictions rank the rows; without skill, average precision is the base rate.
    log_loss, brier : float
        Mean distance of the probabilities from their outcomes.
    ece : float
        Expected calibration error: root mean square gap over tenths of predictions, less what
        chance adds; `ece_by_chance` is what chance alone adds.
    slope, intercept : float
        As in `training.evaluation.calibration.CalibrationLine`.
    lift : float
        Share of yes in the tenth predicted highest, over the share in all rows.
    """

    rows: int
    base_rate: float
    auc: float
    auc_low: float
    auc_high: float
    average_precision: float
    average_precision_low: float
    average_precision_high: float
    log_loss: float
    brier: float
    ece: float
    ece_low: float
    ece_high: float
    ece_by_chance: float
    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    lift: float


@dataclass(frozen=True)
class Amounts:
    """Quality of predicted counts or amounts.

    Attributes
    ----------
    rows, mean : int, float
        Rows and mean outcome.
    deviance : float
        Poisson deviance of counts, gamma of amounts; `explained` is the share by which it is below
        that of predicting the mean.
    gini : float
        Twice the area between the ordered Lorenz curve and the diagonal; 0 is chance.
    total_ratio : float
        Predicted total / observed total.
    ece : float
        Expected calibration error as in `Figures`, as a share of the mean outcome.
    lift : float
        Mean outcome of the tenth predicted highest / mean outcome of all rows.
    """

    rows: int
    mean: float
    deviance: float
    explained: float
    gini: float
    gini_low: float
    gini_high: float
    total_ratio: float
    total_ratio_low: float
    total_ratio_high: float
    ece: float
    ece_low: float
    ece_high: float
    lift: float


def figures_of(
    label: Outcomes, predicted: Array, people: Customers, kind: Kind = "probability"
) -> Figures | Amounts:
    """Compute the figures of a model from its predictions.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions.
    people : Customers
        Customers of the rows, for the intervals.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    Figures or Amounts
        `Figures` of a probability, `Amounts` of a count or an amount.
    """
    if kind == "probability":
        return probability_figures(label, predicted, people)
    return amount_figures(label, predicted, people, kind)


def probability_figures(label: Outcomes, predicted: Array, people: Customers) -> Figures:
    """Compute the figures of predicted probabilities.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes (yes or no) and probabilities.
    people : Customers
        Customers of the rows, for the intervals.
    """
    label = np.asarray(label, dtype=bool)
    ranking = Ranking(label, predicted)
    _, auc, precision = ranking.measure()
    _, auc_spread, precision_spread = people.spreads(ranking.noise())
    auc_low, auc_high = order_interval(auc, auc_spread, people, "probability")
    precision_low, precision_high = share_interval(precision, *precision_spread)
    error = calibration_error(label, predicted, people)
    line = fit_line(label, predicted, people)
    return Figures(
        rows=len(label),
        base_rate=float(label.mean()),
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        average_precision=precision,
        average_precision_low=precision_low,
        average_precision_high=precision_high,
        log_loss=mean_loss(label, predicted),
        brier=float(np.mean((predicted - label) ** 2)),
        ece=error.value,
        ece_low=error.interval[0],
        ece_high=error.interval[1],
        ece_by_chance=error.by_chance,
        slope=line.slope,
        slope_low=line.slope_interval[0],
        slope_high=line.slope_interval[1],
        intercept=line.intercept,
        intercept_low=line.intercept_interval[0],
        intercept_high=line.intercept_interval[1],
        lift=float(gain_table(label, predicted)["lift"].iloc[0]),
    )


def amount_figures(label: Outcomes, predicted: Array, people: Customers, kind: Kind) -> Amounts:
    """Compute the figures of predicted counts or amounts.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions, in the same unit.
    people : Customers
        Customers of the rows, for the intervals.
    kind : {"count", "amount"}
        Decides the deviance: Poisson or gamma.
    """
    label = np.asarray(label, dtype=np.float64)
    mean = float(label.mean())
    deviance = mean_loss(label, predicted, kind)
    plain = mean_loss(label, np.full(len(label), mean), kind)
    ranking = Ranking(label, predicted)
    gini = ranking.measure()[0]
    ratio = float(predicted.sum()) / float(label.sum()) if mean else float("nan")
    over = (predicted - ratio * label) / float(label.sum()) if mean else np.zeros(len(label))
    gini_spread, ratio_spread = people.spreads(
        np.column_stack([ranking.noise()[:, 0], over]), label
    )
    gini_low, gini_high = order_interval(gini, gini_spread, people, kind)
    ratio_low, ratio_high = ratio_interval(ratio, *ratio_spread)
    error = calibration_error(label, predicted, people, kind)
    return Amounts(
        rows=len(label),
        mean=mean,
        deviance=deviance,
        explained=1 - deviance / plain if plain else float("nan"),
        gini=gini,
        gini_low=gini_low,
        gini_high=gini_high,
        total_ratio=ratio,
        total_ratio_low=ratio_low,
        total_ratio_high=ratio_high,
        ece=error.value,
        ece_low=error.interval[0],
        ece_high=error.interval[1],
        lift=float(gain_table(label, predicted)["lift"].iloc[0]),
    )
