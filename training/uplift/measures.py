"""Calculate Qini and uplift curves, and the areas under them.

Rows are ordered by score, highest first; rows of equal score enter together. After the first n of
them the Qini curve is the number of outcomes that the treated had beyond the control group's,
scaled to the number of the treated:

    Qini(n)   = yes_treated(n) - yes_control(n) * treated(n) / control(n)
    uplift(n) = (yes_treated(n) / treated(n) - yes_control(n) / control(n)) * n

as N. J. Radcliffe, "Using control groups to target on predicted lift" (Direct Marketing Analytics
Journal, 2007), and scikit-uplift 0.5 (`sklift.metrics`) define them; a group without rows so far
counts as zero. The tests compare both, and their normalised areas, with the cases that
scikit-uplift publishes with its values.
"""

import numpy as np
import numpy.typing as npt

from training.estimators.encoding import Array

Curve = tuple[Array, Array]
"""Number of rows so far, from 0, and the value of the curve there."""


def qini_curve(label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike) -> Curve:
    """Calculate the outcomes gained among the treated of the first n rows.

    Parameters
    ----------
    label : array_like
        Shape (rows,): outcome, boolean or a number.
    treated : array_like of bool
        Shape (rows,).
    score : array_like of float
        Shape (rows,): predicted effect or any other order, highest first.

    Examples
    --------
    >>> rows, gained = qini_curve([1, 0, 1, 0], [1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1])
    >>> gained.tolist()
    [0.0, 1.0, 1.0, 0.5, 0.0]
    """
    rows, (yes, number), (no, others) = _counts(label, treated, score)
    return rows, yes - no * _ratio(number, others)


def uplift_curve(label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike) -> Curve:
    """Calculate the difference of the groups' shares among the first n rows, times n.

    Parameters
    ----------
    label : array_like
        Shape (rows,): outcome, boolean or a number.
    treated : array_like of bool
        Shape (rows,).
    score : array_like of float
        Shape (rows,): predicted effect or any other order, highest first.
    """
    rows, (yes, number), (no, others) = _counts(label, treated, score)
    return rows, (_ratio(yes, number) - _ratio(no, others)) * rows


def area(curve: Curve) -> float:
    """Calculate the area under a curve by trapezoids."""
    return float(np.trapezoid(curve[1], curve[0]))


def auuc(label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Calculate the area under the uplift curve per row: mean gain over all targeting depths.

    Parameters
    ----------
    label : array_like
        Shape (rows,): outcome, boolean or a number.
    treated : array_like of bool
        Shape (rows,).
    score : array_like of float
        Shape (rows,): predicted effect or any other order, highest first.
    """
    rows, gain = uplift_curve(label, treated, score)
    return area((rows / rows[-1], gain / rows[-1]))


def qini(label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Calculate the Qini coefficient: area between Qini curve and straight line, per treated row.

    The line is the mean of all random orders, so that 0 is chance. The unit is outcomes per
    customer; `expected_qini` of the true effects is the same without the noise.

    Parameters
    ----------
    label : array_like
        Shape (rows,): outcome, boolean or a number.
    treated : array_like of bool
        Shape (rows,).
    score : array_like of float
        Shape (rows,): predicted effect or any other order, highest first.
    """
    rows, gain = qini_curve(label, treated, score)
    number = np.asarray(treated, bool).sum()
    return area((rows / rows[-1], gain / number)) - float(gain[-1] / number) / 2


def qini_noise(label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike) -> Array:
    """Compute what each row adds to the noise of the Qini coefficient, shape (rows,).

    By so much the coefficient changes, to first order, if the row counts once more.

    Parameters
    ----------
    label : array_like
        Shape (rows,): outcome, boolean or a number.
    treated : array_like of bool
        Shape (rows,).
    score : array_like of float
        Shape (rows,): predicted effect or any other order, highest first.
    """
    rows, (yes, number), (no, others) = _counts(label, treated, score)
    total, all_treated, ratio = rows[-1], number[-1], _ratio(number, others)
    gain = (yes - no * ratio) / all_treated
    steps = np.diff(rows) / total
    # The area is a sum of heights of the curve; half of its last one is the straight line's.
    weight = (np.r_[0.0, steps] + np.r_[steps, 0.0]) / 2
    reached = float(weight @ gain)
    weight[-1] -= 0.5
    coefficient = float(weight @ gain)

    def from_here(values: Array) -> Array:
        return np.asarray((weight * values)[::-1].cumsum()[::-1])

    took, outcome = np.asarray(treated, bool), np.asarray(label, np.float64)
    order = np.argsort(-np.asarray(score, np.float64), kind="stable")
    group = np.empty(len(order), np.intp)
    group[order] = np.repeat(np.arange(1, len(rows)), np.diff(rows).astype(np.intp))
    rest, scaled = from_here(np.ones(len(rows)))[group], from_here(ratio)[group]
    rate = _ratio(no, others)
    beside, diluted = from_here(rate)[group], from_here(_ratio(rate * number, others))[group]
    moved = np.where(took, outcome * rest - beside, diluted - outcome * scaled) / all_treated
    middle = (gain[group] + gain[group - 1]) / 2
    return np.asarray((middle - reached) / total + moved - took * coefficient / all_treated)


def expected_qini(effect: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Calculate the mean Qini coefficient of an order from the true effect of every row."""
    rows, (total, _), _ = _counts(effect, np.ones(len(np.asarray(score)), bool), score)
    share = total / rows[-1]
    return area((rows / rows[-1], share)) - float(share[-1]) / 2


def _counts(
    label: npt.ArrayLike, treated: npt.ArrayLike, score: npt.ArrayLike
) -> tuple[Array, tuple[Array, Array], tuple[Array, Array]]:
    """Count rows so far, and outcomes and rows of the treated and of the others."""
    yes, took = np.asarray(label, np.float64), np.asarray(treated, bool)
    order = np.argsort(-np.asarray(score, np.float64), kind="stable")
    yes, took, scores = yes[order], took[order], np.asarray(score, np.float64)[order]
    last = np.r_[np.flatnonzero(np.diff(scores)), len(scores) - 1]

    def so_far(values: Array) -> Array:
        return np.asarray(np.r_[0.0, np.cumsum(values)[last]], np.float64)

    rows = np.r_[0.0, last + 1.0]
    number, other = so_far(took.astype(np.float64)), so_far((~took).astype(np.float64))
    return rows, (so_far(yes * took), number), (so_far(yes * ~took), other)


def _ratio(part: Array, total: Array) -> Array:
    return np.divide(part, total, out=np.zeros_like(part), where=total != 0)
