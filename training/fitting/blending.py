"""Find the weights with which parts predict best together."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from training.estimators.encoding import Array
from training.estimators.logistic import expit
from training.estimators.losses import Kind, mean_loss, row_loss

STEPS = 20
"""Weights found are multiples of one part in so many: finer ones would follow chance."""
EQUAL = 50
"""Rows of the rarer outcome that equal weights count for, beside those weights are found on."""
LEAST = 0.05
"""Weight below which a part is left out: it would cost as much as the others to fit."""


def blend(
    scores: Mapping[str, Array], outcome: Array, kind: Kind
) -> tuple[dict[str, float], Array]:
    """Find weights of parts, by ensemble selection with replacement, drawn towards equal ones.

    Beginning with none, the part is added that lowers the mean loss of the mean score most, again
    and again; how often each was added are its weights (Caruana and others, "Ensemble Selection
    from Libraries of Models", ICML 2004). Where outcomes are few these follow chance, so equal
    weights count as much as `EQUAL` rows of the rarer outcome would. What has less than `LEAST` is
    left out.

    Parameters
    ----------
    scores : Mapping[str, numpy.ndarray]
        Name of a part -> shape (rows,): its log-odds or log means of rows it did not learn from.
    outcome : numpy.ndarray
        Shape (rows,): 0 or 1, count, or amount in yuan.
    kind : {"probability", "count", "amount"}
        What is predicted.

    Returns
    -------
    (dict of str to float, numpy.ndarray)
        Weights above 0, which add up to 1; and the loss of each row with them, shape (rows,).
    """
    selected = _selected(scores, outcome, kind)
    share = evidence(outcome) / (evidence(outcome) + EQUAL)
    drawn = {name: share * selected[name] + (1 - share) / len(scores) for name in scores}
    weighty = {name: weight for name, weight in drawn.items() if weight >= LEAST}
    weights = {name: weight / sum(weighty.values()) for name, weight in weighty.items()}
    score = sum((weight * scores[name] for name, weight in weights.items()), np.zeros(len(outcome)))
    return weights, row_loss(outcome, inverse_link(score, kind), kind)


def evidence(outcome: Array | pd.Series) -> int:
    """Count the rows of the rarer outcome: what tells parts apart; all rows, if all are alike."""
    came = int((outcome > 0).sum())
    return min(came, len(outcome) - came) or len(outcome)


def _selected(scores: Mapping[str, Array], outcome: Array, kind: Kind) -> dict[str, float]:
    total, best_loss, best = np.zeros(len(outcome)), np.inf, dict[str, int]()
    added = dict.fromkeys(scores, 0)
    for step in range(1, STEPS + 1):
        losses = {
            name: mean_loss(outcome, inverse_link((total + score) / step, kind), kind)
            for name, score in scores.items()
        }
        name = min(losses, key=losses.__getitem__)
        total = total + scores[name]
        added[name] += 1
        if losses[name] < best_loss:
            best_loss, best = losses[name], dict(added)
    return {name: count / sum(best.values()) for name, count in best.items()}


def inverse_link(score: Array, kind: Kind) -> Array:
    """Convert log-odds or log means to probabilities or means."""
    return np.asarray(expit(score) if kind == "probability" else np.exp(score), np.float64)
