"""Assign customers to segments as of a date, and measure size, overlap and stability.

Membership depends on the tags of one snapshot alone, so a segment of a past date is what would have
been seen then. Two dates are compared under today's rules.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.conditions import predicate
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published
from features.segments.settings import Segment, load_segments
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.snapshots.tag_columns import snapshot_tags
from features.tags.catalogue import catalogue
from features.texts import Sentence

ROW_GROUP = 122_880


@dataclass(frozen=True)
class SegmentSize:
    """Number of customers in a segment, and their shares in each other segment.

    Attributes
    ----------
    share : float or None
        Share of all customers of the snapshot; None if the snapshot has no customer.
    also_in : dict[str, float]
        Other segment -> share of this one's customers that are in it; empty if this one is empty.
    """

    segment: str
    name: str
    label: str
    kind: str
    about: str
    customers: int
    share: float | None
    also_in: dict[str, float]


@dataclass(frozen=True)
class SegmentStability:
    """Movements of customers into and out of a segment between two dates.

    Attributes
    ----------
    before, after : int
        Customers in it on the earlier and on the later date.
    stayed : int
        In it on both dates; `stayed_share` is their share of `before`, None where that is 0.
    entered, left : int
        In it only on the later date; only on the earlier date.
    """

    segment: str
    before: int
    after: int
    stayed: int
    stayed_share: float | None
    entered: int
    left: int


@dataclass(frozen=True)
class SegmentReport:
    """The file and the figures of a run; `stability` is empty without a second date."""

    as_of: date
    path: Path
    snapshot_id: str
    customers: int
    segments: list[SegmentSize]
    warnings: list[Sentence]
    against: date | None
    stability: list[SegmentStability]


def segments_path(lake: Lake, as_of: date) -> Path:
    """Return the path of the segments file of a date."""
    return lake.data / "segments" / f"as_of={as_of.isoformat()}.parquet"


def write_segments(
    lake: Lake, as_of: date, against: date | None = None, report: Report = quiet
) -> SegmentReport:
    """Assign customers to segments as of a date, publish the file, and measure the segments.

    The file has one row a customer, in order: `customer_id` and one boolean a segment, never null.
    Its metadata name the snapshot and the rules.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot and of `segments.toml`.
    as_of : datetime.date
        Date of the snapshot.
    against : datetime.date, optional
        An earlier date to compare with, from its own snapshot, under the same rules.
    report : Report
        Progress: called with a step, dates done and dates in all.

    Raises
    ------
    GuanjiaError
        If a declaration has a fault, or a snapshot is missing or damaged.
    """
    segments = load_segments(lake.home)
    dates = [as_of, *([against] if against else [])]
    memberships: list[pa.Table] = []
    for done, day in enumerate(dates):
        report("segments", done, len(dates))
        memberships.append(members(lake, read_snapshot(lake, day), segments))
    report("segments", len(dates), len(dates))
    snapshot, now = read_snapshot(lake, as_of), memberships[0]
    path = segments_path(lake, as_of)
    rules = {name: segment.rule for name, segment in segments.items()}
    metadata = {"snapshot_id": snapshot.snapshot_id, "rules": json.dumps(rules, sort_keys=True)}
    with published(path) as draft:
        pq.write_table(now.replace_schema_metadata(metadata), draft, row_group_size=ROW_GROUP)
    sizes = measure(now, segments)
    return SegmentReport(
        as_of=as_of,
        path=path,
        snapshot_id=snapshot.snapshot_id,
        customers=now.num_rows,
        segments=sizes,
        warnings=_warnings(lake, snapshot, segments, sizes, now.num_rows),
        against=against,
        stability=compare(memberships[1], now) if against else [],
    )


def members(lake: Lake, snapshot: Snapshot, segments: Mapping[str, Segment]) -> pa.Table:
    """Determine who of a snapshot is in which segment.

    Parameters
    ----------
    lake : Lake
        The home of the snapshot.
    snapshot : Snapshot
        The snapshot whose tags decide.
    segments : mapping of str to Segment
        Segments by name.

    Returns
    -------
    pyarrow.Table (customer_id: string, one boolean per segment)
        Ordered by customer.
    """
    tags = snapshot_tags(lake, snapshot, _tags(segments))
    rules_met = {
        name: predicate(segment.rule, tags).fill_null(False) for name, segment in segments.items()
    }
    rows = lake.arrow(tags.select("customer_id", **rules_met).order_by("customer_id"))
    schema = [("customer_id", pa.string()), *((name, pa.bool_()) for name in segments)]
    target = pa.schema(schema)
    return (rows if rows.schema.equals(target) else rows.cast(target)).combine_chunks()


def measure(membership: pa.Table, segments: Mapping[str, Segment]) -> list[SegmentSize]:
    """Measure each segment: its size, and the shares of its customers in each other segment.

    Parameters
    ----------
    membership : pyarrow.Table
        As `members` returns it.
    segments : mapping of str to Segment
        Segments by name, in the order of the columns.
    """
    inside = _matrix(membership)
    rows = []
    for place, (name, segment) in enumerate(segments.items()):
        both = inside[inside[:, place]].sum(axis=0)
        size = int(both[place])
        others = {other: n / size for other, n in zip(segments, both, strict=True) if size}
        others.pop(name, None)
        rows.append(
            SegmentSize(
                segment=name,
                name=segment.name,
                label=segment.label,
                kind=segment.kind,
                about=segment.about,
                customers=size,
                share=size / len(inside) if len(inside) else None,
                also_in={other: float(share) for other, share in others.items()},
            )
        )
    return rows


def compare(before: pa.Table, after: pa.Table) -> list[SegmentStability]:
    """Compare the segments of two dates; a customer of only one date entered or left.

    Parameters
    ----------
    before, after : pyarrow.Table
        As `members` returns them, with the same segments.
    """
    places = pc.index_in(after["customer_id"], value_set=before["customer_id"])
    known = pc.is_valid(places).to_numpy()
    was = _matrix(before)[places.drop_null().to_numpy()]
    both = (was & _matrix(after)[known]).sum(axis=0)
    firsts, lasts = _matrix(before).sum(axis=0), _matrix(after).sum(axis=0)
    return [
        SegmentStability(
            segment=name,
            before=int(first),
            after=int(last),
            stayed=int(stayed),
            stayed_share=float(stayed / first) if first else None,
            entered=int(last - stayed),
            left=int(first - stayed),
        )
        for name, first, last, stayed in zip(
            before.column_names[1:], firsts, lasts, both, strict=True
        )
    ]


def _matrix(membership: pa.Table) -> npt.NDArray[np.bool_]:
    """Convert membership to a matrix, shape (customers, segments)."""
    # A column's own `to_numpy` imports pandas: a command would wait for it.
    columns = [
        np.frombuffer(column.cast(pa.uint8()).combine_chunks().buffers()[1] or b"", bool)[
            : len(column)
        ]
        for column in membership.columns[1:]
    ]
    return np.column_stack(columns) if columns else np.empty((membership.num_rows, 0), bool)


def _tags(segments: Mapping[str, Segment]) -> list[str]:
    return sorted({tag for segment in segments.values() for tag in segment.tags})


def _warnings(
    lake: Lake,
    snapshot: Snapshot,
    segments: Mapping[str, Segment],
    sizes: list[SegmentSize],
    customers: int,
) -> list[Sentence]:
    """Warn of segments that hold everyone or nobody; of the latter, name tags that nobody has."""
    empty = {size.segment: segments[size.segment] for size in sizes if size.customers == 0}
    full = [size.segment for size in sizes if size.customers == customers > 0]
    warnings = [
        Sentence(f"segment {name} holds everyone", f"分群“{segments[name].label}”包含了所有客户")
        for name in full
    ]
    if empty:
        read = _tags(empty)
        tags = snapshot_tags(lake, snapshot, read)
        counts = tags.aggregate(customers=tags.count(), **{tag: tags[tag].count() for tag in read})
        (known,) = lake.rows(counts)
    for name, segment in empty.items():
        unknown = [tag for tag in segment.tags if not known[tag]]
        labels = "".join(f"“{catalogue()[tag].label}”" for tag in unknown)
        why, reason = (
            (f": nobody has the tag {', '.join(unknown)}", f"，因为没有人有{labels}的数据")
            if unknown
            else ("", "")
        )
        warnings.append(
            Sentence(f"segment {name} holds nobody{why}", f"分群“{segment.label}”没有客户{reason}")
        )
    return warnings
