"""Hold rows that are read piece by piece: in memory as they are, or in the engine's tables."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from features.sql import quoted

if TYPE_CHECKING:
    import duckdb

RESIDENT = 512 * 1024**2
"""Bytes of rows in memory, of all sources, above which the engine takes those that come.

The engine spills to the disk what exceeds its own limit; but copying takes a tenth of the time."""


def hold_rows(
    con: "duckdb.DuckDBPyConnection",
    name: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> None:
    """Make rows readable in the engine under a name.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The engine.
    name : str
        Name of the table; `text_tables.drop_part` drops it.
    schema : pyarrow.Schema
        Of the rows.
    batches : iterable of pyarrow.RecordBatch
        The rows; they are read to the end.
    """
    read: list[pa.RecordBatch] = []
    coming = iter(batches)
    for batch in coming:
        read.append(batch)
        if pa.total_allocated_bytes() > RESIDENT:
            break
    else:
        con.register(name, pa.Table.from_batches(read, schema))
        return
    reader = pa.RecordBatchReader.from_batches(schema, chain(read, coming))
    con.register("import_held", reader)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS FROM import_held")
    con.unregister("import_held")
