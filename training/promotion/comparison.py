"""Champion and challenger of a model on one cohort, as a whole and by segment."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from training.estimators.bundle import Predictor
from training.estimators.encoding import Array
from training.estimators.losses import Kind
from training.evaluation.paired import Gap, PairedFigures, compare, gaps
from training.evaluation.resampling import Resamples
from training.fitting.datasets import ROW_LIMIT
from training.model_spec import ModelSpec
from training.models import find
from training.promotion.cohort import PROTECTED, SEGMENTS, Cohort, read_cohort
from training.registry import versions as registry
from training.registry.champions import family, fetch
from training.registry.versions import Version

FEWEST_SEGMENT_ROWS = 30


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes
    ----------
    model, label : str
    kind : Kind
        What it tells.
    champion : str or None
        Version; None where there is none and the base rate stands in its place.
    challenger : str
        Version.
    known_by, first, last : datetime.date
        Outcomes recorded later were not used; first and last `as_of` of the cohort.
    tested_before : int
        Rows on which the champion was already measured when it was trained; it learned from none.
    overall : PairedFigures
    segments : list of PairedFigures
        By star, branch, channel, business type and age band; groups of fewer than 30 rows are left
        out.
    gaps : list of Gap
        Of the challenger, between groups of gender, age and region.
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
    """Champion, if there is one, and challenger.

    Raises
    ------
    GuanjiaError
        If there is no challenger, or the registry does not answer.
    """
    find(model)
    challenger = registry.version_of(lake, model, registry.CHALLENGER)
    if challenger is None:
        cure = f"run `guanjia train {family(model)}`"
        raise GuanjiaError(f"model {model}", "has no challenger", cure)
    return registry.version_of(lake, model, registry.CHAMPION), challenger


def compare_versions(
    lake: Lake,
    model: ModelSpec,
    champion: Version | None,
    challenger: Version,
    known_by: date | None = None,
    report: Report = quiet,
) -> Comparison:
    """Compare two versions on the latest ripe outcomes that neither learned from.

    Parameters
    ----------
    known_by : datetime.date, optional
        Outcomes recorded later are not used. Default: what the later of the two was trained with.
    """
    versions = [one for one in (champion, challenger) if one is not None]
    dates = [(_date(one, "test_from"), _date(one, "known_by")) for one in versions]
    by = known_by or max(known for _, known in dates)
    loaded = {one.version: Predictor.load(fetch(lake, model.name, one.version)) for one in versions}
    tags = {name for one in loaded.values() for name in one.tags}
    first = max(first for first, _ in dates)
    cohort = read_cohort(lake, model, first, by, tags, ROW_LIMIT, report, challenger)
    told = loaded[challenger.version].predict(cohort.frame, lake.settings.threads)
    if champion is None:
        peer = np.full(len(told), _base_rate(challenger, cohort))
        before = 0
    else:
        peer = loaded[champion.version].predict(cohort.frame, lake.settings.threads)
        ripe = pd.to_datetime(cohort.frame["matures"])
        before = int((ripe <= pd.Timestamp(_date(champion, "known_by"))).sum())
    report(f"{model.name}: comparison", 0, None)
    resamples = Resamples(cohort.frame["customer_id"])
    gaps_of = [
        gap
        for dimension, tag in PROTECTED.items()
        for gap in gaps(cohort.label, told, resamples, cohort.groups(tag), dimension, model.kind)
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
        overall=compare(cohort.label, peer, told, resamples, kind=model.kind),
        segments=_segments(cohort, peer, told, resamples, model.kind),
        gaps=gaps_of,
    )


def _segments(
    cohort: Cohort, peer: Array, told: Array, resamples: Resamples, kind: Kind
) -> list[PairedFigures]:
    """Both models on each segment that is large enough to say anything of."""
    found = []
    for dimension, tag in SEGMENTS.items():
        groups = cohort.groups(tag)
        for value in sorted(groups.unique()):
            rows = (groups == value).to_numpy()
            if rows.sum() < FEWEST_SEGMENT_ROWS:
                continue
            part = resamples.within(rows)
            one = cohort.label[rows], peer[rows], told[rows], part
            found.append(compare(*one, dimension, str(value), kind))
    return found


def _base_rate(challenger: Version, cohort: Cohort) -> float:
    """The share that came true where the challenger was trained: what one knows without a model."""
    stated = challenger.parameters.get("base_rate")
    return float(stated) if stated else float(cohort.label.mean())


def _date(version: Version, parameter: str) -> date:
    """A date the version's run states."""
    stated = version.parameters.get(parameter)
    if stated is None:
        thing = f"version {version.version} of {version.model}"
        cure = f"run `guanjia train {family(version.model)}`"
        raise GuanjiaError(thing, f"does not state its {parameter}", cure)
    return date.fromisoformat(stated)
