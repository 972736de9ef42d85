"""Define what a model is: one declaration from which all other code learns what it needs.

The declared models are in `training.models`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import ibis.expr.types as ir

from features.condition_truth import compile_test
from features.conditions import mentioned
from features.lake import Lake
from features.online.model_tags import TagSet
from features.tags.catalogue import every_tag

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from training.estimators.losses import Kind

# Few leaves and few tags per tree: what moves customers is nearly additive, and rows of a customer
# repeat (by lead time, by quarter), so a tree that fits single rows learns nothing.
DEFAULTS: Mapping[str, float] = {
    "learning_rate": 0.2,
    "num_leaves": 7,
    "min_data_in_leaf": 300,
    "lambda_l2": 20.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 63,
    # One category against all others. The best of all divisions into two sets, which LightGBM takes
    # where there are more than four, follows chance: of "additive" on the French portfolio it made
    # an AUC of 0.688 where this makes 0.701.
    "max_cat_to_onehot": 64,
    "rounds": 1000,
    "patience": 20,
}


@dataclass(frozen=True)
class PromotionBounds:
    """Bounds a challenger must keep to become champion.

    Attributes
    ----------
    loss : float
        How much worse the log loss or deviance may be than the champion's, as a share of the loss
        of always predicting the mean.
    calibration : float
        How much larger the expected calibration error may be than the champion's, or than 0 where
        there is none: in probability, or as a share of the mean count or amount.
    segment : float
        The same for a segment.
    fairness : float
        How much more the outcome may be over- or understated for a group of gender, age or region
        than for all others, in the same unit.
    """

    loss: float = 0.005
    calibration: float = 0.01
    segment: float = 0.02
    fairness: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a contact that follows from the model's prediction is for.

    Attributes
    ----------
    chinese, english : str
        The outcome that the contact works on, such as "leaves".
    won_chinese, won_english : str
        What a successful contact makes likelier, such as "staying".
    outcome_label : bool
        The model's label of that outcome; False where the contact works on the customers for whom
        the question comes out negative (renewal: those who do not renew).
    benefit : {"motor", "non_motor"}
        What a success earns: the margin of a motor year, or of a product sold.
    line : str
        The product sold; empty for motor.
    """

    chinese: str
    english: str
    won_chinese: str
    won_english: str
    outcome_label: bool
    benefit: Literal["motor", "non_motor"]
    line: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetList:
    """A list of customers to contact first, by the model's predictions (`guanjia list`).

    Attributes
    ----------
    name, label : str
        Name in commands; Chinese label.
    effect : {"raises", "lowers"}
        Direction of the reasons shown.
    order : str
        Sort order: predictions, by the name of the model, and tags, each with `asc` or `desc`.
    where : str
        Which customers with a prediction are on the list, as a condition over predictions and tags
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
    """A feature that is not a tag but part of the question: days ahead, which month.

    Labels have it as a column. In serving it is derived from a tag, unless the request gives it.

    Attributes
    ----------
    name, label, unit : str
        Column; Chinese label and unit for reasons in words.
    lowest, highest : int
        Range that models have learned.
    tag : str
        Tag whose value, clipped to the range, is the default; without a tag it is `lowest`.
    bends : tuple of float
        Values at which the linear part of a model may bend; empty: a straight line.
    """

    name: str
    label: str
    unit: str = ""
    lowest: int
    highest: int
    tag: str = ""
    bends: tuple[float, ...] = ()

    def derive_one(self, tags: Mapping[str, Any]) -> float | None:
        """Derive the feature for one customer from tag values by name; None if the tag is null."""
        if not self.tag:
            return self.lowest
        value: float | None = tags.get(self.tag)
        return None if value is None else min(max(value, self.lowest), self.highest)

    def derive(self, tags: "pd.DataFrame") -> "pd.Series[float]":
        """Derive the feature for each row of tags; NaN where the tag is null."""
        import pandas as pd

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
        The tags it reads: a shared set of `features.online.model_tags`, or its own.
    labels : Callable[[Lake, date], ibis.Table]
        Labels as known by a date (`training.labels.questions`).
    eligible : str
        Which customers the question is asked about, in training and in serving, as a condition over
        tags (`features.conditions`). A customer for whom a tag of it is null is not eligible.
    describes : str
        Which labelled rows the tags describe, as a condition over tags and the labels' columns;
        empty: all of them.
    extra : tuple of QuestionFeature
        Features that are not tags but part of the question.
    given : str
        Another model, declared before, of the same customers and tags, whose "yes" the question
        takes for granted: labels are of customers for whom it came true, and what serves is the
        product of both (`training.estimators.chained`). Empty: none.
    family : str
        Name under which `guanjia train` trains it together with others; empty: its own name.
    purpose : Purpose or None
        What a contact by its predictions is for; None where no contact follows from them.
    lists : tuple of TargetList
        Target lists drawn from its predictions.
    truth : str
        File of the simulation's truth that evaluation may compare with; empty: none.
    kind : {"probability", "count", "amount"}
        What is predicted: a probability, or the mean of a count or an amount.
    monotone : Mapping[str, int]
        Feature -> -1 or 1: all else equal, the prediction never rises (falls) with it.
    candidates : tuple of str
        Parts that compete (`training.estimators.parts.PARTS`), and "blend" if they may be
        combined: validation finds the weights, and chooses.
    parameters : Mapping[str, float]
        LightGBM parameters, and `rounds` and `patience` of early stopping.
    gates : PromotionBounds
        What a version must keep to become champion.
    """

    name: str
    label: str
    tag_set: TagSet
    labels: Callable[[Lake, date], ir.Table]
    eligible: str
    describes: str = ""
    extra: tuple[QuestionFeature, ...] = ()
    given: str = ""
    family: str = ""
    purpose: Purpose | None = None
    lists: tuple[TargetList, ...] = ()
    truth: str = ""
    kind: "Kind" = "probability"
    monotone: Mapping[str, int] = field(default_factory=dict)
    candidates: tuple[str, ...] = ("linear", "shrunk", "additive", "trees", "deep", "blend")
    parameters: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    gates: PromotionBounds = field(default_factory=PromotionBounds)

    @property
    def features(self) -> list[str]:
        """Columns the model reads, in order: its tags, then the features of its question."""
        return [*self.tag_set.tags, *(feature.name for feature in self.extra)]

    @property
    def bends(self) -> dict[str, tuple[float, ...]]:
        """Features at whose values the linear part may bend."""
        return {feature.name: feature.bends for feature in self.extra if feature.bends}

    @cached_property
    def rule_tags(self) -> list[str]:
        """Tags that decide which customers are eligible."""
        return mentioned(self.eligible, every_tag().columns)

    def asks(self, tags: "pd.DataFrame") -> "npt.NDArray[np.bool_]":
        """Mark the eligible rows, shape (rows,); False where a tag of the rule is null."""
        return self._where(self.eligible, tags)

    def asks_one(self, values: Mapping[str, object]) -> bool:
        """Check whether one customer is eligible, from tag values by name.

        Raises
        ------
        KeyError
            If a tag of the rule is missing from the values.
        """
        return self._rule({name: values[name] for name in self.rule_tags})

    def learns(self, frame: "pd.DataFrame") -> "npt.NDArray[np.bool_]":
        """Mark the labelled rows to learn from: eligible, and described by their tags."""
        eligible = self.asks(frame)
        return eligible & self._where(self.describes, frame) if self.describes else eligible

    @staticmethod
    def _where(condition: str, frame: "pd.DataFrame") -> "npt.NDArray[np.bool_]":
        # Who only needs the names of the models does not wait for pandas.
        from features.condition_rows import rows_where

        return rows_where(condition, frame)

    @cached_property
    def _rule(self) -> Callable[[Mapping[str, object]], bool]:
        return compile_test(self.eligible, frozenset(self.rule_tags))
