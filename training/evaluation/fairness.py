"""Whether a model treats ages, genders and regions alike: calibration, selection, who is found.

A difference of selection is no fault by itself, for groups may differ in the outcome. A difference
of calibration is: the same told value would mean different things. So the verdict is about that.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.estimators.encoding import Array, Flags
from training.estimators.losses import Kind, Outcomes
from training.evaluation.contact import contacted, turned
from training.evaluation.resampling import Interval, Resamples, centred_interval, interval
from training.evaluation.slices import PROTECTED_ATTRIBUTES, SMALLEST_ROWS, Attribute, parts
from training.model_spec import Purpose

CALIBRATION_BOUND = 0.05
"""How far told - observed may lie apart between two groups (A): our own bound, no law names one."""
MEAN_BOUND = 0.5
"""Of a rare outcome no further than this part of its mean (A)."""


@dataclass(frozen=True)
class Group:
    """One group of an attribute; the figures are NaN of a group that is small.

    Attributes
    ----------
    told, observed, gap : float
        Means, and told - observed; of a count or an amount as shares of the mean outcome.
    selected : float
        Share of the group among whom the working threshold contacts.
    found : float
        Share of the group's events that fall on those contacted (true positive rate).
    """

    value: str
    chinese: str
    rows: int
    small: bool
    told: float
    observed: float
    gap: float
    gap_interval: Interval
    selected: float
    selected_interval: Interval
    found: float
    found_interval: Interval


@dataclass(frozen=True)
class Fairness:
    """One protected attribute: its groups, the largest differences between two, the verdict.

    Attributes
    ----------
    calibration, selection, found : float
        Largest difference of `gap`, `selected` and `found` between two groups that are not small.
    bound : float
        That of `calibration`.
    verdict : {"within", "undecided", "beyond", "none"}
        The whole interval is within the bound, some of it, none of it; or there is nothing to
        compare.
    """

    attribute: str
    chinese: str
    english: str
    groups: tuple[Group, ...]
    calibration: float
    calibration_interval: Interval
    selection: float
    selection_interval: Interval
    found: float
    found_interval: Interval
    bound: float
    verdict: str

    @property
    def sentence(self) -> tuple[str, str]:
        """The verdict in words, Chinese and English."""
        if self.verdict == "none":
            return (
                f"{self.chinese}: 可比的组不足两个, 无法判断。",
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
            f"{self.chinese}: 两组之间校准差最大 {figures}, "
            f"{chinese[self.verdict]}界限 {self.bound:.1%}。",
            f"{self.english.capitalize()}: told minus observed differs by at most {figures} "
            f"between two groups, {english[self.verdict]} the bound of {self.bound:.1%}.",
        )


def fairness(
    frame: pd.DataFrame,
    label: Outcomes,
    told: Array,
    resamples: Resamples,
    *,
    purpose: Purpose | None = None,
    kind: Kind = "probability",
    bound: float | None = None,
) -> list[Fairness]:
    """Each protected attribute that the frame has a column of.

    Parameters
    ----------
    frame : pandas.DataFrame
        The test rows, in the order of `label` and `told`.
    purpose : Purpose, optional
        Whom the working threshold contacts; without one, those told the highest.
    bound : float, optional
        Largest difference of calibration between two groups: of a probability in its own unit, of
        a count or an amount as a share of the mean outcome. Default: `CALIBRATION_BOUND`, of a
        rare outcome `MEAN_BOUND` of its mean.
    """
    event, ahead = turned(label, told, purpose, kind)
    if bound is None:
        rare = MEAN_BOUND * float(event.mean()) if kind == "probability" else CALIBRATION_BOUND
        bound = min(CALIBRATION_BOUND, rare)
    scale = 1.0 if kind == "probability" else float(event.mean()) or float("nan")
    chosen = contacted(ahead)
    columns = np.column_stack(
        [np.ones(len(event)), ahead / scale, event / scale, chosen, chosen * event, event]
    )
    return [
        _attribute(attribute, list(parts(frame, attribute)), columns, resamples, bound)
        for attribute in PROTECTED_ATTRIBUTES
        if attribute.column in frame and frame[attribute.column].notna().any()
    ]


def _attribute(
    attribute: Attribute,
    groups: list[tuple[str, str, Flags]],
    columns: Array,
    resamples: Resamples,
    bound: float,
) -> Fairness:
    made, rates, samples = [], [], []
    for value, chinese, rows in groups:
        small = int(rows.sum()) < SMALLEST_ROWS
        own = _rates(columns[rows].sum(axis=0, keepdims=True))[0]
        drawn = _rates(resamples.within(rows).sums(columns[rows]))
        made.append(_group(value, chinese, int(rows.sum()), small, own, drawn))
        if not small:
            rates.append(own)
            samples.append(drawn)
    if len(rates) < 2:
        nothing = float("nan"), (float("nan"), float("nan"))
        spans, verdict = [nothing] * 3, "none"
    else:
        # Columns of `_rates`: told, observed, gap, selected, found.
        spans = [_span(np.array(rates)[:, k], np.array(samples)[:, :, k]) for k in (2, 3, 4)]
        low, high = spans[0][1]
        verdict = "within" if high <= bound else "beyond" if low > bound else "undecided"
    return Fairness(
        attribute=attribute.name,
        chinese=attribute.chinese,
        english=attribute.english,
        groups=tuple(made),
        calibration=spans[0][0],
        calibration_interval=spans[0][1],
        selection=spans[1][0],
        selection_interval=spans[1][1],
        found=spans[2][0],
        found_interval=spans[2][1],
        bound=bound,
        verdict=verdict,
    )


def _group(value: str, chinese: str, rows: int, small: bool, own: Array, drawn: Array) -> Group:
    if small:
        own, drawn = np.full(5, np.nan), np.full((1, 5), np.nan)
    told, observed, gap, selected, found = (float(rate) for rate in own)
    return Group(
        value=value,
        chinese=chinese,
        rows=rows,
        small=small,
        told=told,
        observed=observed,
        gap=gap,
        gap_interval=interval(drawn[:, 2]),
        selected=selected,
        selected_interval=interval(drawn[:, 3]),
        found=found,
        found_interval=interval(drawn[:, 4]),
    )


def _rates(sums: Array) -> Array:
    """Told, observed, gap, selected and found from weighted sums, shape (samples, 5)."""
    rows, told, observed, selected, found, events = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [told / rows, observed / rows, (told - observed) / rows, selected / rows]
        return np.column_stack([*parts, found / events])


def _span(rates: Array, samples: Array) -> tuple[float, Interval]:
    """The largest difference between two groups, of shapes (groups,) and (groups, samples)."""
    if np.isnan(rates).all():
        return float("nan"), (float("nan"), float("nan"))
    widest = float(np.nanmax(rates) - np.nanmin(rates))
    usable = samples[:, ~np.isnan(samples).any(axis=0)]
    return widest, centred_interval(widest, np.ptp(usable, axis=0))
