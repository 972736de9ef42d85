"""Compute tags and contact details of a few customers now, by the expressions of their snapshot.

The rows are the checked ones and those that events made since. The SQL of a group is one statement:
it is compiled once a home (`features.lake.compiled`) and planned once a process, so an event costs
milliseconds. It runs in an engine of its own, over tables that hold only these customers.
"""

import json
import threading
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.contracts.contract import Contract
from features.contracts.contract_sql import civil_columns, row_columns, sql_type
from features.contracts.tables import CONTRACTS
from features.events.inbox import EventInbox
from features.instants import TICK
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.known_at import checked_types, superseded_sql
from features.lake.spine import SPINE, Spine
from features.online.contact_details import COLUMNS, CONTACT_DETAILS, TABLES
from features.online.detail_queries import contact_details
from features.snapshots.definitions import definitions
from features.snapshots.group_files import tag_schema
from features.snapshots.tag_queries import aggregate, assemble, needed_tags, relations_of
from features.sql import quoted, sql_text
from features.tags.catalogue import groups
from features.tags.relations.relations import RELATIONS

MEMORY = "1GB"
# A prepared plan must stay right for all later rows: statistics of the rows that are present when
# it is planned (least, largest, none) must not enter it.
UNSAFE = "statistics_propagation,compressed_materialization,row_group_pruner"


class LiveTags:
    """Compute tags of a few customers as known at an instant; threads share it.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    inbox : EventInbox
        The rows that events made.
    """

    def __init__(self, lake: Lake, inbox: EventInbox) -> None:
        self._lake = lake
        self._inbox = inbox
        self._lock = threading.Lock()
        self._tables: _Tables | None = None

    def groups_of(self, tables: Collection[str]) -> list[str]:
        """List the tag groups, and contact details, that can depend on rows of raw tables."""
        names = []
        for name, group in groups().items():
            tags = list(group.tags.values())
            if _raw_tables(relations_of([*tags, *needed_tags(tags)])) & set(tables):
                names.append(name)
        return [*names, CONTACT_DETAILS] if set(TABLES) & set(tables) else names

    def prepare(self) -> None:
        """Compile and plan the statements, unless that is done for the raw tables there are.

        Raises
        ------
        GuanjiaError
            If a checked table has the civil days of another time zone.
        """
        self._prepared(self._lake)

    def _prepared(self, lake: Lake) -> "_Tables":
        """Return the tables with their statements, which read the rows of a lake from now on."""
        event_tables = self._inbox.tables()
        present = tuple(name for name in CONTRACTS if lake.has(name) or name in event_tables)
        tables = self._tables
        if tables is None or tables.present != present:
            for name in present:
                if lake.has(name):
                    lake.require(name)  # its civil days must be ours
            tables = _Tables(lake, present)
            for name, query in _statements(tables).items():
                tables.con.execute(f"PREPARE {quoted(name)} AS {query}")
            self._tables = tables
        tables.turn_to(lake)
        return tables

    def compute(
        self, customers: Mapping[str, datetime], names: Collection[str], lake: Lake | None = None
    ) -> dict[str, pa.Table]:
        """Compute tags of some groups, each customer's as known at the end of an instant.

        Parameters
        ----------
        customers : dict of str to datetime
            Customer -> the instant (UTC).
        names : collection of str
            Tag groups, and `CONTACT_DETAILS`.
        lake : Lake, optional
            Whose checked tables to read; default: the one that was given at first.

        Returns
        -------
        dict of str to pyarrow.Table
            Group -> one row a customer, as `features.snapshots.group_files.tag_schema` says
            (contact details: its `COLUMNS` in the place of tags). Both timestamps are the instant.
        """
        with self._lock:
            tables = self._prepared(lake or self._lake)
            read = {table for group in names for table in _raw_tables_of(group)}
            for name in sorted(read & set(tables.present)):
                events = [
                    text
                    for batch in self._inbox.rows(name, list(customers))
                    for text in batch.column("row").to_pylist()
                ]
                tables.fill(CONTRACTS[name], list(customers), events)
            tables.set_spine(customers)
            computed = {}
            for group in names:
                rows = tables.con.execute(f"EXECUTE {quoted(group)}").to_arrow_table()
                at = pa.array(
                    [customers[customer] for customer in rows["customer_id"].to_pylist()],
                    pa.timestamp("us", "UTC"),
                )
                for column in ("event_timestamp", "created_timestamp"):
                    rows = rows.set_column(rows.column_names.index(column), column, at)
                computed[group] = rows if group == CONTACT_DETAILS else rows.cast(tag_schema(group))
            return computed


class _Tables(Lake):
    """A lake in memory that holds the rows of a few customers; tags are computed over it."""

    def __init__(self, lake: Lake, present: tuple[str, ...]) -> None:
        super().__init__(lake.settings.model_copy(update={"threads": 1, "memory_limit": MEMORY}))
        self.turn_to(lake)
        self.present = present
        self.con.execute(f"SET disabled_optimizers = '{UNSAFE}'")
        for name in present:
            types = checked_types(CONTRACTS[name]).items()
            columns = ", ".join(f"{quoted(column)} {sql_type(type_)}" for column, type_ in types)
            self.con.execute(f"CREATE TABLE checked_{name} ({columns})")
        self.con.execute(
            "CREATE TABLE spine_pairs (customer_id VARCHAR, as_of DATE, cutoff TIMESTAMPTZ)"
        )

    def turn_to(self, lake: Lake) -> None:
        """Read the checked rows of this lake from now on."""
        self._day = lake.day

    def has(self, table: str) -> bool:
        return table in self.present

    def table(self, table: str) -> ir.Table:
        return self.engine.table(f"checked_{table}")

    def fill(self, contract: Contract, customers: list[str], events: list[str]) -> None:
        """Replace the rows of a table by those of some customers.

        Parameters
        ----------
        contract : Contract
            Of the raw table.
        customers : list of str
            Customer ids.
        events : list of str
            Rows that events made of these customers, each as JSON.
        """
        con, table, key = self.con, f"checked_{contract.name}", quoted(contract.key)
        con.execute(f"DELETE FROM {table}")
        path = self.checked(contract.name)
        ids = ", ".join(sql_text(customer) for customer in customers)
        files = [f"SELECT * FROM read_parquet({sql_text(path)}) WHERE customer_id IN ({ids})"]
        if not path.exists():
            files = [f"SELECT * FROM {table} WHERE false"]
        if not events:
            con.execute(f"INSERT INTO {table} BY NAME {files[0]}")
            return
        # Event rows that the last check merged are in the file already. A version ends when the
        # next one begins, be it delivered or made by an event.
        con.execute(
            f"""
            INSERT INTO {table} BY NAME
            WITH delivered AS MATERIALIZED ({files[0]}),
            made AS (SELECT {row_columns(contract)} FROM (SELECT unnest(?::VARCHAR[]) AS row)),
            versions AS (
                SELECT * FROM delivered UNION ALL BY NAME
                SELECT *, {civil_columns(contract, self.settings.timezone)} FROM made
                ANTI JOIN delivered USING ({key}, recorded_at)
            )
            SELECT * REPLACE ({superseded_sql(contract, rows_have_it=True)}) FROM versions
            """,
            [events],
        )

    def set_spine(self, customers: Mapping[str, datetime]) -> None:
        """Replace the spine by each customer at the end of an instant (UTC)."""
        zone = ZoneInfo(self.settings.timezone)
        con: Any = self.con
        con.execute("DELETE FROM spine_pairs")
        con.executemany(
            "INSERT INTO spine_pairs VALUES (?, ?, ?)",
            [
                [customer, at.astimezone(zone).date(), at + TICK]
                for customer, at in customers.items()
            ],
        )


def _relations(group: str) -> list[str]:
    tags = list(groups()[group].tags.values())
    return relations_of([*tags, *needed_tags(tags)])


def _raw_tables_of(group: str) -> set[str]:
    """Collect the raw tables that a tag group, or the contact details, are computed from."""
    return set(TABLES) if group == CONTACT_DETAILS else _raw_tables(_relations(group))


def _raw_tables(relations: Collection[str]) -> set[str]:
    """Collect the raw tables that relations read."""
    return {table for name in relations for table in RELATIONS[name].reads}


def _statements(tables: _Tables) -> dict[str, str]:
    """Write the query of each group, or read them where they were compiled before."""

    def write() -> str:
        written = {name: _statement(tables, name) for name in groups()}
        return json.dumps(written | {CONTACT_DETAILS: _details_statement(tables)})

    key = ("live tags", definitions(tables), tables.present)
    statements: dict[str, str] = json.loads(compile_once(tables, key, write))
    return statements


def _statement(tables: _Tables, group: str) -> str:
    """Write all tags of a group as one query over the tables."""
    tags = list(groups()[group].tags.values())
    read = [*tags, *needed_tags(tags)]
    pairs = tables.engine.table("spine_pairs")
    parts: dict[str, ir.Table | None] = {}
    queries = []
    for name in _relations(group):
        if not all(tables.has(table) for table in RELATIONS[name].tables):
            parts[name] = None
            continue
        rows = aggregate(tables, Spine(pairs), name, read)
        queries.append(f"{quoted(f'part_{name}')} AS MATERIALIZED ({tables.sql(rows)})")
        parts[name] = ibis.table(rows.schema(), name=f"part_{name}")
    head = f"WITH {', '.join(queries)} " if queries else ""
    return f"{head}SELECT * FROM ({tables.sql(assemble(pairs, tags, parts))})"


def _details_statement(tables: _Tables) -> str:
    """Write the contact details as one query over the tables, in the form of a tag group's rows."""
    pairs = tables.engine.table("spine_pairs")
    rows = contact_details(tables, Spine(pairs))
    stamped = pairs.left_join(rows, SPINE).select(
        pairs.customer_id,
        event_timestamp=pairs.cutoff,
        created_timestamp=pairs.cutoff,
        **{name: rows[name] for name in COLUMNS},
    )
    return tables.sql(stamped)
