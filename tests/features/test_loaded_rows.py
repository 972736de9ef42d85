"""Rows that reach DuckDB by way of a file arrive as they were, and the file goes."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from features.lake import Lake
from features.lake.loaded_rows import load_rows, rows_as_file
from features.settings import Settings

TYPES = {"customer_id": "VARCHAR", "made_on": "DATE", "times": "BIGINT"}
ROWS = [
    ('C"1, 张\n\\', date(2026, 6, 30), 2**62),
    ("2026-01-01", None, None),
    (None, date(1999, 12, 31), -1),
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def left_over(lake: Lake) -> list[Path]:
    return [path for path in (lake.home / "tmp").rglob("*") if path.is_file()]


@pytest.mark.parametrize("rows", [ROWS, []])
def test_plain_values_keep_their_types(lake: Lake, rows: list[tuple[object, ...]]) -> None:
    for _ in range(2):  # a table of that name is replaced
        load_rows(lake, "loaded", TYPES, rows)
    assert sorted(lake.con.execute("SELECT * FROM loaded").fetchall(), key=str) == sorted(
        rows, key=str
    )
    described = lake.con.execute("DESCRIBE loaded").fetchall()
    assert {name: type_ for name, type_, *_ in described} == TYPES
    assert left_over(lake) == []


def test_an_arrow_table_is_read_while_the_block_lasts(lake: Lake) -> None:
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    table = pa.table(dict(zip(TYPES, columns, strict=True)))
    with rows_as_file(lake, table) as rows:
        assert lake.con.execute(f"SELECT * FROM {rows}").to_arrow_table().equals(table)
        assert len(left_over(lake)) == 1
    assert left_over(lake) == []


def test_nothing_is_left_after_a_fault(lake: Lake) -> None:
    with pytest.raises(ZeroDivisionError), rows_as_file(lake, pa.table({"a": [1]})):
        _ = 1 / 0
    assert left_over(lake) == []
