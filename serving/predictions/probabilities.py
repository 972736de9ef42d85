"""From tags to predictions: the one place, so that scores and API cannot differ.

Who a question is put to, and what a model gets besides tags, is decided here too.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from serving.predictions.margin import margin_tags
from training.estimators.bundle import Predictor
from training.models import LEAD_TIME, MODELS, MONTH_AHEAD, find
from training.registry.champions import champion

HAZARD = "churn_hazard"


@dataclass(frozen=True)
class Served:
    """A model as it is served: the predictor and the version it came from."""

    name: str
    version: str
    predictor: Predictor

    @property
    def features(self) -> list[str]:
        """Columns it needs, in its own order."""
        return list(self.predictor.features)


def load_models(lake: Lake, names: Collection[str] | None = None) -> dict[str, Served]:
    """The champions of the named models; without names, of every model that has one.

    Raises
    ------
    GuanjiaError
        If a named model is unknown or has no champion, or if no model at all has one.
    """
    asked = MODELS if names is None else names
    found: dict[str, Served] = {}
    missing: GuanjiaError | None = None
    for name in asked:
        if name not in MODELS:
            raise unknown_name("model", name, MODELS)
        try:
            folder = champion(lake, name)
        except GuanjiaError as error:
            if names is not None:
                raise
            missing = error
            continue
        found[name] = load_model(name, folder)
    if missing is not None and not found:
        raise missing
    return found


def needed_tags(models: Mapping[str, Served], *, explain: bool = True) -> list[str]:
    """List the tags that the models, their questions and the margin read, each once.

    Explanations name the value of every tag; predictions alone depend on some of them.
    """
    names = [
        name
        for served in models.values()
        for name in served.predictor.tags
        if explain or name in served.predictor.features_used
    ]
    specs = [find(model) for model in models]
    rules = [name for spec in specs for name in spec.rule_tags]
    extra = [feature.tag for spec in specs for feature in spec.extra if feature.tag]
    return list(dict.fromkeys([*names, *rules, *extra, *margin_tags(models)]))


def predict(
    models: Mapping[str, Served], tags: pd.DataFrame, lead_days: int | None = None
) -> dict[str, np.ndarray]:
    """Calibrated probabilities and means, NaN where the model's question does not arise.

    Parameters
    ----------
    models : Mapping[str, Served]
        Models to ask.
    tags : pandas.DataFrame
        One row a customer, with the columns of `needed_tags`.
    lead_days : int, optional
        Lead time for renewal; default: days to the expiry of commercial cover, held between the
        shortest and the longest that was learned.

    Returns
    -------
    dict[str, numpy.ndarray]
        Model name -> float64 of shape (customers,).
    """
    answers: dict[str, np.ndarray] = {}
    for name, served in models.items():
        asked = np.flatnonzero(find(name).asks(tags))
        answer = np.full(len(tags), np.nan)
        if len(asked):
            columns = model_columns(served, tags, lead_days)
            answer[asked] = served.predictor.predict(columns, rows=asked)
        answers[name] = answer
    return answers


def predict_one(
    models: Mapping[str, Served], tags: Mapping[str, Any], lead_days: int | None = None
) -> dict[str, float | None]:
    """What `predict` tells, of one customer, bit for bit; None where the question does not arise.

    Parameters
    ----------
    tags : Mapping[str, object]
        The customer's tags of `needed_tags` by name, as plain values.
    """
    answers: dict[str, float | None] = {}
    values, stated = dict(tags), _stated(lead_days)
    for name, served in models.items():
        spec = find(name)
        for feature in spec.extra:
            values[feature.name] = stated.get(feature.name, feature.of_customer(tags))
        answers[name] = served.predictor.predict_one(values) if spec.asks_one(tags) else None
    return answers


def churn_by_month(
    models: Mapping[str, Served], tags: Mapping[str, Any], answers: Mapping[str, float | None]
) -> list[float] | None:
    """When all motor cover of a customer will be gone: probability by the end of each month ahead.

    Parameters
    ----------
    answers : Mapping[str, float or None]
        What `predict_one` told of the same customer: of the hazard, the first month.

    Returns
    -------
    list of float, or None
        Six, never falling; None where the hazard is not among these models, or does not arise.
    """
    first = answers.get(HAZARD)
    if first is None:
        return None
    stays, found = 1 - first, [first]
    for month in range(MONTH_AHEAD.lowest + 1, MONTH_AHEAD.highest + 1):
        stays *= 1 - models[HAZARD].predictor.predict_one({**tags, MONTH_AHEAD.name: month})
        found.append(1 - stays)
    return found


def model_columns(
    served: Served, tags: pd.DataFrame, lead_days: int | None = None
) -> dict[str, pd.Series]:
    """Return the model's columns in its own order, with what its question says beside the tags.

    Parameters
    ----------
    served : Served
        The model.
    tags : pandas.DataFrame
        One row a customer, with the columns of `needed_tags`.
    lead_days : int, optional
        As in `predict`.
    """
    stated = _stated(lead_days)
    extra = {
        feature.name: _all(tags, stated[feature.name])
        if feature.name in stated
        else feature.of_rows(tags)
        for feature in find(served.name).extra
    }
    columns = {name: extra.get(name, tags.get(name)) for name in served.features}
    return {name: column for name, column in columns.items() if column is not None}


def model_frame(served: Served, tags: pd.DataFrame, lead_days: int | None = None) -> pd.DataFrame:
    """The same as a frame of its own, for who explains."""
    return pd.DataFrame(model_columns(served, tags, lead_days))


def load_model(name: str, folder: Path) -> Served:
    """A model from its verified bundle."""
    predictor = Predictor.load(folder)
    return Served(name, predictor.version, predictor)


def _stated(lead_days: int | None) -> dict[str, int]:
    """What the request says of the question, by the name of the feature."""
    return {} if lead_days is None else {LEAD_TIME.name: lead_days}


def _all(tags: pd.DataFrame, number: int) -> "pd.Series[float]":
    return pd.Series(float(number), index=tags.index)
