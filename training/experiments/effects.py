"""Estimate what a treatment drawn by lot adds, for all who were drawn: intention to treat.

The difference of the arms' means, each adjusted by its own regression on covariates and strata (Lin
2013, "Agnostic notes on regression adjustments to experimental data"). Where the covariate is a
model's prediction made before the draw, this is CUPAC (Tang, Huang, Kastner and Chen 2020), without
assuming that both arms have one slope. The noise of the difference is a sum over rows of what each
adds to it, so rows of a household are summed before they are squared (Liang and Zeger 1986);
residuals are those of the jackknife (MacKinnon and White 1985), which for plain means is Welch's
variance.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from features.errors import GuanjiaError
from training.experiments.sample import Array, Sample

CONFIDENCE = 0.95
MOST_LEVERAGE = 1 - 1e-9
"""A row alone in its branch is fitted exactly."""


@dataclass(frozen=True)
class Effect:
    """An effect with its 95% interval.

    Attributes
    ----------
    value, low, high : float
        Treated less control, in the outcome's unit, and the interval.
    deviation : float
        Standard error; infinite where an arm has a single cluster.
    freedom : float
        Degrees of freedom of the deviation (Welch 1947).
    p_value : float
        Of no effect, two-sided.
    treated_mean, control_mean : float
        Adjusted means of the arms.
    treated, control : int
        Rows of the arms.
    explained : float
        Share of the variance that covariates and strata took away; negative where they only add
        noise.
    """

    value: float
    low: float
    high: float
    deviation: float
    freedom: float
    p_value: float
    treated_mean: float
    control_mean: float
    treated: int
    control: int
    explained: float

    def bounded(self, factor: float) -> "Effect":
        """Return the effect with an interval of so many standard errors to either side."""
        away = factor * self.deviation
        return replace(self, low=self.value - away, high=self.value + away)


@dataclass(frozen=True)
class Total:
    """A sum over units and its 95% interval: renewals, or yuan."""

    value: float
    low: float
    high: float


def average_effect(outcome: Array, sample: Sample) -> Effect:
    """Estimate the effect of being drawn on the mean of an outcome.

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,): 0 and 1 for renewals, or yuan; of every row drawn.
    sample : Sample
        Arms, clusters and covariates of the rows.

    Raises
    ------
    GuanjiaError
        If the outcome is not a finite number of every row.
    """
    values = np.asarray(outcome, np.float64)
    if len(values) != sample.rows or not np.isfinite(values).all():
        raise GuanjiaError(
            "outcome",
            f"has {np.isfinite(values).sum():,} numbers for {sample.rows:,} rows",
            "leave out rows that are not ripe, in both arms alike",
        )
    means, noise = influence(values, sample)
    deviation, freedom = standard_error(noise, sample)
    floor = _least_variance(values, sample)
    deviation = max(deviation, floor)
    alone = deviation
    if sample.covariates is not None or sample.strata is not None:
        plain = replace(sample, covariates=None, strata=None)
        alone, _ = standard_error(influence(values, plain)[1], plain)
    value = means[1] - means[0]
    away = stdtrit(freedom, (1 + CONFIDENCE) / 2) * deviation
    treated = int(sample.treated.sum())
    return Effect(
        value=value,
        low=float(value - away),
        high=float(value + away),
        deviation=deviation,
        freedom=freedom,
        p_value=p_value(value, deviation, freedom),
        treated_mean=means[1],
        control_mean=means[0],
        treated=treated,
        control=sample.rows - treated,
        explained=1 - (deviation / alone) ** 2 if 0 < alone < np.inf else 0.0,
    )


def influence(outcome: Array, sample: Sample) -> tuple[tuple[float, float], Array]:
    """Calculate the adjusted means of the arms and what each row adds to their difference.

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,).
    sample : Sample
        Arms, clusters and covariates of the rows.

    Returns
    -------
    tuple of float
        Means of control and treated.
    numpy.ndarray
        Shape (rows,): noise of the difference as a sum over rows, with mean 0.
    """
    design = _design(sample)
    noise, all_weights = np.zeros(sample.rows), _weights(sample)
    means: list[float] = []
    for sign, arm in ((-1.0, ~sample.treated), (1.0, sample.treated)):
        weights = all_weights[arm]
        scale = np.sqrt(weights)
        left, sizes, right = np.linalg.svd(design[arm] * scale[:, None], full_matrices=False)
        sound = sizes > sizes[0] * len(scale) * np.finfo(float).eps
        left, sizes, right = left[:, sound], sizes[sound], right[sound]
        coefficients = right.T @ (left.T @ (outcome[arm] * scale) / sizes)
        expected = design @ coefficients
        residual = outcome[arm] - expected[arm]
        # A row's residual from the fit without it, as the jackknife has it.
        leverage = np.minimum((left**2).sum(axis=1), MOST_LEVERAGE)
        weights = weights / weights.sum()
        mean = float(expected.mean())
        means.append(mean)
        noise += sign * (expected - mean) / sample.rows
        without_row = residual / (1 - leverage) * np.sqrt(1 - 1 / len(residual))
        noise[arm] += sign * weights * without_row
    return (means[0], means[1]), noise


def standard_error(noise: Array, sample: Sample) -> tuple[float, float]:
    """Calculate the standard error of a sum of noise, and its degrees of freedom.

    Parameters
    ----------
    noise : numpy.ndarray
        Shape (rows,), as `influence` gives it.
    sample : Sample
        Arms and clusters of the rows.
    """
    variances, freedom = joint_covariance(noise[:, None], sample)
    return float(np.sqrt(variances[0, 0])), freedom


def joint_covariance(noises: Array, sample: Sample) -> tuple[Array, float]:
    """Calculate the covariance of several sums of noise, and Welch's degrees of freedom.

    Parameters
    ----------
    noises : numpy.ndarray
        Shape (rows, k), columns as `influence` gives them.
    sample : Sample
        Arms and clusters of the rows.

    Returns
    -------
    numpy.ndarray
        Shape (k, k); infinite where an arm has a single cluster.
    float
        Degrees of freedom of the first.
    """
    weights = _weights(sample) ** 2
    if sample.clusters is None:
        sums, arm_of, apart = noises, sample.treated, True
    else:
        names, codes = np.unique(sample.clusters, return_inverse=True)
        sums = np.column_stack([np.bincount(codes, column, len(names)) for column in noises.T])
        weights = np.asarray(np.bincount(codes, weights, len(names)), np.float64)
        arm_of = np.bincount(codes, sample.treated, len(names)) > 0
        apart = bool((sample.treated == arm_of[codes]).all())
    count, sides = len(sums), (~arm_of, arm_of)
    if apart and min(int(side.sum()) for side in sides) < 2:
        width = noises.shape[1]
        return np.full((width, width), np.inf), 1.0
    centred = sums - sums.mean(axis=0)
    # Few clusters; where every row is one, the factor is 1 and the variance Welch's.
    variances = centred.T @ centred * count / (count - 1) * (sample.rows - 1) / sample.rows
    if not apart:
        return variances, float(count - 1)
    parts = [float((centred[side, 0] ** 2).sum()) for side in sides]
    # Clusters of unequal weight are worth fewer (Kish 1965).
    worth = [weights[side].sum() ** 2 / (weights[side] ** 2).sum() for side in sides]
    shrink = sum(part**2 / max(size - 1, 1) for part, size in zip(parts, worth, strict=True))
    freedom = sum(parts) ** 2 / shrink if shrink > 0 else float(count - 2)
    return variances, float(freedom)


def p_value(value: float, deviation: float, freedom: float) -> float:
    """Calculate the two-sided p value of no effect by Student's t.

    Parameters
    ----------
    value, deviation, freedom : float
        Estimate, standard error and its degrees of freedom.
    """
    if not deviation > 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(value) / deviation))


def total(effect: Effect, units: float, cost: float = 0.0) -> Total:
    """Scale an effect per unit drawn to all units treated, less what treating them cost.

    Parameters
    ----------
    effect : Effect
        Renewals or yuan per unit drawn.
    units : float
        Units treated.
    cost : float
        Yuan that treating them cost together; 0 for renewals.
    """
    return Total(*(end * units - cost for end in (effect.value, effect.low, effect.high)))


def _weights(sample: Sample) -> Array:
    """Return 1 / the stated probability with which each row came into its arm."""
    if sample.probability is None:
        return np.ones(sample.rows)
    stated = np.broadcast_to(np.asarray(sample.probability, np.float64), (sample.rows,))
    return 1 / np.where(sample.treated, stated, 1 - stated)


def _design(sample: Sample) -> Array:
    """Return intercept, centred covariates and indicators of all strata but the first."""
    columns = [np.ones((sample.rows, 1))]
    if sample.covariates is not None:
        covariates = np.asarray(sample.covariates, np.float64).reshape(sample.rows, -1)
        columns.append(covariates - covariates.mean(axis=0))
    if sample.strata is not None:
        _, codes = np.unique(sample.strata, return_inverse=True)
        columns.append(np.eye(codes.max() + 1)[codes][:, 1:])
    return np.hstack(columns)


def _least_variance(outcome: Array, sample: Sample) -> float:
    """Return the least standard error of rates: an arm of all yes or all no is not certain.

    As if each arm had one yes and one no more (Agresti and Caffo 2000); 0 for other outcomes, and
    where both arms have both.
    """
    if not np.isin(outcome, (0.0, 1.0)).all():
        return 0.0
    arms = outcome[sample.treated], outcome[~sample.treated]
    if all(0 < arm.mean() < 1 for arm in arms):
        return 0.0
    variance = 0.0
    for arm in arms:
        rate = (arm.sum() + 1) / (len(arm) + 2)
        variance += rate * (1 - rate) / (len(arm) + 2)
    return float(np.sqrt(variance))
