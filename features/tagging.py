"""Tables and dates in, tags out: one file per tag group, and a manifest that binds them.

A tag's value is known at the cutoff of its date, so `event_timestamp` and `created_timestamp` are
both the cutoff: a replay of a past date says what was known then, not when the replay ran.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, published, sha256_of
from features.progress import Report, quiet
from features.settings import cutoff
from features.tags.catalogue import Tag, groups
from features.tags.relations import RELATIONS, SPINE

ROW_GROUP = 122_880
ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


@dataclass(frozen=True)
class Snapshot:
    """The tags of one date: which files, with which content."""

    as_of: str
    snapshot_id: str
    customers: int
    files: dict[str, dict[str, str]]


def spine_of_customers(lake: Lake, dates: list[date]) -> ir.Table:
    """Every customer known at the end of each date.

    Returns
    -------
    ibis Table (customer_id: string, as_of: date, cutoff: timestamp UTC)
    """
    timezone = lake.settings.timezone
    days = sorted(set(dates))
    rows = pa.table(
        {
            "as_of": pa.array(days, pa.date32()),
            "cutoff": pa.array([cutoff(day, timezone) for day in days], pa.timestamp("us", "UTC")),
        }
    )
    pairs = lake.table("customers").cross_join(ibis.memtable(rows))
    pairs = pairs.filter(
        pairs.recorded_at < pairs.cutoff,
        pairs.superseded_at.isnull() | (pairs.superseded_at >= pairs.cutoff),
    )
    return pairs.select("customer_id", "as_of", "cutoff").distinct()


def compute_group(lake: Lake, spine: ir.Table, group_name: str) -> ir.Table:
    """The tags of one group for every row of the spine.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : ibis Table (customer_id, as_of, cutoff)
        Customers and dates; each pair once.
    group_name : str
        A group of the catalogue.

    Returns
    -------
    ibis Table (customer_id, as_of, event_timestamp, created_timestamp, one column per tag)
    """
    found = groups()
    if group_name not in found:
        raise GuanjiaError(
            f"tag group {group_name}", "is not declared", f"use one of {list(found)}"
        )
    tags = list(found[group_name].tags.values())
    spine = spine.select("customer_id", "as_of", "cutoff")
    sums = {name: _aggregate(lake, spine, name, tags) for name in _relations(tags)}
    return _assemble(spine, tags, sums)


def write_snapshot(lake: Lake, dates: list[date], report: Report = quiet) -> list[Snapshot]:
    """Compute all tags of all customers for `dates` in one pass and publish them.

    The files of a date are each replaced whole, its manifest last: who follows the manifest and
    checks the hashes never mixes two runs.
    """
    days = sorted(set(dates))
    if not days:
        raise GuanjiaError("tags", "were asked for no date", "name at least one date")
    files: dict[date, dict[str, dict[str, str]]] = {day: {} for day in days}
    customers: dict[date, int] = dict.fromkeys(days, 0)
    with _computed(lake, spine_of_customers(lake, days), report) as tables:
        for name, tags in tables.items():
            for day in days:
                path = lake.tags(name) / f"as_of={day}.parquet"
                customers[day] = _write(lake, tags.filter(tags.as_of == day), name, path)
                files[day][name] = {
                    "path": path.relative_to(lake.home).as_posix(),
                    "sha256": sha256_of(path),
                }
    return [_publish(lake, day, customers[day], files[day]) for day in days]


def write_history(lake: Lake, spine: ir.Table, name: str, report: Report = quiet) -> list[Path]:
    """Compute all tags for any customers and dates, one file per group.

    Parameters
    ----------
    spine : ibis Table (customer_id, as_of, cutoff)
        Rows that occur twice count once.
    name : str
        The files are `tags/<group>/history-<name>.parquet`.
    """
    paths: list[Path] = []
    with _computed(lake, spine, report) as tables:
        for group, tags in tables.items():
            path = lake.tags(group) / f"history-{name}.parquet"
            _write(lake, tags, group, path)
            paths.append(path)
    return paths


def tag_schema(group_name: str) -> pa.Schema:
    """Arrow schema of a group's files."""
    instant = pa.timestamp("us", "UTC")
    head = [
        pa.field("customer_id", pa.string()),
        pa.field("as_of", pa.date32()),
        pa.field("event_timestamp", instant),
        pa.field("created_timestamp", instant),
    ]
    tags = groups()[group_name].tags.values()
    return pa.schema([*head, *(pa.field(tag.name, ARROW[tag.type]) for tag in tags)])


def _relations(tags: Iterable[Tag]) -> list[str]:
    """Names of the relations that `tags` aggregate, each once."""
    return list(dict.fromkeys(tag.relation for tag in tags if tag.relation is not None))


def _aggregate(lake: Lake, spine: ir.Table, name: str, tags: Iterable[Tag]) -> ir.Table | None:
    """One row per customer and date that has rows in the relation; None if a table is absent."""
    wanted = [tag for tag in tags if tag.relation == name]
    if name not in RELATIONS:
        raise ValueError(f"tag {wanted[0].name} aggregates {name}, which is no relation")
    relation = RELATIONS[name]
    if not all(lake.has(table) for table in relation.tables):
        return None
    rows = relation.build(lake, spine)
    sums = {tag.name: tag.expression(rows).cast(tag.type) for tag in wanted}
    return rows.group_by(SPINE).aggregate(**sums)


def _assemble(
    spine: ir.Table, tags: Iterable[Tag], sums: Mapping[str, ir.Table | None]
) -> ir.Table:
    """The spine with the aggregates joined on, counts filled, derived tags last."""
    wide = spine
    for name in _relations(tags):
        wanted = [tag for tag in tags if tag.relation == name]
        found = sums[name]
        if found is None:
            wide = wide.mutate(**{tag.name: ibis.null(tag.type) for tag in wanted})
            continue
        joined = wide.left_join(found.select(*SPINE, *(tag.name for tag in wanted)), SPINE)
        columns = {column: joined[column] for column in wide.columns}
        for tag in wanted:
            value = joined[tag.name]
            if tag.empty is not None:
                value = value.fill_null(ibis.literal(tag.empty).cast(tag.type))
            columns[tag.name] = value
        wide = joined.select(**columns)
    derived = {t.name: t.expression(wide).cast(t.type) for t in tags if t.relation is None}
    if derived:
        wide = wide.mutate(**derived)
    return wide.select(
        "customer_id",
        "as_of",
        event_timestamp=wide.cutoff,
        created_timestamp=wide.cutoff,
        **{tag.name: wide[tag.name] for tag in tags},
    )


@contextmanager
def _computed(lake: Lake, spine: ir.Table, report: Report) -> Iterator[dict[str, ir.Table]]:
    """The tags of every group over the spine, each pair of customer and date once.

    Each relation is read once for the tags of all groups, and its aggregate held: that is both
    faster than one query per group and small enough for the engine to plan.
    """
    found = groups()
    tags = [tag for group in found.values() for tag in group.tags.values()]
    relations = _relations(tags)
    with ExitStack() as stack:
        pairs = spine.select("customer_id", "as_of", "cutoff").distinct()
        once = stack.enter_context(_held(lake, pairs))
        sums: dict[str, ir.Table | None] = {}
        for done, name in enumerate(relations):
            report("tags", done, len(relations))
            aggregate = _aggregate(lake, once, name, tags)
            held = aggregate is not None
            sums[name] = stack.enter_context(_held(lake, aggregate)) if held else None
        report("tags", len(relations), len(relations))
        yield {
            name: _assemble(once, list(group.tags.values()), sums) for name, group in found.items()
        }


@contextmanager
def _held(lake: Lake, rows: ir.Table) -> Iterator[ir.Table]:
    """`rows` computed once, in a temporary table that goes with the block."""
    name = ibis.util.gen_name("held")
    try:
        yield lake.engine.create_table(name, rows, temp=True)
    finally:
        lake.engine.raw_sql(f'DROP TABLE IF EXISTS "{name}"')


def _write(lake: Lake, rows: ir.Table, group: str, path: Path) -> int:
    """Write rows ordered by customer and date, in row groups of one size; return how many."""
    schema = tag_schema(group)
    ordered = rows.order_by(["customer_id", "as_of"])
    batches = lake.engine.to_pyarrow_batches(ordered)
    total = 0
    with published(path) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for chunk in _chunks(batches, schema):
            writer.write_table(chunk, row_group_size=ROW_GROUP)
            total += chunk.num_rows
    return total


def _chunks(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterable[pa.Table]:
    """Batches regrouped to `ROW_GROUP` rows, so that bytes do not depend on how they came."""
    waiting = schema.empty_table()
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch]).cast(schema)])
        while waiting.num_rows >= ROW_GROUP:
            yield waiting.slice(0, ROW_GROUP).combine_chunks()
            waiting = waiting.slice(ROW_GROUP)
    if waiting.num_rows:
        yield waiting.combine_chunks()


def _publish(lake: Lake, day: date, customers: int, files: dict[str, dict[str, str]]) -> Snapshot:
    """Write a date's manifest; its id is the hash of what it binds."""
    content = json.dumps({"as_of": str(day), "files": files}, sort_keys=True)
    identity = hashlib.sha256(content.encode()).hexdigest()[:16]
    snapshot = Snapshot(str(day), identity, customers, files)
    with published(lake.home / "snapshots" / f"{day}.json") as draft:
        draft.write_text(json.dumps(asdict(snapshot), indent=2) + "\n", encoding="utf-8")
    return snapshot
