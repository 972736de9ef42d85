"""Measure a model on parts of the test slice: by month, star, branch, channel, age, business type.

Parts are formed by what was known of the customer at `as_of`. The frame carries the tags that the
model does not read for this purpose only (`features.online.model_tags.SLICE_TAGS`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from features.contracts.vocabulary import CHANNEL_LABELS
from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes, mean_loss
from training.evaluation.calibration import calibration_error
from training.evaluation.discrimination import Ranking
from training.evaluation.intervals import (
    Customers,
    Interval,
    order_interval,
    student_interval,
)

SMALLEST_ROWS = 200
"""A part of fewer rows is only counted; no figures are given."""
SMALLEST_EVENTS = 20
"""Rows of the rarer outcome that a part needs, else its AUC or Gini is not given."""
AGE_STEPS = (30, 40, 50, 60)
LEAD_STEPS = (0, 3, 7, 15, 30, 61)
NOT_KNOWN = ("未知", "not known")
UNKNOWN = dict.fromkeys(("unknown", NOT_KNOWN[1]), NOT_KNOWN[0])
"""Name of the part whose value is null -> its Chinese name."""
BUSINESS_LABELS = {"new": "新保", "transfer": "转保", "renewal": "续保"}
CITY_LABELS = {"1": "一线", "new_1": "新一线", "2": "二线", "3_and_below": "三线及以下"}
GENDER_LABELS = {"F": "女", "M": "男"}


@dataclass(frozen=True)
class Attribute:
    """One way to divide the test slice.

    Attributes
    ----------
    name, chinese, english : str
        Name in tables and files; names for readers.
    column : str
        Column of the frame.
    values : Callable[[pandas.Series], pandas.Series]
        Maps the column to names of parts; null stays null.
    labels : dict[str, str]
        Chinese names of parts, where they have one.
    """

    name: str
    chinese: str
    english: str
    column: str
    values: Callable[[pd.Series], pd.Series]
    labels: dict[str, str]

    def name_part(self, value: str) -> str:
        """Name a part in Chinese: "渠道 代理"."""
        return f"{self.chinese} {UNKNOWN.get(value) or self.labels.get(value, value)}"


@dataclass(frozen=True)
class Slice:
    """Figures of one part; NaN where it has too few rows.

    Attributes
    ----------
    attribute, value, chinese : str
        Name of the attribute; English and Chinese name of the part.
    small : bool
        Whether it has fewer than `SMALLEST_ROWS` rows and is only counted.
    observed, predicted, gap : float
        Mean outcome, mean prediction (`predicted`), and prediction - outcome.
    order, loss, ece : float
        AUC and log loss of a probability, Gini and deviance of a count or an amount; expected
        calibration error, of a count or an amount as a share of the mean outcome.
    gap_interval, order_interval, ece_interval : tuple of float
        95% intervals; that of the order also NaN of amounts of fewer than `FEWEST_PAID` customers.
    """

    attribute: str
    value: str
    chinese: str
    rows: int
    customers: int
    small: bool
    observed: float
    predicted: float
    gap: float
    gap_interval: Interval
    order: float
    order_interval: Interval
    loss: float
    ece: float
    ece_interval: Interval


def _texts(column: pd.Series) -> pd.Series:
    return column.astype(object)


def _integers(column: pd.Series) -> pd.Series:
    known = pd.to_numeric(column).dropna().astype(int).astype(str)
    return known.reindex(column.index).astype(object)


def _months(column: pd.Series) -> pd.Series:
    months = pd.to_datetime(column).dt.to_period("M")
    return months.map({month: str(month) for month in months.dropna().unique()}).astype(object)


def age_bands(column: pd.Series) -> pd.Series:
    """Name the band of each age in years: "< 30", "30-39", ">= 60"; null stays null."""
    years = pd.to_numeric(column)
    names = [f"< {AGE_STEPS[0]}"]
    names += [f"{low}-{high - 1}" for low, high in pairwise(AGE_STEPS)]
    names += [f">= {AGE_STEPS[-1]}"]
    cut = pd.cut(years, [-np.inf, *AGE_STEPS, np.inf], right=False, labels=names)
    return cut.astype(object)


def lead_bands(column: pd.Series) -> pd.Series:
    """Name the band of each number of days before expiry: "0-2", "30-60"; null stays null."""
    names = [f"{low}-{high - 1}" for low, high in pairwise(LEAD_STEPS)]
    cut = pd.cut(pd.to_numeric(column), [*LEAD_STEPS], right=False, labels=names)
    return cut.astype(object)


ATTRIBUTES = (
    Attribute("month", "月份", "month asked", "as_of", _months, {}),
    Attribute("star", "星级", "star", "star_level", _integers, {}),
    Attribute("branch", "机构", "branch", "branch", _texts, {}),
    Attribute("channel", "渠道", "channel", "channel", _texts, CHANNEL_LABELS),
    Attribute("age", "年龄段", "age band", "age_years", age_bands, {}),
    Attribute("business", "新转续", "business type", "business_type", _texts, BUSINESS_LABELS),
    Attribute("lead", "距到期天数", "days before expiry", "lead_days", lead_bands, {}),
)
PROTECTED_ATTRIBUTES = (
    ATTRIBUTES[4],
    Attribute("gender", "性别", "gender", "gender", _texts, GENDER_LABELS),
    Attribute("region", "城市等级", "city tier", "city_tier", _texts, CITY_LABELS),
    Attribute("garage", "停放区域", "garage area", "vehicle_garage_area", _texts,
              {"urban": "城区", "rural": "乡村"}),
)  # fmt: skip


def slices(
    frame: pd.DataFrame,
    label: Outcomes,
    predicted: Array,
    people: Customers,
    kind: Kind = "probability",
) -> list[Slice]:
    """Measure every part of every attribute whose column the frame has.

    Parameters
    ----------
    frame : pandas.DataFrame
        The test rows with the columns of the attributes.
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions of these rows.
    people : Customers
        Customers of the rows, for the intervals.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    figures = []
    for attribute in ATTRIBUTES:
        for value, chinese, rows in parts(frame, attribute):
            part = attribute.name, value, chinese
            figures.append(_slice(*part, label[rows], predicted[rows], people.within(rows), kind))
    return figures


def parts(frame: pd.DataFrame, attribute: Attribute) -> Iterator[tuple[str, str, Flags]]:
    """Yield English name, Chinese name and rows of each part; none if the column is absent or null.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows to divide.
    attribute : Attribute
        How to divide them.

    Yields
    ------
    value, chinese, rows : str, str, numpy.ndarray of bool
        Names of a part, and the mask of its rows, shape (rows,).
    """
    if attribute.column not in frame or frame[attribute.column].isna().all():
        return
    values = attribute.values(frame[attribute.column])
    codes, names = pd.factorize(values, sort=False)
    for name in sorted(names, key=_order):
        rows = codes == list(names).index(name)
        yield str(name), attribute.labels.get(str(name), str(name)), rows
    if (codes < 0).any():
        yield NOT_KNOWN[1], NOT_KNOWN[0], codes < 0


def _order(name: str) -> tuple[int, float, str]:
    """Return the sort key of a part: numbers by size, bands by their start, others by name."""
    first = name.removeprefix("< ").removeprefix(">= ").split("-")[0]
    if name.startswith("<"):
        return 0, -1.0, name
    return (0, float(first), name) if first.isdigit() else (1, 0.0, name)


def _slice(
    attribute: str,
    value: str,
    chinese: str,
    label: Outcomes,
    predicted: Array,
    people: Customers,
    kind: Kind,
) -> Slice:
    nothing = (float("nan"), float("nan"))
    small = len(label) < SMALLEST_ROWS
    gap, gap_interval, ece, ece_interval = float("nan"), nothing, float("nan"), nothing
    order, order_bounds, loss = float("nan"), nothing, float("nan")
    if not small:
        gap = float(predicted.mean() - label.mean())
        (spread,) = people.spreads((predicted - label - gap)[:, None] / len(label))
        gap_interval = student_interval(gap, *spread)
        loss = mean_loss(label, predicted, kind)
        error = calibration_error(label, predicted, people, kind)
        ece, ece_interval = error.value, error.interval
        events = int((label > 0).sum())
        rarer = min(events, len(label) - events) if kind == "probability" else events
        if rarer >= SMALLEST_EVENTS:
            column = 1 if kind == "probability" else 0
            ranking = Ranking(label, predicted)
            order = ranking.measure()[column]
            amounts = None if column else label
            (spread,) = people.spreads(ranking.noise()[:, [column]], amounts)
            order_bounds = order_interval(order, spread, people, kind)
    return Slice(
        attribute=attribute,
        value=value,
        chinese=chinese,
        rows=len(label),
        customers=people.count,
        small=small,
        observed=float(label.mean()) if not small else float("nan"),
        predicted=float(predicted.mean()) if not small else float("nan"),
        gap=gap,
        gap_interval=gap_interval,
        order=order,
        order_interval=order_bounds,
        loss=loss,
        ece=ece,
        ece_interval=ece_interval,
    )
