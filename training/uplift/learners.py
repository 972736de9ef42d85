"""Learn an effect that differs by customer, from rows drawn by lot.

econml's DRLearner, TLearner and XLearner (Kennedy 2023; Kunzel et al. 2019) with LightGBM inside
and the probability that the lot stated, which is never estimated. The fourth candidate predicts the
average effect for everybody: a learner that is no better has found no difference between customers.
"""

import warnings
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from training.estimators.encoding import Array, Flags

Effects = Callable[[Array], Array]
TREES = (60, 150)
LEARNERS = ("average", *(f"{name}_{trees}" for name in ("dr", "t", "x") for trees in TREES))
"""The average, and every learner of econml with few and with more trees."""

# Effects of contacts are small beside what else moves a renewal: few large leaves, few trees.
OUTCOME: dict[str, Any] = {"num_leaves": 4, "min_child_samples": 100, "learning_rate": 0.05}
EFFECT: dict[str, Any] = {"num_leaves": 3, "min_child_samples": 150, "learning_rate": 0.03}
SHARED: dict[str, Any] = {
    "colsample_bytree": 0.5, "subsample": 0.7, "subsample_freq": 1, "reg_lambda": 50.0,
    "deterministic": True, "force_col_wise": True, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


class ConstantPropensity(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifier that predicts the probability of treatment that the lot stated.

    Parameters
    ----------
    propensity : float
        Probability of treatment.
    """

    def __init__(self, propensity: float = 0.5) -> None:
        self.propensity = propensity

    def fit(self, x: Array, y: Any) -> "ConstantPropensity":  # noqa: ARG002
        """Set the classes; nothing is learned."""
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x: Array) -> Array:
        """Return the probabilities of control and treatment, shape (rows, 2), equal in all rows."""
        return np.tile([1 - self.propensity, self.propensity], (len(x), 1))

    def score(self, x: Array, y: Any) -> float:  # noqa: ARG002
        """Return 0: nothing was learned that could be scored."""
        return 0.0


def regressor(parameters: dict[str, Any], trees: int, seed: int) -> lgb.LGBMRegressor:
    """Build a LightGBM regressor from its own parameters and those that all share.

    Parameters
    ----------
    parameters : dict
        Own parameters.
    trees, seed : int
        Number of trees; random seed.
    """
    return lgb.LGBMRegressor(**SHARED, **parameters, n_estimators=trees, random_state=seed)


def fit(
    name: str, matrix: Array, label: Flags, treated: Flags, propensity: float, seed: int
) -> Effects:
    """Fit a learner of the effect of a treatment.

    Parameters
    ----------
    name : str
        One of `LEARNERS`.
    matrix : numpy.ndarray
        Shape (rows, features), missing as NaN.
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
    propensity : float
        Stated probability of treatment among these rows.
    seed : int
        Same data and seed give the same learner.

    Returns
    -------
    Callable[[Array], Array]
        Maps a matrix to the effect on the probability of the outcome, shape (rows,).
    """
    yes = label.astype(np.float64)
    if name == "average":
        mean = float(yes[treated].mean() - yes[~treated].mean())
        return lambda rows: np.full(len(rows), mean)
    kind, _, trees = name.partition("_")
    learner = _learner(kind, int(trees), propensity, seed)
    with warnings.catch_warnings():
        # econml hands LightGBM plain arrays, once with names and once without.
        warnings.simplefilter("ignore")
        learner.fit(yes, treated.astype(np.int64), X=matrix)

    def effects(rows: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(learner.effect(rows), np.float64).ravel()

    return effects


def expected_outcomes(
    matrix: Array, label: Flags, treated: Flags, seed: int
) -> Callable[[Array], tuple[Array, Array]]:
    """Fit a model of the outcome under control, and one under treatment.

    Parameters
    ----------
    matrix : numpy.ndarray
        Shape (rows, features), missing as NaN.
    label, treated : numpy.ndarray of bool
        Shape (rows,): outcome, and whether the row was treated.
    seed : int
        Random seed.

    Returns
    -------
    callable
        Maps a matrix to the expected outcomes under control and under treatment, shape (rows,).
    """
    models = [
        lgb.train(
            {**_native(OUTCOME), "objective": "binary", "seed": seed},
            lgb.Dataset(matrix[rows], label[rows].astype(np.float64), params={"verbosity": -1}),
            TREES[-1],
        )
        for rows in (~treated, treated)
    ]

    def expected(rows: Array) -> tuple[Array, Array]:
        without, with_it = (np.asarray(m.predict(rows, num_threads=1)) for m in models)
        return without, with_it

    return expected


def halves(customers: pd.Series, count: int, seed: int) -> list[Flags]:
    """Draw random halves of the customers.

    Parameters
    ----------
    customers : pandas.Series
        Customer of every row.
    count, seed : int
        Number of halves; random seed.

    Returns
    -------
    list of numpy.ndarray of bool
        Rows of the chosen half, shape (rows,) each.
    """
    codes, people = pd.factorize(customers)
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        chosen = np.zeros(len(people), bool)
        chosen[generator.permutation(len(people))[: len(people) // 2]] = True
        drawn.append(chosen[codes])
    return drawn


def _learner(kind: str, trees: int, propensity: float, seed: int) -> Any:
    # Imported here: half a second each, needed only to learn effects.
    from econml.dr import DRLearner
    from econml.metalearners import TLearner, XLearner

    if kind == "dr":
        return DRLearner(
            model_propensity=ConstantPropensity(propensity),
            model_regression=regressor(OUTCOME, trees, seed),
            model_final=regressor(EFFECT, trees, seed),
            min_propensity=1e-3,
            cv=3,
            random_state=seed,
            allow_missing=True,
        )
    if kind == "t":
        return TLearner(models=regressor(OUTCOME, trees, seed), allow_missing=True)
    return XLearner(
        models=regressor(OUTCOME, trees, seed),
        cate_models=regressor(EFFECT, trees, seed),
        propensity_model=ConstantPropensity(propensity),
        allow_missing=True,
    )


def _native(parameters: dict[str, Any]) -> dict[str, Any]:
    """Translate parameters of the scikit-learn interface to LightGBM's own names."""
    names = {
        "min_child_samples": "min_data_in_leaf", "colsample_bytree": "feature_fraction",
        "subsample": "bagging_fraction", "subsample_freq": "bagging_freq",
        "reg_lambda": "lambda_l2", "n_jobs": "num_threads",
    }  # fmt: skip
    return {names.get(key, key): value for key, value in {**SHARED, **parameters}.items()}
