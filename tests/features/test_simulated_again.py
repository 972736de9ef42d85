"""The same seed gives the same insurer, and what cannot be simulated is refused."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate


def lake_at(home: Path) -> Lake:
    return Lake(Settings(home=home))


def contents(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all files, sorted."""
    tables = [table for table in CONTRACTS if lake.raw(table).exists()]
    paths = {table: str(lake.raw(table) / "*.parquet") for table in tables}
    paths |= {file.stem + " (truth)": str(file) for file in (lake.home / "truth").iterdir()}
    return {
        name: duckdb.sql(f"SELECT * FROM '{path}' ORDER BY ALL").fetchall()
        for name, path in paths.items()
    }


def test_same_seed_same_insurer_whatever_the_chunk_size(tmp_path: Path) -> None:
    made = []
    for name, chunk in (("whole", 300), ("again", 300), ("parts", 77)):
        lake = lake_at(tmp_path / name)
        simulate(lake, 300, seed=5, chunk_size=chunk, end=date(2024, 6, 30))
        made.append(contents(lake))
    assert made[0] == made[1]
    assert made[0] == made[2]


def test_another_seed_is_another_insurer(tmp_path: Path) -> None:
    made = []
    for seed in (5, 6):
        lake = lake_at(tmp_path / str(seed))
        simulate(lake, 50, seed=seed)
        made.append(contents(lake))
    assert made[0]["policies"] != made[1]["policies"]


@pytest.mark.parametrize(
    ("customers", "chunk", "end", "says"),
    [
        (0, 10, date(2026, 6, 30), "customers: 0 is not"),
        (5, 0, date(2026, 6, 30), "chunk size: 0 is below 1"),
        (5, 10, date(2019, 6, 30), "end: 2019-06-30 is not after"),
    ],
)
def test_refuses_what_it_cannot_simulate(
    tmp_path: Path, customers: int, chunk: int, end: date, says: str
) -> None:
    with pytest.raises(GuanjiaError, match=says):
        simulate(lake_at(tmp_path), customers, 1, chunk_size=chunk, end=end)
