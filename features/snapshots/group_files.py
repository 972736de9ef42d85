"""The files of tag groups: their columns and the size of their row groups."""

from pathlib import Path

import pyarrow as pa

from features.row_group_file import RowGroupFile
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


def group_file(path: Path, group: str) -> RowGroupFile:
    """A group's file, to be written."""
    return RowGroupFile(path, tag_schema(group), ROW_GROUP)
