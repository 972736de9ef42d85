"""Reconcile a hazard by month with the probability of all months together.

Two models answer one question: a hazard says of each month how likely the end is if it has not
come before, and another model how likely it is within all months. Multiplied, the hazards do not
give what the other says. The other is the better one over all months, since it learned that
question alone; the hazards know which months are dangerous. So the survival of every month is
raised to the one power that makes all months together agree: hazards are proportional to what they
were (proportional hazards, Cox 1972, J. R. Stat. Soc. B 34, 187-220). Figures are in
docs/adr/0022-one-answer-about-churn.md.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.estimators.bundle import Predictor
from training.estimators.encoding import Array, Columns, Places
from training.estimators.losses import TINY


def log_survival(hazards: Array, whole: Array) -> Array:
    """Return the logs of surviving each step, in proportion to hazards, that add up to a whole.

    Parameters
    ----------
    hazards : numpy.ndarray
        Shape (rows, steps): probability of the end in each step, given survival until then.
    whole : numpy.ndarray
        Shape (rows,): probability of the end within all steps.

    Returns
    -------
    numpy.ndarray
        Shape (rows, steps), none above 0; their sum is log(1 - whole). Certainties are taken as
        one in a million short of it. Where no step has a hazard, all have the same.

    Examples
    --------
    >>> logs = log_survival(np.array([[0.36, 0.75]]), np.array([0.6]))
    >>> [round(float(hazard), 3) for hazard in 1 - np.exp(logs[0])]
    [0.2, 0.5]
    """
    logs = np.log1p(-np.minimum(hazards, 1 - TINY))
    sums = np.cumsum(logs, axis=1)[:, -1:]
    shares = np.where(sums < 0, logs, 1.0) / np.where(sums < 0, sums, float(logs.shape[1]))
    return np.asarray(shares * np.log1p(-np.minimum(whole, 1 - TINY))[:, None])


class CoherentHazard(Predictor):
    """A hazard whose steps add up to what another model predicts of them together.

    It predicts as any predictor does: for one customer bit for bit what it does for many.

    Parameters
    ----------
    hazard : Predictor
        Predicts one step, which is its only feature that is no tag.
    whole : Predictor
        Predicts all steps together.

    Attributes
    ----------
    tags, features_used : list of str and set of str
        Of both, since it asks both.
    """

    def __init__(self, hazard: Predictor, whole: Predictor) -> None:
        super().__init__(hazard.spec, hazard.scorer, hazard.calibration)
        self.whole = whole
        (self._step,) = hazard.extra
        low, high = hazard.ranges[self._step]
        self._steps = np.arange(low, high + 1, dtype=np.float64)
        self._place = self.features.index(self._step)
        self.tags = list(dict.fromkeys([*hazard.tags, *whole.tags]))
        self.features_used = {*hazard.features_used, self._step, *whole.features_used}
        self._encode_row = self.scorer.encoding.row_encoder(hazard.features_used - {self._step})

    def predict(self, columns: Columns, threads: int = 1, rows: Places | None = None) -> Array:
        """Predict the step that each row asks about, as `Predictor.predict` does.

        Parameters
        ----------
        columns : mapping, pandas.DataFrame, pyarrow.Table or pyarrow.RecordBatch
            The columns that both models read.
        threads : int
            Number of threads for LightGBM.
        rows : numpy.ndarray of int, optional
            Positions of the rows to predict; default: all of them.
        """
        matrix = self.scorer.encoding.matrix(columns, rows, self.features_used)
        if len(matrix) == 0:
            return np.empty(0)
        asked = self._number(matrix[:, self._place])
        hazards = np.empty((len(matrix), len(self._steps)))
        for number, step in enumerate(self._steps):
            matrix[:, self._place] = step
            hazards[:, number] = self.predict_matrix(matrix, threads)
        logs = log_survival(hazards, self.whole.predict(columns, threads, rows))
        return np.asarray(-np.expm1(logs)[np.arange(len(matrix)), asked])

    def predict_one(self, values: Mapping[str, Any]) -> float:
        """Predict the step that one customer is asked about; bit for bit as `predict` does."""
        logs, _ = self._log_survival_one(values)
        number = self._number(np.array([values[self._step]], np.float64))[0]
        return float(-np.expm1(logs)[0, number])

    def predict_by_step(self, values: Mapping[str, Any]) -> list[float]:
        """Predict of one customer that the end has come by each step.

        The first is what `predict_one` says of the first step, the last what the other model says;
        none is below the one before.
        """
        logs, whole = self._log_survival_one(values)
        ended = -np.expm1(np.cumsum(logs, axis=1)[0])
        # The sum of logs may miss the whole by its last digits.
        return [*np.minimum(ended[:-1], whole).tolist(), whole]

    def _log_survival_one(self, values: Mapping[str, Any]) -> tuple[Array, float]:
        """Return the logs of survival of one customer, shape (1, steps), and the whole."""
        row = self._encode_row(values)
        hazards = np.empty((1, len(self._steps)))
        for number, step in enumerate(self._steps):
            row[self._place] = step
            hazards[0, number] = self.calibration.apply_one(self.scorer.raw_one(row))
        whole = self.whole.predict_one(values)
        return log_survival(hazards, np.array([whole])), whole

    def _number(self, asked: Array) -> Places:
        """Return the number of each step asked about, from 0; beyond the ends the nearest."""
        return np.clip(np.searchsorted(self._steps, asked), 0, len(self._steps) - 1)
