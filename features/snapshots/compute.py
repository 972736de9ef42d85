"""Compute tags and write them: one file per tag group, and a manifest that binds the files.

A tag's value is known at the cutoff of its date, so `event_timestamp` and `created_timestamp` are
both the cutoff: a replay of a past date shows what was known then, not when the replay ran.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.lake.spine import SPINE, Spine, spine_of_customers
from features.progress import Report, quiet
from features.publishing import published
from features.snapshots.definitions import definitions
from features.snapshots.group_files import group_file, tag_schema
from features.snapshots.incremental import Base, find_base, open_base
from features.snapshots.snapshots import Drafts, Snapshot, sole_writer
from features.snapshots.stale import write_digests
from features.snapshots.tag_queries import group_queries
from features.sql import sql_text
from features.tags.catalogue import groups, with_sources

PORTION = 1_000_000
"""Rows (customers times dates) computed at once; more need over 8 GB of memory."""


def compute_group(lake: Lake, spine: Spine, group_name: str) -> pa.Table:
    """Compute the tags of one group for every row of the spine.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    spine : Spine
        Customers and dates.
    group_name : str
        A group of the catalogue.

    Returns
    -------
    pyarrow.Table (customer_id, as_of, event_timestamp, created_timestamp, one column per tag)
        Ordered by customer and date.

    Raises
    ------
    GuanjiaError
        If the group is not declared.
    """
    declared = groups()
    if group_name not in declared:
        raise GuanjiaError(
            f"tag group {group_name}", "is not declared", did_you_mean(group_name, declared)
        )
    schema, tags = tag_schema(group_name), list(declared[group_name].tags.values())
    with (
        group_queries(lake, spine, quiet, chosen={group_name: tags}) as queries,
        lake.batches(_in_order(queries[group_name])) as batches,
    ):
        parts = [pa.Table.from_batches([batch]).cast(schema) for batch in batches]
    return pa.concat_tables([schema.empty_table(), *parts])


def write_snapshot(
    lake: Lake, dates: Sequence[date], report: Report = quiet, recompute_all: bool = False
) -> list[Snapshot]:
    """Compute all tags of all customers as of each date and publish them.

    A date is carried forward from the latest snapshot before it where there is one of the same
    definitions (`features.snapshots.incremental`); the dates that have none are computed in one
    pass. A snapshot is replaced as a whole (`features.snapshots.snapshots`): a process that is
    killed leaves the old one.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables; the snapshots are written there.
    dates : sequence of date
        At least one; each gets a snapshot.
    report : Report
        Progress: called with a step, parts done and parts in all.
    recompute_all : bool
        Compute everything; carry nothing forward from earlier snapshots.

    Returns
    -------
    list of Snapshot
        In the order of their dates.

    Raises
    ------
    GuanjiaError
        If there is no date, or another process is writing snapshots.
    """
    days = sorted(set(dates))
    if not days:
        raise GuanjiaError("tags", "were asked for no date", "name at least one date")
    with sole_writer(lake):
        current = definitions(lake)
        snapshots: list[Snapshot] = []
        for day in [] if recompute_all else list(days):
            with open_base(lake, find_base(lake, day, current), day) as base:
                if base is not None:
                    snapshots += _write(lake, [day], current, report, base)
                    days.remove(day)
        if days:
            snapshots += _write(lake, days, current, report)
        return sorted(snapshots, key=lambda snapshot: snapshot.as_of)


def _write(
    lake: Lake,
    days: Sequence[date],
    current: str,
    report: Report,
    base: Base | None = None,
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
            suffix = f" ({place} of {len(portions)})" if len(portions) > 1 else ""
            spine = spine_of_customers(lake, days)
            with (
                lake.restricted_to(portion),
                group_queries(lake, spine, report, base, suffix=suffix) as queries,
            ):
                for done, (name, query) in enumerate(queries.items()):
                    report(f"files of tags{suffix}", done, len(queries))
                    for day in days:
                        with lake.batches(_in_order(_on_date(query, day))) as batches:
                            files[name, day].write(batches)
                report(f"files of tags{suffix}", len(queries), len(queries))
        customers = {day: files[next(iter(groups())), day].rows for day in days}
    for day in days if lake.name == "duckdb" else ():
        write_digests(lake, day, drafts[day].digests())
    return [
        drafts[day].publish(
            customers[day],
            definitions=current,
            base=base and base.snapshot.as_of,
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
        The home with the checked tables; the files are written there.
    spine : Spine
        Customers and dates.
    name : str
        The files are `tags/<group>/history-<name>.parquet`.
    report : Report
        Progress: called with a step, parts done and parts in all.
    tags : collection of str, optional
        Tags to compute; default: all. The others are columns of nulls, and each file names them
        (`group_files.not_computed`).

    Returns
    -------
    list of Path
        The files, in the order of the groups.
    """
    paths: list[Path] = []
    chosen = None if tags is None else with_sources(tags)
    with group_queries(lake, spine, report, chosen=chosen) as queries:
        for done, (group, query) in enumerate(queries.items()):
            report("files of tags", done, len(queries))
            path = lake.home / "tags" / group / f"history-{name}.parquet"
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


def _portions(lake: Lake, dates: int) -> list[tuple[str, str | None]]:
    """Split the customer ids into ranges [first, end) that are computed one after the other.

    A customer's tags depend on their own rows alone, so the portions give the same bytes as one
    pass, while memory does not grow with the number of customers.
    """
    if lake.name != "duckdb":
        return [("", None)]
    table = f"read_parquet({sql_text(lake.require('customers'))})"
    count = lake.engine.raw_sql(f"SELECT count(DISTINCT customer_id) FROM {table}").fetchone()[0]
    parts = max(-(-count * dates // PORTION), 1)
    firsts = lake.engine.raw_sql(
        f"SELECT min(customer_id) FROM (SELECT customer_id, ntile({parts}) OVER (ORDER BY "
        f"customer_id) AS part FROM (SELECT DISTINCT customer_id FROM {table})) "
        "GROUP BY part ORDER BY part OFFSET 1"
    ).fetchall()
    edges = ["", *(first for (first,) in firsts), None]
    return list(pairwise(edges))


def _on_date(query: str, day: date) -> str:
    return f"SELECT * FROM ({query}) AS tags WHERE as_of = DATE '{day}'"


def _with_nulls(query: str, group: str, without: Collection[str]) -> str:
    """Extend a query of some tags of a group to all columns of its files, the others null."""
    names = tag_schema(group).names if without else []
    columns = ", ".join(f"NULL AS {name}" if name in without else name for name in names)
    return f"SELECT {columns} FROM ({query}) AS tags" if without else query


def _in_order(query: str) -> str:
    return f"SELECT * FROM ({query}) AS tags ORDER BY {', '.join(SPINE)}"
