"""What an alert says: which figure of whom is how far off, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from training.estimators.losses import Kind
from training.models import find
from training.monitoring.cohorts import CohortFigures
from training.monitoring.drift import Drift
from training.monitoring.rule import Judged
from training.registry.champions import family

NAMES = {
    "gap": "observed less told",
    "slope": "calibration slope",
    "auc": "AUC",
    "gini": "Gini",
    "lift": "lift",
    "loss": "loss gained on telling the mean",
    "score_drift": "PSI of the scores",
    "score_shift": "change of the mean score",
    "tag_drift": "PSI of tag",
}
"""Figures as people read them."""

POINTS = ("gap", "score_shift")

RETRAIN = (
    "retrain: `guanjia train {family} --known-by {as_of}`, then `guanjia compare {model}` says "
    "whether that is better"
)
ORDER = "see which tags drifted, below and with `guanjia quality --against training`; {retrain}"
CURES = {
    "gap": "what happens is not what is told: do not add its probabilities up (lists in their "
    "order hold as far as AUC does); {retrain}",
    "segment": "do not add probabilities of these customers up; look for what changed for them "
    "alone (price, product, intermediary, a source of tags); {retrain}",
    "slope": "its extremes are {extremes}: do not target by a fixed probability; {retrain}",
    "auc": ORDER,
    "gini": ORDER,
    "lift": "the first to be contacted are no longer the right ones: see which tags drifted; "
    "{retrain}",
    "loss": "it is worse than no model: `guanjia rollback {model} --who NAME --why TEXT` if an "
    "earlier version was better, else stop its lists; {retrain}",
    "score_drift": "other customers are asked about, or their tags say other things: see the tags "
    "below and `guanjia quality --as-of {as_of} --against training`; outcomes will tell whether "
    "the model still holds",
    "score_shift": "expect other totals; see the tags below, and whether a change of price or "
    "product explains them; outcomes will tell whether the model still holds",
    "tag_drift": "check the source of tag {subject} (`guanjia quality --as-of {as_of} --against "
    "training`); if it is right, something happened (a reform of prices, another channel): expect "
    "a gap in the next cohorts, and once outcomes since are ripe, {retrain}",
}
"""What to do, by figure."""


@dataclass(frozen=True)
class Alert:
    """One breach.

    Attributes
    ----------
    model : str
    cohort : str
        The month whose outcomes it is about, "2025-11", or the date of a snapshot.
    segment : str
        A segment or a tag; empty: all rows.
    figure : str
        One of `NAMES`.
    found, expected, low, high, bound : float
        As `training.monitoring.rule.Judged`.
    p : float
    said, cure : str
        In words: what is wrong, what to do.
    """

    model: str
    cohort: str
    segment: str
    figure: str
    found: float
    expected: float
    low: float
    high: float
    bound: float
    p: float
    said: str
    cure: str


def alerts_of(
    model: str, as_of: date, cohorts: Sequence[CohortFigures], drift: Drift | None
) -> list[Alert]:
    """The alerts of a champion, the last cohort first, what is asked now last."""
    found = [
        _alert(model, one.name, test, as_of) for one in reversed(cohorts) for test in one.alerts
    ]
    if drift is not None:
        found += [_alert(model, str(drift.as_of), test, as_of) for test in drift.alerts]
    return found


def _alert(model: str, cohort: str, test: Judged, as_of: date) -> Alert:
    name, kind = NAMES[test.figure], find(model).kind
    who = f" {test.subject}" if test.figure == "tag_drift" else ""
    who = f" of {test.subject}" if test.subject and not who else who
    unit = " points" if test.figure in POINTS and kind == "probability" else ""
    seen, low, high, expected, bound = (
        _number(test, value, kind)
        for value in (test.found, test.low, test.high, test.expected, test.bound)
    )
    said = (
        f"{name}{who} {seen}{unit} ({low} to {high}); {expected.lstrip('+')} is expected, "
        f"{bound.lstrip('+')} off it allowed"
    )
    cure_for = "segment" if test.figure == "gap" and test.subject else test.figure
    words = {"model": model, "family": family(model), "as_of": as_of, "subject": test.subject}
    words["extremes"] = "too extreme" if test.found < 1 else "not extreme enough"
    cure = CURES[cure_for].format(retrain=RETRAIN.format(**words), **words)
    return Alert(
        model=model,
        cohort=cohort,
        segment=test.subject,
        figure=test.figure,
        found=test.found,
        expected=test.expected,
        low=test.low,
        high=test.high,
        bound=test.bound,
        p=test.p,
        said=said,
        cure=cure,
    )


def _number(test: Judged, value: float, kind: Kind) -> str:
    """Gaps in points or in the unit of what is told, other figures as they are."""
    if test.figure in POINTS:
        return f"{value * 100:+.1f}" if kind == "probability" else f"{value:+,.3f}"
    return f"{value:.4f}" if test.figure == "loss" else f"{value:.3f}"
