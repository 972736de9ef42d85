"""Check rows of texts against the contracts."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings


@pytest.fixture
def check_rows(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Deliver one row a table as CSV; return good rows, bad rows and notes of each table."""

    def check(rows: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
        lake = Lake(Settings(home=tmp_path))
        for table, row in rows.items():
            lake.raw(table).mkdir(parents=True)
            with (lake.raw(table) / "a.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
                writer.writerow(row)
        checks = {checked.table: checked for checked in check_tables(lake)}
        return {name: (checks[name].good, checks[name].bad, checks[name].notes) for name in rows}

    return check
