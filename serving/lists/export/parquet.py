"""Write an export as Parquet: typed columns, with how it was made in the metadata."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from features.row_group_file import RowGroupFile
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn, shown_row, with_mark
from serving.lists.export.streams import Rows

BATCH = 5_000
ROW_GROUP = 122_880
TYPES = {
    "number": pa.float64(),
    "money": pa.decimal128(18, 2),
    "percent": pa.float64(),
    "date": pa.date32(),
    "yes or no": pa.bool_(),
}


def write_parquet(
    path: Path, columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> None:
    """Write rows to a Parquet file, some thousands at a time.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of ExportColumn
        The columns; headings are in their metadata.
    rows : iterable of sequence
        One value a column.
    about : AboutExport
        How the export was made.
    """
    fields = [
        pa.field(column.name, _type(column), metadata={"heading": column.heading})
        for column in with_mark(columns)
    ]
    schema = pa.schema(fields, metadata=about.metadata())
    with RowGroupFile(path, schema, ROW_GROUP) as file:
        file.write(_batches(columns, rows, about, schema))


def _batches(
    columns: Sequence[ExportColumn], rows: Rows, about: AboutExport, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    remaining = iter(rows)
    while shown := [
        shown_row(columns, row, about.masked, about.export_id) for row in islice(remaining, BATCH)
    ]:
        arrays = [
            _array(list(values), field.type)
            for values, field in zip(zip(*shown, strict=True), schema, strict=True)
        ]
        shown.clear()
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _type(column: ExportColumn) -> pa.DataType:
    if column.kind == "number" and column.digits == 0:
        return pa.int64()
    return TYPES.get(column.kind, pa.string())


def _array(values: list[object], type_: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(type_):
        values = [None if value is None else f"{value:.2f}" for value in values]
        return pa.array(values, pa.string()).cast(type_)
    return pa.array(values, type_)
