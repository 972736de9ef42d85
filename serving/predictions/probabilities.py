"""Predict from tags: used by scores and API alike, so that they cannot differ.

It also decides which customers a model's question is asked of, and what a model reads beside tags.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from serving.predictions.margin import margin_tags
from training.estimators.bundle import Predictor
from training.estimators.chained import Chained
from training.models import LEAD_TIME, MODELS, find
from training.registry.champions import champion

if TYPE_CHECKING:
    # Commands that predict a few customers do not wait for pandas.
    import pandas as pd


@dataclass(frozen=True)
class ServedModel:
    """A model that answers: its predictor, and the version that the predictor came from."""

    name: str
    version: str
    predictor: Predictor

    @property
    def features(self) -> list[str]:
        """Columns the model needs, in its own order."""
        return list(self.predictor.features)

    def range_of(self, feature: str) -> tuple[float, float]:
        """Return the lowest and highest value of a question's feature that it learned from."""
        return self.predictor.ranges.get(feature, (-math.inf, math.inf))


def load_models(lake: Lake, names: Collection[str] | None = None) -> dict[str, ServedModel]:
    """Load the champions of the named models; without names, of every model that can answer.

    Raises
    ------
    GuanjiaError
        If a named model is unknown, or it or the model it takes for granted has no champion, or
        if no model at all has one.
    """
    models: dict[str, ServedModel] = {}
    missing: GuanjiaError | None = None
    for name in MODELS if names is None else names:
        if name not in MODELS:
            raise unknown_name("model", name, MODELS)
        try:
            folder = champion(lake, name)
        except GuanjiaError as error:
            if names is not None:
                raise
            missing = error
            continue
        models[name] = load_model(name, folder)
    given = {served.predictor.given for served in models.values()} - {"", *models}
    # Of all models, those without their other are left out; a model that is named needs it.
    others = {name: load_model(name, champion(lake, name)) for name in given} if names else {}
    chained = chain(models, {**others, **models})
    if missing is not None and not chained:
        raise missing
    return chained


def chain(
    models: Mapping[str, ServedModel], among: Mapping[str, ServedModel] | None = None
) -> dict[str, ServedModel]:
    """Multiply each model that takes another's "yes" for granted by the probability of that yes.

    Where the other has no champion, such a model answers nothing and is left out: when somebody
    leaves says nothing about whether they do.

    Parameters
    ----------
    models : Mapping[str, ServedModel]
        Models as loaded, by name.
    among : Mapping[str, ServedModel], optional
        Where the other models are found; default: `models`.
    """
    others = models if among is None else among
    chained = {}
    for name, served in models.items():
        given = served.predictor.given
        if given in others:
            predictor = Chained(served.predictor, others[given].predictor)
            chained[name] = replace(served, predictor=predictor)
        elif not given:
            chained[name] = served
    return chained


def needed_tags(models: Mapping[str, ServedModel], *, explain: bool = True) -> list[str]:
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
    models: Mapping[str, ServedModel], tags: "pd.DataFrame", lead_days: int | None = None
) -> dict[str, np.ndarray]:
    """Predict calibrated probabilities and means of many customers.

    Parameters
    ----------
    models : Mapping[str, ServedModel]
        Models to ask, by name.
    tags : pandas.DataFrame
        One row per customer, with the columns of `needed_tags`.
    lead_days : int, optional
        Lead time for renewal, days; default: days to the expiry of commercial cover, clipped to
        the lead times that were learned.

    Returns
    -------
    dict[str, numpy.ndarray]
        Model name -> float64 of shape (customers,); NaN where the question does not arise.
    """
    answers: dict[str, np.ndarray] = {}
    for name, served in models.items():
        rows = np.flatnonzero(find(name).asks(tags))
        answer = np.full(len(tags), np.nan)
        if len(rows):
            columns, predictor = model_columns(served, tags, lead_days), served.predictor
            if isinstance(predictor, Chained) and predictor.other.name in answers:
                known = answers[predictor.other.name][rows]
                answer[rows] = predictor.predict(columns, rows=rows, other=known)
            else:
                answer[rows] = predictor.predict(columns, rows=rows)
        answers[name] = answer
    return answers


def predict_one(
    models: Mapping[str, ServedModel], tags: Mapping[str, Any], lead_days: int | None = None
) -> dict[str, float | None]:
    """Predict for one customer: bit for bit what `predict` gives.

    Parameters
    ----------
    models : Mapping[str, ServedModel]
        Models to ask, by name.
    tags : Mapping[str, object]
        The customer's tags of `needed_tags` by name, as plain values.
    lead_days : int, optional
        As in `predict`.

    Returns
    -------
    dict[str, float or None]
        Model name -> probability or mean; None where the question does not arise.
    """
    answers: dict[str, float | None] = {}
    values, stated = dict(tags), _stated(lead_days)
    for name, served in models.items():
        spec = find(name)
        for feature in spec.extra:
            value = stated.get(feature.name, feature.derive_one(tags))
            values[feature.name] = _within(served, feature.name, value)
        answers[name] = _answer(served.predictor, values, answers) if spec.asks_one(tags) else None
    return answers


def _answer(
    predictor: Predictor, values: Mapping[str, Any], answers: Mapping[str, float | None]
) -> float:
    """Predict for one customer; the other of two chained models is not asked a second time."""
    if isinstance(predictor, Chained):
        return predictor.predict_one(values, answers.get(predictor.other.name))
    return predictor.predict_one(values)


def model_columns(
    served: ServedModel, tags: "pd.DataFrame", lead_days: int | None = None
) -> "dict[str, pd.Series]":
    """Return the model's columns in its own order: tags, and the features of its question.

    Parameters
    ----------
    served : ServedModel
        The model.
    tags : pandas.DataFrame
        One row per customer, with the columns of `needed_tags`.
    lead_days : int, optional
        As in `predict`.
    """
    stated = _stated(lead_days)
    extra = {
        feature.name: (
            _all(tags, stated[feature.name]) if feature.name in stated else feature.derive(tags)
        ).clip(*served.range_of(feature.name))
        for feature in find(served.name).extra
    }
    names = [*served.features, *served.predictor.tags]
    columns = {name: extra.get(name, tags.get(name)) for name in names}
    return {name: column for name, column in columns.items() if column is not None}


def customer_columns(
    served: ServedModel, customers: Sequence[Mapping[str, Any]], lead_days: int | None = None
) -> dict[str, list[Any]]:
    """Return the model's columns of a few customers in its own order, for explanations.

    Parameters
    ----------
    served : ServedModel
        The model.
    customers : sequence of mapping of str to object
        Tags of `needed_tags` by name, as plain values, of each customer.
    lead_days : int, optional
        As in `predict`.
    """
    names = {*served.features, *(feature.tag for feature in find(served.name).extra)}
    columns = {name: [tags.get(name) for tags in customers] for name in names}
    return question_columns(served, columns, lead_days)


def question_columns(
    served: ServedModel, tags: Mapping[str, list[Any]], lead_days: int | None = None
) -> dict[str, list[Any]]:
    """Return the model's columns in its own order from columns of tags.

    Parameters
    ----------
    served : ServedModel
        The model.
    tags : mapping of str to list
        Tags of `needed_tags` by name, as plain values, one list a tag.
    lead_days : int, optional
        As in `predict`.
    """
    stated, columns = _stated(lead_days), dict(tags)
    size = len(next(iter(tags.values())))
    for feature in find(served.name).extra:
        if feature.name in served.features:
            columns[feature.name] = [
                _within(
                    served,
                    feature.name,
                    stated.get(feature.name, feature.derive_one({feature.tag: value})),
                )
                for value in tags.get(feature.tag, [None] * size)
            ]
    return {name: columns[name] for name in served.features}


def load_model(name: str, folder: Path) -> ServedModel:
    """Load a model from its verified bundle."""
    predictor = Predictor.load(folder)
    return ServedModel(name, predictor.version, predictor)


def _stated(lead_days: int | None) -> dict[str, int]:
    """Return the features of the question that the request states, by name."""
    return {} if lead_days is None else {LEAD_TIME.name: lead_days}


def _within(served: ServedModel, feature: str, value: float | None) -> float | None:
    """Clip a feature of the question to what the model learned from."""
    low, high = served.range_of(feature)
    return None if value is None else min(max(value, low), high)


def _all(tags: "pd.DataFrame", number: int) -> "pd.Series[float]":
    import pandas as pd

    return pd.Series(float(number), index=tags.index)


def requested_models(
    models: Mapping[str, ServedModel], names: list[str] | None
) -> Mapping[str, ServedModel]:
    """Select the models a request names; all of them if it names none.

    Raises
    ------
    UnknownNameError
        If it names a model that is not served.
    """
    if names is None:
        return models
    for name in names:
        if name not in models:
            raise unknown_name("model", name, models)
    return {name: models[name] for name in names}
