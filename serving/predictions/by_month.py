"""Predict by the end of which month the cover of a customer will be gone."""

from collections.abc import Mapping
from typing import Any

from serving.predictions.probabilities import ServedModel
from training.estimators.chained import Chained
from training.models import MONTH_AHEAD

HAZARD = "churn_hazard"


def churn_by_month(
    models: Mapping[str, ServedModel], tags: Mapping[str, Any], answers: Mapping[str, float | None]
) -> list[float] | None:
    """Predict when all motor cover of a customer will have ended.

    Parameters
    ----------
    models : Mapping[str, ServedModel]
        Models by name; `churn_hazard` is used.
    tags : Mapping[str, object]
        The customer's tags by name, as plain values.
    answers : Mapping[str, float or None]
        What `predict_one` returned for the same customer.

    Returns
    -------
    list of float, or None
        Probability that the cover has ended by the end of each of the next six months, never
        falling: the first is the answer of `churn_hazard`, the last that of `churn`. None if
        `churn_hazard` is not among these models, or does not arise, or is of an earlier release,
        which did not agree with `churn`.
    """
    first, served = answers.get(HAZARD), models.get(HAZARD)
    if first is None or served is None or not isinstance(served.predictor, Chained):
        return None
    predictor, churn = served.predictor, answers.get(served.predictor.other.name)
    last = predictor.other.predict_one(tags) if churn is None else churn
    months = range(MONTH_AHEAD.lowest + 1, MONTH_AHEAD.highest + 1)
    later = [predictor.predict_one({**tags, MONTH_AHEAD.name: month}, last) for month in months]
    return [first, *later, last]
