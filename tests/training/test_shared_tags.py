"""The tags that decide which rows are learned from are read from the files that Feast reads."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.snapshots.group_files import tag_schema
from training.fitting.shared_tags import recorded_tags


def write_group(folder: Path, group: str, customers: list[str], **tags: list[Any]) -> Path:
    """Write a group's file with these tags; the others are null."""
    end = datetime(2026, 6, 30, 16, tzinfo=UTC)
    known = {
        "customer_id": customers,
        "as_of": [date(2026, 6, 30)] * len(customers),
        "event_timestamp": [end] * len(customers),
        **tags,
    }
    schema = tag_schema(group)
    columns = [pa.array(known.get(f.name, [None] * len(customers)), f.type) for f in schema]
    path = folder / f"{group}.parquet"
    pq.write_table(pa.table(columns, schema=schema), path)
    return path


def test_tags_of_several_files_are_numbers_and_texts_as_the_feature_store_gives_them(
    tmp_path: Path,
) -> None:
    customers = ["C2", "C1", "C3"]
    files = [
        write_group(tmp_path, "claims", customers, claim_count_365d=[0, 2, None]),
        write_group(tmp_path, "underwriting", customers,
                    driver_accident_cover=[True, None, False], channel=["agent", None, "direct"]),
    ]  # fmt: skip
    read = recorded_tags(files, ["channel", "claim_count_365d", "driver_accident_cover"])
    assert read["customer_id"].tolist() == customers
    assert {str(moment) for moment in read["event_timestamp"]} == {"2026-06-30 16:00:00+00:00"}
    values = {name: [None if pd.isna(value) else value for value in read[name]] for name in read}
    assert values["channel"] == ["agent", None, "direct"]
    assert values["claim_count_365d"] == [0, 2, None]
    assert values["driver_accident_cover"] == [1, None, 0]
    assert read.dtypes[["claim_count_365d", "driver_accident_cover"]].eq("float64").all()
    assert recorded_tags(files, []).columns.tolist() == ["customer_id", "event_timestamp"]
