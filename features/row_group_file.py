"""Write a Parquet file in portions, such that its bytes do not depend on the portions."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq


class RowGroupFile:
    """A Parquet file being written: it takes batches of any size and writes equal row groups.

    Parameters
    ----------
    path : Path
        The file to write.
    schema : pyarrow.Schema
        Its columns; batches are cast to them.
    size : int
        Rows of a row group.
    compression : str
        Codec of Parquet.

    Attributes
    ----------
    rows : int
        Rows written so far.
    """

    def __init__(self, path: Path, schema: pa.Schema, size: int, compression: str = "zstd") -> None:
        self.rows = 0
        self._schema, self._size = schema, size
        self._waiting = schema.empty_table()
        self._writer = pq.ParquetWriter(path, schema, compression=compression)

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Append rows to the file."""
        for batch in batches:
            self.rows += batch.num_rows
            more = pa.Table.from_batches([batch]).cast(self._schema)
            self._waiting = pa.concat_tables([self._waiting, more])
            while self._waiting.num_rows >= self._size:
                self._put(self._waiting.slice(0, self._size))
                self._waiting = self._waiting.slice(self._size)
        # Copied: the engine's batch of ten rows has room for tens of thousands in it.
        nothing = self._schema.empty_table()
        self._waiting = pa.concat_tables([nothing, self._waiting]).combine_chunks()

    def __enter__(self) -> "RowGroupFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None
    ) -> None:
        if fault is None and self._waiting.num_rows:
            self._put(self._waiting)
        self._writer.close()

    def _put(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.combine_chunks(), row_group_size=self._size)
