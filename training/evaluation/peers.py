"""What anybody would try first, learned from the same rows, and how much better the model is."""

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
from training.evaluation.resampling import Resamples, interval

PEER_LABELS = {
    "base_rate": ("基准率", "base rate"),
    "logistic_regression": ("逻辑回归", "logistic regression"),
    "generalised_linear": ("广义线性模型", "generalised linear model"),
    "untuned_lightgbm": ("未调参LightGBM", "untuned LightGBM"),
    "hist_gradient_boosting": ("直方图梯度提升", "HistGradientBoosting"),
}
MOST_CATEGORIES = 255


@dataclass(frozen=True)
class Difference:
    """By how much the model is better than a peer on the same rows, resampled in pairs.

    `order` is the AUC of a probability, the Gini of a count or an amount; `loss` the mean log loss
    or deviance. Above 0 the model is better in both.
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


def peers_told(
    frame: pd.DataFrame,
    train: Flags,
    test: Flags,
    features: list[str],
    threads: int = 2,
    kind: Kind = "probability",
) -> dict[str, Array]:
    """What each peer, trained on the train rows, tells of the test rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        With the features and `label`.
    train, test : numpy.ndarray of bool
        Shape (rows,).

    Returns
    -------
    dict[str, numpy.ndarray]
        Peer -> shape (test rows,).
    """
    label = frame["label"].to_numpy(dtype=np.float64)
    encoding = Encoding.learn(frame[train], features)
    ours, theirs = encoding.matrix(frame[train]), encoding.matrix(frame[test])
    told = {
        "base_rate": np.full(int(test.sum()), label[train].mean()),
        "logistic_regression" if kind == "probability" else "generalised_linear": _linear(
            ours, theirs, encoding, label[train], kind
        ),
    }
    told["untuned_lightgbm"] = untuned(ours, theirs, label[train], threads, kind)
    told["hist_gradient_boosting"] = _boosting(ours, theirs, encoding, label[train], kind)
    return told


def untuned(
    ours: Array, theirs: Array, label: Array, threads: int = 2, kind: Kind = "probability"
) -> Array:
    """What LightGBM as it comes, a hundred trees of matrix `ours`, tells of matrix `theirs`."""
    plain = {
        "objective": OBJECTIVES[kind],
        "verbosity": -1,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": thread_count(len(ours), threads),
    }
    data = lgb.Dataset(ours, label, params={"verbosity": -1})
    return np.asarray(
        lgb.train(plain, data, 100).predict(theirs, num_threads=thread_count(len(theirs), threads))
    )


def differences(
    label: Outcomes,
    told: Array,
    peers: Mapping[str, Array],
    resamples: Resamples,
    kind: Kind = "probability",
) -> list[Difference]:
    """The model against each peer, with paired intervals."""
    column = 1 if kind == "probability" else 0

    def ranked(one: Array) -> tuple[float, Array]:
        ranking = Ranking(label, one)
        return ranking.measure()[column], ranking.order_resampled(resamples)[:, column]

    order, orders = ranked(told)
    loss = row_loss(label, told, kind)
    found = []
    for name, peer in peers.items():
        # Whoever tells everybody the same orders nothing, in any resample.
        constant = np.ptp(peer) == 0
        nothing = 0.5 if kind == "probability" else 0.0
        theirs, samples = (nothing, np.full(len(orders), nothing)) if constant else ranked(peer)
        low, high = interval(orders - samples)
        their_loss = row_loss(label, peer, kind)
        sums = resamples.sums(np.column_stack([their_loss - loss, np.ones(len(loss))]))
        loss_low, loss_high = interval(sums[:, 0] / sums[:, 1])
        found.append(
            Difference(
                peer=name,
                order=theirs,
                order_gain=order - theirs,
                order_low=low,
                order_high=high,
                loss=float(their_loss.mean()),
                loss_gain=float((their_loss - loss).mean()),
                loss_low=loss_low,
                loss_high=loss_high,
            )
        )
    return found


def _boosting(ours: Array, theirs: Array, encoding: Encoding, label: Array, kind: Kind) -> Array:
    """Scikit-learn's own trees as they come, categories told; one of too many is a number."""
    # It cannot bin a column without a value.
    used = [place for place in range(ours.shape[1]) if not np.isnan(ours[:, place]).all()]
    names = [encoding.features[place] for place in used]
    text = [0 < len(encoding.categories.get(name, ())) < MOST_CATEGORIES for name in names]
    ours, theirs = ours[:, used], theirs[:, used]
    # Its threads wait for one another busily: where cores are shared they cost minutes.
    with threadpool_limits(1):
        if kind == "probability":
            chosen = HistGradientBoostingClassifier(categorical_features=text, random_state=7)
            return np.asarray(chosen.fit(ours, label > 0).predict_proba(theirs)[:, 1])
        loss = OBJECTIVES[kind]
        mean = HistGradientBoostingRegressor(loss=loss, categorical_features=text, random_state=7)
        return np.asarray(mean.fit(ours, label).predict(theirs))


def _linear(ours: Array, theirs: Array, encoding: Encoding, label: Array, kind: Kind) -> Array:
    """A linear model on standardised numbers, missing flags and one-hot categories."""
    widen = _wide(ours, encoding)
    left, right = widen(ours), widen(theirs)
    with threadpool_limits(1, user_api="blas"):
        if kind == "probability":
            fitted = LogisticRegression(C=0.1, max_iter=300, tol=1e-3).fit(left, label > 0)
            return np.asarray(fitted.predict_proba(right)[:, 1], dtype=np.float64)
        model = PoissonRegressor if kind == "count" else GammaRegressor
        # Newton: two hundred columns are few, and amounts in yuan would take lbfgs far.
        mean = model(alpha=1e-2, solver="newton-cholesky", max_iter=50).fit(left, label)
        return np.asarray(np.maximum(mean.predict(right), TINY))


def _wide(ours: Array, encoding: Encoding) -> Callable[[Array], Array]:
    """How a matrix becomes columns for a linear model, as the train rows say."""
    learned: list[tuple[float, float, bool]] = []
    for index in range(len(encoding.features)):
        values = ours[:, index]
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
        return np.column_stack(columns).astype(np.float64)

    return widen
