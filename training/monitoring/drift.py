"""Who is asked now, against whom a champion was tested on: no outcome is needed, so it warns early.

What is told drifts where tags do. A tag counts by how much it moves the scores: one that no model
reads, or that moves nothing, is no alert of a model, whatever `guanjia quality` says of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.lake import Lake
from features.quality.bounds import load_quality_bounds
from features.quality.statistics import measure
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_tags
from features.tags.catalogue import catalogue
from training.estimators.bundle import Predictor
from training.estimators.contributions import MOST_ROWS, importance
from training.estimators.encoding import Array
from training.estimators.losses import Kind
from training.evaluation.discrimination import BINS
from training.fitting.datasets import ROW_LIMIT, thin
from training.labels.leads import LEADS
from training.model_spec import ModelSpec
from training.models import LEAD_TIME, MONTH_AHEAD
from training.monitoring.bounds import Bounds
from training.monitoring.cohorts import scale_of
from training.monitoring.rule import (
    FEWEST,
    Estimate,
    Judged,
    holm,
    index_test,
    mean_of,
    two_sided,
)

AROUND = 3
"""Days on either side of a lead time: who expires then stands for it."""


@dataclass(frozen=True)
class TagDrift:
    """One tag that matters to a model.

    Attributes
    ----------
    tag : str
    share : float
        Of what moves the scores of the test slice.
    psi : float
        Population stability index against the test slice.
    score : float
        What its change adds to the mean score before calibration: log-odds, or the log of a mean.
    """

    tag: str
    share: float
    psi: float
    score: float


@dataclass(frozen=True)
class Drift:
    """A snapshot against the test slice.

    Attributes
    ----------
    as_of : datetime.date
        Of the snapshot.
    rows, rows_before, customers, customers_before : int
        Asked now, and in the test slice.
    told, told_before : float
        Mean told.
    psi : float
        Population stability index of what is told.
    tags : list of TagDrift
        Those that matter, most important first.
    tests : list of Judged
    """

    as_of: date
    rows: int
    rows_before: int
    customers: int
    customers_before: int
    told: float
    told_before: float
    psi: float
    tags: list[TagDrift]
    tests: list[Judged]

    @property
    def alerts(self) -> list[Judged]:
        """The tests that are alerts."""
        return [one for one in self.tests if one.alert]


def asked_now(lake: Lake, model: ModelSpec, predictor: Predictor, as_of: date) -> pd.DataFrame:
    """The questions of a snapshot, alike to those that were learned from.

    A renewal is asked about at 60, 30, 15 and 7 days; of one snapshot those are asked whose cover
    ends within three days of these, else it would have a few rows a lead time.
    """
    snapshot = read_snapshot(lake, as_of)
    tags = list(dict.fromkeys([*predictor.tags, *model.rule_tags]))
    table = thin(snapshot_tags(lake, snapshot, tags), snapshot.customers, ROW_LIMIT)
    frame = table.to_pandas()
    known = catalogue()
    for name in tags:
        if known[name].type != "string":
            frame[name] = pd.to_numeric(frame[name]).astype("float64")
    frame = frame[model.asks(frame)].sort_values("customer_id", ignore_index=True)
    for feature in model.extra:
        if feature.name in predictor.extra:
            frame[feature.name] = feature.of_rows(frame)
    if LEAD_TIME.name in predictor.extra:
        days = frame[LEAD_TIME.tag].to_numpy()
        close = np.abs(days[:, None] - np.asarray(LEADS)).min(axis=1) <= AROUND
        frame = frame[close].reset_index(drop=True)
    return frame


def asked_alike(predictor: Predictor, tested: pd.DataFrame) -> pd.DataFrame:
    """The rows of the test slice that a snapshot can be held against.

    Of a hazard those of the first month: who is asked about a later one was covered till then,
    which of a snapshot nobody knows yet.
    """
    if MONTH_AHEAD.name not in predictor.extra:
        return tested
    first = tested[MONTH_AHEAD.name] == MONTH_AHEAD.lowest
    return tested[first].reset_index(drop=True)


def drift_of(
    lake: Lake,
    predictor: Predictor,
    before: pd.DataFrame,
    now: pd.DataFrame,
    as_of: date,
    bounds: Bounds,
    scratch: Path,
    kind: Kind = "probability",
) -> Drift:
    """Measure and judge how far what is asked and told has moved.

    Parameters
    ----------
    before, now : pandas.DataFrame
        Rows of the test slice, and of the snapshot, with the champion's columns.
    scratch : Path
        A folder for files that go.
    """
    threads = lake.settings.threads
    told_before, told = (predictor.predict(one, threads) for one in (before, now))
    customers = (before["customer_id"].nunique(), now["customer_id"].nunique())
    edges = np.unique(np.quantile(told_before, np.arange(1, BINS) / BINS))
    score = index_test(
        "score_drift",
        _counts(told_before, edges),
        _counts(told, edges),
        customers,
        bounds.score_drift,
    )
    shift = two_sided(
        "score_shift",
        _difference(mean_of(told, now["customer_id"]), mean_of(told_before, before["customer_id"])),
        bounds.score_shift * scale_of(told_before, kind),
    )
    shares = importance(predictor, before, threads).features
    tags: list[TagDrift] = []
    tests = [score, shift]
    weighty = [
        name for name in shares if name in predictor.tags and shares[name] >= bounds.importance
    ]
    moved = _moved(predictor, before, now, threads)
    last = pd.to_datetime(before["as_of"]).max().date()
    for name, test in _tag_tests(
        lake, weighty, before, now, customers, (as_of - last).days, scratch
    ).items():
        tests.append(test)
        tags.append(TagDrift(name, shares[name], test.found, moved[name]))
    return Drift(
        as_of=as_of,
        rows=len(now),
        rows_before=len(before),
        customers=customers[1],
        customers_before=customers[0],
        told=float(told.mean()),
        told_before=float(told_before.mean()),
        psi=score.found,
        tags=tags,
        tests=holm(tests, bounds.error("snapshot")) if min(customers) >= FEWEST else [],
    )


def _tag_tests(
    lake: Lake,
    names: list[str],
    before: pd.DataFrame,
    now: pd.DataFrame,
    customers: tuple[int, int],
    days: int,
    scratch: Path,
) -> dict[str, Judged]:
    """The index of each tag, measured as `guanjia quality` does and held against its bound."""
    paths = [scratch / "before.parquet", scratch / "now.parquet"]
    for path, frame in zip(paths, (before, now), strict=True):
        frame[names].to_parquet(path, index=False)
    known = catalogue()
    limits = load_quality_bounds(lake.home, known)
    measured = measure(lake.engine, [known[name] for name in names], paths[1], paths[0])
    found = {}
    for name in names:
        one = measured[name]
        if one.reference is not None:
            bound = limits.of(known[name]).drift_limits(days)[1]
            found[name] = index_test(
                "tag_drift", one.reference.counts, one.now.counts, customers, bound, name
            )
    return found


def _moved(
    predictor: Predictor, before: pd.DataFrame, now: pd.DataFrame, threads: int
) -> Mapping[str, float]:
    """By how much each feature moves the mean score before calibration, on some of the rows."""
    steps = [max(1, -(-len(one) // MOST_ROWS)) for one in (before, now)]
    means = [
        predictor.contributions(one.iloc[::step], threads)[:, :-1].mean(axis=0)
        for one, step in zip((before, now), steps, strict=True)
    ]
    return dict(zip(predictor.features, (means[1] - means[0]).tolist(), strict=True))


def _counts(told: Array, edges: Array) -> list[int]:
    places = np.searchsorted(edges, told)
    return [int(count) for count in np.bincount(places, minlength=len(edges) + 1)]


def _difference(now: Estimate, before: Estimate) -> Estimate:
    deviation = float(np.hypot(now.deviation, before.deviation))
    return Estimate(now.found - before.found, deviation, min(now.customers, before.customers))
