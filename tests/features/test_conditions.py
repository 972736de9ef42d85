"""Conditions: what a marketer needs works, and nothing else ever reaches the engine."""

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from features.conditions import ALLOWED, compile_condition
from features.errors import GuanjiaError

COLUMNS = ("star_level", "customer_value", "renewal", "churn", "channel", "new_energy")
ROWS = """
    SELECT * FROM (VALUES
        (5, 30000.0, 0.5, 0.1, 'agent', true),
        (3, 12000.0, 0.7, NULL, 'online', false),
        (1, 0.0, NULL, 0.9, NULL, NULL)
    ) t(star_level, customer_value, renewal, churn, channel, new_energy)
"""


def met(where: str) -> list[int]:
    sql = compile_condition(where, COLUMNS)
    rows = duckdb.sql(f"SELECT star_level FROM ({ROWS}) WHERE {sql} ORDER BY 1").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("where", "stars"),
    [
        ("star >= 3 and renewal < 0.6", [5]),
        ("value between 10000 and 20000", [3]),
        ("channel in ('agent', 'broker')", [5]),
        ("channel not in ('agent')", [3]),
        ("renewal is null", [1]),
        ("renewal is not null and not (star = 5)", [3]),
        ("STAR <> 3 or churn > -1", [1, 5]),
        ("new_energy", [5]),
        ("not new_energy", [3]),
        ("channel = 'O''Brien'", []),
        ("true", [1, 3, 5]),
        ("star >= 3 -- a comment", [3, 5]),
    ],
)
def test_conditions_mean_what_they_say(where: str, stars: list[int]) -> None:
    assert met(where) == stars


@pytest.mark.parametrize(
    "where",
    [
        "star >= 3; drop table x",
        "star in (select 1)",
        "exists (select 1)",
        "(select count(*) from customers) > 0",
        "read_text('/etc/passwd') = ''",
        "star = getenv('HOME')",
        "star + 1 > 3",
        "channel like 'a%'",
        "cast(star as varchar) = '3'",
        "star::varchar = '3'",
        "t.star >= 3",
        "case when star = 3 then true end",
        "star >= ?",
        "star >= $1",
        "channel || 'x' = 'y'",
        "columns('.*') = 3",
        "* = 3",
        "1",
        "'text'",
        "",
        "   ",
        "star >=",
        "select 1",
        "copy x to 'y'",
        "star in unnest([1])",
        "(" * 900 + "star = 1" + ")" * 900,
        "star = 1 and " * 400 + "star = 1",
    ],
)
def test_everything_else_is_refused(where: str) -> None:
    with pytest.raises(GuanjiaError):
        compile_condition(where, COLUMNS)


def test_unknown_column_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(GuanjiaError, match=r"column renewl: is not known. Did you mean renewal"):
        compile_condition("renewl < 0.5", COLUMNS)


PIECES = (
    "and or not in ( ) is null between > <= = 1 0.5 'a' , ; select from -- /* */ * :: like exists "
    "read_text('x') copy case when end || [1] {'a':1} x->x $1"
)
WORDS = st.sampled_from([*COLUMNS, "star", *PIECES.split()])


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(WORDS, max_size=12).map(" ".join), st.text(max_size=40)))
def test_what_is_accepted_holds_comparisons_alone(where: str) -> None:
    try:
        sql = compile_condition(where, COLUMNS)
    except GuanjiaError:
        return
    (tree,) = sqlglot.parse(sql, read="duckdb")
    assert tree is not None
    assert {type(node) for node in tree.walk()} <= ALLOWED
    assert {column.name for column in tree.find_all(exp.Column)} <= set(COLUMNS)
