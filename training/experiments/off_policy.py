"""Estimate what another policy would have gained, from decisions with their logged probabilities.

Doubly robust (Dudik, Langford and Li 2011): what a model expects of the other policy, corrected by
what was observed where both policies would do the same, weighted with the ratio of their
probabilities. The logged probabilities are known, so the mean is right even where the model is
wrong. The effective sample size (Kong 1992) says how many decisions the correction rests on.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from features.errors import GuanjiaError
from training.experiments.effects import CONFIDENCE
from training.experiments.sample import Array, Ints

FEWEST_EFFECTIVE = 100.0
"""Effective decisions below which no interval is to be believed."""


@dataclass(frozen=True)
class Value:
    """A mean per decision and its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyValue:
    """Worth of another policy beside the one that was followed.

    Attributes
    ----------
    new, logged, gain : Value
        Mean reward per decision under the other policy, as it was, and the difference.
    decisions : int
        Decisions logged.
    effective : float
        Decisions that the correction rests on.
    largest_weight : float
        Share of all weight that a single decision has.
    unsupported : float
        Probability, on average, with which the other policy does what was never logged with any
        probability: there the value is the model's word alone.
    """

    new: Value
    logged: Value
    gain: Value
    decisions: int
    effective: float
    largest_weight: float
    unsupported: float

    @property
    def credible(self) -> bool:
        """True if enough decisions support the value and nothing rests on the model alone."""
        return self.effective >= FEWEST_EFFECTIVE and self.unsupported == 0


def policy_value(
    reward: Array,
    logged: Array,
    new: Array,
    expected: Array,
    expected_new: Array,
    unsupported: Array | None = None,
    clusters: Ints | None = None,
) -> PolicyValue:
    """Estimate the value of another policy from logged decisions.

    Parameters
    ----------
    reward : numpy.ndarray
        Shape (decisions,): what came of each, yuan or renewal.
    logged : numpy.ndarray
        Shape (decisions,): probability with which the action taken was taken, in (0, 1].
    new : numpy.ndarray
        Shape (decisions,): probability with which the other policy takes that action, in [0, 1].
    expected : numpy.ndarray
        Shape (decisions,): reward that a model which has not seen the decision expects of the
        action taken.
    expected_new : numpy.ndarray
        Shape (decisions,): the same averaged over the other policy's actions; all 0 with `expected`
        all 0 for plain inverse weighting.
    unsupported : numpy.ndarray, optional
        Shape (decisions,): probability with which the other policy takes actions whose logged
        probability was 0; 0 if left out.
    clusters : numpy.ndarray of int, optional
        Shape (decisions,): customer of each decision.

    Raises
    ------
    GuanjiaError
        If lengths differ, a number is missing, or a probability is outside its range.
    """
    decisions = len(reward)
    outside = np.zeros(decisions) if unsupported is None else unsupported
    columns = np.column_stack([reward, logged, new, expected, expected_new, outside]).astype(float)
    if decisions < 2 or not np.isfinite(columns).all():
        raise GuanjiaError(
            "logged decisions", f"{decisions:,} have gaps or are too few", "give every number"
        )
    if not ((logged > 0) & (logged <= 1)).all() or not ((new >= 0) & (new <= 1)).all():
        raise GuanjiaError(
            "probabilities",
            "are outside their range: logged ones in (0, 1], new ones in [0, 1]",
            "leave out decisions without a logged probability",
        )
    weights = new / logged
    robust = expected_new + weights * (reward - expected)
    weight_sum = float(weights.sum())
    return PolicyValue(
        new=mean_value(robust, clusters),
        logged=mean_value(reward, clusters),
        gain=mean_value(robust - reward, clusters),
        decisions=decisions,
        effective=float(weight_sum**2 / (weights**2).sum()) if weight_sum > 0 else 0.0,
        largest_weight=float(weights.max() / weight_sum) if weight_sum > 0 else 0.0,
        unsupported=float(outside.mean()),
    )


def mean_value(values: Array, clusters: Ints | None) -> Value:
    """Calculate a mean and its 95% interval by Student's t.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (rows,).
    clusters : numpy.ndarray of int or None
        Shape (rows,): customer of each row, whose rows are one draw.
    """
    centre = float(values.mean())
    away = np.asarray((values - centre) / len(values), np.float64)
    if clusters is not None:
        _, codes = np.unique(clusters, return_inverse=True)
        away = np.asarray(np.bincount(codes, away), np.float64)
    count = len(away)
    if count < 2:
        return Value(centre, -np.inf, np.inf)
    deviation = np.sqrt((away**2).sum() * count / (count - 1))
    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2) * deviation)
    return Value(centre, centre - reach, centre + reach)
