"""Put alerts into words: which figure is how far off, for which rows, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from features.tags.catalogue import catalogue
from training.estimators.losses import Kind
from training.models import find
from training.monitoring.alert_words import CURES, EXTREMES, NAMES, RETRAIN
from training.monitoring.cohorts import SEGMENTS, CohortFigures
from training.monitoring.drift import Drift
from training.monitoring.rule import BoundTest
from training.registry.champions import family

POINTS = ("gap", "score_shift")
"""Figures that are shown in points of a probability."""


@dataclass(frozen=True)
class Alert:
    """One broken bound.

    Attributes
    ----------
    model : str
        Name of the model.
    cohort : str
        The month in which the outcomes ripened, "2025-11", or the date of a snapshot.
    segment : str
        A segment or a tag; empty: all rows.
    figure : str
        One of `training.monitoring.alert_words.NAMES`.
    estimate, expected, low, high, bound : float
        As in `training.monitoring.rule.BoundTest`.
    p : float
        As there.
    sentence, chinese : str
        What is wrong, in English and in Chinese.
    cure, chinese_cure : str
        What to do.
    """

    model: str
    cohort: str
    segment: str
    figure: str
    estimate: float
    expected: float
    low: float
    high: float
    bound: float
    p: float
    sentence: str
    chinese: str
    cure: str
    chinese_cure: str


def alerts_of(
    model: str, as_of: date, cohorts: Sequence[CohortFigures], drift: Drift | None
) -> list[Alert]:
    """List the alerts of a champion: the latest cohort first, the snapshot last.

    Parameters
    ----------
    model : str
        Name of the model.
    as_of : date
        The date of the run, for the commands to run next.
    cohorts : sequence of CohortFigures
        The cohorts with their tests, oldest first.
    drift : Drift or None
        The snapshot with its tests.
    """
    alerts = [
        _alert(model, cohort.name, test, as_of)
        for cohort in reversed(cohorts)
        for test in cohort.alerts
    ]
    if drift is not None:
        alerts += [_alert(model, str(drift.as_of), test, as_of) for test in drift.alerts]
    return alerts


def _alert(model: str, cohort: str, test: BoundTest, as_of: date) -> Alert:
    kind = find(model).kind
    in_points = test.figure in POINTS and kind == "probability"
    measured, low, high, expected, bound = (
        _number(test, value, kind)
        for value in (test.estimate, test.low, test.high, test.expected, test.bound)
    )
    expected, bound = expected.lstrip("+"), bound.lstrip("+")
    (english, chinese), subject = NAMES[test.figure], _chinese_subject(test)
    if test.figure == "tag_drift":
        english, chinese = f"{english} {test.subject}", f"标签“{subject}”的 PSI"
    elif test.subject:
        english, chinese = f"{english} of {test.subject}", f"{subject}的{chinese}"
    unit, chinese_unit = (" points", " 个百分点") if in_points else ("", "")
    cure, chinese_cure = _cures(model, test, as_of)
    return Alert(
        model=model,
        cohort=cohort,
        segment=test.subject,
        figure=test.figure,
        estimate=test.estimate,
        expected=test.expected,
        low=test.low,
        high=test.high,
        bound=test.bound,
        p=test.p,
        sentence=(
            f"{english}: {measured}{unit} ({low} to {high}); "
            f"expected {expected}, allowed deviation {bound}"
        ),
        chinese=(
            f"{chinese}：{measured}{chinese_unit}（95% 区间 {low} 至 {high}）；"
            f"应为 {expected}，允许相差 {bound}"
        ),
        cure=cure,
        chinese_cure=chinese_cure,
    )


def _chinese_subject(test: BoundTest) -> str:
    """Name in Chinese the segment or the tag that a figure is of."""
    if test.figure == "tag_drift":
        tags = catalogue()
        return tags[test.subject].label if test.subject in tags else test.subject
    for attribute in SEGMENTS:
        if test.subject.startswith(f"{attribute.english} "):
            return attribute.name_part(test.subject.removeprefix(f"{attribute.english} "))
    return test.subject


def _cures(model: str, test: BoundTest, as_of: date) -> tuple[str, str]:
    """Say what to do, in English and in Chinese."""
    extremes, chinese_extremes = EXTREMES[test.estimate < 1]
    words = {
        "model": model,
        "family": family(model),
        "as_of": as_of,
        "subject": test.subject,
        "chinese_subject": f"“{_chinese_subject(test)}”",
        "extremes": extremes,
        "chinese_extremes": chinese_extremes,
    }
    cure_for = "segment" if test.figure == "gap" and test.subject else test.figure
    (english, chinese), (retrain, chinese_retrain) = CURES[cure_for], RETRAIN
    return (
        english.format(retrain=retrain.format(**words), **words),
        chinese.format(retrain=chinese_retrain.format(**words), **words),
    )


def _number(test: BoundTest, value: float, kind: Kind) -> str:
    """Format a figure: gaps in points or in the unit of predictions, others as they are."""
    if test.figure in POINTS:
        return f"{value * 100:+.1f}" if kind == "probability" else f"{value:+,.3f}"
    return f"{value:.4f}" if test.figure == "loss" else f"{value:.3f}"
