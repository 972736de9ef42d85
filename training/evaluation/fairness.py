"""Check that a model treats ages, genders and regions alike: calibration, selection, hit rate.

A difference of selection is no fault by itself, since groups may differ in the outcome. A
difference of calibration is: the same prediction would mean different things. So the verdict is
about calibration.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes
from training.evaluation.contact import WORKING_SHARE, mark_contacted, orient_for_contact
from training.evaluation.distances import UNKNOWN, typical_difference
from training.evaluation.intervals import (
    Customers,
    Interval,
    Spread,
    pool_evidence,
    student_interval,
    wilson_interval,
)
from training.evaluation.slices import PROTECTED_ATTRIBUTES, SMALLEST_ROWS, Attribute, parts
from training.model_spec import Purpose

CALIBRATION_BOUND = 0.05
"""Allowed typical difference of (predicted - observed) between two groups (A): our own bound, no
law names one."""
MARGIN = 0.05
"""Rows ranked so near the last one contacted show whom one contact more would reach."""
MEAN_BOUND = 0.5
"""For a rare outcome the bound is at most this share of its mean (A)."""


@dataclass(frozen=True)
class Group:
    """One group of an attribute; the figures of a small group are NaN.

    Attributes
    ----------
    predicted, observed, gap : float
        Mean prediction, mean outcome and their difference; of a count or an amount as shares of
        the mean outcome of all rows.
    selected : float
        Share of the group's rows that are contacted when the first `WORKING_SHARE` of all are.
    hit_rate : float
        Hit rate: share of the group's events among those contacted (true positive rate).
    """

    value: str
    chinese: str
    rows: int
    small: bool
    predicted: float
    observed: float
    gap: float
    gap_interval: Interval
    selected: float
    selected_interval: Interval
    hit_rate: float
    hit_rate_interval: Interval


@dataclass(frozen=True)
class Fairness:
    """One protected attribute: its groups, the typical difference of two, and the verdict.

    Attributes
    ----------
    calibration, selection, hit_rate : float
        Typical difference of `gap`, `selected`, `hit_rate` between two groups not small: root mean
        square over all pairs, without what chance adds; of two groups their difference.
    bound : float
        Bound of `calibration`.
    verdict : {"within", "undecided", "beyond", "none"}
        Whether the interval of `calibration` lies within the bound, on both sides of it or beyond
        it; "none" if fewer than two groups can be compared.
    """

    attribute: str
    chinese: str
    english: str
    groups: tuple[Group, ...]
    calibration: float
    calibration_interval: Interval
    selection: float
    selection_interval: Interval
    hit_rate: float
    hit_rate_interval: Interval
    bound: float
    verdict: str

    @property
    def sentence(self) -> tuple[str, str]:
        """The verdict in words, Chinese and English."""
        if self.verdict == "none":
            return (
                f"{self.chinese}：可比的组不足两个，无法判断。",
                f"{self.english.capitalize()}: fewer than two groups are large enough to compare.",
            )
        low, high = self.calibration_interval
        figures = f"{self.calibration:.1%} ({low:.1%}-{high:.1%})"
        chinese = {"within": "不超过", "undecided": "未能证明不超过", "beyond": "超过"}
        english = {
            "within": "which is within",
            "undecided": "which is not shown to be within",
            "beyond": "which is beyond",
        }
        return (
            f"{self.chinese}：两组之间校准差（均方根） {figures}，"
            f"{chinese[self.verdict]}界限 {self.bound:.1%}。",
            f"{self.english.capitalize()}: predicted minus observed differs by {figures} between "
            f"two groups, {english[self.verdict]} the bound of {self.bound:.1%}.",
        )


def fairness(
    frame: pd.DataFrame,
    label: Outcomes,
    predicted: Array,
    people: Customers,
    *,
    purpose: Purpose | None = None,
    kind: Kind = "probability",
    bound: float | None = None,
) -> list[Fairness]:
    """Compare the groups of every protected attribute whose column the frame has.

    Parameters
    ----------
    frame : pandas.DataFrame
        The test rows with the columns of the attributes.
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predictions of these rows.
    people : Customers
        Customers of the rows, for the intervals.
    purpose : Purpose, optional
        Decides who is contacted first; default: the highest predictions.
    kind : {"probability", "count", "amount"}
        What is predicted.
    bound : float, optional
        Allowed typical difference of calibration between two groups: of a probability in its own
        unit, of a count or an amount as a share of the mean outcome. Default: `CALIBRATION_BOUND`,
        for a rare outcome `MEAN_BOUND` of its mean.
    """
    event, priority = orient_for_contact(label, predicted, purpose, kind)
    if bound is None:
        rare = MEAN_BOUND * float(event.mean()) if kind == "probability" else CALIBRATION_BOUND
        bound = min(CALIBRATION_BOUND, rare)
    scale = 1.0 if kind == "probability" else float(event.mean()) or float("nan")
    chosen = mark_contacted(priority)
    marginal = mark_contacted(priority, WORKING_SHARE + MARGIN) - mark_contacted(
        priority, WORKING_SHARE - MARGIN
    )
    columns = np.column_stack(
        [
            np.ones(len(event)),
            priority / scale,
            event / scale,
            chosen,
            chosen * event,
            event,
            marginal,
            marginal * event,
        ]
    )
    return [
        _attribute(attribute, list(parts(frame, attribute)), columns, people, bound)
        for attribute in PROTECTED_ATTRIBUTES
        if attribute.column in frame and frame[attribute.column].notna().any()
    ]


def _attribute(
    attribute: Attribute,
    groups: list[tuple[str, str, Flags]],
    columns: Array,
    people: Customers,
    bound: float,
) -> Fairness:
    members, rates, noises, evidence = [], [], [], []
    for value, chinese, rows in groups:
        small = int(rows.sum()) < SMALLEST_ROWS
        own = _rates(columns[rows].sum(axis=0))
        noise = _noise(columns, rows, own)
        spreads = people.spreads(noise)
        customers = [people.within(mask).count for mask in (rows, rows & (columns[:, 5] > 0))]
        members.append(_group(value, chinese, int(rows.sum()), small, own, spreads, customers))
        if not small:
            rates.append(own[2:])
            noises.append(noise)
            evidence.append(spreads)
    if len(rates) < 2:
        spans, verdict = [UNKNOWN] * 3, "none"
    else:
        values, noise = np.array(rates), np.array(noises)
        spans = [
            typical_difference(
                values[:, k], people.covariance(noise[:, :, k].T), pool_evidence(spreads)
            )
            for k, spreads in enumerate(zip(*evidence, strict=True))
        ]
        low, high = spans[0].interval
        verdict = "within" if high <= bound else "beyond" if low > bound else "undecided"
    return Fairness(
        attribute=attribute.name,
        chinese=attribute.chinese,
        english=attribute.english,
        groups=tuple(members),
        calibration=spans[0].value,
        calibration_interval=spans[0].interval,
        selection=spans[1].value,
        selection_interval=spans[1].interval,
        hit_rate=spans[2].value,
        hit_rate_interval=spans[2].interval,
        bound=bound,
        verdict=verdict,
    )


def _group(
    value: str,
    chinese: str,
    rows: int,
    small: bool,
    own: Array,
    spreads: list[Spread],
    customers: list[int],
) -> Group:
    """Describe a group by its rates and their spreads; its customers, and those with the event."""
    if small:
        own, spreads = np.full(5, np.nan), [(float("nan"),) * 3] * 3
    predicted, observed, gap, selected, hit_rate = (float(rate) for rate in own)
    bounds = [student_interval(gap, *spreads[0][:2])]
    bounds += [
        wilson_interval(share, deviation, min(evidence, max(count, 1)))
        for share, (deviation, evidence, _), count in zip(
            (selected, hit_rate), spreads[1:], customers, strict=True
        )
    ]
    return Group(
        value=value,
        chinese=chinese,
        rows=rows,
        small=small,
        predicted=predicted,
        observed=observed,
        gap=gap,
        gap_interval=bounds[0],
        selected=selected,
        selected_interval=bounds[1],
        hit_rate=hit_rate,
        hit_rate_interval=bounds[2],
    )


def _rates(sums: Array) -> Array:
    """Compute predicted, observed, gap, selected and hit rate from sums of the columns."""
    rows, predicted, observed, selected, hits, events = sums[:6]
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [predicted / rows, observed / rows, (predicted - observed) / rows, selected / rows]
        return np.array([*parts, hits / events])


def _noise(columns: Array, inside: Flags, rates: Array) -> Array:
    """Compute what each row adds to the noise of gap, selected and hit rate, shape (rows, 3).

    Who is contacted first depends on all rows: where more of them rank high, fewer of the group are
    contacted, by the share of the group among those ranked near the last one contacted.
    """
    own = columns * inside[:, None]
    rows, predicted, observed, selected, hits, events = own.T[:6]
    *_, gap, chosen, hit_rate = rates
    many, total = own.sum(axis=0), columns.sum(axis=0)
    crowded = (columns[:, 3] - total[3] / total[0]) / total[6]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack(
            [
                (predicted - observed - gap * rows) / many[0],
                (selected - chosen * rows) / many[0] - crowded * many[6] / many[0],
                (hits - hit_rate * events) / many[5] - crowded * many[7] / many[5],
            ]
        )
