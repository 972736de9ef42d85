"""What a strong user would take instead of ours: each learns rows and answers others.

All hold the same customers back to choose what they choose, and learn anew from all rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import lightgbm as lgb
import numpy as np
import optuna
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from training.estimators.encoding import Array, Encoding, Flags
from training.fitting.datasets import held_back

TRIALS = 30
SEARCHED_ROWS = 20_000  # of a trial, as our own candidates are compared on as many
ROUNDS, PATIENCE = 2_000, 60
KNOTS, PENALTIES = 5, (0.001, 0.01, 0.1)
SEED = 7
Learner: TypeAlias = Callable[[pd.DataFrame, pd.DataFrame, Sequence[str], Mapping[str, int]], Array]


def tuned_lightgbm(
    rows: pd.DataFrame,
    asked: pd.DataFrame,
    features: Sequence[str],
    monotone: Mapping[str, int],
) -> Array:
    """LightGBM with the best of 30 trials; categories as LightGBM has them, monotone as ours.

    Parameters
    ----------
    rows, asked : pandas.DataFrame
        Rows to learn from, with `label` and `customer_id`; rows to answer.
    features : sequence of str
        Columns to learn from.
    monotone : Mapping[str, int]
        Feature -> -1 or 1, as `ModelSpec.monotone`.
    """
    encoding = Encoding.learn(rows, features)
    matrix, label = encoding.matrix(rows), rows["label"].to_numpy(float)
    stop = held_back(rows)
    few = held_back(rows, min(1.0, SEARCHED_ROWS / len(rows)), "choose")
    text = [encoding.place[name] for name in encoding.categories]
    fixed: dict[str, Any] = {
        "objective": "binary",
        "verbosity": -1,
        "seed": SEED,
        "num_threads": 1,
        "monotone_constraints": [monotone.get(name, 0) for name in encoding.features],
    }

    def grown(parameters: dict[str, Any], used: Flags) -> lgb.Booster:
        learned, held = used & ~stop, used & stop
        binned = {"verbosity": -1, "feature_pre_filter": False}
        data = lgb.Dataset(matrix[learned], label[learned], categorical_feature=text, params=binned)
        later = lgb.Dataset(
            matrix[held], label[held], reference=data, categorical_feature=text, params=binned
        )
        wait = [lgb.early_stopping(PATIENCE, verbose=False)]
        return lgb.train({**fixed, **parameters}, data, ROUNDS, [later], callbacks=wait)

    def objective(trial: optuna.Trial) -> float:
        parameters = {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 500, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.01, 50.0, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
            "bagging_freq": 1,
        }
        trial.set_user_attr("parameters", parameters)
        return float(grown(parameters, few).best_score["valid_0"]["binary_logloss"])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(objective, n_trials=TRIALS)
    best = study.best_trial.user_attrs["parameters"]
    count = grown(best, np.ones(len(rows), bool)).best_iteration
    data = lgb.Dataset(matrix, label, categorical_feature=text, params={"verbosity": -1})
    return np.asarray(lgb.train({**fixed, **best}, data, count).predict(encoding.matrix(asked)))


def catboost(
    rows: pd.DataFrame, asked: pd.DataFrame, features: Sequence[str], _: Mapping[str, int]
) -> Array:
    """CatBoost as it comes, with as many trees as lower the loss of held-back customers.

    Parameters
    ----------
    rows, asked, features
        As `tuned_lightgbm` takes them; no constraint is set.
    """
    from catboost import CatBoostClassifier, Pool

    encoding = Encoding.learn(rows, features)
    text = list(encoding.categories)

    def pool(frame: pd.DataFrame) -> Pool:
        values = pd.DataFrame(encoding.matrix(frame), columns=encoding.features)
        values[text] = values[text].fillna(-1).astype(int).astype(str)
        known = frame["label"].to_numpy(float) if "label" in frame else None
        return Pool(values, known, cat_features=text)

    stop = held_back(rows)
    fixed = {"random_seed": SEED, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    first = CatBoostClassifier(**fixed, iterations=1_000, early_stopping_rounds=PATIENCE)
    first.fit(pool(rows[~stop]), eval_set=pool(rows[stop]))
    again = CatBoostClassifier(
        **fixed, iterations=max(first.tree_count_, 1), learning_rate=first.learning_rate_
    )
    again.fit(pool(rows))
    return np.asarray(again.predict_proba(pool(asked))[:, 1], np.float64)


def xgboost(
    rows: pd.DataFrame,
    asked: pd.DataFrame,
    features: Sequence[str],
    monotone: Mapping[str, int],
) -> Array:
    """XGBoost with settings of common sense, and trees as lower the loss of held-back customers.

    Parameters
    ----------
    rows, asked, features, monotone
        As `tuned_lightgbm` takes them.
    """
    import xgboost as library

    encoding = Encoding.learn(rows, features)
    matrix, label, stop = encoding.matrix(rows), rows["label"].to_numpy(float), held_back(rows)
    parameters = {
        "objective": "binary:logistic",
        "eta": 0.05,
        "max_depth": 4,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "min_child_weight": 20,
        "reg_lambda": 5,
        "tree_method": "hist",
        "nthread": 1,
        "seed": SEED,
        "monotone_constraints": tuple(monotone.get(name, 0) for name in encoding.features),
    }
    held = library.DMatrix(matrix[stop], label[stop])
    first = library.train(
        parameters,
        library.DMatrix(matrix[~stop], label[~stop]),
        ROUNDS,
        [(held, "held_back")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    again = library.train(parameters, library.DMatrix(matrix, label), first.best_iteration + 1)
    return np.asarray(again.predict(library.DMatrix(encoding.matrix(asked))), np.float64)


def logistic_splines(
    rows: pd.DataFrame, asked: pd.DataFrame, features: Sequence[str], _: Mapping[str, int]
) -> Array:
    """A logistic regression on linear splines of numbers and on categories, best of penalties.

    Parameters
    ----------
    rows, asked, features
        As `tuned_lightgbm` takes them; no constraint is set.
    """
    encoding = Encoding.learn(rows, features)
    matrix, label, stop = encoding.matrix(rows), rows["label"].to_numpy(bool), held_back(rows)
    text = [encoding.place[name] for name in encoding.categories]
    numbers = np.setdiff1d(np.arange(matrix.shape[1]), text)
    seen = ~np.isnan(matrix[:, numbers]).all(axis=0)
    numbers = numbers[seen]
    middle = np.nanmedian(matrix[:, numbers], axis=0)

    def numeric(values: Array) -> Array:
        return np.where(np.isnan(values[:, numbers]), middle, values[:, numbers])

    splines = make_pipeline(
        SplineTransformer(KNOTS, degree=1, knots="quantile", include_bias=False), StandardScaler()
    ).fit(numeric(matrix))

    def wide(values: Array) -> Array:
        codes = [
            values[:, encoding.place[name]] == code
            for name, known in encoding.categories.items()
            for code in range(len(known))
        ]
        columns = [splines.transform(numeric(values)), np.isnan(values[:, numbers])]
        return np.column_stack([*columns, *codes]).astype(np.float64)

    design = wide(matrix)

    def fitted(penalty: float, used: Flags) -> LogisticRegression:
        model = LogisticRegression(C=penalty, max_iter=200, tol=1e-3)
        return model.fit(design[used], label[used])

    losses = {
        penalty: log_loss(label[stop], fitted(penalty, ~stop).predict_proba(design[stop])[:, 1])
        for penalty in PENALTIES
    }
    best = fitted(min(losses, key=losses.__getitem__), np.ones(len(rows), bool))
    return np.asarray(best.predict_proba(wide(encoding.matrix(asked)))[:, 1], np.float64)


LEARNERS: dict[str, Learner] = {
    "tuned_lightgbm": tuned_lightgbm,
    "catboost": catboost,
    "xgboost": xgboost,
    "logistic_splines": logistic_splines,
}
