"""Say which columns of raw tables a tag depends on, read from the expressions that compute it.

Nobody keeps a list: the tags are written over tables without rows, and the expressions are walked
from each tag to the columns of the tables, through projections, joins and filters.
"""

import tempfile
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops

from features.contracts.contract_sql import civil_columns, sql_type
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known_at import superseded_sql
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from features.tags.relations.relations import RELATIONS

Column = tuple[str, str]
"""Raw table and column."""
PREFIX = "checked_"


@cache
def tag_columns() -> dict[str, frozenset[Column]]:
    """Return the columns that each tag depends on, by tag.

    A column counts if a value of it can change the tag: it is computed with, compared in a filter,
    or joined by. Civil days and hours count as the instant that they are of.
    """
    with tempfile.TemporaryDirectory() as folder:
        lake = _empty_lake(Path(folder))
        spine = spine_of_customers(lake, [date(2026, 1, 1)])
        tags = catalogue()
        relations = {name: relation.build(lake, spine) for name, relation in RELATIONS.items()}
        memo: dict[Any, frozenset[Column]] = {}
        direct = {
            name: _reads(tag.expression(relations[tag.relation]).op(), memo)
            for name, tag in tags.items()
            if tag.relation is not None
        }
        lake.con.close()
    derived: dict[str, frozenset[Column]] = dict(direct)
    for name in tags:
        _derive(name, tags, derived)
    return {name: _of_contracts(columns) for name, columns in derived.items()}


def tag_tables() -> dict[str, frozenset[str]]:
    """Return the raw tables without which each tag is null, by tag."""
    tags = catalogue()
    tables: dict[str, frozenset[str]] = {
        name: frozenset(RELATIONS[tag.relation].tables)
        for name, tag in tags.items()
        if tag.relation is not None
    }
    for name in tags:
        _derive(name, tags, tables)
    return tables


def _derive(name: str, tags: dict[str, Tag], known: dict[str, frozenset[Any]]) -> frozenset[Any]:
    """Fill in a tag that is derived from others, and those."""
    if name not in known:
        known[name] = frozenset()
        for source in _sources_of(tags[name], tags):
            known[name] |= _derive(source, tags, known)
    return known[name]


def _sources_of(tag: Tag, tags: dict[str, Tag]) -> Iterator[str]:
    """List the tags that a derived tag reads."""
    head = {"customer_id": "string", "as_of": "date", "cutoff": "timestamp('UTC', 6)"}
    row = ibis.table(head | {name: other.type for name, other in tags.items()}, name="tags_row")
    for field in tag.expression(row).op().find(ops.Field):
        if field.name in tags and field.name != tag.name:
            yield field.name


def _empty_lake(home: Path) -> Lake:
    """Open a lake whose checked tables have no rows."""
    lake = Lake(Settings(home=home))
    (home / "checked").mkdir(parents=True)
    for name, contract in CONTRACTS.items():
        nothing = ", ".join(
            f"NULL::{sql_type(type_)} AS {quoted(column)}"
            for column, type_ in contract.columns.items()
        )
        days = civil_columns(contract, lake.settings.timezone)
        lake.con.execute(
            f"COPY (SELECT *, {', '.join(filter(None, [days, superseded_sql(contract)]))}"
            f" FROM (SELECT {nothing}) LIMIT 0) TO {sql_text(lake.checked(name))} (FORMAT parquet)"
        )
    return lake


def _reads(node: Any, memo: dict[Any, frozenset[Column]]) -> frozenset[Column]:
    """Collect the columns that a value is computed from."""
    if node not in memo:
        if isinstance(node, ops.Field):
            memo[node] = _column_of(node.rel, node.name, memo)
        else:
            memo[node] = _union(
                _rows_of(child, memo) if isinstance(child, ops.Relation) else _reads(child, memo)
                for child in node.__children__
            )
    return memo[node]


def _column_of(rel: Any, name: str, memo: dict[Any, frozenset[Column]]) -> frozenset[Column]:
    """Collect the columns behind a column of a relation, and those that decide on its rows."""
    key = (rel, name)
    if key not in memo:
        if isinstance(rel, ops.PhysicalTable):
            memo[key] = frozenset({(rel.name, name)})
        elif isinstance(rel, ops.Union | ops.Difference | ops.Intersection):
            memo[key] = _column_of(rel.left, name, memo) | _column_of(rel.right, name, memo)
        elif isinstance(rel, ops.Project | ops.Aggregate | ops.JoinChain):
            memo[key] = _reads(rel.values[name], memo) | _rows_of(rel, memo)
        else:
            memo[key] = _column_of(rel.parent, name, memo) | _rows_of(rel, memo)
    return memo[key]


def _rows_of(rel: Any, memo: dict[Any, frozenset[Column]]) -> frozenset[Column]:
    """Collect the columns that decide which rows a relation has."""
    if rel not in memo:
        memo[rel] = frozenset()
        if isinstance(rel, ops.PhysicalTable):
            return memo[rel]
        parts = []
        for child in rel.__children__:
            if isinstance(child, ops.Relation):
                parts.append(_rows_of(child, memo))
            elif isinstance(rel, ops.Filter | ops.JoinLink) and child in getattr(
                rel, "predicates", ()
            ):
                parts.append(_reads(child, memo))
            elif isinstance(child, ops.JoinLink):
                parts.append(_rows_of(child, memo))
        memo[rel] = _union(parts)
    return memo[rel]


def _union(parts: Any) -> frozenset[Column]:
    return frozenset().union(*parts)


def _of_contracts(columns: frozenset[Column]) -> frozenset[Column]:
    """Name columns as the contracts do, without `recorded_at` and what follows from it."""
    named = set()
    for table, column in columns:
        name = table.removeprefix(PREFIX)
        if name not in CONTRACTS:
            continue
        contract = CONTRACTS[name]
        instant = (contract.civil_days | contract.civil_hours).get(column, column)
        if instant in contract.columns and instant != "recorded_at":
            named.add((name, instant))
    return frozenset(named)
