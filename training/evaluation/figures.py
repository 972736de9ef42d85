"""The main figures of one model on one slice, each with its interval."""

from dataclasses import dataclass

import numpy as np

from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes, mean_loss
from training.evaluation.calibration import (
    calibration_error_interval,
    expected_calibration_error,
    fit_line,
)
from training.evaluation.discrimination import Ranking, gain_table
from training.evaluation.resampling import Resamples, interval


@dataclass(frozen=True)
class Figures:
    """Quality of probabilities. `_low` and `_high` bound 95% of resamples of customers.

    Attributes
    ----------
    rows, base_rate : int, float
    auc, average_precision : float
        Order of the rows; average precision of no knowledge is the base rate.
    log_loss, brier : float
        Distance of each told probability from its outcome.
    ece : float
        Mean distance of told and observed share over tenths; `ece_by_chance` is what a model
        without any error shows on as many rows.
    slope, intercept : float
        As `training.evaluation.calibration.Fit` has them.
    lift : float
        How much more often the tenth told the highest says yes than all rows do.
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
    """Quality of told counts or amounts.

    Attributes
    ----------
    rows, mean : int, float
        Rows and mean outcome.
    deviance : float
        Poisson of counts, gamma of amounts; `explained` is how much lower than with the mean.
    gini : float
        Twice the area between the ordered Lorenz curve and the diagonal.
    total_ratio : float
        Sum told / sum observed.
    ece : float
        Mean distance of told and observed mean over tenths, as a share of the mean outcome.
    lift : float
        Mean outcome of the tenth told the highest / mean outcome of all.
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
    label: Outcomes, told: Array, resamples: Resamples, kind: Kind = "probability"
) -> Figures | Amounts:
    """The figures of a model by what it tells.

    Parameters
    ----------
    label, told : numpy.ndarray
        Shape (rows,): outcomes and what was told of them.
    kind : {"probability", "count", "amount"}
    """
    if kind == "probability":
        return probability_figures(label, told, resamples)
    return amount_figures(label, told, resamples, kind)


def probability_figures(label: Outcomes, told: Array, resamples: Resamples) -> Figures:
    """Figures of probabilities."""
    label = np.asarray(label, dtype=bool)
    ranking = Ranking(label, told)
    _, auc, precision = ranking.measure()
    order = ranking.resampled(resamples)
    auc_low, auc_high = interval(order[:, 1])
    precision_low, precision_high = interval(order[:, 2])
    ece_low, ece_high, by_chance = calibration_error_interval(label, told, resamples)
    line = fit_line(label, told, resamples)
    return Figures(
        rows=len(label),
        base_rate=float(label.mean()),
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        average_precision=precision,
        average_precision_low=precision_low,
        average_precision_high=precision_high,
        log_loss=mean_loss(label, told),
        brier=float(np.mean((told - label) ** 2)),
        ece=expected_calibration_error(label, told),
        ece_low=ece_low,
        ece_high=ece_high,
        ece_by_chance=by_chance,
        slope=line.slope,
        slope_low=line.slope_interval[0],
        slope_high=line.slope_interval[1],
        intercept=line.intercept,
        intercept_low=line.intercept_interval[0],
        intercept_high=line.intercept_interval[1],
        lift=float(gain_table(label, told)["lift"].iloc[0]),
    )


def amount_figures(label: Outcomes, told: Array, resamples: Resamples, kind: Kind) -> Amounts:
    """Figures of counts or amounts."""
    label = np.asarray(label, dtype=np.float64)
    mean = float(label.mean())
    deviance = mean_loss(label, told, kind)
    plain = mean_loss(label, np.full(len(label), mean), kind)
    ranking = Ranking(label, told)
    gini_low, gini_high = interval(ranking.order_resampled(resamples)[:, 0])
    sums = resamples.sums(np.column_stack([told, label]))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_low, ratio_high = interval(sums[:, 0] / sums[:, 1])
    ece_low, ece_high, _ = calibration_error_interval(label, told, resamples)
    scale = mean or float("nan")
    return Amounts(
        rows=len(label),
        mean=mean,
        deviance=deviance,
        explained=1 - deviance / plain if plain else float("nan"),
        gini=ranking.measure()[0],
        gini_low=gini_low,
        gini_high=gini_high,
        total_ratio=float(told.sum()) / float(label.sum()) if mean else float("nan"),
        total_ratio_low=ratio_low,
        total_ratio_high=ratio_high,
        ece=expected_calibration_error(label, told) / scale,
        ece_low=ece_low / scale,
        ece_high=ece_high / scale,
        lift=float(gain_table(label, told)["lift"].iloc[0]),
    )
