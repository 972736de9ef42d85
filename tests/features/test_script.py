"""A script of SQL computes what the steps compute, for whatever its tables then hold."""

from datetime import date
from pathlib import Path

import ibis
import pytest

from features.lake import Lake
from features.lake.script import ScriptLake
from features.settings import Settings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def steps(lake: Lake) -> ibis.expr.types.Table:
    """The day after the last day of each customer: a date, where DuckDB adds up a timestamp."""
    last = lake.keep(lake.engine.table("days").group_by("customer").agg(day=ibis._.day.max()))
    return lake.keep(last.mutate(day=(last.day + ibis.interval(days=1)).cast("date")))


def fill(lake: Lake, *rows: str) -> None:
    values = ", ".join(rows)
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE days AS SELECT * FROM (VALUES {values}) AS v(customer, day)"
    )


def test_a_script_computes_what_the_steps_compute(lake: Lake) -> None:
    fill(lake, "('C1', DATE '2024-02-28')", "('C1', DATE '2020-01-01')")
    writer = ScriptLake(lake, "step")
    writer.create("following", steps(writer))
    # Nothing was computed yet.
    assert lake.con.execute("SELECT count(*) FROM following").fetchone() == (0,)
    for rows in (["('C1', DATE '2024-02-28')"], ["('C2', DATE '2026-12-31')", "('C3', NULL)"]):
        fill(lake, *rows)
        lake.con.execute(writer.script)
        answer = lake.con.execute("SELECT * FROM following ORDER BY customer").fetchall()
        expected = lake.rows(steps(lake).order_by("customer"))
        assert answer == [tuple(row.values()) for row in expected]
    assert answer == [("C2", date(2027, 1, 1)), ("C3", None)]


def test_columns_have_the_types_that_were_declared(lake: Lake) -> None:
    fill(lake, "('C1', DATE '2024-02-28')")
    days = lake.engine.table("days")
    writer = ScriptLake(lake, "step")
    # To DuckDB a timestamp, to Ibis a date.
    writer.create("moved", days.select(day=days.day + ibis.interval(days=1)))
    lake.con.execute(writer.script)
    assert lake.con.execute("SELECT * FROM moved").fetchall() == [(date(2024, 2, 29),)]


def test_a_query_in_sql_is_written_down_too(lake: Lake) -> None:
    writer = ScriptLake(lake, "step")
    table = writer.keep("SELECT 41 + 1 AS answer")
    assert lake.rows(table) == []
    lake.con.execute(writer.script)
    assert lake.rows(table) == [{"answer": 42}]
