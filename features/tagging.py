"""Tables and dates in, tags out: one file per tag group, and a manifest that binds them.

A tag's value is known at the cutoff of its date, so `event_timestamp` and `created_timestamp` are
both the cutoff: a replay of a past date says what was known then, not when the replay ran.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features import carry
from features.compiled import compiled
from features.contract import CONTRACTS
from features.definitions import definitions
from features.errors import GuanjiaError
from features.lake import Lake, published
from features.progress import Report, quiet
from features.snapshots import Drafts, Snapshot, sole_writer
from features.spine import SPINE, Spine, spine_of_customers
from features.tags.catalogue import Tag, catalogue, groups
from features.tags.relations import RELATIONS

ROW_GROUP = 122_880
ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


def compute_group(lake: Lake, spine: Spine, group_name: str) -> pa.Table:
    """The tags of one group for every row of the spine.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Customers and dates.
    group_name : str
        A group of the catalogue.

    Returns
    -------
    pyarrow.Table (customer_id, as_of, event_timestamp, created_timestamp, one column per tag)
        In the order of customers and dates.
    """
    found = groups()
    if group_name not in found:
        raise GuanjiaError(
            f"tag group {group_name}", "is not declared", f"use one of {list(found)}"
        )
    schema, tags = tag_schema(group_name), list(found[group_name].tags.values())
    with (
        computed(lake, spine, quiet, chosen={group_name: tags}) as queries,
        lake.batches(_in_order(queries[group_name])) as batches,
    ):
        parts = [pa.Table.from_batches([batch]).cast(schema) for batch in batches]
    return pa.concat_tables([schema.empty_table(), *parts])


def write_snapshot(
    lake: Lake, dates: Sequence[date], report: Report = quiet, whole: bool = False
) -> list[Snapshot]:
    """Compute all tags of all customers as of each date and publish them.

    A date is carried forward from the latest snapshot before it where there is one of the same
    definitions (`features.carry`); the dates that have none are computed in one pass. A snapshot is
    replaced as a whole (`features.snapshots`): who is killed leaves the old one.

    Parameters
    ----------
    whole : bool
        Compute everything, whatever snapshots there are.
    """
    days = sorted(set(dates))
    if not days:
        raise GuanjiaError("tags", "were asked for no date", "name at least one date")
    with sole_writer(lake):
        made_by = definitions(lake)
        found: list[Snapshot] = []
        for day in [] if whole else list(days):
            with carry.carried(lake, carry.base_of(lake, day, made_by), day) as base:
                if base is not None:
                    found += _write(lake, [day], made_by, report, base)
                    days.remove(day)
        if days:
            found += _write(lake, days, made_by, report)
        return sorted(found, key=lambda snapshot: snapshot.as_of)


def _write(
    lake: Lake,
    days: Sequence[date],
    made_by: str,
    report: Report,
    base: carry.Carried | None = None,
) -> list[Snapshot]:
    drafts = {day: Drafts(lake, day) for day in days}
    customers: dict[date, int] = dict.fromkeys(days, 0)
    with computed(lake, spine_of_customers(lake, days), report, base) as queries:
        for name, query in queries.items():
            for day in days:
                path = drafts[day].group(name)
                customers[day] = write_group(lake, _of(query, day), name, path)
    for day in days if lake.name == "duckdb" else ():
        carry.write_digests(lake, day, drafts[day].digests())
    return [
        drafts[day].done(
            customers[day],
            definitions=made_by,
            base=base and base.base.as_of,
            recomputed=base.customers if base else customers[day],
        )
        for day in days
    ]


def write_history(lake: Lake, spine: Spine, name: str, report: Report = quiet) -> list[Path]:
    """Compute all tags for any customers and dates, one file per group.

    Parameters
    ----------
    spine : Spine
        Customers and dates.
    name : str
        The files are `tags/<group>/history-<name>.parquet`.
    """
    paths: list[Path] = []
    with computed(lake, spine, report) as queries:
        for group, query in queries.items():
            path = lake.tags(group) / f"history-{name}.parquet"
            with published(path) as draft:
                write_group(lake, query, group, draft)
            paths.append(path)
    return paths


@contextmanager
def computed(
    lake: Lake,
    spine: Spine,
    report: Report,
    base: carry.Carried | None = None,
    chosen: Mapping[str, Sequence[Tag]] | None = None,
) -> Iterator[dict[str, str]]:
    """The tags of every group, or the chosen ones, over the spine, as queries by group.

    Each relation is read once for the tags of all groups, and its aggregate held: that is both
    faster than one query per group and small enough for the engine to plan.
    """
    if chosen is None:
        chosen = {name: list(group.tags.values()) for name, group in groups().items()}
    tags = [tag for some in chosen.values() for tag in some]
    tags += [tag for tag in needed(tags) if tag not in tags]
    key = (definitions(lake), tuple(tag.name for tag in tags))
    names = relations_of(tags)
    for table in CONTRACTS:
        if lake.has(table):
            lake.table(table)  # kept SQL reads it by name
    if base is not None:
        base.open(lake)
    with ExitStack() as stack:
        pairs = stack.enter_context(lake.held("spine_pairs", spine.pairs))
        whole = Spine(pairs, spine.dates, lake.moments(spine.dates))
        form: tuple[object, ...] = ("pairs",) if base else (len(spine.dates),)
        if lake.name != "duckdb":
            form = spine.dates
        parts: dict[str, ir.Table | None] = {}
        for done, name in enumerate(names):
            report("tags", done, len(names))
            if not all(lake.has(table) for table in RELATIONS[name].tables):
                parts[name] = None
                continue
            asked = whole
            if base is not None:
                touched = lake.held("spine_asked", base.pairs(whole, name))
                asked = Spine(stack.enter_context(touched))
            query = compiled(lake, (*key, *form, name), partial(aggregate, lake, asked, name, tags))
            if base is None:
                parts[name] = stack.enter_context(lake.held(f"part_{name}", query))
            else:
                with lake.held("part_asked", query) as anew:
                    query = compiled(
                        lake,
                        (*key, "carried", base.days, name),
                        partial(base.continued, lake, whole, name, tags, anew),
                    )
                    parts[name] = stack.enter_context(lake.held(f"part_{name}", query))
        report("tags", len(names), len(names))
        yield {
            name: compiled(
                lake,
                (*key, "group", name),
                partial(assemble, pairs, some, parts),
            )
            for name, some in chosen.items()
        }


def needed(tags: Iterable[Tag]) -> list[Tag]:
    """Aggregate tags of other groups that these tags are derived from, each once."""
    every = catalogue()
    return [every[name] for name in dict.fromkeys(name for tag in tags for name in tag.needs)]


def relations_of(tags: Iterable[Tag]) -> list[str]:
    """Names of the relations that `tags` aggregate, each once."""
    return list(dict.fromkeys(tag.relation for tag in tags if tag.relation is not None))


def aggregate(lake: Lake, spine: Spine, name: str, tags: Iterable[Tag]) -> ir.Table:
    """One row per customer and date that has rows in the relation."""
    wanted = [tag for tag in tags if tag.relation == name]
    rows = RELATIONS[name].build(lake, spine)
    sums = {tag.name: tag.expression(rows).cast(tag.type) for tag in wanted}
    return rows.group_by(SPINE).aggregate(**sums)


def assemble(
    pairs: ir.Table, tags: Sequence[Tag], parts: Mapping[str, ir.Table | None]
) -> ir.Table:
    """The spine with the aggregates joined on, counts filled, derived tags last."""
    wide, read = pairs, [*tags, *needed(tags)]
    for name in relations_of(read):
        wanted = [tag for tag in read if tag.relation == name]
        found = parts[name]
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
    for tag in tags:
        if tag.relation is None:
            wide = wide.mutate(**{tag.name: tag.expression(wide).cast(tag.type)})
    return wide.select(
        "customer_id",
        "as_of",
        event_timestamp=wide.cutoff,
        created_timestamp=wide.cutoff,
        **{tag.name: wide[tag.name] for tag in tags},
    )


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


def write_group(lake: Lake, query: str, group: str, path: Path) -> int:
    """Write what a query gives by customer and date, in row groups of one size; say how many."""
    schema = tag_schema(group)
    total = 0
    with (
        lake.batches(_in_order(query)) as batches,
        pq.ParquetWriter(path, schema, compression="zstd") as writer,
    ):
        for chunk in _chunks(batches, schema):
            writer.write_table(chunk, row_group_size=ROW_GROUP)
            total += chunk.num_rows
    return total


def _of(query: str, day: date) -> str:
    return f"SELECT * FROM ({query}) AS tags WHERE as_of = DATE '{day}'"


def _in_order(query: str) -> str:
    return f"SELECT * FROM ({query}) AS tags ORDER BY {', '.join(SPINE)}"


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
