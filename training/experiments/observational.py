"""Estimate an effect where nobody drew lots: adjusted for what is known, and labelled so.

Augmented inverse probability weighting with cross-fitting (Robins, Rotnitzky and Zhao 1994;
Chernozhukov et al. 2018): right if either the model of who is treated or that of the outcome is,
and never of what no column shows. Beside it stand the raw difference, which is no effect, and how
well the groups overlap.
"""

from collections.abc import Mapping
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
class GroupOverlap:
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
    overlap : GroupOverlap
        How comparable the groups are.
    """

    raw: Effect
    adjusted: Value
    overlap: GroupOverlap


@dataclass(frozen=True)
class Adjustment:
    """Rows made comparable once, for effects on several outcomes and in many groups.

    Attributes
    ----------
    treated : numpy.ndarray of bool
        Shape (rows,).
    score : numpy.ndarray
        Shape (rows,): probability of treatment, predicted by a model that has not seen the row.
    inside : numpy.ndarray of bool
        Shape (rows,): rows with a counterpart, which are used.
    outcomes, robust : mapping of str to numpy.ndarray
        By outcome, shape (rows,): observed, and the doubly robust difference.
    expected : mapping of str to numpy.ndarray
        By outcome, shape (rows,): as models that have not seen the row expect it from the columns,
        a covariate for lots.
    matrix : numpy.ndarray
        Shape (rows, k): the columns, standardised.
    clusters : numpy.ndarray of int
        Shape (rows,).
    """

    treated: Flags
    score: Array
    inside: Flags
    outcomes: Mapping[str, Array]
    robust: Mapping[str, Array]
    expected: Mapping[str, Array]
    matrix: Array
    clusters: Ints

    def effect(self, outcome: str, rows: Flags | None = None) -> ObservedEffect:
        """Estimate the effect on an outcome, of all rows or of a group known beforehand.

        Parameters
        ----------
        outcome : str
            A key of `outcomes`.
        rows : numpy.ndarray of bool, optional
            Shape (rows,): the group.

        Raises
        ------
        GuanjiaError
            If fewer than `FEWEST` rows of either kind have a counterpart.
        """
        group = np.ones(len(self.treated), bool) if rows is None else rows
        marked = group & self.inside
        treated, score = self.treated[marked], self.score[marked]
        sizes = int(treated.sum()), int((~treated).sum())
        if min(sizes) < FEWEST:
            raise GuanjiaError(
                "groups",
                f"overlap in {sizes[0]:,} and {sizes[1]:,} rows only",
                f"wait for {FEWEST} of each, compare others, or draw lots",
            )
        weights = np.where(treated, 1 / score, 1 / (1 - score))
        matrix, clusters = self.matrix[marked], self.clusters[marked]
        overlap = GroupOverlap(
            rows=int(marked.sum()),
            left_out=int((group & ~self.inside).sum()),
            effective_treated=_effective(weights[treated]),
            effective_control=_effective(weights[~treated]),
            worst_before=_worst(matrix, treated, np.ones(len(treated))),
            worst_after=_worst(matrix, treated, weights),
        )
        raw = average_effect(
            self.outcomes[outcome][group],
            Sample(self.treated[group], clusters=self.clusters[group]),
        )
        return ObservedEffect(raw, mean_value(self.robust[outcome][marked], clusters), overlap)


def adjust(
    outcomes: Mapping[str, Array], treated: Flags, columns: Array, clusters: Ints | None = None
) -> Adjustment:
    """Make treated and untreated rows comparable by columns known before the treatment.

    Parameters
    ----------
    outcomes : mapping of str to numpy.ndarray
        Shape (rows,) each: 0 and 1, or yuan.
    treated : numpy.ndarray of bool
        Shape (rows,): such as having used a service.
    columns : numpy.ndarray
        Shape (rows, k): numbers known before; a missing one is NaN.
    clusters : numpy.ndarray of int, optional
        Shape (rows,): customer of each row; their rows stay in one fold.

    Raises
    ------
    GuanjiaError
        If a group has fewer than `FEWEST` rows.
    """
    sizes = int(treated.sum()), int((~treated).sum())
    if min(sizes) < FEWEST:
        raise GuanjiaError(
            "groups", f"have {sizes[0]:,} and {sizes[1]:,} rows", f"wait for {FEWEST} of each"
        )
    groups = np.arange(len(treated)) if clusters is None else clusters
    matrix = _complete(columns)
    values = {name: np.asarray(outcome, np.float64) for name, outcome in outcomes.items()}
    score, expected = _cross_fit(values, treated, matrix, groups)
    inside = (score > LEAST_SCORE) & (score < 1 - LEAST_SCORE)
    safe = np.clip(score, LEAST_SCORE, 1 - LEAST_SCORE)
    robust = {
        name: with_it
        - without
        + treated * (values[name] - with_it) / safe
        - ~treated * (values[name] - without) / (1 - safe)
        for name, (without, with_it) in expected.items()
    }
    return Adjustment(
        treated=treated,
        score=score,
        inside=inside,
        outcomes=values,
        robust=robust,
        expected={
            name: without + score * (with_it - without)
            for name, (without, with_it) in expected.items()
        },
        matrix=matrix,
        clusters=groups,
    )


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
    partial = gaps.any(axis=0) & ~gaps.all(axis=0)
    squares = np.clip(centred, -4, 4) ** 2
    varied = np.array([len(np.unique(column)) > 2 for column in centred.T], bool)
    return np.hstack([centred, squares[:, varied], gaps[:, partial].astype(float)])


def _cross_fit(
    outcomes: Mapping[str, Array], treated: Flags, matrix: Array, groups: Ints
) -> tuple[Array, dict[str, Array]]:
    """Predict treatment, and outcomes without and with it, by models of the other folds."""
    score = np.empty(len(treated))
    expected = {name: np.empty((2, len(treated))) for name in outcomes}
    for train, test in GroupKFold(FOLDS).split(matrix, groups=groups):
        score[test] = _probability(matrix[train], treated[train], matrix[test])
        for arm in (0, 1):
            rows = train[treated[train] == bool(arm)]
            for name, outcome in outcomes.items():
                if np.isin(outcome, (0.0, 1.0)).all():
                    predicted = _probability(matrix[rows], outcome[rows] > 0, matrix[test])
                else:
                    line = LinearRegression().fit(matrix[rows], outcome[rows])
                    predicted = line.predict(matrix[test])
                expected[name][arm, test] = predicted
    return score, expected


def _probability(known: Array, label: Flags, asked_for: Array) -> Array:
    if label.all() or not label.any():
        return np.full(len(asked_for), float(label.mean()))
    model = LogisticRegression(C=10.0, solver="newton-cholesky").fit(known, label)
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
