"""A reform of prices is an option: without it, and until it, the insurer is the one it was."""

from datetime import date
from pathlib import Path

import duckdb

from features.contract import CONTRACTS
from features.lake import Lake
from features.settings import Settings
from features.sources.simulated import simulate


def rows_of(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """All raw rows, sorted."""
    return {
        table: duckdb.sql(f"SELECT * FROM '{lake.raw(table)}/*.parquet' ORDER BY ALL").fetchall()
        for table in CONTRACTS
    }


def test_the_insurer_is_the_one_it_was_before_prices_could_be_reformed(tmp_path: Path) -> None:
    """Rows as they were written when the option came; a change of the simulation changes them."""
    lake = Lake(Settings(home=tmp_path))
    simulate(lake, 200, seed=1)
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        found = {
            table: engine.sql(
                "SELECT count(*), md5(string_agg(t::VARCHAR, '' ORDER BY t::VARCHAR)) "
                f"FROM '{lake.raw(table)}/*.parquet' t"
            ).fetchone()
            for table in ("policies", "quotes")
        }
    assert found == {
        "policies": (1087, "ed85138201b4402f845ea8c76cdb0959"),
        "quotes": (798, "3bfdcb72fc3a9efa49e9dfe81ad1a0c0"),
    }


def test_a_reform_after_the_end_changes_no_row(tmp_path: Path) -> None:
    made = []
    for name, reform in (("never", None), ("later", date(2027, 1, 1))):
        lake = Lake(Settings(home=tmp_path / name))
        simulate(lake, 100, seed=5, end=date(2025, 6, 30), price_reform=reform)
        made.append(rows_of(lake))
    assert made[0] == made[1]
