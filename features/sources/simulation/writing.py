"""From numpy columns to Arrow tables typed as the contracts say.

Columns arrive as whole numbers (cents, days since 1970, microseconds UTC) with `NULL` for
absent; text arrives as ready Arrow strings or as (labels, codes), code -1 for absent.
"""

from collections.abc import Mapping
from typing import Any

import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa

from features.contracts.tables import CONTRACTS
from features.sources.simulation.random import Ints

NULL = np.iinfo(np.int64).min
DAY_US = 86_400_000_000
_ZONE_US = 8 * 3_600_000_000


def instant(day: Any, seconds: Any) -> Ints:
    """Convert a local civil day (UTC+8, no summer time) and seconds into it to microseconds UTC."""
    midnight = np.asarray(day, np.int64) * DAY_US - _ZONE_US
    return np.asarray(midnight + np.asarray(seconds, np.int64) * 1_000_000, np.int64)


def ids(prefix: str, *parts: tuple[Ints, int]) -> pa.Array:
    """Make fixed-width identifiers: the prefix, then each number zero-padded to its width."""
    n = len(parts[0][0])
    head = prefix.encode()
    width = len(head) + sum(w for _, w in parts)
    matrix = np.empty((n, width), np.uint8)
    matrix[:, : len(head)] = np.frombuffer(head, np.uint8)
    at = len(head)
    for numbers, digits in parts:
        rest = np.asarray(numbers, np.int64)
        for place in range(at + digits - 1, at - 1, -1):
            matrix[:, place] = 48 + rest % 10
            rest = rest // 10
        at += digits
    offsets = pa.py_buffer((np.arange(n + 1, dtype=np.int64) * width).astype(np.int32))
    return pa.StringArray.from_buffers(n, offsets, pa.py_buffer(matrix))


def typed(table: str, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """Make an Arrow table with the contract's columns in its order; a missing column is null.

    Parameters
    ----------
    table : str
        Name of the contract.
    columns : Mapping of str to array_like
        Values by column; see the module for their form.
    rows : int
        Length of the columns.
    """
    arrays = {
        name: _encode(kind, columns.get(name), rows)
        for name, kind in CONTRACTS[table].columns.items()
    }
    unknown = set(columns) - set(arrays)
    if unknown:
        raise KeyError(f"{table} has no column {sorted(unknown)}")
    return pa.table(arrays)


def _encode(  # noqa: PLR0911
    kind: Any, values: Any, rows: int
) -> pa.Array:
    target = _arrow(kind)
    if values is None:
        return pa.nulls(rows, target)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, tuple):
        labels, codes = values
        codes = np.broadcast_to(codes, (rows,))
        indices = pa.array(codes.astype(np.int32), mask=codes < 0)
        return pa.array(list(labels), pa.string()).take(indices)
    array = np.ascontiguousarray(np.broadcast_to(values, (rows,)))
    if pa.types.is_boolean(target):
        return pa.array(array.astype(bool))
    if pa.types.is_floating(target):
        return pa.array(array.astype(np.float64), mask=np.isnan(array.astype(np.float64)))
    array = array.astype(np.int64)
    missing = array == NULL
    if pa.types.is_decimal(target):
        halves = np.empty((rows, 2), np.int64)
        halves[:, 0] = np.where(missing, 0, array)
        halves[:, 1] = halves[:, 0] >> 63
        valid = pa.array(~missing).buffers()[1]
        return pa.Array.from_buffers(target, rows, [valid, pa.py_buffer(halves)])
    if pa.types.is_date(target):
        return pa.array(np.where(missing, 0, array).astype(np.int32), mask=missing).cast(target)
    return pa.array(array, mask=missing).cast(target)


def _arrow(kind: Any) -> pa.DataType:
    if isinstance(kind, dt.Timestamp):
        return pa.timestamp("us", tz="UTC")
    if isinstance(kind, dt.Decimal):
        return pa.decimal128(kind.precision, kind.scale)
    simple = {dt.Date: pa.date32(), dt.Boolean: pa.bool_(), dt.Float64: pa.float64()}
    simple |= {dt.Int64: pa.int64(), dt.String: pa.string()}
    return simple[type(kind)]
