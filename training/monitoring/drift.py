"""Measure drift: the questions of the latest snapshot against those of the test slice.

It needs no outcomes, so it warns early. A tag counts by how much it moves the scores: a tag that no
model reads, or that moves nothing, raises no alert here, whatever `guanjia quality` says of it.
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
from training.fitting.datasets import ROW_LIMIT, hash_fractions, thin
from training.labels.leads import LONGEST_LEAD, STRATA
from training.model_spec import ModelSpec
from training.models import LEAD_TIME
from training.monitoring.bounds import Bounds
from training.monitoring.cohorts import scale_of
from training.monitoring.rule import (
    FEWEST_CUSTOMERS,
    BoundTest,
    Estimate,
    holm,
    index_test,
    mean_of,
    two_sided,
)


@dataclass(frozen=True)
class TagDrift:
    """Drift of one tag that matters to a model.

    Attributes
    ----------
    tag : str
        Name of the tag.
    share : float
        Its share of what moves the scores of the test slice.
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
    """Drift of a snapshot against the test slice.

    Attributes
    ----------
    as_of : datetime.date
        Date of the snapshot.
    rows, rows_before, customers, customers_before : int
        Questions and customers of the snapshot, and of the test slice.
    predicted, predicted_before : float
        Mean prediction of both.
    psi : float
        Population stability index of the predictions.
    tags : list of TagDrift
        Tags that matter, most important first.
    tests : list of BoundTest
        Of scores and tags; empty if either side has too few customers.
    """

    as_of: date
    rows: int
    rows_before: int
    customers: int
    customers_before: int
    predicted: float
    predicted_before: float
    psi: float
    tags: list[TagDrift]
    tests: list[BoundTest]

    @property
    def alerts(self) -> list[BoundTest]:
        """The tests that are alerts."""
        return [test for test in self.tests if test.alert]


def snapshot_questions(
    lake: Lake, model: ModelSpec, predictor: Predictor, as_of: date
) -> pd.DataFrame:
    """Build the questions of a snapshot, in the way of those the champion learned from.

    Renewals are asked about within the last sixty days before expiry.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot.
    model : ModelSpec
        The model as declared.
    predictor : Predictor
        The champion.
    as_of : date
        Date of the snapshot.

    Returns
    -------
    pandas.DataFrame
        One row per eligible customer, with the champion's columns and `customer_id`.
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
            frame[feature.name] = feature.derive(frame)
    if LEAD_TIME.name in predictor.extra:
        frame = frame[frame[LEAD_TIME.tag] <= LONGEST_LEAD].reset_index(drop=True)
    return frame


def comparable_test_rows(predictor: Predictor, tested: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of the test slice that a snapshot can be compared with.

    Of renewals these are as many of each day before the expiry: labels are denser towards it.
    """
    if LEAD_TIME.name in predictor.extra:
        widths = np.array([high - low + 1 for low, high in STRATA])
        places = np.searchsorted([high for _, high in STRATA], tested[LEAD_TIME.name])
        part = hash_fractions(tested, "days") < (widths / widths.max())[places]
        return tested[part].reset_index(drop=True)
    return tested


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
    """Measure how far scores and tags have moved, and test it against the bounds.

    Parameters
    ----------
    lake : Lake
        The home, for the bounds of tags.
    predictor : Predictor
        The champion.
    before, now : pandas.DataFrame
        Rows of the test slice, and of the snapshot, with the champion's columns.
    as_of : date
        Date of the snapshot.
    bounds : Bounds
        The bounds of the model.
    scratch : Path
        A folder for temporary files.
    kind : {"probability", "count", "amount"}
        What is predicted.
    """
    threads = lake.settings.threads
    predicted_before, predicted = (predictor.predict(rows, threads) for rows in (before, now))
    customers = (before["customer_id"].nunique(), now["customer_id"].nunique())
    edges = np.unique(np.quantile(predicted_before, np.arange(1, BINS) / BINS))
    score = index_test(
        "score_drift",
        _counts(predicted_before, edges),
        _counts(predicted, edges),
        customers,
        bounds.score_drift,
    )
    shift = two_sided(
        "score_shift",
        _difference(
            mean_of(predicted, now["customer_id"]), mean_of(predicted_before, before["customer_id"])
        ),
        bounds.score_shift * scale_of(predicted_before, kind),
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
        tags.append(TagDrift(name, shares[name], test.estimate, moved[name]))
    return Drift(
        as_of=as_of,
        rows=len(now),
        rows_before=len(before),
        customers=customers[1],
        customers_before=customers[0],
        predicted=float(predicted.mean()),
        predicted_before=float(predicted_before.mean()),
        psi=score.estimate,
        tags=tags,
        tests=holm(tests, bounds.error("snapshot")) if min(customers) >= FEWEST_CUSTOMERS else [],
    )


def _tag_tests(
    lake: Lake,
    names: list[str],
    before: pd.DataFrame,
    now: pd.DataFrame,
    customers: tuple[int, int],
    days: int,
    scratch: Path,
) -> dict[str, BoundTest]:
    """Test the PSI of every tag, measured as in `guanjia quality`, against its bound there."""
    paths = [scratch / "before.parquet", scratch / "now.parquet"]
    for path, frame in zip(paths, (before, now), strict=True):
        frame[names].to_parquet(path, index=False)
    known = catalogue()
    limits = load_quality_bounds(lake.home, known)
    measured = measure(lake.engine, [known[name] for name in names], paths[1], paths[0])
    tests = {}
    for name in names:
        statistics = measured[name]
        if statistics.reference is not None:
            bound = limits.bounds_for(known[name]).drift_limits(days)[1]
            counts = statistics.reference.counts, statistics.now.counts
            tests[name] = index_test("tag_drift", *counts, customers, bound, name)
    return tests


def _moved(
    predictor: Predictor, before: pd.DataFrame, now: pd.DataFrame, threads: int
) -> Mapping[str, float]:
    """Measure how much each feature moves the mean score before calibration, on a sample."""
    steps = [max(1, -(-len(rows) // MOST_ROWS)) for rows in (before, now)]
    means = [
        predictor.contributions(rows.iloc[::step], threads)[:, :-1].mean(axis=0)
        for rows, step in zip((before, now), steps, strict=True)
    ]
    return dict(zip(predictor.features, (means[1] - means[0]).tolist(), strict=True))


def _counts(predicted: Array, edges: Array) -> list[int]:
    places = np.searchsorted(edges, predicted)
    return [int(count) for count in np.bincount(places, minlength=len(edges) + 1)]


def _difference(now: Estimate, before: Estimate) -> Estimate:
    deviation = float(np.hypot(now.deviation, before.deviation))
    return Estimate(now.value - before.value, deviation, min(now.customers, before.customers))
