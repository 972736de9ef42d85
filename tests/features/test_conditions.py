"""Conditions: what a marketer needs works, and nothing else ever reaches the engine."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from features.condition_rows import rows_where
from features.condition_truth import compile_test
from features.conditions import ALLOWED, columns_of, compile_condition, mentioned, predicate
from features.errors import GuanjiaError

COLUMNS = ("star_level", "customer_value", "renewal", "churn", "channel", "new_energy")
ROWS = """
    SELECT * FROM (VALUES
        (5, 30000.0, 0.5, 0.1, 'agent', true),
        (3, 12000.0, 0.7, NULL, 'online', false),
        (1, 0.0, NULL, 0.9, NULL, NULL)
    ) t(star_level, customer_value, renewal, churn, channel, new_energy)
"""


def met(where: str, segments: dict[str, str] | None = None) -> list[int]:
    sql = compile_condition(where, COLUMNS, segments)
    rows = duckdb.sql(f"SELECT star_level FROM ({ROWS}) WHERE {sql} ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def met_one_by_one(where: str) -> list[int]:
    test = compile_test(where, frozenset(CUSTOMERS.column_names))
    return [row["number"] for row in CUSTOMERS.to_pylist() if test(row)]


# Every combination of known, other and unknown values, numbered.
ENGINE = ibis.duckdb.connect()
VALUES = itertools.product(
    (None, 1, 3, 5), (None, 0.2, 0.7), (None, "agent", "online"), (None, True, False)
)
CUSTOMERS = pa.table(
    dict(
        zip(
            ["star_level", "renewal", "channel", "new_energy"],
            map(list, zip(*VALUES, strict=True)),
            strict=True,
        )
    )
).append_column("number", [list(range(108))])
TABLE = ENGINE.create_table("customers", ibis.memtable(CUSTOMERS))


FRAME = CUSTOMERS.to_pandas()
FLOATS = FRAME.assign(
    new_energy=FRAME["new_energy"].astype("float64"), channel=FRAME["channel"].astype("category")
)
"""The same as models read it: yes is 1.0, unknown is NaN, texts are categories."""


def met_in_a_frame(where: str, frame: pd.DataFrame) -> list[int]:
    return [int(number) for number in frame["number"][rows_where(where, frame)]]


def met_in_ibis(where: str) -> list[int]:
    found = TABLE.filter(predicate(where, TABLE)).select("number").order_by("number")
    return list(ENGINE.to_pyarrow(found)["number"].to_pylist())


def met_in_sql(where: str) -> list[int]:
    sql = compile_condition(where, TABLE.columns)
    rows = ENGINE.con.execute(f"SELECT number FROM customers WHERE {sql} ORDER BY 1").fetchall()
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
        "star = null",
        "star in (1, null)",
        "star not in (null)",
        "star in ()",
        "star is 3",
        "star = - - 3",
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


@pytest.mark.parametrize(
    "where", ["star = 3", "star <> 3", "star < 9", "star in (1, 3)", "star between 1 and 5"]
)
def test_a_comparison_with_a_null_is_never_true_nor_is_its_negation(where: str) -> None:
    unknown = {row for row in range(TABLE.count().execute()) if row < 27}
    assert set(met_in_sql("star is null")) == unknown
    for condition in (where, f"not ({where})", f"not (not ({where}))"):
        assert not unknown & set(met_in_ibis(condition))
        assert not unknown & set(met_in_sql(condition))
    assert unknown < set(met_in_ibis(f"{where} or star is null"))
    # What is false anyway is false whatever the unknown part would be.
    assert unknown < set(met_in_ibis(f"not ({where} and false)"))


ATOMS = st.one_of(
    st.builds("star {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
              st.integers(-1, 6)),
    st.builds("{} {} renewal".format, st.sampled_from([0.2, 0.5, -0.7]), st.sampled_from("<>=")),
    st.builds("channel {}in ('agent'{})".format, st.sampled_from(["", "not "]),
              st.sampled_from(["", ", 'online'"])),
    st.builds("renewal {}between {} and {}".format, st.sampled_from(["", "not "]),
              st.sampled_from([0, 0.2]), st.sampled_from([0.3, 0.7])),
    st.builds("{} is {}null".format, st.sampled_from(["star", "channel", "new_energy"]),
              st.sampled_from(["", "not "])),
    st.sampled_from(["new_energy", "new_energy = false", "new_energy is true", "true",
                     "new_energy is not false", "renewal < star", "star in (1, renewal, 3)",
                     "new_energy == 0", "1 <> new_energy", "new_energy in (1)"]),
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("not {}".format, inner),
        st.builds("({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@example("new_energy is not false")
@example("not (new_energy is true)")
@given(CONDITIONS)
def test_all_engines_mean_the_same(where: str) -> None:
    assert met_in_ibis(where) == met_in_sql(where) == met_one_by_one(where)
    assert met_in_sql(where) == met_in_a_frame(where, FRAME) == met_in_a_frame(where, FLOATS)


def test_frames_are_asked_by_several_threads_at_once() -> None:
    conditions = [f"star >= {star} and renewal < 0.{part}" for star in (1, 3, 5) for part in (1, 5)]
    wanted = [rows_where(where, FRAME).tolist() for where in conditions]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            answers = pool.map(lambda where: rows_where(where, FRAME).tolist(), conditions)
            assert list(answers) == wanted


def test_the_longest_condition_can_be_read() -> None:
    assert met_in_ibis(" and ".join(["star=3"] * 180)) == met_in_sql("star = 3")


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("channel > 3", r"compares channel \(text\) with 3 \(number\)"),
        ("star = 'gold'", r"compares star_level \(number\) with 'gold' \(text\)"),
        ("new_energy = 2", r"compares new_energy \(yes or no\) with 2 \(number\)"),
        ("new_energy = '1'", r"compares new_energy \(yes or no\) with '1' \(text\)"),
        ("star in (1, 'two')", r"with 'two' \(text\)"),
        ("star between 1 and 'two'", r"with 'two' \(text\)"),
        ("new_energy and star", "is no comparison: star_level"),
        ("channel", "is no comparison: channel"),
    ],
)
def test_unlike_things_are_not_compared(where: str, fault: str) -> None:
    with pytest.raises(GuanjiaError, match=fault):
        predicate(where, TABLE)


def test_a_segment_is_true_or_false_for_everybody() -> None:
    segments = {"likely": "renewal > 0.6", "green": "new_energy"}
    assert met("likely", segments) == [3]
    assert met("not likely", segments) == [1, 5]  # of star 1 the probability is not known
    assert met("LIKELY or green and star = 5", segments) == [3, 5]
    assert met("likely = false", segments) == [1, 5]
    with pytest.raises(GuanjiaError, match=r"column likly: is not known. Did you mean likely"):
        met("likly", segments)


def test_columns_of_a_condition() -> None:
    where = "star > 1 and (star < 3 or not new_energy)"
    assert columns_of(where, COLUMNS) == ["new_energy", "star_level"]
    assert mentioned(where, COLUMNS) == ["star_level", "new_energy"]


def test_a_frame_says_which_column_it_lacks() -> None:
    with pytest.raises(GuanjiaError, match=r"column chanel: is not known. Did you mean channel"):
        rows_where("chanel = 'agent'", FRAME)


def test_a_condition_without_columns_holds_for_every_row() -> None:
    assert rows_where("true", FRAME).all()
    assert rows_where("star > 0", FRAME.head(0)).tolist() == []


PIECES = (
    "and or not in ( ) is null between > <= = 1 0.5 'a' , ; select from -- /* */ * :: like exists "
    "read_text('x') copy case when end || [1] {'a':1} x->x $1"
)
WORDS = st.sampled_from([*COLUMNS, "star", *PIECES.split()])
RIGHT = st.lists(
    st.sampled_from(
        ["star > 1", "renewal between 0.1 and 0.9", "channel in ('a', 'b')", "not new_energy",
         "churn is null", "renewal >= churn"]
    ),
    min_size=1, max_size=3,
).map(" and ".join)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A condition that is accepted, with something put into it that may not be."""
    words = draw(RIGHT).split()
    place = draw(st.integers(0, len(words)))
    return " ".join([*words[:place], draw(WORDS), *words[place:]])


def test_what_is_accepted_holds_comparisons_alone() -> None:
    accepted = set()

    @settings(max_examples=400, deadline=None)
    @given(RIGHT | spoilt() | st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40))
    def accept(where: str) -> None:
        try:
            sql = compile_condition(where, COLUMNS)
        except GuanjiaError:
            return
        accepted.add(where)
        (tree,) = sqlglot.parse(sql, read="duckdb")
        assert tree is not None
        assert {type(node) for node in tree.walk()} <= ALLOWED
        assert {column.name for column in tree.find_all(exp.Column)} <= set(COLUMNS)

    accept()
    assert len(accepted) > 20


@pytest.mark.parametrize(
    ("where", "sign", "plain"),
    [
        ("branch = “B01”", "“", "'"),
        ("star >= ３", "３", "3"),
        ("star ≥ 3", "≥", ">="),
        ("（star >= 3）", "（", "("),
        ("star in (1，2)", "，", ","),
    ],
)
def test_signs_of_a_chinese_input_method_are_named(where: str, sign: str, plain: str) -> None:
    with pytest.raises(GuanjiaError) as refused:
        compile_condition(where, ["star_level", "branch"])
    assert refused.value.fault == f"holds the full-width sign {sign}"
    assert refused.value.cure.startswith(f"write {plain} in its place")


def test_within_a_text_they_are_what_is_asked_for() -> None:
    assert compile_condition("branch = '北京（东城）'", ["branch"]) == "\"branch\" = '北京（东城）'"


def test_a_text_in_double_quotes_is_no_column() -> None:
    with pytest.raises(GuanjiaError, match="Write texts in single quotes: 'B01'"):
        compile_condition('branch = "B01"', ["branch"])
