"""Find the weights with which parts predict best together."""

from collections.abc import Mapping

import numpy as np

from training.estimators.encoding import Array
from training.estimators.logistic import expit
from training.estimators.losses import Kind, row_loss

STEPS = 20
"""Weights are multiples of one part in so many: finer ones would follow chance."""


def blend(
    scores: Mapping[str, Array], outcome: Array, kind: Kind
) -> tuple[dict[str, float], Array]:
    """Find weights of parts, by ensemble selection with replacement.

    Beginning with none, the part is added that lowers the mean loss of the mean score most, again
    and again; how often each was added are the weights. What adds nothing has none. Source: Caruana
    and others, "Ensemble Selection from Libraries of Models", ICML 2004.

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
    total, best_loss, best = np.zeros(len(outcome)), np.inf, dict[str, int]()
    loss_of_rows, added = np.empty(0), dict.fromkeys(scores, 0)
    for step in range(1, STEPS + 1):
        losses = {
            name: row_loss(outcome, inverse_link((total + score) / step, kind), kind)
            for name, score in scores.items()
        }
        name = min(losses, key=lambda name: float(losses[name].mean()))
        total = total + scores[name]
        added[name] += 1
        if (mean := float(losses[name].mean())) < best_loss:
            best_loss, best, loss_of_rows = mean, dict(added), losses[name]
    times = sum(best.values())
    return {name: count / times for name, count in best.items() if count}, loss_of_rows


def inverse_link(score: Array, kind: Kind) -> Array:
    """Convert log-odds or log means to probabilities or means."""
    return np.asarray(expit(score) if kind == "probability" else np.exp(score), np.float64)
