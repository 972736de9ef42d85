"""Compare a model with peers: simple models that anybody would try first, on the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor
from threadpoolctl import threadpool_limits

from training.estimators.encoding import Array, Encoding, Flags
from training.estimators.lightgbm_library import thread_count
from training.estimators.losses import TINY, Kind, Outcomes, row_loss
from training.estimators.trees import OBJECTIVES
from training.evaluation.discrimination import Ranking
from training.evaluation.intervals import Customers, student_interval

PEER_LABELS = {
    "base_rate": ("基准率", "base rate"),
    "logistic_regression": ("逻辑回归", "logistic regression"),
    "generalised_linear": ("广义线性模型", "generalised linear model"),
    "untuned_lightgbm": ("未调参LightGBM", "untuned LightGBM"),
    "hist_gradient_boosting": ("直方图梯度提升", "HistGradientBoosting"),
}
MOST_CATEGORIES = 255


@dataclass(frozen=True)
class PeerDifference:
    """How much better the model is than a peer on the same rows, with paired 95% intervals.

    Attributes
    ----------
    peer : str
        A key of `PEER_LABELS`.
    order, order_gain : float
        AUC of a probability, Gini of a count or an amount: of the peer, and the model's minus it.
    loss, loss_gain : float
        Mean log loss or deviance: of the peer, and by how much the model's is lower.
    order_low, order_high, loss_low, loss_high : float
        Intervals of the gains; above 0 the model is better.
    """

    peer: str
    order: float
    order_gain: float
    order_low: float
    order_high: float
    loss: float
    loss_gain: float
    loss_low: float
    loss_high: float


def predict_peers(
    frame: pd.DataFrame,
    train: Flags,
    test: Flags,
    features: list[str],
    threads: int = 2,
    kind: Kind = "probability",
    all_peers: bool = False,
) -> dict[str, Array]:
    """Train peers on the train rows and predict the test rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        The features and `label`.
    train, test : numpy.ndarray of bool
        Shape (rows,): which rows train and which are predicted.
    features : list of str
        Columns the peers read.
    threads : int
        Most threads LightGBM may use.
    kind : {"probability", "count", "amount"}
        What is predicted.
    all_peers : bool
        Whether HistGradientBoosting is a peer too. It takes as long as all the others together, and
        untuned LightGBM is of the same kind.

    Returns
    -------
    dict[str, numpy.ndarray]
        Peer -> predictions, shape (test rows,).
    """
    label = frame["label"].to_numpy(dtype=np.float64)
    rows = frame[train]
    encoding = Encoding.learn(rows, features)
    train_matrix, test_matrix = encoding.matrix(rows), encoding.matrix(frame[test])
    predicted = {
        "base_rate": np.full(int(test.sum()), label[train].mean()),
        "logistic_regression" if kind == "probability" else "generalised_linear": _linear(
            train_matrix, test_matrix, encoding, label[train], kind
        ),
    }
    predicted["untuned_lightgbm"] = predict_untuned_lightgbm(
        train_matrix, test_matrix, label[train], threads, kind
    )
    if all_peers:
        predicted["hist_gradient_boosting"] = _boosting(
            train_matrix, test_matrix, encoding, label[train], kind
        )
    return predicted


def predict_untuned_lightgbm(
    train_matrix: Array,
    test_matrix: Array,
    label: Array,
    threads: int = 2,
    kind: Kind = "probability",
) -> Array:
    """Train LightGBM with its defaults, one hundred trees, and predict the test rows.

    Parameters
    ----------
    train_matrix, test_matrix : numpy.ndarray
        Shape (rows, features): encoded train and test rows.
    label : numpy.ndarray
        Shape (train rows,): outcomes.
    threads : int
        Most threads LightGBM may use.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    numpy.ndarray
        Shape (test rows,).
    """
    plain = {
        "objective": OBJECTIVES[kind],
        "verbosity": -1,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": thread_count(len(train_matrix), threads),
    }
    data = lgb.Dataset(train_matrix, label, params={"verbosity": -1})
    return np.asarray(
        lgb.train(plain, data, 100).predict(
            test_matrix, num_threads=thread_count(len(test_matrix), threads)
        )
    )


def compare_with_peers(
    label: Outcomes,
    predicted: Array,
    peers: Mapping[str, Array],
    people: Customers,
    kind: Kind = "probability",
) -> list[PeerDifference]:
    """Compare a model with its peers on the same rows, with paired intervals.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and the model's predictions.
    peers : Mapping[str, numpy.ndarray]
        Peer -> predictions for the same rows, shape (rows,).
    people : Customers
        Customers of the rows.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    list of PeerDifference
        In the order of `peers`.
    """
    column = 1 if kind == "probability" else 0

    def ranked(score: Array) -> tuple[float, Array]:
        ranking = Ranking(label, score)
        return ranking.measure()[column], ranking.noise()[:, column]

    order, noise = ranked(predicted)
    loss = row_loss(label, predicted, kind)
    differences = []
    for name, peer in peers.items():
        # A constant prediction ranks nothing.
        constant = np.ptp(peer) == 0
        chance = 0.5 if kind == "probability" else 0.0
        theirs, their_noise = (chance, np.zeros(len(noise))) if constant else ranked(peer)
        their_loss = row_loss(label, peer, kind)
        gain, loss_gain = order - theirs, float((their_loss - loss).mean())
        noises = [noise - their_noise, (their_loss - loss - loss_gain) / len(loss)]
        order_spread, loss_spread = people.spreads(np.column_stack(noises))
        low, high = student_interval(gain, *order_spread)
        loss_low, loss_high = student_interval(loss_gain, *loss_spread)
        differences.append(
            PeerDifference(
                peer=name,
                order=theirs,
                order_gain=gain,
                order_low=low,
                order_high=high,
                loss=float(their_loss.mean()),
                loss_gain=loss_gain,
                loss_low=loss_low,
                loss_high=loss_high,
            )
        )
    return differences


def _boosting(
    train_matrix: Array, test_matrix: Array, encoding: Encoding, label: Array, kind: Kind
) -> Array:
    """Predict with HistGradientBoosting; a feature of too many categories is a number."""
    # It cannot bin a column without a value.
    used = [
        place
        for place in range(train_matrix.shape[1])
        if not np.isnan(train_matrix[:, place]).all()
    ]
    names = [encoding.features[place] for place in used]
    text = [0 < len(encoding.categories.get(name, ())) < MOST_CATEGORIES for name in names]
    train_matrix, test_matrix = train_matrix[:, used], test_matrix[:, used]
    # Its threads wait for one another by spinning: on shared cores that costs minutes.
    with threadpool_limits(1):
        if kind == "probability":
            chosen = HistGradientBoostingClassifier(categorical_features=text, random_state=7)
            return np.asarray(chosen.fit(train_matrix, label > 0).predict_proba(test_matrix)[:, 1])
        loss = OBJECTIVES[kind]
        mean = HistGradientBoostingRegressor(loss=loss, categorical_features=text, random_state=7)
        return np.asarray(mean.fit(train_matrix, label).predict(test_matrix))


def _linear(
    train_matrix: Array, test_matrix: Array, encoding: Encoding, label: Array, kind: Kind
) -> Array:
    """Predict with a linear model of standardised numbers, missing flags and one-hot categories."""
    widen = _wide(train_matrix, encoding)
    left, right = widen(train_matrix), widen(test_matrix)
    with threadpool_limits(1, user_api="blas"):
        if kind == "probability":
            fitted = LogisticRegression(C=0.1, max_iter=300, tol=1e-3).fit(left, label > 0)
            return np.asarray(fitted.predict_proba(right)[:, 1], dtype=np.float64)
        model = PoissonRegressor if kind == "count" else GammaRegressor
        # Newton: two hundred columns are few, and with amounts in yuan lbfgs is slow to converge.
        mean = model(alpha=1e-2, solver="newton-cholesky", max_iter=50).fit(left, label)
        return np.asarray(np.maximum(mean.predict(right), TINY))


def _wide(train_matrix: Array, encoding: Encoding) -> Callable[[Array], Array]:
    """Return the function that widens a matrix for a linear model, learned from the train rows."""
    learned: list[tuple[float, float, bool]] = []
    for index in range(len(encoding.features)):
        values = train_matrix[:, index]
        gone = np.isnan(values)
        seen = values[~gone]
        middle = float(np.median(seen)) if len(seen) else 0.0
        spread = float(seen.std()) if len(seen) else 0.0
        learned.append((middle, spread or 1.0, bool(gone.any())))

    def widen(matrix: Array) -> Array:
        columns: list[npt.NDArray[np.generic]] = []
        for index, name in enumerate(encoding.features):
            values = matrix[:, index]
            if name in encoding.categories:
                columns += [values == code for code in range(len(encoding.categories[name]))]
                continue
            middle, spread, flagged = learned[index]
            gone = np.isnan(values)
            columns.append(np.clip((np.where(gone, middle, values) - middle) / spread, -5, 5))
            if flagged:
                columns.append(gone)
        return np.column_stack(columns).astype(np.float64, copy=False)

    return widen
