"""Queries that compute tags: aggregates of relations, joined into one row a customer and date.

Snapshots (`features.snapshots.compute`) and the tags of now (`features.online.event_tags`) are
computed by the same expressions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TypeAlias

import ibis
import ibis.expr.types as ir

from features.contracts.tables import CONTRACTS
from features.lake import Lake, Moments, Opener
from features.lake.compiled import compile_once
from features.lake.spine import SPINE, Spine
from features.progress import Report
from features.snapshots.definitions import definitions
from features.snapshots.incremental import Base
from features.tags.catalogue import catalogue, groups, row_of_tags, sources
from features.tags.declare import Tag
from features.tags.relations.relations import RELATIONS

Dates: TypeAlias = tuple[tuple[date, datetime], ...]
"""As-of dates with their cutoffs."""
ALL_PAIRS = "spine_pairs"
"""Where stored SQL reads the customers and dates of a query."""
PAIRS = "spine_rows"
"""Where stored SQL reads the customers and dates whose tags it computes."""


@dataclass(frozen=True)
class Part:
    """A relation with those of its tags that are computed.

    Attributes
    ----------
    name : str
        The relation.
    tags : sequence of Tag
        Its tags.
    key : tuple
        What their SQL depends on beside the form of the spine: definitions, the raw tables that
        the relation reads, the relation, the tags.
    """

    name: str
    tags: Sequence[Tag]
    key: tuple[object, ...]

    def compiled(self, lake: Lake, open_spine: Callable[[], Spine], *form: object) -> str:
        """Compile the aggregate over a spine, or reuse the SQL of a spine of the same form."""

        def build() -> ir.Table:
            return aggregate(lake, open_spine(), self.name, self.tags)

        return compile_once(lake, (*self.key, *form), build)


@contextmanager
def group_queries(
    lake: Lake,
    spine: Spine,
    report: Report,
    base: Base | None = None,
    chosen: Mapping[str, Sequence[Tag]] | None = None,
    suffix: str = "",
) -> Iterator[dict[str, str]]:
    """Prepare the queries that give the tags of each group over the spine.

    Each relation is read once for the tags of all groups, and its aggregate is materialised until
    the block ends: that is both faster than one query per group and small enough for the engine to
    plan.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    spine : Spine
        Customers and dates.
    report : Report
        Progress: called with a step, relations done and relations in all.
    base : Base, optional
        The snapshot to carry forward; None: everything is computed.
    chosen : mapping of str to sequence of Tag, optional
        Group -> tags to compute; default: all tags of all groups.
    suffix : str
        Ends the step that is reported: " (2 of 5)".

    Yields
    ------
    dict of str to str
        Group -> SQL with one row per row of the spine, in no order.
    """
    if chosen is None:
        chosen = {name: list(group.tags.values()) for name, group in groups().items()}
    tags = [tag for members in chosen.values() for tag in members]
    tags += [tag for tag in needed_tags(tags) if tag not in tags]
    present = {name for name in CONTRACTS if lake.has(name)}
    current = definitions(lake)
    names = relations_of(tags)
    for table in CONTRACTS:
        if table in present:
            lake.open_by_name(table)
    if base is not None:
        base.register(lake)
    with ExitStack() as stack:
        pairs = stack.enter_context(lake.materialised(ALL_PAIRS, spine.pairs))()
        full_spine = Spine(pairs, spine.dates, lake.moments(spine.dates))
        parts: dict[str, Opener | None] = {}
        for done, name in enumerate(names):
            report(f"tags{suffix}", done, len(names))
            relation = RELATIONS[name]
            if not present.issuperset(relation.tables):
                parts[name] = None
                continue
            own = [tag for tag in tags if tag.relation == name]
            read = tuple(table for table in relation.reads if table in present)
            part = Part(name, own, (current, read, name, tuple(tag.name for tag in own)))
            rows = _computed(lake, full_spine, part)
            if base is not None:
                rows = _carried(lake, full_spine, part, base)
            parts[name] = stack.enter_context(rows)
        report(f"tags{suffix}", len(names), len(names))
        absent = tuple(name for name, part in parts.items() if part is None)
        yield {
            name: compile_once(
                lake,
                (current, "group", name, absent, tuple(tag.name for tag in members)),
                partial(_assembled, pairs, members, parts),
            )
            for name, members in chosen.items()
        }


@contextmanager
def _computed(lake: Lake, spine: Spine, part: Part) -> Iterator[Opener]:
    """Materialise the aggregate of a relation, date by date: the SQL of one date serves all."""
    if lake.name != "duckdb":
        query = part.compiled(lake, lambda: spine, *spine.dates)
        with lake.materialised(f"part_{part.name}", query) as open_part:
            yield open_part
        return
    with ExitStack() as stack:
        opened: Opener | None = None
        steps: list[Dates] = [(moment,) for moment in spine.dates]
        for dates in steps or [()]:
            with _pairs_on(lake, *(day for day, _ in dates)) as open_pairs:
                open_spine = partial(_open_spine, open_pairs, dates, lake.moments(dates))
                query = part.compiled(lake, open_spine, "date" if dates else "pairs")
                if opened is None:
                    opened = stack.enter_context(lake.materialised(f"part_{part.name}", query))
                else:
                    lake.engine.raw_sql(f'INSERT INTO "part_{part.name}" {query}')
        assert opened is not None
        yield opened


@contextmanager
def _carried(lake: Lake, spine: Spine, part: Part, base: Base) -> Iterator[Opener]:
    """Materialise the aggregate of a relation: of stale customers anew, of others as in the base.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    spine : Spine
        Customers and the one new date.
    part : Part
        The relation with its tags.
    base : Base
        The snapshot to carry forward.
    """
    with lake.materialised(PAIRS, base.stale_pairs(ALL_PAIRS, part.name)) as open_pairs:
        query = part.compiled(lake, lambda: Spine(open_pairs()), "pairs")
        with lake.materialised("part_stale", query) as open_rows:

            def merge() -> ir.Table:
                return base.merge(lake, spine, part.name, part.tags, open_rows())

            query = compile_once(lake, (*part.key, "carried"), merge)
            with lake.materialised(f"part_{part.name}", query) as rows:
                yield rows


def _open_spine(open_pairs: Opener, dates: Dates, moments: Moments) -> Spine:
    """Open the rows of a spine, some dates of another."""
    return Spine(open_pairs(), dates, moments)


@contextmanager
def _pairs_on(lake: Lake, day: date | None = None) -> Iterator[Opener]:
    """Show the pairs of the spine on a date, or all of them, by the name PAIRS in this block."""
    where = f" WHERE as_of = DATE '{day}'" if day else ""
    lake.engine.raw_sql(f'CREATE TEMP VIEW "{PAIRS}" AS SELECT * FROM "{ALL_PAIRS}"{where}')
    try:
        yield partial(lake.engine.table, PAIRS)
    finally:
        lake.engine.raw_sql(f'DROP VIEW "{PAIRS}"')


def needed_tags(tags: Iterable[Tag]) -> list[Tag]:
    """Collect the aggregate tags of other groups that these tags are derived from, each once."""
    declared = catalogue()
    return [declared[name] for name in dict.fromkeys(name for tag in tags for name in tag.needs)]


def relations_of(tags: Iterable[Tag]) -> list[str]:
    """List the relations that `tags` aggregate, each once."""
    return list(dict.fromkeys(tag.relation for tag in tags if tag.relation is not None))


def aggregate(lake: Lake, spine: Spine, name: str, tags: Iterable[Tag]) -> ir.Table:
    """Aggregate a relation into tags, one row per customer and date that has rows in it.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    spine : Spine
        Customers and dates.
    name : str
        A relation of `RELATIONS`.
    tags : iterable of Tag
        Those of other relations are passed over.

    Returns
    -------
    ibis Table (customer_id, as_of, one column per tag of the relation)
    """
    rows = RELATIONS[name].build(lake, spine)
    columns = {
        tag.name: tag.expression(rows).cast(tag.type) for tag in tags if tag.relation == name
    }
    return rows.group_by(SPINE).aggregate(**columns)


def assemble(
    pairs: ir.Table, tags: Sequence[Tag], parts: Mapping[str, ir.Table | None]
) -> ir.Table:
    """Join the aggregates to the spine, fill counts, then derive the derived tags.

    Parameters
    ----------
    pairs : ibis Table (customer_id, as_of, cutoff)
        The spine.
    tags : sequence of Tag
        Tags of one group, in the order of its columns.
    parts : mapping of str to (ibis Table or None)
        Relation -> its aggregate (`aggregate`); None where a raw table of it is absent.

    Returns
    -------
    ibis Table (customer_id, as_of, event_timestamp, created_timestamp, one column per tag)
    """
    joined, absent, read = pairs, [], [*tags, *needed_tags(tags)]
    columns: dict[str, Tag] = {}
    for name in relations_of(read):
        aggregated = [tag for tag in read if tag.relation == name]
        part = parts[name]
        if part is None:
            absent += aggregated
            continue
        columns |= {tag.name: tag for tag in aggregated}
        joined = joined.left_join(part.select(*SPINE, *(tag.name for tag in aggregated)), SPINE)
    wide = joined.select(
        *pairs.columns,
        **{name: _filled(joined[name], tag) for name, tag in columns.items()},
        **{tag.name: ibis.null(tag.type) for tag in absent},
    )
    row = row_of_tags()
    derived = {tag: sources(tag, row) for tag in tags if tag.relation is None}
    while derived:
        # At once all whose sources are there: each step copies every column.
        waiting = {tag.name for tag in derived}
        ready = [tag for tag, read in derived.items() if waiting.isdisjoint(read)]
        wide = wide.mutate(**{tag.name: tag.expression(wide).cast(tag.type) for tag in ready})
        for tag in ready:
            del derived[tag]
    return wide.select(
        "customer_id",
        "as_of",
        event_timestamp=wide.cutoff,
        created_timestamp=wide.cutoff,
        **{tag.name: wide[tag.name] for tag in tags},
    )


def _assembled(
    pairs: ir.Table, tags: Sequence[Tag], parts: Mapping[str, "Opener | None"]
) -> ir.Table:
    """Open the aggregates that these tags read, and assemble them."""
    opened: dict[str, ir.Table | None] = {}
    for name in relations_of([*tags, *needed_tags(tags)]):
        open_part = parts[name]
        opened[name] = None if open_part is None else open_part()
    return assemble(pairs, tags, opened)


def _filled(value: ir.Value, tag: Tag) -> ir.Value:
    """Fill a count of customers who have no row with zero."""
    return value if tag.empty is None else value.fill_null(ibis.literal(tag.empty).cast(tag.type))
