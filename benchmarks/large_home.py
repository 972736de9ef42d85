"""Make a home of a million customers with everything that the console shows.

A published home of fewer customers, as `guanjia demo` makes it, is repeated: every row of the
checked tables, tags, scores, segments and of who is due, again and again, under ids that are new
in all of them alike. So sizes are those of a million customers, and distributions those of the
source: what a customer, a policy and a claim look like, who manages whom, how many have which
value. The online rows are those of the source alone, whose customers are the first of the home.
Raw tables and the history of training stay as they are; models are those of the source.

    GUANJIA_HOME=SOURCE guanjia demo --customers 20000
    python benchmarks/large_home.py --source SOURCE --home HOME --copies 50
"""

import argparse
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from measuring import say

from features.lake import Lake
from features.lake.pointer import (
    pointer_held,
    read_manifest,
    read_pointer,
    write_manifest,
    write_pointer,
)
from features.settings import Settings
from features.snapshots.group_files import group_file
from features.snapshots.snapshots import Drafts, read_snapshot
from features.sql import quoted, sql_text
from guanjia.jobs.publication.generation import content_of, stage_day
from guanjia.jobs.publication.record import record_publication

SHARED = ("account_manager_id", "snapshot_id")
"""Ids that copies have in common: an account manager has so many times the customers."""
REPEATED = ("checked", "tags", "snapshots", "scores", "segments", "triggers", "published")
"""Folders whose rows are repeated, or that follow from them; others are copied."""
ROW_GROUPS = {"checked": 20_480}
"""Rows of a row group by folder, as the steps of a day write them; of others as below."""
ROW_GROUP = 122_880


def main() -> int:
    """Make the home; say how long each part took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="a home with a published day")
    parser.add_argument("--home", type=Path, required=True, help="the home to make")
    parser.add_argument("--copies", type=int, default=50, help="at most 100")
    asked = parser.parse_args()
    day = read_pointer(asked.source)
    assert day is not None, "the source has published nothing"
    source = Lake(Settings(home=asked.source), day)
    target = Lake(Settings(home=asked.home))
    copy_rest(asked.source, asked.home)
    for folder in ("checked", "scores", "segments", "triggers"):
        for path in sorted((source.data / folder).glob("*.parquet")):
            began = time.perf_counter()
            (target.home / folder).mkdir(exist_ok=True)
            rows = repeat(path, target.home / folder / path.name, asked.copies)
            say(f"{folder}/{path.name}: {rows:,} rows, {time.perf_counter() - began:.0f} s")
    snapshot_id = repeat_tags(source, target, asked.copies)
    for path in (target.home / "scores").glob("*.parquet"):
        bind(path, snapshot_id)
    publish(source, target)
    return 0


def copy_rest(source: Path, home: Path) -> None:
    """Copy all that is not repeated."""
    home.mkdir(mode=0o700)
    for path in source.iterdir():
        if path.is_dir() and path.name not in (*REPEATED, "tmp", "training"):
            shutil.copytree(path, home / path.name, symlinks=True)
        elif path.is_file() and path.name not in ("published.json", "publications.jsonl"):
            shutil.copy2(path, home / path.name)


def ids_of(path: Path) -> list[str]:
    """List the columns whose values are new in every copy."""
    names = pq.read_schema(path).names
    return [name for name in names if name.endswith("_id") and name not in SHARED]


def repeat(path: Path, to: Path, copies: int) -> int:
    """Write the rows of a file so many times, copy after copy; return how many there are."""
    new = ", ".join(
        f"CASE WHEN {{0}} = 0 THEN {name} ELSE left({name}, 1) || lpad('{{0}}', 2, '0') || "
        f"substr({name}, 2) END AS {name}"
        for name in map(quoted, ids_of(path))
    )
    parts = " UNION ALL ".join(
        f"SELECT * REPLACE ({new.format(copy)}) FROM read_parquet({sql_text(path)})"
        for copy in range(copies)
    )
    packed = pq.ParquetFile(path).metadata.row_group(0).column(0).compression.lower()
    engine = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    engine.execute("SET TimeZone = 'UTC'")
    size = ROW_GROUPS.get(path.parent.name, ROW_GROUP)
    found = engine.execute(
        f"COPY ({parts}) TO {sql_text(to)} (FORMAT parquet, COMPRESSION {packed}, "
        f"ROW_GROUP_SIZE {size})"
    ).fetchone()
    engine.close()
    return int(found[0]) if found else 0


def repeat_tags(source: Lake, target: Lake, copies: int) -> str:
    """Write the snapshot of the repeated customers; return its id."""
    assert source.day is not None
    snapshot = read_snapshot(source, source.day.as_of)
    drafts = Drafts(target, snapshot.day)
    for group, file in snapshot.files.items():
        began = time.perf_counter()
        table = pq.read_table(source.data / file["path"], partitioning=None).combine_chunks()
        place, ids = table.schema.get_field_index("customer_id"), table["customer_id"]
        with group_file(drafts.group(group), group) as out:
            for copy in range(copies):
                head, rest = pc.utf8_slice_codeunits(ids, 0, 1), pc.utf8_slice_codeunits(ids, 1)
                new = pc.binary_join_element_wise(head, f"{copy:02}", rest, "") if copy else ids
                out.write(table.set_column(place, "customer_id", new).to_batches())
        say(f"tags/{group}: {time.perf_counter() - began:.0f} s")
    made = drafts.publish(snapshot.customers * copies, definitions=snapshot.definitions)
    return str(made.snapshot_id)


def bind(path: Path, snapshot_id: str) -> None:
    """State in the scores which snapshot they are of."""
    file, draft = pq.ParquetFile(path), path.with_suffix(".draft")
    with pq.ParquetWriter(draft, file.schema_arrow, compression="snappy") as writer:
        place = file.schema_arrow.get_field_index("snapshot_id")
        for batch in file.iter_batches(ROW_GROUP):
            ids = pa.array([snapshot_id] * len(batch), file.schema_arrow.field(place).type)
            writer.write_batch(batch.set_column(place, "snapshot_id", ids))
    draft.replace(path)


def publish(source: Lake, target: Lake) -> None:
    """Make the day visible, with the online rows of the source."""
    assert source.day is not None
    now = source.day.published_at
    staged = stage_day(target, source.day.as_of, now)
    day = replace(staged, slot=source.day.slot, published_at=now)
    write_manifest(day.folder(target.home), day, read_manifest(day.folder(target.home))[1])
    with pointer_held(target.home, to_replace=True):
        record_publication(target.home, day, content_of(target.home, day), [], None)
        write_pointer(target.home, day)


if __name__ == "__main__":
    sys.exit(main())
