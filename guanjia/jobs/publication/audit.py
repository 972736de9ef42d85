"""Audit a day before it is published: is it whole, and does it keep to the declared bounds?

Each check compares what was gathered of the day with the day that is published now. What breaks a
bound becomes a finding in words: nothing is judged silently.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.checking.bounds import load_check_bounds
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.quality.findings import read_findings
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.tags.catalogue import groups
from guanjia.jobs.publication.bounds import PublishBounds, load_publish_bounds
from guanjia.jobs.publication.finding_words import say_finding, say_rows
from guanjia.jobs.publication.findings import Finding
from guanjia.jobs.publication.generation import CHECK
from guanjia.jobs.publication.slot_loading import lacking_rows
from serving.predictions.scores_file import scores_path
from serving.touchpoints.triggers import triggers_path
from training.models import MODELS
from training.registry.local_models import champion_version

MOST_QUALITY = 5
"""Broken bounds of the quality report that are listed one by one."""


def audit_day(lake: Lake, as_of: date, before: Lake | None) -> list[Finding]:
    """Check a gathered day, and its online rows, against the bounds.

    Parameters
    ----------
    lake : Lake
        The lake of the gathered day.
    as_of : date
        The day.
    before : Lake, optional
        The lake of the day that is published now; None: nothing is published yet.

    Returns
    -------
    list of Finding
        Broken bounds; empty: the day may be published.

    Raises
    ------
    GuanjiaError
        If a file of bounds has a fault, or the online store does not answer.
    """
    bounds = load_publish_bounds(lake.home)
    snapshot = read_snapshot(lake, as_of)
    return [
        *_check_findings(lake),
        *_table_findings(lake, before, bounds),
        *_customer_findings(snapshot, before, bounds),
        *_score_findings(lake, snapshot, before, bounds),
        *_file_findings(lake, snapshot, before),
        *_online_findings(lake, as_of),
        *_quality_findings(lake, snapshot),
    ]


def _check_findings(lake: Lake) -> Iterator[Finding]:
    """Compare the shares of quarantined rows with the bound of the check."""
    path, limit = lake.data / CHECK, load_check_bounds(lake.home).quarantined_share_max
    if not path.exists():
        yield say_finding("no_check")
        return
    for name, counts in json.loads(path.read_text("utf-8"))["tables"].items():
        bad, rows = counts["quarantined"], counts["good"] + counts["quarantined"]
        if rows and bad / rows > limit:
            yield say_rows("quarantined_rows", name, bad=bad, rows=rows, share=limit)


def _table_findings(lake: Lake, before: Lake | None, bounds: PublishBounds) -> Iterator[Finding]:
    """Compare the rows of each table with those of the day published before."""
    for name in CONTRACTS:
        if before is None or not before.has(name):
            continue
        had = _rows(before.checked(name))
        now = _rows(lake.checked(name)) if lake.has(name) else 0
        share = bounds.share_of(name)
        if now < had * share:
            yield say_rows("fewer_rows", name, now=now, had=had, share=share)


def _customer_findings(
    snapshot: Snapshot, before: Lake | None, bounds: PublishBounds
) -> Iterator[Finding]:
    """Compare the number of customers with that of the day published before."""
    if before is None or before.day is None:
        return
    had, share = read_snapshot(before, before.day.as_of).customers, bounds.customers_share_min
    if snapshot.customers < had * share:
        yield say_finding("fewer_customers", now=snapshot.customers, had=had, share=share)


def _quality_findings(lake: Lake, snapshot: Snapshot) -> Iterator[Finding]:
    """Take over the broken bounds of the quality report, which must be of this snapshot."""
    path = lake.data / "quality" / f"as_of={snapshot.as_of}.json"
    report = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not _is_of(report.get("snapshot_id"), snapshot):
        yield say_finding("no_quality", as_of=snapshot.as_of)
        return
    broken = [finding for finding in read_findings(report) if finding.status == "broken"]
    for finding in broken[:MOST_QUALITY]:
        yield say_finding(
            "quality",
            subject=finding.subject,
            label=finding.label,
            english_finding=finding.sentence,
            chinese_finding=finding.chinese,
        )
    if len(broken) > MOST_QUALITY:
        yield say_finding("more_quality", count=len(broken), as_of=snapshot.as_of)


def _score_findings(
    lake: Lake, snapshot: Snapshot, before: Lake | None, bounds: PublishBounds
) -> Iterator[Finding]:
    """Check that every customer has a row of scores, and every served model its predictions."""
    served = [name for name in MODELS if champion_version(lake, name) is not None]
    path = scores_path(lake, snapshot.day)
    if not path.exists():
        if served:
            yield say_finding("no_scores", customers=snapshot.customers, as_of=snapshot.as_of)
        return
    rows, ids = _rows(path), _ids(path)
    if rows != snapshot.customers or not all(_is_of(identity, snapshot) for identity in ids):
        yield say_finding(
            "other_scores",
            rows=rows,
            others=", ".join(sorted(ids)) or "-",
            customers=snapshot.customers,
            snapshot=snapshot.snapshot_id,
            as_of=snapshot.as_of,
        )
    now = _predicted(path)
    had: dict[str, int] = {}
    if before is not None and before.day is not None:
        earlier = scores_path(before, before.day.as_of)
        had = _predicted(earlier) if earlier.exists() else {}
    for name in served:
        if now.get(name, 0) < had.get(name, 0) * bounds.predicted_share_min:
            yield say_finding(
                "fewer_predictions",
                model=name,
                label=MODELS[name].label,
                now=now.get(name, 0),
                had=had[name],
                share=bounds.predicted_share_min,
            )


def _file_findings(lake: Lake, snapshot: Snapshot, before: Lake | None) -> Iterator[Finding]:
    """Check that triggers and segments are there and were made from this snapshot."""
    triggers = triggers_path(lake, snapshot.day)
    figures = {"as_of": snapshot.as_of, "snapshot": snapshot.snapshot_id}
    if not triggers.exists():
        yield say_finding("no_triggers", **figures)
    elif not all(_is_of(identity, snapshot) for identity in _ids(triggers)):
        yield say_finding("other_triggers", **figures)
    name = f"segments/as_of={snapshot.as_of}.parquet"
    path = lake.data / name
    expected = before is not None and any((before.data / "segments").glob("as_of=*.parquet"))
    if not path.exists():
        if expected:
            yield say_finding("no_segments", **figures)
    elif not _is_of((pq.read_schema(path).metadata or {}).get(b"snapshot_id"), snapshot):
        yield say_finding("other_segments", **figures)


def _online_findings(lake: Lake, as_of: date) -> Iterator[Finding]:
    """Check that every customer of the snapshot has a row of each tag group online."""
    known_groups = groups()
    for group, (rows, customers) in lacking_rows(lake, as_of).items():
        label = known_groups[group].label if group in known_groups else group
        yield say_finding("online_rows", group=group, label=label, rows=rows, customers=customers)


def _rows(path: Path) -> int:
    """Count the rows of a Parquet file."""
    return int(pq.read_metadata(path).num_rows)


def _predicted(path: Path) -> dict[str, int]:
    """Count the predictions of each model in a file of scores."""
    names = [name for name in MODELS if name in pq.read_schema(path).names]
    table = pq.read_table(path, columns=names, partitioning=None)
    return {name: int(pc.count(table[name]).as_py()) for name in names}


def _ids(path: Path) -> set[str]:
    """Collect the ids of the snapshots that the rows of a file were made from."""
    column = pq.read_table(path, columns=["snapshot_id"], partitioning=None)["snapshot_id"]
    return {str(value) for value in pc.unique(column).to_pylist()}


def _is_of(identity: Any, snapshot: Snapshot) -> bool:
    """Tell whether an id is the snapshot's, or one it had before customers were erased from it."""
    text = identity.decode() if isinstance(identity, bytes) else identity
    return text in (snapshot.snapshot_id, *snapshot.former_ids)
