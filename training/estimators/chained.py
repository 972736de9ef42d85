"""Multiply the probability that something happens by that of when, given that it happens.

Two models share one answer by the chain rule of probability: P(by month m) = P(at all) * P(by month
m, given that it happens at all). Neither can contradict the other, and each is learned and judged
by its own question: nothing is reconciled after the report.
"""

from collections.abc import Mapping
from typing import Any

from training.estimators.bundle import Predictor
from training.estimators.encoding import Array, Columns, Places


class Chained(Predictor):
    """A model that takes another's "yes" for granted, and that other: what serves is the product.

    It predicts as any predictor does: for one customer bit for bit what it does for many. Its
    `features`, `matrix` and `contributions` are those of the first alone.

    Parameters
    ----------
    first : Predictor
        Predicts a probability, given that the other's question comes out "yes".
    other : Predictor
        Predicts how likely that is.

    Attributes
    ----------
    tags, features_used : list of str and set of str
        Of both, since it asks both.
    """

    def __init__(self, first: Predictor, other: Predictor) -> None:
        super().__init__(first.spec, first.scorer, first.calibration)
        self.other = other
        self.tags = list(dict.fromkeys([*first.tags, *other.tags]))
        self.features_used = first.features_used | other.features_used

    def predict(
        self,
        columns: Columns,
        threads: int = 1,
        rows: Places | None = None,
        other: Array | None = None,
    ) -> Array:
        """Predict rows, as `Predictor.predict` does.

        Parameters
        ----------
        columns : mapping, pandas.DataFrame, pyarrow.Table or pyarrow.RecordBatch
            The columns that both models read.
        threads : int
            Number of threads for LightGBM.
        rows : numpy.ndarray of int, optional
            Positions of the rows to predict; default: all of them.
        other : numpy.ndarray, optional
            Shape (rows,): what the other model predicts of them, if that is known already.
        """
        known = self.other.predict(columns, threads, rows) if other is None else other
        return super().predict(columns, threads, rows) * known

    def predict_one(self, values: Mapping[str, Any], other: float | None = None) -> float:
        """Predict one customer from plain values by name; bit for bit as `predict` does.

        Parameters
        ----------
        values : Mapping[str, object]
            What both models read.
        other : float, optional
            What the other model predicts for the customer, if that is known already.
        """
        known = self.other.predict_one(values) if other is None else other
        return super().predict_one(values) * known
