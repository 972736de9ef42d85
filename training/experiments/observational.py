"""Estimate an effect where nobody drew lots: adjusted for what is known, and labelled so.

Augmented inverse probability weighting with cross-fitting (Robins, Rotnitzky and Zhao 1994;
Chernozhukov et al. 2018): right if either the model of who is treated or that of the outcome is,
and never of what no column shows. Beside it stand the raw difference, which is no effect, and how
well the groups overlap.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GroupKFold

from features.errors import GuanjiaError
from training.experiments.effects import Effect, average_effect
from training.experiments.off_policy import Value, mean_value
from training.experiments.sample import Array, Flags, Ints, Sample

FOLDS = 5
FEWEST = 50
"""Rows that each group must have."""
LEAST_SCORE = 0.02
"""Rows whose probability of treatment is nearer to 0 or 1 have no counterpart and are left out."""
BALANCED = 0.1
"""Standardised difference below which a column counts as balanced (Austin 2009)."""


@dataclass(frozen=True)
class Overlap:
    """How comparable the groups are.

    Attributes
    ----------
    rows, left_out : int
        Rows used, and rows without a counterpart.
    effective_treated, effective_control : float
        Rows that the weighted groups are worth.
    worst_before, worst_after : float
        Largest difference of a column's means in standard deviations, raw and weighted.
    """

    rows: int
    left_out: int
    effective_treated: float
    effective_control: float
    worst_before: float
    worst_after: float

    @property
    def balanced(self) -> bool:
        """True if no column differs by more than a tenth of its deviation after weighting."""
        return self.worst_after < BALANCED


@dataclass(frozen=True)
class ObservedEffect:
    """An adjusted difference, not drawn by lot.

    Attributes
    ----------
    raw : Effect
        Plain difference of the groups: no effect.
    adjusted : Value
        Doubly robust average effect with its 95% interval, if all that matters is among the
        columns.
    overlap : Overlap
        How comparable the groups are.
    """

    raw: Effect
    adjusted: Value
    overlap: Overlap


def observed_effect(
    outcome: Array, treated: Flags, columns: Array, clusters: Ints | None = None
) -> ObservedEffect:
    """Estimate an average effect adjusted for columns known before the treatment.

    Parameters
    ----------
    outcome : numpy.ndarray
        Shape (rows,): 0 and 1, or yuan.
    treated : numpy.ndarray of bool
        Shape (rows,): such as having used a service.
    columns : numpy.ndarray
        Shape (rows, k): numbers known before; a missing one is NaN.
    clusters : numpy.ndarray of int, optional
        Shape (rows,): customer of each row; their rows stay in one fold.

    Raises
    ------
    GuanjiaError
        If a group has fewer than `FEWEST` rows, or hardly any row has a counterpart.
    """
    sizes = int(treated.sum()), int((~treated).sum())
    if min(sizes) < FEWEST:
        raise GuanjiaError(
            "groups", f"have {sizes[0]:,} and {sizes[1]:,} rows", f"wait for {FEWEST} of each"
        )
    groups = np.arange(len(treated)) if clusters is None else clusters
    matrix = _complete(columns)
    score, without, with_it = _cross_fit(np.asarray(outcome, float), treated, matrix, groups)
    inside = (score > LEAST_SCORE) & (score < 1 - LEAST_SCORE)
    if min(int((inside & treated).sum()), int((inside & ~treated).sum())) < FEWEST:
        raise GuanjiaError(
            "groups", f"overlap in {int(inside.sum()):,} rows only", "compare others, or draw lots"
        )
    outcome, treated, score = np.asarray(outcome, float)[inside], treated[inside], score[inside]
    without, with_it, matrix = without[inside], with_it[inside], matrix[inside]
    groups = groups[inside]
    robust = (
        with_it
        - without
        + treated * (outcome - with_it) / score
        - ~treated * (outcome - without) / (1 - score)
    )
    weights = np.where(treated, 1 / score, 1 / (1 - score))
    overlap = Overlap(
        rows=int(inside.sum()),
        left_out=int((~inside).sum()),
        effective_treated=_effective(weights[treated]),
        effective_control=_effective(weights[~treated]),
        worst_before=_worst(matrix, treated, np.ones(len(treated))),
        worst_after=_worst(matrix, treated, weights),
    )
    raw = average_effect(outcome, Sample(treated, clusters=groups))
    return ObservedEffect(raw, mean_value(robust, groups), overlap)


def _complete(columns: Array) -> Array:
    """Standardise columns, fill gaps with the mean, and mark them in columns of their own."""
    values = np.asarray(columns, float)
    gaps = np.isnan(values)
    # All NaN: a column that says nothing.
    known = np.where(gaps, 0.0, values)
    count = np.maximum((~gaps).sum(axis=0), 1)
    centred = np.where(gaps, 0.0, values - known.sum(axis=0) / count)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    centred = centred / np.where(spread > 0, spread, 1.0)
    some = gaps.any(axis=0) & ~gaps.all(axis=0)
    squares = np.clip(centred, -4, 4) ** 2
    varied = np.array([len(np.unique(column)) > 2 for column in centred.T], bool)
    return np.hstack([centred, squares[:, varied], gaps[:, some].astype(float)])


def _cross_fit(
    outcome: Array, treated: Flags, matrix: Array, groups: Ints
) -> tuple[Array, Array, Array]:
    """Predict treatment, and the outcome without and with it, by models of the other folds."""
    score, expected = np.empty(len(treated)), np.empty((2, len(treated)))
    yes_or_no = bool(np.isin(outcome, (0.0, 1.0)).all())
    for train, test in GroupKFold(FOLDS).split(matrix, groups=groups):
        score[test] = _probability(matrix[train], treated[train], matrix[test])
        for arm in (0, 1):
            rows = train[treated[train] == bool(arm)]
            if yes_or_no:
                expected[arm, test] = _probability(matrix[rows], outcome[rows] > 0, matrix[test])
            else:
                line = LinearRegression().fit(matrix[rows], outcome[rows])
                expected[arm, test] = line.predict(matrix[test])
    return score, expected[0], expected[1]


def _probability(known: Array, label: Flags, asked_for: Array) -> Array:
    if label.all() or not label.any():
        return np.full(len(asked_for), float(label.mean()))
    model = LogisticRegression(C=10.0, max_iter=500).fit(known, label)
    return np.asarray(model.predict_proba(asked_for)[:, 1])


def _effective(weights: Array) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


def _worst(matrix: Array, treated: Flags, weights: Array) -> float:
    """Return the largest standardised difference of a column between the weighted groups."""
    means = [
        np.average(matrix[side], axis=0, weights=weights[side]) for side in (treated, ~treated)
    ]
    spread = np.sqrt((matrix[treated].var(axis=0) + matrix[~treated].var(axis=0)) / 2)
    gaps = np.abs(means[0] - means[1])
    return float(np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 1e-9).max())
