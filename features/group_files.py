"""The files of tag groups: their columns, and how rows get into them a portion at a time."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from features.tags.catalogue import groups

ROW_GROUP = 122_880
ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


def tag_schema(group_name: str) -> pa.Schema:
    """Arrow schema of a group's files."""
    instant = pa.timestamp("us", "UTC")
    head = [
        pa.field("customer_id", pa.string()),
        pa.field("as_of", pa.date32()),
        pa.field("event_timestamp", instant),
        pa.field("created_timestamp", instant),
    ]
    tags = groups()[group_name].tags.values()
    return pa.schema([*head, *(pa.field(tag.name, ARROW[tag.type]) for tag in tags)])


class GroupFile:
    """A group's file while it is written: batches as they come, row groups of one size.

    So its bytes do not depend on how the rows were portioned out.

    Attributes
    ----------
    rows : int
        How many were given so far.
    """

    def __init__(self, path: Path, group: str) -> None:
        self.rows = 0
        self._schema = tag_schema(group)
        self._waiting = self._schema.empty_table()
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows, which come after all given before in the order of the file."""
        for batch in batches:
            self.rows += batch.num_rows
            more = pa.Table.from_batches([batch]).cast(self._schema)
            # Copied: the engine's batch of ten rows has room for tens of thousands in it.
            self._waiting = pa.concat_tables([self._waiting, more]).combine_chunks()
            while self._waiting.num_rows >= ROW_GROUP:
                self._put(self._waiting.slice(0, ROW_GROUP))
                self._waiting = self._waiting.slice(ROW_GROUP)

    def __enter__(self) -> "GroupFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None
    ) -> None:
        if fault is None and self._waiting.num_rows:
            self._put(self._waiting)
        self._writer.close()

    def _put(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP)
