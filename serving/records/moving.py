"""Move the records from SQLite to Postgres or back: every row, counted and hashed on both sides.

The source is locked against writers while its rows are copied: what cannot be recorded is not sent
meanwhile. The rows of the target are read again before they are committed. Then the tables of the
source are dropped, so that no service goes on writing there and no erasure has to reach a copy, and
its revision says `moved`, so that no service starts there with empty tables.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text
from sqlalchemy.types import TypeDecorator

from features.errors import GuanjiaError
from features.progress import Report, quiet
from serving.records.database import Records
from serving.records.revisions import MOVED
from serving.records.tables import METADATA

BATCH = 1_000
DAY_SECONDS = 86_400.0
MODULUS = 1 << 256


def _as_stored() -> list[Table]:
    """Define the tables with the types that the databases store: numbers, texts, bytes, JSON."""
    stored = MetaData()
    tables = [table.to_metadata(stored) for table in METADATA.sorted_tables]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, TypeDecorator):
                column.type = column.type.impl_instance
    return tables


STORED = _as_stored()


@dataclass(frozen=True)
class TableContent:
    """The rows of a table.

    Attributes
    ----------
    rows : int
        How many.
    digest : str
        Sum of the hashes of all rows: databases sort texts in different orders.
    """

    rows: int
    digest: str


def move_records(
    source: Records, target: Records, report: Report = quiet
) -> dict[str, TableContent]:
    """Move every row; killed at any point, the same call goes on.

    Parameters
    ----------
    source, target : Records
        Records that are up to date, and records to move to.
    report : Report
        Progress: called with a step, rows done and rows in all.

    Returns
    -------
    dict of str to TableContent
        What each table has, in the target as in the source.

    Raises
    ------
    GuanjiaError
        If the source has no tables, the target has other rows, or a row does not come across as it
        was; the target is then as before.
    """
    _open_again(target)
    target.migrate()
    with source.writing(DAY_SECONDS, durable=True) as reading:
        _lock(reading, source)
        with target.writing(DAY_SECONDS, durable=True) as writing:
            _without_limits(writing)
            there = {name: content for name, content in contents(writing).items() if content.rows}
            if there:
                # The run before was killed after it had copied everything, or these are others.
                content = contents(reading)
                if content != contents(writing):
                    rows = sum(table.rows for table in there.values())
                    raise GuanjiaError(
                        f"records {target.place}",
                        f"have {rows:,} rows already, and other ones than {source.place}",
                        "move to an empty database",
                    )
            else:
                content = _copy(reading, writing, report)
        _close(reading)
    return content


def contents(connection: Connection) -> dict[str, TableContent]:
    """Count and hash the rows of every table."""
    return {table.name: _content(connection, table) for table in STORED}


def _copy(reading: Connection, writing: Connection, report: Report) -> dict[str, TableContent]:
    """Copy all rows, and compare both sides table by table."""
    total = sum(
        reading.execute(select(func.count()).select_from(table)).scalar_one() for table in STORED
    )
    copied: dict[str, TableContent] = {}
    done = 0
    for table in STORED:
        rows = reading.execute(table.select().execution_options(yield_per=BATCH)).mappings()
        for batch in rows.partitions(BATCH):
            writing.execute(insert(table), [dict(row) for row in batch])
            done += len(batch)
            report("rows", done, total)
        copied[table.name] = _content(writing, table)
        if copied[table.name] != _content(reading, table):
            raise GuanjiaError(
                f"table {table.name}",
                "does not come across as it was; nothing was moved",
                "report this as a fault of Guanjia, and go on with the records where they are",
            )
    report("rows", total, total)
    return copied


def _content(connection: Connection, table: Table) -> TableContent:
    rows, total = 0, 0
    query = table.select().execution_options(yield_per=BATCH)
    for row in connection.execute(query):
        rows += 1
        written = repr([_plain(value) for value in row]).encode("utf-8", "surrogatepass")
        total += int.from_bytes(hashlib.sha256(written).digest(), "big")
    return TableContent(rows, f"{total % MODULUS:064x}")


def _plain(value: Any) -> Any:
    """Write a value alike whichever database it is from."""
    return bytes(value) if isinstance(value, memoryview) else value


def _lock(reading: Connection, source: Records) -> None:
    """Keep others from writing to the source; SQLite's transaction does so already."""
    _without_limits(reading)
    if not inspect(reading).has_table(METADATA.sorted_tables[0].name):
        cure = "there is nothing to move; was it moved before?"
        raise GuanjiaError(f"records {source.place}", "have no tables", cure)
    if reading.dialect.name == "postgresql":
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        reading.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def _without_limits(connection: Connection) -> None:
    """Lift the limits that Postgres keeps for requests."""
    if connection.dialect.name == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))


def _close(reading: Connection) -> None:
    """Drop the tables that were moved, and leave a mark for whoever opens them."""
    for table in METADATA.sorted_tables:
        reading.execute(text(f"DROP TABLE {table.name}"))
    reading.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})


def _open_again(target: Records) -> None:
    """Take the mark off records that were moved away from here before."""
    target.create()
    with target.writing(DAY_SECONDS, durable=True) as writing:
        if inspect(writing).has_table("alembic_version"):
            moved = text("DELETE FROM alembic_version WHERE version_num = :moved")
            writing.execute(moved, {"moved": MOVED})
