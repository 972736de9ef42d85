"""A reform of prices is an option: without it, and until it, the insurer is the one it was."""

from datetime import date
from pathlib import Path

import duckdb

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate


def rows_of(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """All raw rows, sorted."""
    return {
        table: duckdb.sql(f"SELECT * FROM '{lake.raw(table)}/*.parquet' ORDER BY ALL").fetchall()
        for table in CONTRACTS
        if lake.raw(table).exists()
    }


def test_a_reform_after_the_end_changes_no_row(tmp_path: Path) -> None:
    made = []
    for name, reform in (("never", None), ("later", date(2027, 1, 1))):
        lake = Lake(Settings(home=tmp_path / name))
        simulate(lake, 100, seed=5, end=date(2025, 6, 30), price_reform=reform)
        made.append(rows_of(lake))
    assert made[0] == made[1]
