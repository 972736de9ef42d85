"""A lake with nothing but a snapshot, what is due there, and what a home or its contacts add."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.lake import Lake
from features.settings import Settings
from serving.triggers import due

DAY = date(2026, 6, 30)
ZONE = ZoneInfo("Asia/Shanghai")
Tags = dict[str, Any]
Write = Callable[..., None]
Found = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake without any table."""
    return Lake(Settings(home=tmp_path / "home"))


@pytest.fixture
def found(lake: Lake, snapshot: Write) -> Callable[..., Found]:
    """What is due to customers with these tags: (customer, touchpoint) -> row."""

    def ask(day: date = DAY, **customers: Tags) -> Found:
        snapshot(lake.home, day, customers)
        done = due(lake, day)
        rows = pq.read_table(done.path, partitioning=None).to_pylist()
        pairs = {(row["customer_id"], row["touchpoint"]): row for row in rows}
        assert len(pairs) == len(rows) == done.due
        return pairs

    return ask


@pytest.fixture(scope="session")
def own() -> Callable[..., None]:
    """Write a file of the home: `own(lake, text, "weather.toml")`."""

    def write(lake: Lake, text: str, file: str = "touchpoints.toml") -> None:
        lake.home.mkdir(parents=True, exist_ok=True)
        (lake.home / file).write_text(text, encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def contacts() -> Callable[..., None]:
    """Interactions as they are checked; a row gives customer, touchpoint and day."""

    def write(lake: Lake, *rows: dict[str, Any]) -> None:
        full = []
        for row in rows:
            at = datetime.combine(row["day"], datetime.min.time(), ZONE) + timedelta(hours=10)
            blank = {"direction": "out", "result": "delivered", "superseded_at": None}
            full.append(
                {**blank, "occurred_at": at, "occurred_on": row["day"], "recorded_at": at, **row}
            )
        moment = pa.timestamp("us", "UTC")
        types = {"customer_id": pa.string(), "touchpoint": pa.string(), "direction": pa.string(),
                 "result": pa.string(), "occurred_at": moment, "occurred_on": pa.date32(),
                 "recorded_at": moment, "superseded_at": moment}  # fmt: skip
        path = lake.checked("interactions")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(full, schema=pa.schema(list(types.items()))), path)

    return write
