"""Files of tag groups: their columns, their row groups and the tags they were written without."""

import json
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake
from features.row_group_file import RowGroupFile
from features.tags.catalogue import groups

ROW_GROUP = 122_880
NOT_COMPUTED = b"tags_not_computed"
ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


def tag_schema(group_name: str) -> pa.Schema:
    """Return the Arrow schema of a group's files."""
    instant = pa.timestamp("us", "UTC")
    head = [
        pa.field("customer_id", pa.string()),
        pa.field("as_of", pa.date32()),
        pa.field("event_timestamp", instant),
        pa.field("created_timestamp", instant),
    ]
    tags = groups()[group_name].tags.values()
    return pa.schema([*head, *(pa.field(tag.name, ARROW[tag.type]) for tag in tags)])


def group_file(path: Path, group: str, without: Collection[str] = ()) -> RowGroupFile:
    """Open a group's file for writing.

    Parameters
    ----------
    path : Path
        The file to write.
    group : str
        A group of the catalogue.
    without : collection of str
        Tags of the group that were not computed; they are null in every row, and the file says so.
    """
    schema = tag_schema(group)
    if without:
        schema = schema.with_metadata({NOT_COMPUTED: json.dumps(sorted(without))})
    return RowGroupFile(path, schema, ROW_GROUP)


def not_computed(path: Path) -> set[str]:
    """Read which tags a group's file was written without: their nulls mean nothing."""
    stated = (pq.read_metadata(path).metadata or {}).get(NOT_COMPUTED)
    return set(json.loads(stated)) if stated else set()


def require_computed(lake: Lake, names: Collection[str]) -> None:
    """Refuse tags that a history of this home was computed without.

    Raises
    ------
    GuanjiaError
        If a history lacks one of the tags: its nulls would be taken for values.
    """
    for path in sorted((lake.home / "tags").glob("*/history-*.parquet")):
        missing = sorted(not_computed(path) & set(names))
        if missing:
            raise GuanjiaError(
                f"history {path}",
                f"was computed without {', '.join(missing)}",
                "train a model that reads them, or remove the file",
            )
