"""Rows of a lake as plain values, and tables kept as long as something reads them."""

import gc
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa

from features.lake import Lake
from features.lake.civil_days import civil_days_sql
from features.lake.plain_rows import plain_rows

NOON = datetime(2026, 6, 30, 12, 0, 0, 5, UTC)


def test_rows_are_plain_values_with_instants_in_utc() -> None:
    table = pa.table(
        {
            "at": pa.array([NOON, None], pa.timestamp("us", "UTC")),
            "day": pa.array([date(2026, 6, 30), None]),
            "yuan": pa.array([Decimal("1.50"), None]),
        }
    )
    expected = [
        {"at": NOON, "day": date(2026, 6, 30), "yuan": Decimal("1.50")},
        {"at": None, "day": None, "yuan": None},
    ]
    assert plain_rows(table) == expected == table.to_pylist()
    assert plain_rows(table)[0]["at"].tzinfo is UTC
    assert plain_rows(table.slice(1)) == expected[1:]
    assert plain_rows(table.slice(2)) == []


def test_a_kept_table_goes_with_the_last_expression_over_it(lake_of: Callable[..., Lake]) -> None:
    lake = lake_of()
    kept = lake.keep("SELECT 1 AS one").mutate(two=2)
    again = lake.keep(kept.filter(kept.one == 1))
    gc.collect()
    assert lake.rows(kept.union(again)) == [{"one": 1, "two": 2}] * 2
    del kept, again
    gc.collect()
    names = lake.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert [name for (name,) in names if name.startswith("kept")] == []


def test_a_civil_day_has_a_row_for_each_utc_date_that_it_touches(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of()

    def days_of(first: date, last: date) -> list[dict[str, object]]:
        return lake.rows(lake.keep(civil_days_sql(lake, first, last)).order_by("utc_date"))

    opens, closes = datetime(2026, 6, 29, 16, tzinfo=UTC), datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert days_of(date(2026, 6, 30), date(2026, 6, 30)) == [
        {"day": date(2026, 6, 30), "opens": opens, "closes": closes, "utc_date": utc_date}
        for utc_date in (date(2026, 6, 29), date(2026, 6, 30))
    ]
    assert days_of(date(2026, 6, 30), date(2026, 6, 29)) == []
    assert days_of(date.max, date.min) == []
