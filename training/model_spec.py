"""Say what a model is: everything the rest of the code asks of one, in one declaration.

What is declared with it: `training.models`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.condition_rows import rows_where
from features.condition_truth import compile_test
from features.conditions import mentioned
from features.lake import Lake
from features.online.model_tags import TagSet
from features.tags.catalogue import every_tag
from training.estimators.losses import Kind

# Few leaves and few tags a tree: what moves customers is nearly additive, and rows of a customer
# repeat (by lead time, by quarter), so a tree that fits single rows learns nothing.
DEFAULTS: Mapping[str, float] = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 300,
    "lambda_l2": 20.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 255,
    "rounds": 1000,
    "patience": 60,
}


@dataclass(frozen=True)
class Gates:
    """Bounds of one model.

    Attributes
    ----------
    loss : float
        By how much the log loss or deviance may be worse than the champion's, as a share of that
        of always telling the mean.
    calibration : float
        By how much the expected calibration error may be larger than the champion's: in
        probability, or as a share of the mean count or amount.
    segment : float
        The same of a segment.
    fairness : float
        By how much more the outcome may be over- or understated for a group of gender, age or
        region than for all others, told in the same way.
    """

    loss: float = 0.005
    calibration: float = 0.01
    segment: float = 0.02
    fairness: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a contact on the model's word is for.

    Attributes
    ----------
    chinese, english : str
        The outcome that the contact works on, as "leaves".
    won_chinese, won_english : str
        What it makes likelier where it succeeds, as "staying".
    wanted : bool
        The model's label of that outcome: a contact wins back who would not renew (False).
    benefit : {"motor", "non_motor"}
        What is won with it: the margin of a motor year, or of a product sold.
    line : str
        The product sold; empty for motor.
    """

    chinese: str
    english: str
    won_chinese: str
    won_english: str
    wanted: bool
    benefit: Literal["motor", "non_motor"]
    line: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetList:
    """A list of whom to contact first, drawn from the model's predictions (`guanjia list`).

    Attributes
    ----------
    name, label : str
        Name in commands; Chinese label.
    effect : {"raises", "lowers"}
        Direction of the reasons it gives.
    order : str
        Who comes first: predictions, by the name of the model, and tags, each with `asc` or `desc`.
    where : str
        Who is on it of those who have a prediction, as a condition over predictions and tags
        (`features.conditions`); empty: all of them.
    columns : tuple of str
        Tags that the file shows.
    """

    name: str
    label: str
    effect: Literal["raises", "lowers"]
    order: str
    where: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QuestionFeature:
    """A feature that is no tag but part of the question: how far ahead, which month.

    Labels have it as a column. Of customers of now it is derived, unless the request says it.

    Attributes
    ----------
    name, label, unit : str
        Column; Chinese label and unit for reasons in words.
    lowest, highest : int
        Between which models have learned it.
    tag : str
        Whose value, held between the two, it is where nobody says it; without a tag it is `lowest`.
    """

    name: str
    label: str
    unit: str = ""
    lowest: int
    highest: int
    tag: str = ""

    def of_customer(self, tags: Mapping[str, Any]) -> float | None:
        """Derive it of one customer, from plain values by name; None where the tag is null."""
        if not self.tag:
            return self.lowest
        value: float | None = tags.get(self.tag)
        return None if value is None else min(max(value, self.lowest), self.highest)

    def of_rows(self, tags: pd.DataFrame) -> "pd.Series[float]":
        """Derive it of each row; NaN where the tag is null."""
        if not self.tag:
            return pd.Series(float(self.lowest), index=tags.index)
        values = pd.to_numeric(tags[self.tag]).astype("float64")
        return values.clip(self.lowest, self.highest)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model as declared.

    Attributes
    ----------
    name, label : str
        Name in commands and files; Chinese label.
    tag_set : TagSet
        The tags it reads: a shared one of `features.online.model_tags`, or its own.
    labels : Callable[[Lake, date], ibis.Table]
        Labels as known by a date (`training.labels.questions`).
    eligible : str
        Of whom the question is asked, as a condition over tags (`features.conditions`): in training
        and in serving. Nobody is asked of whom it is not known.
    describes : str
        Which labelled rows the tags describe, as a condition over tags and the labels' columns;
        empty: all of them.
    extra : tuple of QuestionFeature
        Features that are not tags but part of the question asked.
    family : str
        What `guanjia train` calls it and others that are trained together; empty: its own name.
    purpose : Purpose or None
        What a contact on its word is for; None where nobody is contacted on it.
    lists : tuple of TargetList
        Target lists drawn from its predictions.
    truth : str
        Which file of the simulation's truth evaluation may compare with.
    kind : str
        What is told: a "probability", or the mean of a "count" or an "amount".
    monotone : Mapping[str, int]
        Feature -> -1 or 1: all else equal, the prediction never rises (falls) with it.
    candidates : tuple of str
        Ways to learn that compete (`training.estimators.candidates.CANDIDATES`); validation
        chooses.
    parameters : Mapping[str, float]
        LightGBM parameters, and `rounds` and `patience` of early stopping.
    gates : Gates
        What a version must hold to become champion.
    """

    name: str
    label: str
    tag_set: TagSet
    labels: Callable[[Lake, date], ir.Table]
    eligible: str
    describes: str = ""
    extra: tuple[QuestionFeature, ...] = ()
    family: str = ""
    purpose: Purpose | None = None
    lists: tuple[TargetList, ...] = ()
    truth: str = ""
    kind: Kind = "probability"
    monotone: Mapping[str, int] = field(default_factory=dict)
    candidates: tuple[str, ...] = ("linear", "additive", "trees", "blend")
    parameters: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    gates: Gates = field(default_factory=Gates)

    @property
    def features(self) -> list[str]:
        """Columns the model reads, in order: its tags, then what its question says."""
        return [*self.tag_set.tags, *(feature.name for feature in self.extra)]

    @cached_property
    def rule_tags(self) -> list[str]:
        """Tags that decide of whom the question is asked."""
        return mentioned(self.eligible, every_tag().columns)

    def asks(self, tags: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Mark of whom the question is asked, shape (rows,); False where it is not known."""
        return rows_where(self.eligible, tags)

    def asks_one(self, values: Mapping[str, object]) -> bool:
        """Tell whether it is asked of one customer, from plain values by name.

        Raises
        ------
        KeyError
            If a tag of the rule is not among the values.
        """
        return self._rule({name: values[name] for name in self.rule_tags})

    def learns(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Mark labelled rows whose question arose then and is about what the tags describe."""
        asked = self.asks(frame)
        return asked & rows_where(self.describes, frame) if self.describes else asked

    @cached_property
    def _rule(self) -> Callable[[Mapping[str, object]], bool]:
        return compile_test(self.eligible, frozenset(self.rule_tags))
