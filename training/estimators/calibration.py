"""Map raw predictions to observed means: fitted on a later slice, stored as a table.

scikit-learn is imported only where a calibration is fitted, so that applying one does not wait
for it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from training.estimators.encoding import Array, Flags
from training.estimators.logistic import expit, logit
from training.estimators.losses import TINY

FEWEST_FOR_ISOTONIC = 1000


class Calibration:
    """A monotone map from raw predictions to observed means.

    `kind` is "identity", "platt" (slope and intercept on the log-odds), "isotonic" (a table), or,
    for counts and amounts, "scale" (a factor).
    """

    def __init__(self, kind: str, x: Sequence[float], y: Sequence[float]) -> None:
        self.kind = kind
        self.x = [float(value) for value in x]
        self.y = [float(value) for value in y]

    @classmethod
    def choose(cls, raw: Array, label: Flags) -> "Calibration":
        """Fit the kind with the smaller log loss on the half of the rows it was not fitted on."""
        if len(np.unique(label)) < 2 or min(label.sum(), (~label).sum()) < 20:
            return cls("identity", [], [])
        if len(label) < FEWEST_FOR_ISOTONIC:
            return cls._platt(raw, label)
        from sklearn.metrics import log_loss

        half = np.arange(len(label)) % 2 == 0
        losses = {}
        for kind, fit in (("platt", cls._platt), ("isotonic", cls._isotonic)):
            loss = 0.0
            for side in (half, ~half):
                predicted = fit(raw[side], label[side]).apply(raw[~side])
                predicted = np.clip(predicted, TINY, 1 - TINY)
                loss += float(log_loss(label[~side], predicted, labels=[False, True]))
            losses[kind] = loss
        best = cls._isotonic if losses["isotonic"] < losses["platt"] else cls._platt
        return best(raw, label)

    def apply(self, raw: Array) -> Array:
        """Apply the map to raw predictions, shape (rows,)."""
        if self.kind == "platt":
            return np.asarray(expit(log_odds(raw) * self.x[0] + self.y[0]), dtype=np.float64)
        if self.kind == "isotonic":
            return np.asarray(np.interp(raw, *self._table), dtype=np.float64)
        if self.kind == "scale":
            return np.asarray(raw * self.x[0], dtype=np.float64)
        return np.asarray(raw, dtype=np.float64)

    def apply_one(self, raw: float) -> float:
        """Apply the map to one raw prediction; bit for bit as `apply` does."""
        if self.kind == "platt":
            clipped = min(max(raw, TINY), 1 - TINY)
            return float(expit(logit(clipped) * self.x[0] + self.y[0]))
        if self.kind == "isotonic":
            return float(np.interp(raw, *self._table))
        return raw * self.x[0] if self.kind == "scale" else raw

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        return np.array(self.x), np.array(self.y)

    @classmethod
    def balance(cls, raw: Array, outcome: Array) -> "Calibration":
        """Fit the factor that makes the sum of predictions the sum of outcomes."""
        return cls("scale", [float(outcome.sum()) / max(float(raw.sum()), TINY)], [])

    @classmethod
    def _platt(cls, raw: Array, label: Flags) -> "Calibration":
        scores = log_odds(raw).reshape(-1, 1)
        if len(label) < FEWEST_FOR_ISOTONIC:
            fitted = _line().fit(*_softened(scores, label))
        else:
            fitted = _line().fit(scores, label)
        # A slope below zero would turn the order round; the ranking is the model's to decide.
        return cls("platt", [max(float(fitted.coef_[0, 0]), TINY)], [float(fitted.intercept_[0])])

    @classmethod
    def _isotonic(cls, raw: Array, label: Flags) -> "Calibration":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=TINY, y_max=1 - TINY, out_of_bounds="clip")
        fitted.fit(raw, label)
        return cls("isotonic", fitted.X_thresholds_, fitted.y_thresholds_)


def _line() -> Any:
    """Make the logistic regression of one column, found by Newton's steps: two unknowns."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1e6, solver="newton-cholesky")


def _softened(scores: Array, label: Flags) -> tuple[Array, Flags, Array]:
    """Return scores, outcomes and weights such that no outcome is certain.

    Where a few rows are parted without a fault, a line would else be as steep as can be, and every
    prediction 0 or 1 (Platt 1999, "Probabilistic outputs for support vector machines", 2.2).
    """
    yes = np.where(label, (label.sum() + 1) / (label.sum() + 2), 1 / ((~label).sum() + 2))
    both = np.repeat([True, False], len(label))
    return np.concatenate([scores, scores]), both, np.concatenate([yes, 1 - yes])


def log_odds(probability: Array) -> Array:
    """Return the log-odds of probabilities, shape (rows,), clipped off 0 and 1."""
    return np.asarray(logit(np.clip(probability, TINY, 1 - TINY)), dtype=np.float64)
