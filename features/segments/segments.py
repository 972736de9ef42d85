"""Who is in which segment on a date; how large segments are, how they overlap, how steady they are.

Membership is decided by the tags of one snapshot alone, so a segment of a past date is what would
have been seen then. Two dates are compared under the rules as they are now.
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

ROW_GROUP = 122_880


@dataclass(frozen=True)
class SegmentSize:
    """How many customers a segment holds, and how many of them are in each other one.

    Attributes
    ----------
    share : float or None
        Of all customers of the snapshot; None where there is none.
    also_in : dict[str, float]
        Share of its customers that are also in the other segment; empty where it holds nobody.
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
    """What became of a segment from an earlier date to a later one.

    Attributes
    ----------
    before, after : int
        Customers in it on the earlier and on the later date.
    stayed : int
        In it on both; `stayed_share` is their share of `before`, None where that is 0.
    entered, left : int
        In it on the later date alone, on the earlier date alone.
    """

    segment: str
    before: int
    after: int
    stayed: int
    stayed_share: float | None
    entered: int
    left: int


@dataclass(frozen=True)
class Segmented:
    """What a run over the segments wrote and found; `stability` is empty without a second date."""

    as_of: date
    path: Path
    snapshot_id: str
    customers: int
    segments: list[SegmentSize]
    warnings: list[str]
    against: date | None
    stability: list[SegmentStability]


def segments_path(lake: Lake, as_of: date) -> Path:
    """Where the segments of a date lie."""
    return lake.home / "segments" / f"as_of={as_of.isoformat()}.parquet"


def write_segments(
    lake: Lake, as_of: date, against: date | None = None, report: Report = quiet
) -> Segmented:
    """Decide who is in which segment as of a date, publish it, and measure it.

    The file has one row a customer, in order: `customer_id` and one boolean a segment, never null.
    Its metadata name the snapshot and the rules.

    Parameters
    ----------
    against : datetime.date, optional
        An earlier date to compare with, from its own snapshot, under the same rules.

    Raises
    ------
    GuanjiaError
        If a segment is not declared well, or a snapshot is missing or damaged.
    """
    segments = load_segments(lake.home)
    dates = [as_of, *([against] if against else [])]
    found: list[pa.Table] = []
    for done, day in enumerate(dates):
        report("segments", done, len(dates))
        found.append(members(lake, read_snapshot(lake, day), segments))
    report("segments", len(dates), len(dates))
    snapshot, now = read_snapshot(lake, as_of), found[0]
    path = segments_path(lake, as_of)
    rules = {name: segment.rule for name, segment in segments.items()}
    about = {"snapshot_id": snapshot.snapshot_id, "rules": json.dumps(rules, sort_keys=True)}
    with published(path) as draft:
        pq.write_table(now.replace_schema_metadata(about), draft, row_group_size=ROW_GROUP)
    sizes = measure(now, segments)
    return Segmented(
        as_of=as_of,
        path=path,
        snapshot_id=snapshot.snapshot_id,
        customers=now.num_rows,
        segments=sizes,
        warnings=_warnings(lake, snapshot, segments, sizes, now.num_rows),
        against=against,
        stability=compare(found[1], now) if against else [],
    )


def members(lake: Lake, snapshot: Snapshot, segments: Mapping[str, Segment]) -> pa.Table:
    """Who of a snapshot is in which segment.

    Returns
    -------
    pyarrow.Table (customer_id: string, one boolean per segment), ordered by customer
    """
    tags = snapshot_tags(lake, snapshot, _tags(segments))
    met = {
        name: predicate(segment.rule, tags).fill_null(False) for name, segment in segments.items()
    }
    found = lake.engine.to_pyarrow(tags.select("customer_id", **met).order_by("customer_id"))
    schema = [("customer_id", pa.string()), *((name, pa.bool_()) for name in segments)]
    return found.cast(pa.schema(schema)).combine_chunks()


def measure(found: pa.Table, segments: Mapping[str, Segment]) -> list[SegmentSize]:
    """Size of each segment, and the share of its customers that each other one holds as well."""
    inside = _matrix(found)
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
    """What became of each segment between two dates; who is known on one alone entered or left."""
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


def _matrix(found: pa.Table) -> npt.NDArray[np.bool_]:
    """Membership, shape (customers, segments)."""
    columns = [column.to_numpy() for column in found.columns[1:]]
    return np.column_stack(columns) if columns else np.empty((found.num_rows, 0), bool)


def _tags(segments: Mapping[str, Segment]) -> list[str]:
    return sorted({tag for segment in segments.values() for tag in segment.tags})


def _warnings(
    lake: Lake,
    snapshot: Snapshot,
    segments: Mapping[str, Segment],
    sizes: list[SegmentSize],
    customers: int,
) -> list[str]:
    """Segments that tell nobody apart; of an empty one, which of its tags nobody has."""
    empty = {size.segment: segments[size.segment] for size in sizes if size.customers == 0}
    full = [size.segment for size in sizes if size.customers == customers > 0]
    said = [f"segment {name} holds everyone" for name in full]
    if empty:
        asked = _tags(empty)
        tags = snapshot_tags(lake, snapshot, asked)
        counts = tags.aggregate(customers=tags.count(), **{tag: tags[tag].count() for tag in asked})
        (known,) = lake.rows(counts)
    for name, segment in empty.items():
        unknown = [tag for tag in segment.tags if not known[tag]]
        why = f": nobody has the tag {', '.join(unknown)}" if unknown else ""
        said.append(f"segment {name} holds nobody{why}")
    return said
