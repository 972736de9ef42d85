"""Assign the customers of a snapshot to the learned clusters, write the file, and compare dates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.conditions import columns_of, predicate
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published
from features.segments.segments import SegmentStability, compare
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.snapshots.tag_columns import snapshot_tags
from features.tags.catalogue import catalogue
from training.clusters.profile import Cluster, name_clusters, profile
from training.clusters.segmentation import (
    ELIGIBLE,
    INPUTS,
    Matrix,
    Segmentation,
    learn,
    read_segmentation,
    write_segmentation,
)

SCHEMA = pa.schema([pa.field("customer_id", pa.string()), pa.field("cluster", pa.int64())])


@dataclass(frozen=True)
class ClusterRun:
    """Clusters of a date: the file written, its clusters, and the comparison with another date.

    Attributes
    ----------
    as_of, against : date
        Date of the snapshot; date it is compared with, or None.
    path : Path
        File with the cluster of every customer.
    snapshot_id : str
        Identity of the snapshot.
    segmentation : Segmentation
        The learned clusters.
    learned : bool
        True if this run learned them, False if an earlier run did.
    customers, without : int
        Customers in a cluster; customers in none, because they have no motor cover.
    clusters : list of Cluster
        Clusters with what sets them apart.
    same_share, agreement : float or None
        Of customers in a cluster on both dates, the share in the same one, and the adjusted Rand
        index; None without a second date.
    stability : list of SegmentStability
        Comparison by cluster; empty without a second date.
    """

    as_of: date
    path: Path
    snapshot_id: str
    segmentation: Segmentation
    learned: bool
    customers: int
    without: int
    clusters: list[Cluster]
    against: date | None
    same_share: float | None
    agreement: float | None
    stability: list[SegmentStability]


def segmentation_path(lake: Lake) -> Path:
    """Return the path of the learned segmentation."""
    return lake.home / "clusters" / "segmentation.json"


def clusters_path(lake: Lake, as_of: date) -> Path:
    """Return the path of the clusters of a date."""
    return lake.home / "clusters" / f"as_of={as_of.isoformat()}.parquet"


def write_clusters(
    lake: Lake,
    as_of: date,
    against: date | None = None,
    learn_anew: bool = False,
    report: Report = quiet,
) -> ClusterRun:
    """Assign every customer of a snapshot to a learned cluster, write the file, and describe it.

    The file has one row per customer, in order: `customer_id` and `cluster`, null without motor
    cover. Its metadata name the snapshot and the version of the segmentation.

    Parameters
    ----------
    lake : Lake
        Home with the snapshots.
    as_of : datetime.date
        Date of the snapshot.
    against : datetime.date, optional
        Earlier date whose snapshot is assigned to the same clusters and compared.
    learn_anew : bool
        Learn the clusters from this snapshot; done anyway if none were learned before.
    report : Report
        Called with progress.

    Raises
    ------
    GuanjiaError
        If a snapshot or the segmentation is missing or damaged, or nothing can be learned.
    """
    # Imported here: what reads the paths alone would wait for it.
    from sklearn.metrics import adjusted_rand_score

    segmentation_file = segmentation_path(lake)
    snapshot = read_snapshot(lake, as_of)
    learned = learn_anew or not segmentation_file.exists()
    if learned:
        tags = [source.tag for source in INPUTS]
        _, columns = _eligible(_read(lake, snapshot, tags, ELIGIBLE), tags)
        new = learn(columns, snapshot.snapshot_id, report)
        names = name_clusters(new, columns, new.assign(columns))
        write_segmentation(segmentation_file, replace(new, names=names))
    segmentation = read_segmentation(segmentation_file)
    now, inside, clusters = _assigned(lake, snapshot, segmentation)
    before = _assigned(lake, read_snapshot(lake, against), segmentation)[0] if against else None
    path = clusters_path(lake, as_of)
    about = {"snapshot_id": snapshot.snapshot_id, "segmentation": segmentation.version}
    with published(path) as draft:
        pq.write_table(now.replace_schema_metadata(about), draft)
    pairs = _pairs(before, now) if before is not None else None
    return ClusterRun(
        as_of=as_of,
        path=path,
        snapshot_id=snapshot.snapshot_id,
        segmentation=segmentation,
        learned=learned,
        customers=len(clusters),
        without=now.num_rows - len(clusters),
        clusters=profile(segmentation, inside, clusters),
        against=against,
        same_share=float((pairs[0] == pairs[1]).mean()) if pairs and len(pairs[0]) else None,
        agreement=float(adjusted_rand_score(*pairs)) if pairs and len(pairs[0]) else None,
        stability=_stability(before, now, len(segmentation.centres)) if before is not None else [],
    )


def _read(lake: Lake, snapshot: Snapshot, tags: list[str], eligible: str) -> pa.Table:
    """Read customers, whether they are eligible, and their tags, in order of customer."""
    needed = list(dict.fromkeys([*tags, *columns_of(eligible, catalogue())]))
    rows = snapshot_tags(lake, snapshot, needed)
    is_eligible = predicate(eligible, rows).fill_null(False)
    rows = rows.select("customer_id", *tags, eligible=is_eligible).order_by("customer_id")
    return lake.engine.to_pyarrow(rows)


def _eligible(rows: pa.Table, tags: list[str]) -> tuple[pa.Array, dict[str, Matrix]]:
    """Return which rows are eligible, and their tags as numbers, null as NaN."""
    mask = rows["eligible"].combine_chunks()
    inside = rows.filter(mask)
    return mask, {tag: inside[tag].cast(pa.float64()).to_numpy() for tag in tags}


def _assigned(
    lake: Lake, snapshot: Snapshot, segmentation: Segmentation
) -> tuple[pa.Table, Mapping[str, Matrix], np.ndarray]:
    """Return all customers with their cluster; inputs and clusters of those who have one."""
    tags = [source.tag for source in segmentation.inputs]
    rows = _read(lake, snapshot, tags, segmentation.eligible)
    mask, columns = _eligible(rows, tags)
    clusters = segmentation.assign(columns)
    member = mask.to_numpy(zero_copy_only=False)
    spread = np.zeros(rows.num_rows, dtype=np.int64)
    spread[member] = clusters
    column = pa.array(spread, mask=~member)
    table = pa.table([rows["customer_id"].combine_chunks(), column], schema=SCHEMA)
    return table, columns, clusters


def _pairs(before: pa.Table, now: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the clusters on both dates of customers who have one on both."""
    joined = before.join(now, "customer_id", join_type="inner", right_suffix="_now").drop_null()
    return joined["cluster"].to_numpy(), joined["cluster_now"].to_numpy()


def _stability(before: pa.Table, now: pa.Table, count: int) -> list[SegmentStability]:
    """Compare every cluster between two dates, as segments are compared."""

    def flags(rows: pa.Table) -> pa.Table:
        clusters = rows["cluster"].fill_null(0).to_numpy()
        columns = {str(number): clusters == number for number in range(1, count + 1)}
        return pa.table({"customer_id": rows["customer_id"], **columns})

    return compare(flags(before), flags(now))
