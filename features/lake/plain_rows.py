"""Convert Arrow tables to plain values without importing pandas."""

from datetime import UTC
from typing import Any

import pyarrow as pa


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Convert an Arrow table to dicts of column to value; instants are datetimes in UTC.

    As `to_pylist`, which imports pandas for an instant: a command would wait for it.
    """
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_timestamp(field.type) and field.type.tz == "UTC":
            naive = pa.timestamp(field.type.unit)
            instants = (day for chunk in column.chunks for day in chunk.view(naive).to_pylist())
            columns.append([instant and instant.replace(tzinfo=UTC) for instant in instants])
        else:
            columns.append(column.to_pylist())
    names = table.column_names
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
