"""Tables and dates in, tags out: one file per tag group, and a manifest that binds them.

A tag's value is known at the cutoff of its date, so `event_timestamp` and `created_timestamp` are
both the cutoff: a replay of a past date says what was known then, not when the replay ran.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, published
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
    aggregated = [tag for tag in tags if tag.relation is not None]
    wide = spine.select("customer_id", "as_of", "cutoff")
    for name in dict.fromkeys(tag.relation for tag in aggregated):
        wide = _with_relation(lake, wide, [tag for tag in aggregated if tag.relation == name])
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


def write_snapshot(lake: Lake, dates: list[date], report: Report = quiet) -> list[Snapshot]:
    """Compute all tags of all customers for `dates` in one pass and publish them.

    The files of a date are each replaced whole, its manifest last: who follows the manifest and
    checks the hashes never mixes two runs.
    """
    days = sorted(set(dates))
    if not days:
        raise GuanjiaError("tags", "were asked for no date", "name at least one date")
    names = list(groups())
    files: dict[date, dict[str, dict[str, str]]] = {day: {} for day in days}
    customers: dict[date, int] = dict.fromkeys(days, 0)
    with _held(lake, spine_of_customers(lake, days)) as spine:
        for done, name in enumerate(names):
            report("tags", done, len(names))
            with _held(lake, compute_group(lake, spine, name)) as tags:
                for day in days:
                    path = lake.tags(name) / f"as_of={day}.parquet"
                    customers[day] = _write(lake, tags.filter(tags.as_of == day), name, path)
                    files[day][name] = {
                        "path": path.relative_to(lake.home).as_posix(),
                        "sha256": _sha256(path),
                    }
    report("tags", len(names), len(names))
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
    names = list(groups())
    with _held(lake, spine.select("customer_id", "as_of", "cutoff").distinct()) as once:
        for done, group in enumerate(names):
            report("tag history", done, len(names))
            path = lake.tags(group) / f"history-{name}.parquet"
            _write(lake, compute_group(lake, once, group), group, path)
            paths.append(path)
    report("tag history", len(names), len(names))
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


def _with_relation(lake: Lake, wide: ir.Table, tags: list[Tag]) -> ir.Table:
    """`wide` with the tags of one relation joined on."""
    name = tags[0].relation
    if name not in RELATIONS:
        raise ValueError(f"tag {tags[0].name} aggregates relation {name}, which is not declared")
    relation = RELATIONS[name]
    if not all(lake.has(table) for table in relation.tables):
        return wide.mutate(**{tag.name: ibis.null(tag.type) for tag in tags})
    rows = relation.build(lake, wide.select("customer_id", "as_of", "cutoff"))
    sums = rows.group_by(SPINE).aggregate(
        **{tag.name: tag.expression(rows).cast(tag.type) for tag in tags}
    )
    joined = wide.left_join(sums, SPINE)
    columns = {column: joined[column] for column in wide.columns}
    for tag in tags:
        value = joined[tag.name]
        if tag.empty is not None:
            value = value.fill_null(ibis.literal(tag.empty).cast(tag.type))
        columns[tag.name] = value
    return joined.select(**columns)


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


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
