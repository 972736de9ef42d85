"""Snapshots put into the learned clusters: read, assigned, published, compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import adjusted_rand_score

from features.conditions import columns_of, predicate
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published
from features.segments.segments import SegmentStability, compare
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.snapshots.tag_columns import snapshot_tags
from features.tags.catalogue import catalogue
from training.clusters.profile import Cluster, named, profile
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
class Clustered:
    """What a run over the clusters wrote and found.

    Attributes
    ----------
    learned : bool
        Whether this run learned the clusters; else they are those of an earlier run.
    customers, without : int
        In a cluster; in none, having no motor cover.
    same_share, agreement : float or None
        Of customers in a cluster on both dates, the share in the same one, and the adjusted Rand
        index; None without a second date.
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
    """Where the learned segmentation lies."""
    return lake.home / "clusters" / "segmentation.json"


def clusters_path(lake: Lake, as_of: date) -> Path:
    """Where the clusters of a date lie."""
    return lake.home / "clusters" / f"as_of={as_of.isoformat()}.parquet"


def write_clusters(
    lake: Lake,
    as_of: date,
    against: date | None = None,
    learn_anew: bool = False,
    report: Report = quiet,
) -> Clustered:
    """Put every customer of a snapshot into a learned cluster, publish it, and describe it.

    The file has one row a customer, in order: `customer_id` and `cluster`, null for whoever has no
    motor cover. Its metadata name the snapshot and the version of the segmentation.

    Parameters
    ----------
    against : datetime.date, optional
        An earlier date whose snapshot is put into the same clusters and compared.
    learn_anew : bool
        Learn the clusters from this snapshot; done anyway where none have been learned yet.

    Raises
    ------
    GuanjiaError
        If a snapshot or the segmentation is missing or damaged, or nothing can be learned.
    """
    where = segmentation_path(lake)
    snapshot = read_snapshot(lake, as_of)
    learned = learn_anew or not where.exists()
    if learned:
        asked = [one.tag for one in INPUTS]
        _, columns = _eligible(_read(lake, snapshot, asked, ELIGIBLE), asked)
        new = learn(columns, snapshot.snapshot_id, report)
        write_segmentation(where, replace(new, names=named(new, columns, new.assign(columns))))
    found = read_segmentation(where)
    now, inside, clusters = _assigned(lake, snapshot, found)
    before = _assigned(lake, read_snapshot(lake, against), found)[0] if against else None
    path = clusters_path(lake, as_of)
    about = {"snapshot_id": snapshot.snapshot_id, "segmentation": found.version}
    with published(path) as draft:
        pq.write_table(now.replace_schema_metadata(about), draft)
    pairs = _pairs(before, now) if before is not None else None
    return Clustered(
        as_of=as_of,
        path=path,
        snapshot_id=snapshot.snapshot_id,
        segmentation=found,
        learned=learned,
        customers=len(clusters),
        without=now.num_rows - len(clusters),
        clusters=profile(found, inside, clusters),
        against=against,
        same_share=float((pairs[0] == pairs[1]).mean()) if pairs and len(pairs[0]) else None,
        agreement=float(adjusted_rand_score(*pairs)) if pairs and len(pairs[0]) else None,
        stability=_stability(before, now, len(found.centres)) if before is not None else [],
    )


def _read(lake: Lake, snapshot: Snapshot, tags: list[str], eligible: str) -> pa.Table:
    """Customer, whether eligible, and the tags, ordered by customer."""
    needed = list(dict.fromkeys([*tags, *columns_of(eligible, catalogue())]))
    rows = snapshot_tags(lake, snapshot, needed)
    asked = predicate(eligible, rows).fill_null(False)
    rows = rows.select("customer_id", *tags, eligible=asked).order_by("customer_id")
    return lake.engine.to_pyarrow(rows)


def _eligible(rows: pa.Table, tags: list[str]) -> tuple[pa.Array, dict[str, Matrix]]:
    """Which rows are eligible, and their tags as numbers, null as NaN."""
    mask = rows["eligible"].combine_chunks()
    inside = rows.filter(mask)
    return mask, {tag: inside[tag].cast(pa.float64()).to_numpy() for tag in tags}


def _assigned(
    lake: Lake, snapshot: Snapshot, found: Segmentation
) -> tuple[pa.Table, Mapping[str, Matrix], np.ndarray]:
    """All customers with their cluster; of those who are in one, the inputs and the cluster."""
    tags = [one.tag for one in found.inputs]
    rows = _read(lake, snapshot, tags, found.eligible)
    mask, columns = _eligible(rows, tags)
    clusters = found.assign(columns)
    member = mask.to_numpy(zero_copy_only=False)
    spread = np.zeros(rows.num_rows, dtype=np.int64)
    spread[member] = clusters
    column = pa.array(spread, mask=~member)
    table = pa.table([rows["customer_id"].combine_chunks(), column], schema=SCHEMA)
    return table, columns, clusters


def _pairs(before: pa.Table, now: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The clusters of those who are in one on both dates."""
    joined = before.join(now, "customer_id", join_type="inner", right_suffix="_now").drop_null()
    return joined["cluster"].to_numpy(), joined["cluster_now"].to_numpy()


def _stability(before: pa.Table, now: pa.Table, count: int) -> list[SegmentStability]:
    """What became of each cluster, as of a segment."""

    def flags(rows: pa.Table) -> pa.Table:
        clusters = rows["cluster"].fill_null(0).to_numpy()
        columns = {str(number): clusters == number for number in range(1, count + 1)}
        return pa.table({"customer_id": rows["customer_id"], **columns})

    return compare(flags(before), flags(now))
