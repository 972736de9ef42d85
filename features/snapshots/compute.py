"""Tables and dates in, tags out: one file per tag group, and a manifest that binds them.

A tag's value is known at the cutoff of its date, so `event_timestamp` and `created_timestamp` are
both the cutoff: a replay of a past date says what was known then, not when the replay ran.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.lake.spine import SPINE, Spine, spine_of_customers
from features.progress import Report, quiet
from features.publishing import published
from features.snapshots import incremental as carry
from features.snapshots.compiled import compiled
from features.snapshots.definitions import definitions
from features.snapshots.group_files import group_file, tag_schema
from features.snapshots.snapshots import Drafts, Snapshot, sole_writer
from features.sql import sql_text
from features.tags.catalogue import catalogue, groups, with_sources
from features.tags.declare import Tag
from features.tags.relations.relations import RELATIONS

PORTION = 1_000_000
"""Customers times dates computed at once: more take more memory than a machine of 8 GB has."""


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
            f"tag group {group_name}", "is not declared", did_you_mean(group_name, found)
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
    definitions (`features.snapshots.incremental`); the dates that have none are computed in one
    pass. A snapshot is replaced as a whole (`features.snapshots.snapshots`): who is killed leaves
    the old one.

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
    with ExitStack() as opened:
        files = {
            (name, day): opened.enter_context(group_file(drafts[day].group(name), name))
            for name in groups()
            for day in days
        }
        portions = _portions(lake, len(days))
        for place, portion in enumerate(portions, 1):
            about = f" ({place} of {len(portions)})" if len(portions) > 1 else ""
            with (
                lake.restricted_to(portion),
                computed(lake, spine_of_customers(lake, days), report, base, about=about) as asked,
            ):
                for done, (name, query) in enumerate(asked.items()):
                    report(f"files of tags{about}", done, len(asked))
                    for day in days:
                        with lake.batches(_in_order(_of(query, day))) as batches:
                            files[name, day].write(batches)
                report(f"files of tags{about}", len(asked), len(asked))
        customers = {day: files[next(iter(groups())), day].rows for day in days}
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


def write_history(
    lake: Lake,
    spine: Spine,
    name: str,
    report: Report = quiet,
    tags: Collection[str] | None = None,
) -> list[Path]:
    """Compute tags for any customers and dates, one file per group.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    spine : Spine
        Customers and dates.
    name : str
        The files are `tags/<group>/history-<name>.parquet`.
    report : Report
    tags : collection of str, optional
        Those wanted; default: all. The others are columns of nulls, and each file names them
        (`group_files.not_computed`).
    """
    paths: list[Path] = []
    chosen = None if tags is None else with_sources(tags)
    with computed(lake, spine, report, chosen=chosen) as queries:
        for done, (group, query) in enumerate(queries.items()):
            report("files of tags", done, len(queries))
            path = lake.tags(group) / f"history-{name}.parquet"
            without = set() if tags is None else groups()[group].tags.keys() - set(tags)
            with (
                published(path) as draft,
                group_file(draft, group, without) as file,
                lake.batches(_in_order(_with_nulls(query, group, without))) as batches,
            ):
                file.write(batches)
            paths.append(path)
        report("files of tags", len(queries), len(queries))
    return paths


@contextmanager
def computed(
    lake: Lake,
    spine: Spine,
    report: Report,
    base: carry.Carried | None = None,
    chosen: Mapping[str, Sequence[Tag]] | None = None,
    about: str = "",
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
        pairs = stack.enter_context(lake.materialised("spine_pairs", spine.pairs))
        whole = Spine(pairs, spine.dates, lake.moments(spine.dates))
        form: tuple[object, ...] = ("pairs",) if base else (len(spine.dates),)
        if lake.name != "duckdb":
            form = spine.dates
        parts: dict[str, ir.Table | None] = {}
        for done, name in enumerate(names):
            report(f"tags{about}", done, len(names))
            if not all(lake.has(table) for table in RELATIONS[name].tables):
                parts[name] = None
                continue
            asked = whole
            if base is not None:
                touched = lake.materialised("spine_asked", base.pairs(whole, name))
                asked = Spine(stack.enter_context(touched))
            query = compiled(lake, (*key, *form, name), partial(aggregate, lake, asked, name, tags))
            if base is None:
                parts[name] = stack.enter_context(lake.materialised(f"part_{name}", query))
            else:
                with lake.materialised("part_asked", query) as anew:
                    query = compiled(
                        lake,
                        (*key, "carried", base.days, name),
                        partial(base.continued, lake, whole, name, tags, anew),
                    )
                    parts[name] = stack.enter_context(lake.materialised(f"part_{name}", query))
        report(f"tags{about}", len(names), len(names))
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


def _portions(lake: Lake, dates: int) -> list[tuple[str, str | None]]:
    """Ranges of customer numbers, in order, that are computed one after the other.

    A customer's tags depend on his own rows alone. So the portions together are the whole, byte for
    byte, while memory does not grow with the number of customers.
    """
    if lake.name != "duckdb":
        return [("", None)]
    table = f"read_parquet({sql_text(lake.require('customers'))})"
    count = lake.engine.raw_sql(f"SELECT count(DISTINCT customer_id) FROM {table}").fetchone()[0]
    parts = max(-(-count * dates // PORTION), 1)
    found = lake.engine.raw_sql(
        f"SELECT min(customer_id) FROM (SELECT customer_id, ntile({parts}) OVER (ORDER BY "
        f"customer_id) AS part FROM (SELECT DISTINCT customer_id FROM {table})) "
        "GROUP BY part ORDER BY part OFFSET 1"
    ).fetchall()
    edges = ["", *(edge for (edge,) in found), None]
    return list(pairwise(edges))


def _of(query: str, day: date) -> str:
    return f"SELECT * FROM ({query}) AS tags WHERE as_of = DATE '{day}'"


def _with_nulls(query: str, group: str, without: Collection[str]) -> str:
    """A query of some tags of a group as one of all columns of its files."""
    names = tag_schema(group).names if without else []
    columns = ", ".join(f"NULL AS {name}" if name in without else name for name in names)
    return f"SELECT {columns} FROM ({query}) AS tags" if without else query


def _in_order(query: str) -> str:
    return f"SELECT * FROM ({query}) AS tags ORDER BY {', '.join(SPINE)}"
