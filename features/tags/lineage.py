"""Say which columns of raw tables a tag depends on, read from the expressions that compute it.

Nobody keeps a list: the tags are written over tables without rows, and `features.tags.reads` walks
the expressions from each tag to the columns of the tables (docs/lineage.md).
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops

from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns, sql_type
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.known_at import VERSION_END, superseded_sql
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from features.tags.reads import Column, ExpressionReads
from features.tags.relations.relations import RELATIONS

PREFIX = "checked_"
MERGES = "customer_merges"
MERGE_COLUMNS = frozenset(
    (MERGES, column) for column in ("customer_id", "merged_into", "recorded_at")
)
"""Columns that every tag depends on: the check gives the rows of a customer who was merged into
another one to that customer (`features.checking.merged_customers`)."""
CONSTANTS = frozenset({"customer_id", "as_of", "cutoff", "from_36m"})
"""Columns that rows of one customer at one date share."""


@cache
def tag_columns() -> dict[str, frozenset[Column]]:
    """Return the columns that each tag depends on, by tag.

    A column counts if a value of it can change the tag of a customer: it is computed with, compared
    in a filter, grouped or joined by. Civil days and hours count as the instant that they are of.
    Whether a customer is known at all, hence has tags, is told by the table of customers.
    """
    with tempfile.TemporaryDirectory() as folder:
        lake = _empty_lake(Path(folder))
        spine = spine_of_customers(lake, [date(2026, 1, 1)])
        tags = catalogue()
        relations = {name: relation.build(lake, spine) for name, relation in RELATIONS.items()}
        reads = ExpressionReads(
            {PREFIX + name: contract.key for name, contract in CONTRACTS.items()}, CONSTANTS
        )
        known = reads.of_column(spine.pairs.op(), "customer_id")
        direct: dict[str, frozenset[Column]] = {}
        for name, tag in tags.items():
            if tag.relation is not None:
                rows = relations[tag.relation]
                customer = reads.of_column(rows.op(), "customer_id")
                direct[name] = known | customer | reads.of_value(tag.expression(rows).op())
        lake.con.close()
    for name in tags:
        _derive(name, tags, direct)
    return {name: _of_contracts(columns) for name, columns in direct.items()}


def kept_tag_columns(lake: Lake, definitions: str) -> dict[str, frozenset[Column]]:
    """Return the columns of `tag_columns`, kept with the compiled SQL of a home: it takes seconds.

    Parameters
    ----------
    lake : Lake
        The home.
    definitions : str
        Hash of the definitions of the tags, also of extensions.
    """
    stored = compile_once(lake, ("tag columns", definitions), _written)
    return {
        name: frozenset((table, column) for table, column in columns)
        for name, columns in json.loads(stored).items()
    }


def _written() -> str:
    """Write the columns of all tags as JSON."""
    return json.dumps({name: sorted(columns) for name, columns in tag_columns().items()})


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


def raw_columns(contract: Contract, columns: Iterable[str]) -> frozenset[Column]:
    """Name columns of a checked table as its contract does.

    Parameters
    ----------
    contract : Contract
        The contract of the table.
    columns : iterable of str
        Columns of its checked file: civil days and hours are of an instant, and `superseded_at`
        follows from the key and `recorded_at`.
    """
    instants = contract.civil_days | contract.civil_hours
    named: set[str] = set()
    for column in columns:
        named |= (
            {contract.key, "recorded_at"}
            if column == VERSION_END
            else {instants.get(column, column)}
        )
    return frozenset((contract.name, column) for column in named)


def _of_contracts(columns: frozenset[Column]) -> frozenset[Column]:
    """Name the columns of checked tables as the contracts do; rows follow merged customers."""
    return MERGE_COLUMNS.union(
        *(
            raw_columns(CONTRACTS[table.removeprefix(PREFIX)], [column])
            for table, column in columns
            if table.removeprefix(PREFIX) in CONTRACTS
        )
    )
