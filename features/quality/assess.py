"""Assess the quality of a snapshot: statistics of each tag, drift, broken bounds, quarantined rows.

A snapshot is compared with a reference, an earlier snapshot. `features.quality.files` writes the
report as files, `features.quality.page` as a page.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from features.checking.table_check import count_reasons
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from features.quality.bounds import QualityBounds, TagBounds, load_quality_bounds
from features.quality.findings import Finding, catalogue_findings, customer_findings, tag_findings
from features.quality.statistics import TagComparison, measure
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from features.sql import sql_text
from features.tags.catalogue import catalogue
from features.tags.declare import Tag

Status = Literal["broken", "watch", "steady"]
Training = Literal["training"]


@dataclass(frozen=True)
class TagQuality:
    """One tag: its declaration, its statistics, its bounds and the findings that follow."""

    tag: Tag
    comparison: TagComparison
    bounds: TagBounds
    findings: list[Finding]

    @property
    def status(self) -> Status:
        """The worst status of its findings."""
        statuses = {finding.status for finding in self.findings}
        return "broken" if "broken" in statuses else "watch" if statuses else "steady"


@dataclass(frozen=True)
class TableQuality:
    """Rows of a raw table that the last check accepted (good) and quarantined (bad)."""

    table: str
    label: str
    good: int
    bad: int
    reasons: dict[str, int]

    @property
    def bad_share(self) -> float:
        """Share of the rows in quarantine."""
        return self.bad / max(1, self.good + self.bad)

    def findings(self, bounds: QualityBounds) -> list[Finding]:
        """Report a share of quarantined rows above the bound, with the most frequent reason."""
        limit = bounds.tables.quarantined_share_max
        if self.bad_share <= limit:
            return []
        reason = next(iter(self.reasons), "no reason is named")
        return [
            Finding(self.table, "quarantine", "broken", self.bad_share, limit=limit, detail=reason)
        ]


@dataclass(frozen=True)
class Quality:
    """The report of one snapshot.

    Attributes
    ----------
    as_of, against : datetime.date
        The snapshot and its reference; `against` is None if there is no earlier snapshot.
    snapshot_id, against_id : str
        Ids of the contents that were compared.
    customers, customers_before : int
        Rows of the snapshot and of its reference.
    tags : list of TagQuality
        In the order of the catalogue.
    tables : list of TableQuality
        Raw tables that are there.
    findings : list of Finding
        Broken bounds first.
    """

    as_of: date
    against: date | None
    snapshot_id: str
    against_id: str | None
    customers: int
    customers_before: int | None
    tags: list[TagQuality]
    tables: list[TableQuality]
    findings: list[Finding]

    @property
    def broken(self) -> list[Finding]:
        """The findings that break a declared bound."""
        return [finding for finding in self.findings if finding.status == "broken"]

    @property
    def days(self) -> int | None:
        """Days between the snapshot and its reference."""
        return None if self.against is None else (self.as_of - self.against).days


def assess(
    lake: Lake,
    as_of: date,
    against: date | Training | None = None,
    report: Report = quiet,
) -> Quality:
    """Measure a snapshot, compare it with a reference, and check the bounds.

    Parameters
    ----------
    lake : Lake
        The home of the snapshots.
    as_of : datetime.date
        The snapshot to assess.
    against : datetime.date, "training" or None
        The reference: the snapshot of this date; of the last date that the models learned from
        (the latest `as_of` of `tags/<group>/history-training.parquet`); None: the last snapshot
        before `as_of`. Without any earlier snapshot there is no drift, and the other bounds hold.
    report : Report
        Progress: called with a step, groups done and groups in all.

    Raises
    ------
    GuanjiaError
        If a snapshot is not there, holds no customer or is not what its manifest says, if
        `against` is not before `as_of`, or if a file of bounds has a fault.
    """
    declared = catalogue()
    bounds = load_quality_bounds(lake.home, declared)
    before = _reference_date(lake, as_of, against)
    now = _snapshot(lake, as_of)
    earlier = None if before is None else _snapshot(lake, before)
    days = 0 if before is None else (as_of - before).days
    tags: list[TagQuality] = []
    for done, (group, path) in enumerate(now.files.items()):
        report("quality", done, len(now.files))
        of_group = [tag for tag in declared.values() if tag.group == group]
        reference = None if earlier is None else earlier.files.get(group)
        for name, comparison in measure(lake.engine, of_group, path, reference).items():
            tag_bounds = bounds.bounds_for(declared[name])
            findings = tag_findings(declared[name], comparison, tag_bounds, days)
            tags.append(TagQuality(declared[name], comparison, tag_bounds, findings))
    report("quality", len(now.files), len(now.files))
    tables = _tables(lake)
    findings = [finding for tag in tags for finding in tag.findings]
    findings += [finding for table in tables for finding in table.findings(bounds)]
    if earlier is not None:
        findings += customer_findings(now.customers, earlier.customers, bounds, days)
        findings += catalogue_findings(now.tags, earlier.tags)
    return Quality(
        as_of=as_of,
        against=before,
        snapshot_id=now.identity,
        against_id=None if earlier is None else earlier.identity,
        customers=now.customers,
        customers_before=None if earlier is None else earlier.customers,
        tags=tags,
        tables=tables,
        findings=sorted(findings, key=lambda finding: finding.order),
    )


@dataclass(frozen=True)
class _Snapshot:
    """The files of a snapshot, verified, and the tags in them."""

    identity: str
    customers: int
    files: dict[str, Path]
    tags: set[str]


def _snapshot(lake: Lake, day: date) -> _Snapshot:
    """Read the snapshot of a date and verify its files by the hashes of its manifest."""
    snapshot = read_snapshot(lake, day, verify=True)
    if not snapshot.customers:
        raise GuanjiaError(f"snapshot of {day}", "holds no customer", "name a later date")
    files = {group: lake.data / entry["path"] for group, entry in snapshot.files.items()}
    names = {name for file in files.values() for name in pq.read_schema(file).names}
    tags = names - {"customer_id", "as_of", "event_timestamp", "created_timestamp"}
    return _Snapshot(snapshot.snapshot_id, snapshot.customers, files, tags)


def _reference_date(lake: Lake, as_of: date, against: date | Training | None) -> date | None:
    """Resolve the date to compare with."""
    if isinstance(against, str):
        against = _last_trained(lake)
    if against is None:
        return max((day for day in snapshot_dates(lake) if day < as_of), default=None)
    if against >= as_of:
        raise GuanjiaError(
            f"reference {against}", f"is not before {as_of}", "name an earlier date with --against"
        )
    return against


def _last_trained(lake: Lake) -> date:
    """Read the last date that the models learned from."""
    histories = sorted((lake.home / "tags").glob("*/history-training.parquet"))
    if not histories:
        raise GuanjiaError(
            "the training history", "is not there", "run `guanjia train`, or name a date"
        )
    path = sql_text(histories[0])
    (last,) = lake.engine.raw_sql(f"SELECT max(as_of) FROM read_parquet({path})").fetchone()
    if last is None:
        raise GuanjiaError("the training history", "is empty", "run `guanjia train`")
    day: date = last
    return day


def _tables(lake: Lake) -> list[TableQuality]:
    """Count the rows that the last check accepted and quarantined, by table."""
    tables = []
    for name, contract in CONTRACTS.items():
        if lake.has(name) and lake.quarantine(name).exists():
            good, bad = (
                pq.read_metadata(path).num_rows
                for path in (lake.checked(name), lake.quarantine(name))
            )
            reasons = count_reasons(lake, lake.quarantine(name)) if bad else {}
            tables.append(TableQuality(name, contract.label, good, bad, reasons))
    return tables
