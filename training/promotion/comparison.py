"""Compare champion and challenger of a model on one cohort, as a whole and by segment."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from training.estimators.bundle import Predictor
from training.estimators.encoding import Array
from training.estimators.losses import Kind
from training.evaluation.intervals import Customers
from training.evaluation.paired import Gap, PairedFigures, compare, gaps
from training.fitting.datasets import ROW_LIMIT
from training.model_spec import ModelSpec
from training.models import find
from training.promotion.cohort import PROTECTED, SEGMENTS, Cohort, read_cohort
from training.registry import versions
from training.registry.champions import family, fetch_judged
from training.registry.versions import Version

FEWEST_SEGMENT_ROWS = 30


@dataclass(frozen=True)
class Comparison:
    """Champion and challenger compared, each by the candidate that was judged at its training.

    Attributes
    ----------
    model, label : str
        Name and Chinese label.
    kind : Kind
        What the model predicts.
    champion : str or None
        Version; None if there is none, or it answers the question of an earlier release: then the
        base rate takes its place.
    challenger : str
        Version.
    known_by, first, last : datetime.date
        Last day whose outcomes were used; first and last `as_of` of the cohort.
    tested_before : int
        Rows of the champion's own test slice; what was judged of it learned from none of them.
    overall : PairedFigures
        All rows of the cohort.
    segments : list of PairedFigures
        By star, branch, channel, business type and age band; groups of fewer than 30 rows are left
        out.
    gaps : list of Gap
        Gaps of the challenger between groups of gender, age and region.
    """

    model: str
    label: str
    kind: Kind
    champion: str | None
    challenger: str
    known_by: date
    first: date
    last: date
    tested_before: int
    overall: PairedFigures
    segments: list[PairedFigures]
    gaps: list[Gap]


def contenders(lake: Lake, model: str) -> tuple[Version | None, Version]:
    """Read the champion, if there is one, and the challenger of a model.

    Raises
    ------
    GuanjiaError
        If there is no challenger, or the registry does not answer.
    """
    find(model)
    challenger = versions.read_version_by_alias(lake, model, versions.CHALLENGER)
    if challenger is None:
        cure = f"run `guanjia train {family(model)}`"
        chinese = f"模型 {model}", "没有挑战者", "请数据科学同事先训练一个新版本"
        raise GuanjiaError(f"model {model}", "has no challenger", cure, chinese=chinese)
    return versions.read_version_by_alias(lake, model, versions.CHAMPION), challenger


def compare_versions(
    lake: Lake,
    model: ModelSpec,
    champion: Version | None,
    challenger: Version,
    known_by: date | None = None,
    report: Report = quiet,
) -> Comparison:
    """Compare the judged candidates of two versions on the latest ripe outcomes new to both.

    The versions themselves, fitted anew to every ripe row, have learned from these outcomes.

    Parameters
    ----------
    lake : Lake
        Home with checked tables and the registry.
    model : ModelSpec
        The model.
    champion : Version or None
        None: compare with the base rate.
    challenger : Version
        Version to compare.
    known_by : datetime.date, optional
        Outcomes recorded later are not used. Default: the later date of the two runs.
    report : Report
        Called with progress.

    Raises
    ------
    TooFewError
        If too few outcomes are ripe.
    GuanjiaError
        If a run does not state its dates, or a bundle cannot be loaded.
    """
    pair = [version for version in (champion, challenger) if version is not None]
    dates = [(_date(version, "test_from"), _date(version, "known_by")) for version in pair]
    by = known_by or max(known for _, known in dates)
    with tempfile.TemporaryDirectory() as scratch:
        predictors = {
            version.version: Predictor.load(
                fetch_judged(lake, version, Path(scratch) / version.version)
            )
            for version in pair
        }
    if champion and predictors[champion.version].given != predictors[challenger.version].given:
        # An earlier release asked it another question: there is nothing to compare with.
        champion = None
    tags = {name for predictor in predictors.values() for name in predictor.tags}
    first = max(first for first, _ in dates)
    cohort = read_cohort(lake, model, first, by, tags, ROW_LIMIT, report, challenger)
    predicted = predictors[challenger.version].predict(cohort.frame, lake.settings.threads)
    if champion is None:
        peer = np.full(len(predicted), _base_rate(challenger, cohort))
        before = 0
    else:
        peer = predictors[champion.version].predict(cohort.frame, lake.settings.threads)
        ripe = pd.to_datetime(cohort.frame["matures"])
        before = int((ripe <= pd.Timestamp(_date(champion, "known_by"))).sum())
    report(f"{model.name}: comparison", 0, None)
    people = Customers(cohort.frame["customer_id"])
    challenger_gaps = [
        gap
        for dimension, tag in PROTECTED.items()
        for gap in gaps(cohort.label, predicted, people, cohort.groups(tag), dimension, model.kind)
    ]
    return Comparison(
        model=model.name,
        label=model.label,
        kind=model.kind,
        champion=champion.version if champion else None,
        challenger=challenger.version,
        known_by=by,
        first=cohort.first,
        last=cohort.last,
        tested_before=before,
        overall=compare(cohort.label, peer, predicted, people, kind=model.kind),
        segments=_segments(cohort, peer, predicted, people, model.kind),
        gaps=challenger_gaps,
    )


def _segments(
    cohort: Cohort, peer: Array, predicted: Array, people: Customers, kind: Kind
) -> list[PairedFigures]:
    """Compare both versions on every segment of at least `FEWEST_SEGMENT_ROWS` rows."""
    segments = []
    for dimension, tag in SEGMENTS.items():
        groups = cohort.groups(tag)
        for value in sorted(groups.unique()):
            rows = (groups == value).to_numpy()
            if rows.sum() < FEWEST_SEGMENT_ROWS:
                continue
            part = people.within(rows)
            columns = cohort.label[rows], peer[rows], predicted[rows], part
            segments.append(compare(*columns, dimension, str(value), kind))
    return segments


def _base_rate(challenger: Version, cohort: Cohort) -> float:
    """Return the mean outcome of the challenger's train slice: the prediction without a model."""
    stated = challenger.parameters.get("base_rate")
    return float(stated) if stated else float(cohort.label.mean())


def _date(version: Version, parameter: str) -> date:
    """Read a date from the parameters of a version's run."""
    stated = version.parameters.get(parameter)
    if stated is None:
        thing = f"version {version.version} of {version.model}"
        cure = f"run `guanjia train {family(version.model)}`"
        chinese = (
            f"模型 {version.model} 第 {version.version} 版",
            f"无法比较：训练记录没有写明 {parameter}",
            "请数据科学同事重新训练",
        )
        fault = f"cannot be compared: its run does not state {parameter}"
        raise GuanjiaError(thing, fault, cure, chinese=chinese)
    return date.fromisoformat(stated)
