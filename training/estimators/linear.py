"""Fit and apply the linear part: a regularised generalised linear model as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from training.estimators.encoding import Array, Encoding

WIDEST = 5.0  # standard deviations; values beyond are clipped
BEND_PENALTY, LEAST_SLOPE = 1.0, 0.01
PENALTY = 100.0  # of the squared coefficients, in rows: it weighs as much as so many rows
BLOCK = 8_192  # rows of a design that are made at a time
FEWEST = 20  # rows of a category or of missing values worth a coefficient


@dataclass(frozen=True)
class Term:
    """One column of the design.

    Attributes
    ----------
    feature : str
        The feature it is made of.
    kind : str
        "number", "missing" (1 where there is no value), "category" (1 where it has `code`) or
        "bend" (how far a number is below `centre`, 0 above it).
    code, centre, spread : float
        Code of the category; what a number is shifted and divided by.
    """

    feature: str
    kind: str
    code: float = 0.0
    centre: float = 0.0
    spread: float = 1.0


class Linear:
    """Intercept and coefficients over terms; scores are on the scale of the link function.

    Parameters
    ----------
    terms : sequence of Term
    coefficients, means : sequence of float
        One per term; the means are those of the training rows, the base of contributions.
    intercept : float
    """

    def __init__(
        self,
        terms: Sequence[Term],
        coefficients: Sequence[float] | Array,
        means: Sequence[float] | Array,
        intercept: float,
    ) -> None:
        self.terms = list(terms)
        self.coefficients = np.asarray(coefficients, np.float64)
        self.means = np.asarray(means, np.float64)
        self.intercept = intercept
        self._table: tuple[Any, ...] | None = None

    @classmethod
    def fit(
        cls,
        matrix: Array,
        encoding: Encoding,
        outcome: Array,
        kind: str = "probability",
        monotone: Mapping[str, int] | None = None,
        penalty: float = PENALTY,
        bends: Mapping[str, Sequence[float]] | None = None,
        weights: Array | None = None,
    ) -> "Linear":
        """Fit outcomes on the rows of a matrix.

        Parameters
        ----------
        matrix : numpy.ndarray
            Shape (rows, features), made by `encoding`.
        encoding : Encoding
            Names and categories of the columns of `matrix`.
        outcome : numpy.ndarray
            Shape (rows,): 0 or 1, count, or amount in yuan.
        kind : str
            "probability": logistic; "count": Poisson; "amount": gamma.
        monotone : Mapping[str, int]
            Feature -> -1 or 1, the only sign its coefficient may have. A term with the other sign
            is left out, and the rest is fitted again.
        penalty : float
            Penalty of the squared coefficients, in rows: it weighs as much as so many rows.
        bends : Mapping[str, sequence of float]
            Feature -> values at which its line may bend.
        weights : numpy.ndarray, optional
            Shape (rows,): how many rows each stands for; default: one.
        """
        terms = [*_terms(matrix, encoding), *_bends(matrix, encoding, bends or {})]
        # Half the bytes are read twice as fast; coefficients move less than the solver's tolerance.
        design = _design(matrix, encoding, terms, np.float32)
        while True:
            # One thread: several spend three times as long in busy waiting as in work, and the
            # last digits would depend on the number of cores.
            with threadpool_limits(1, user_api="blas"):
                coefficients, intercept = _coefficients(design, outcome, kind, penalty, weights)
            wrong = coefficients * [_sign(term, monotone or {}) for term in terms] < 0
            if not wrong.any():
                break
            design = design[:, ~wrong]
            terms = [term for term, left_out in zip(terms, wrong, strict=True) if not left_out]
        means = (
            design.mean(axis=0, dtype=np.float64)
            if weights is None
            else np.average(design, axis=0, weights=weights)
        )
        return cls(terms, coefficients, means, intercept)

    @classmethod
    def of_bends(
        cls,
        matrix: Array,
        encoding: Encoding,
        scores: Array,
        outcome: Array,
        bends: Mapping[str, Sequence[float]],
    ) -> "tuple[Linear, float] | None":
        """Fit what bends add to the log-odds that other parts gave, so that these follow them.

        A calibration of the scores alone shrinks all that moves them alike: of many columns learned
        from few rows, also the one that is known well.

        Parameters
        ----------
        matrix : numpy.ndarray
            Shape (rows, features): rows that the other parts did not learn from.
        encoding : Encoding
            Names of the columns of `matrix`.
        scores : numpy.ndarray
            Shape (rows,): log-odds by the other parts.
        outcome : numpy.ndarray
            Shape (rows,): 0 or 1.
        bends : Mapping[str, sequence of float]
            Feature -> values at which the answer may bend.

        Returns
        -------
        (Linear, float) or None
            What is added, and what the scores are multiplied by before; None if too few rows lie
            below the bends.
        """
        terms = _bends(matrix, encoding, bends)
        if not terms or len(np.unique(outcome)) < 2:
            return None
        # By column: so the means below are summed, whose last digits depend on the order.
        design = np.asfortranarray(np.column_stack([_design(matrix, encoding, terms), scores]))
        with threadpool_limits(1, user_api="blas"):
            coefficients, _ = _coefficients(design, outcome, "probability", BEND_PENALTY)
        slope = max(float(coefficients[-1]), LEAST_SLOPE)
        return cls(terms, coefficients[:-1], design[:, :-1].mean(axis=0), 0.0), slope

    @classmethod
    def sum_of(cls, weighted: Sequence[tuple["Linear", float]]) -> "Linear":
        """Add linear models of the same rows up, each times its weight; equal terms become one."""
        rows: dict[Term, tuple[float, float]] = {}
        for linear, weight in weighted:
            for term, own, mean in zip(
                linear.terms, linear.coefficients.tolist(), linear.means.tolist(), strict=True
            ):
                rows[term] = rows.get(term, (0.0, mean))[0] + weight * own, mean
        intercept = sum(weight * linear.intercept for linear, weight in weighted)
        return cls(
            list(rows), [own for own, _ in rows.values()], [mean for _, mean in rows.values()],
            intercept,
        )  # fmt: skip

    def score(self, matrix: Array, encoding: Encoding) -> Array:
        """Compute log-odds or log means, shape (rows,)."""
        # A term at a time: a matrix product's last digits depend on how many rows there are.
        scores = np.full(len(matrix), self.intercept)
        for term, weight in zip(self.terms, self.coefficients, strict=True):
            scores += weight * _column(matrix, encoding, term)
        return scores

    def score_one(self, row: Array, encoding: Encoding) -> float:
        """Compute the score of one row, shape (features,); bit for bit as `score` does."""
        score = self.intercept
        for share in self._weighed(row, encoding).tolist():
            score += share
        return score

    def _weighed(self, row: Array, encoding: Encoding) -> Array:
        """Compute each term's share of the score of a row, shape (terms,)."""
        if self._table is None:
            kinds = [term.kind for term in self.terms]
            self._table = (
                np.array([encoding.place[term.feature] for term in self.terms], np.intp),
                np.array([kind == "missing" for kind in kinds], bool),
                np.array([kind == "category" for kind in kinds], bool),
                np.array([kind == "bend" for kind in kinds], bool),
                np.array([term.code for term in self.terms]),
                np.array([term.centre for term in self.terms]),
                np.array([term.spread for term in self.terms]),
            )
        places, missing, category, bend, codes, centres, spreads = self._table
        values = row[places]
        scaled = (values - centres) / spreads
        columns = np.clip(np.nan_to_num(scaled, nan=0.0), -WIDEST, WIDEST)
        if bend.any():
            columns = np.where(bend, np.maximum(-np.nan_to_num(scaled, nan=0.0), 0.0), columns)
        columns = np.where(missing, np.isnan(values), np.where(category, values == codes, columns))
        return np.asarray(self.coefficients * columns, np.float64)

    def contributions(self, matrix: Array, encoding: Encoding) -> Array:
        """Divide the score among the features, against the average row, whose score comes last.

        Returns
        -------
        numpy.ndarray
            Shape (rows, features + 1).
        """
        parts = (_design(matrix, encoding, self.terms) - self.means) * self.coefficients
        shares = np.zeros((len(matrix), len(encoding.features) + 1))
        for place, term in enumerate(self.terms):
            shares[:, encoding.place[term.feature]] += parts[:, place]
        shares[:, -1] = self.intercept + float(self.means @ self.coefficients)
        return shares

    def to_json(self) -> dict[str, Any]:
        """Convert the model to what `from_json` reads."""
        return {
            "intercept": self.intercept,
            "terms": [
                {**vars(term), "coefficient": float(weight), "mean": float(mean)}
                for term, weight, mean in zip(
                    self.terms, self.coefficients, self.means, strict=True
                )
            ],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Linear":
        """Restore the model from what `to_json` wrote."""
        rows = [dict(row) for row in stored["terms"]]
        weights = [row.pop("coefficient") for row in rows]
        means = [row.pop("mean") for row in rows]
        return cls([Term(**row) for row in rows], weights, means, float(stored["intercept"]))


def _sign(term: Term, monotone: Mapping[str, int]) -> int:
    return monotone.get(term.feature, 0) if term.kind == "number" else 0


def _terms(matrix: Array, encoding: Encoding) -> list[Term]:
    terms = []
    for place, name in enumerate(encoding.features):
        values = matrix[:, place]
        missing = np.isnan(values)
        if name in encoding.categories:
            for code in range(len(encoding.categories[name])):
                if FEWEST <= int((values == code).sum()) <= len(values) - FEWEST:
                    terms.append(Term(name, "category", float(code)))
            continue
        seen = values[~missing]
        spread = float(seen.std()) if len(seen) else 0.0
        if spread > 0:
            terms.append(Term(name, "number", 0.0, float(np.median(seen)), spread))
        if FEWEST <= int(missing.sum()) <= len(values) - FEWEST:
            terms.append(Term(name, "missing"))
    return terms


def _bends(matrix: Array, encoding: Encoding, bends: Mapping[str, Sequence[float]]) -> list[Term]:
    """Make a term of each bend that enough rows lie below."""
    terms = []
    for name, values in bends.items():
        if name not in encoding.place:
            continue
        seen = matrix[:, encoding.place[name]]
        seen = seen[~np.isnan(seen)]
        for centre in values:
            below = np.maximum(centre - seen, 0.0)
            if np.count_nonzero(below) >= FEWEST:
                terms.append(Term(name, "bend", 0.0, float(centre), float(below.std()) or 1.0))
    return terms


def _design(
    matrix: Array, encoding: Encoding, terms: Sequence[Term], number: type[np.floating] = np.float64
) -> Any:
    """Build the design matrix with one column per term, shape (rows, terms), by row."""
    design = np.empty((len(matrix), len(terms)), number)
    # The matrix lies by column, what learns reads by row: a block is turned within the cache.
    for first in range(0, len(matrix), BLOCK):
        rows = matrix[first : first + BLOCK]
        block = np.empty((len(rows), len(terms)), number, order="F")
        for place, term in enumerate(terms):
            block[:, place] = _column(rows, encoding, term)
        design[first : first + BLOCK] = block
    return design


def _column(matrix: Array, encoding: Encoding, term: Term) -> Array:
    values = matrix[:, encoding.place[term.feature]]
    if term.kind == "missing":
        return np.asarray(np.isnan(values), np.float64)
    if term.kind == "category":
        return np.asarray(values == term.code, np.float64)
    scaled = values - term.centre
    scaled /= term.spread
    scaled[np.isnan(scaled)] = 0.0
    if term.kind == "bend":
        return np.asarray(np.maximum(-scaled, 0.0, out=scaled))
    return np.asarray(np.clip(scaled, -WIDEST, WIDEST, out=scaled))


def _coefficients(
    design: Array, outcome: Array, kind: str, penalty: float, weights: Array | None = None
) -> tuple[Array, float]:
    # Imported here so that predicting does not wait for scikit-learn.
    from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor

    if kind == "probability":
        fitted = LogisticRegression(C=1 / penalty, max_iter=300, tol=1e-3)
        fitted.fit(design, outcome.astype(bool), sample_weight=weights)
        return np.asarray(fitted.coef_[0], np.float64), float(fitted.intercept_[0])
    family = PoissonRegressor if kind == "count" else GammaRegressor
    fitted = family(alpha=penalty / len(outcome), max_iter=300, tol=1e-4)
    fitted.fit(design, outcome, sample_weight=weights)
    return np.asarray(fitted.coef_, np.float64), float(fitted.intercept_)
