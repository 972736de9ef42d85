"""Put alerts into words: which figure is how far off, for which rows, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from training.estimators.losses import Kind
from training.models import find
from training.monitoring.cohorts import CohortFigures
from training.monitoring.drift import Drift
from training.monitoring.rule import BoundTest
from training.registry.champions import family

NAMES = {
    "gap": "observed minus predicted",
    "slope": "calibration slope",
    "auc": "AUC",
    "gini": "Gini",
    "lift": "lift",
    "loss": "loss below that of predicting the mean",
    "score_drift": "PSI of the scores",
    "score_shift": "change of the mean score",
    "tag_drift": "PSI of tag",
}
"""Names of the figures for readers."""

POINTS = ("gap", "score_shift")
"""Figures that are shown in points of a probability."""

RETRAIN = (
    "retrain: run `guanjia train {family} --known-by {as_of}`, then `guanjia compare {model}` "
    "shows whether the new version is better"
)
ORDER = (
    "it ranks customers worse than when it was tested: see which tags drifted, below and with "
    "`guanjia quality --against training`; {retrain}"
)
CURES = {
    "gap": "predictions no longer match outcomes: do not add up its probabilities (the order of "
    "its lists is as good as the AUC says); {retrain}",
    "segment": "do not add up probabilities of these customers; look for what changed for them "
    "alone (price, product, intermediary, the source of a tag); {retrain}",
    "slope": "its high and low probabilities are {extremes}: do not select customers by a fixed "
    "probability; {retrain}",
    "auc": ORDER,
    "gini": ORDER,
    "lift": "the customers it puts first are no longer the right ones: see which tags drifted; "
    "{retrain}",
    "loss": "predicting the mean would be better than this model: run `guanjia rollback {model} "
    "--who NAME --why TEXT` if an earlier version was better, else stop using its lists; {retrain}",
    "score_drift": "the customers asked about, or their tags, have changed: see the tags below and "
    "`guanjia quality --as-of {as_of} --against training`; only later outcomes can show whether "
    "the model still holds",
    "score_shift": "expect other totals; see the tags below, and whether a change of price or "
    "product explains them; only later outcomes can show whether the model still holds",
    "tag_drift": "check the source of tag {subject} (`guanjia quality --as-of {as_of} --against "
    "training`); if it is right, the customers or the market changed (a price reform, a new "
    "channel): expect a gap in the next cohorts, and when their outcomes are ripe, {retrain}",
}
"""What to do, by figure."""


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
        One of `NAMES`.
    estimate, expected, low, high, bound : float
        As in `training.monitoring.rule.BoundTest`.
    p : float
        As there.
    sentence, cure : str
        What is wrong, and what to do.
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
    cure: str


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
    name, kind = NAMES[test.figure], find(model).kind
    who = f" {test.subject}" if test.figure == "tag_drift" else ""
    who = f" of {test.subject}" if test.subject and not who else who
    unit = " points" if test.figure in POINTS and kind == "probability" else ""
    measured, low, high, expected, bound = (
        _number(test, value, kind)
        for value in (test.estimate, test.low, test.high, test.expected, test.bound)
    )
    sentence = (
        f"{name}{who}: {measured}{unit} ({low} to {high}); "
        f"expected {expected.lstrip('+')}, allowed deviation {bound.lstrip('+')}"
    )
    cure_for = "segment" if test.figure == "gap" and test.subject else test.figure
    words = {"model": model, "family": family(model), "as_of": as_of, "subject": test.subject}
    words["extremes"] = "too extreme" if test.estimate < 1 else "not extreme enough"
    cure = CURES[cure_for].format(retrain=RETRAIN.format(**words), **words)
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
        sentence=sentence,
        cure=cure,
    )


def _number(test: BoundTest, value: float, kind: Kind) -> str:
    """Format a figure: gaps in points or in the unit of predictions, others as they are."""
    if test.figure in POINTS:
        return f"{value * 100:+.1f}" if kind == "probability" else f"{value:+,.3f}"
    return f"{value:.4f}" if test.figure == "loss" else f"{value:.3f}"
