"""Which limits a tag has is read from its expression; whoever passes none of them keeps the tag."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.lake import Lake
from features.lake.known import days_ago
from features.lake.spine import months_before
from features.settings import Settings
from features.snapshots.passed import passed_turns
from features.tags.exact import anniversary, whole_years
from features.tags.lineage import _empty_lake
from features.tags.moving import ANY, BIRTHDAY, Turn, Turns
from features.tags.turns import DAY, find_turns
from features.tags.walk import Walk

END = datetime(1987, 6, 5, 16, tzinfo=UTC)
Expression = Callable[[ir.Table], ir.Value]


def table(name: str, as_of: date) -> ir.Table:
    """A checked table `vehicles` as relations read it, with the date and two days of each row."""
    schema = {"customer_id": "string", "first_registered": "date", "acquired_on": "date"}
    rows = ibis.table(schema, name=name)
    rows = rows.mutate(as_of=ibis.literal(as_of, "date"), cutoff=ibis.literal(END))
    return rows.mutate(
        ago=days_ago(rows, "first_registered"), from_36m=months_before(rows.as_of, 36)
    )


def turns_of(expression: Expression, tag: str = "tag") -> set[Turn]:
    walk = Walk(DAY, END)
    walk.note_tag(tag, expression(table("checked_vehicles", DAY)).op())
    return walk.turns


def turn(**fields: object) -> Turn:
    return Turn("vehicles", "first_registered", **fields)  # type: ignore[arg-type]


def due(t: ir.Table) -> ir.Value:
    """The anniversary of this year, as tags of vehicle care count it."""
    return anniversary(t.first_registered, t.as_of.year())


LIMITS: dict[str, tuple[Expression, set[Turn]]] = {
    # Here the date is compared: first_registered > as_of - 45, which turns 45 days after it.
    "days below": (lambda t: t.ago < 45, {turn(now_days=-45)}),
    "days at most": (lambda t: t.ago <= 45, {turn(now_days=-45, begins=True)}),
    "mirrored": (lambda t: ibis.literal(45) > t.ago, {turn(now_days=-45)}),
    "shifted": (lambda t: t.ago + 5 >= 50, {turn(now_days=-45)}),
    "exactly": (lambda t: t.ago == 7, {turn(now_days=-7), turn(now_days=-7, begins=True)}),
    "ahead": (
        lambda t: t.first_registered.delta(t.as_of, unit="day") <= 60,
        {turn(now_days=60)},
    ),
    "between": (
        lambda t: t.ago.between(30, 59),
        {turn(now_days=-30), turn(now_days=-59, begins=True)},
    ),
    "the day itself": (lambda t: t.first_registered <= t.as_of, {turn()}),
    "months before": (lambda t: t.first_registered > t.from_36m, {turn(now_months=-36)}),
    "months after": (
        lambda t: t.as_of > t.first_registered + ibis.interval(months=6),
        {turn(months=6, begins=True)},
    ),
    "whole years": (lambda t: whole_years(t.first_registered, t.as_of), {turn(kind=BIRTHDAY)}),
    "anniversary": (lambda t: due(t) > t.as_of, {turn(kind=BIRTHDAY)}),
    "either of two": (
        lambda t: t.first_registered.fill_null(t.acquired_on) <= t.as_of,
        {turn(), Turn("vehicles", "acquired_on")},
    ),
}
"""Expressions, and the turns that follow from them, worked out by hand."""
STILL: dict[str, Expression] = {
    "two days of one row": lambda t: t.first_registered < t.acquired_on,
    "days between two days": lambda t: t.ago - days_ago(t, "acquired_on"),
    "how many": lambda t: t.ago.count(where=t.ago.notnull()),
    "whose day is last": lambda t: t.customer_id.argmax(t.ago),
    "a text": lambda t: t.customer_id == "C1",
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_of_a_tag_are_read_from_its_expression(name: str) -> None:
    expression, expected = LIMITS[name]
    assert turns_of(expression) == expected


@pytest.mark.parametrize("name", STILL)
def test_what_does_not_move_with_the_date_has_no_limit(name: str) -> None:
    assert turns_of(STILL[name]) == set()


def test_days_since_move_by_their_name_alone() -> None:
    last: Expression = lambda t: t.ago.min()  # noqa: E731
    assert turns_of(last, "days_since_last") == set()
    # Not so under another name: whoever reads it must take it for changed.
    assert turns_of(last, "last") == turns_of(last, "days_to_last") == {turn(kind=ANY)}


@pytest.mark.parametrize(
    "expression",
    [
        lambda t: t.ago.sum(),
        lambda t: t.ago % 7 == 0,
        lambda t: t.ago.isin((3, 9)),
        lambda t: t.ago < t.customer_id.length(),
        lambda t: t.ago.abs() < 30,
        # The date of the tags is moved by a number of the row: what it is compared with may turn.
        lambda t: t.first_registered < t.as_of + t.customer_id.length().as_interval("D"),
        lambda t: t.first_registered > t.as_of.truncate("M"),
    ],
)
def test_what_is_not_understood_may_turn_at_any_limit(expression: Expression) -> None:
    assert turns_of(expression) == {turn(kind=ANY)}


def test_the_instant_of_an_event_may_pass_a_limit_by_its_day() -> None:
    claims = ibis.table({"customer_id": "string", "reported_at": "timestamp('UTC')"},
                        name="checked_claims")  # fmt: skip
    end = ibis.literal(END, "timestamp('UTC', 6)")
    walk = Walk(DAY, END)
    # A claim that is reported is a row that changed: nobody need look for the day.
    walk.note_tag("reported", (claims.reported_at < end).op())
    assert walk.turns == set()
    walk.note_tag("today", (claims.reported_at.cast("date") == ibis.literal(DAY, "date")).op())
    assert walk.turns == {Turn("claims", "reported_on", ANY)}


def test_the_limits_decide_in_filters_and_joins_too() -> None:
    def filtered(t: ir.Table) -> ir.Value:
        recent = t.filter(t.ago < 45).select("customer_id")
        return t.semi_join(recent, "customer_id").count()

    assert turns_of(filtered) == {turn(now_days=-45)}


@pytest.fixture(scope="module")
def relations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Turns]:
    return find_turns(_empty_lake(tmp_path_factory.mktemp("empty")))


def test_the_relations_turn_at_the_limits_of_their_tags(relations: dict[str, Turns]) -> None:
    contacted = ("interactions", "occurred_on")
    windows = {Turn(*contacted, now_days=-days) for days in (7, 30, 90, 180, 365)}
    assert relations["interactions"] == windows | {Turn(*contacted, now_months=-36)}
    cover = {Turn("policies", name) for name in ("inception", "expiry", "cancelled_on")}
    assert relations["policies"] == relations["renewal_quotes"] == cover
    # The latest consent counts, whenever it was given.
    assert relations["consents"] == frozenset()
    # The star: five years of premiums and claims, and a break of six months.
    assert relations["rating"] == {
        Turn("policies", "inception"),
        Turn("policies", "inception", now_months=-60),
        Turn("policies", "expiry", months=6, begins=True),
        Turn("policies", "cancelled_on", months=6, begins=True),
        Turn("claims", "occurred_on"),
        Turn("claims", "occurred_on", now_months=-60),
    }
    # Whose limit nobody could read: one date alone, of which maintenance is counted.
    assert {(turn.table, turn.column) for of in relations.values() for turn in of
            if turn.kind == ANY} == {("vehicles", "first_registered")}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A row for each day of ten years, leap days among them."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("days")))
    first = date(2019, 1, 1)
    days = pa.array([first + timedelta(n) for n in range(3_653)], pa.date32())
    rows = pa.table({"customer_id": [str(n) for n in range(3_653)], "first_registered": days,
                     "acquired_on": days})  # fmt: skip
    found.con.register("days_of_ten_years", rows)
    found.con.execute("CREATE TABLE ten_years AS FROM days_of_ten_years")
    return found


MAINTENANCE: Expression = lambda t: (  # noqa: E731
    months_before(t.as_of, 6) >= t.first_registered
)
MOVING = {name: expression for name, (expression, _) in LIMITS.items()}
AGES: dict[str, Expression] = {
    "days to the next anniversary, beside the days": lambda t: (
        (due(t) > t.as_of).cast("int64") + t.as_of.year() - t.first_registered.year()
    ),
    "half a year of age": lambda t: t.first_registered + ibis.interval(months=6) <= t.as_of,
}


def changed(lake: Lake, expression: Expression, then: date, as_of: date) -> set[str]:
    """The rows whose value is another one on the second date."""
    sides = []
    for day in (then, as_of):
        rows = table("ten_years", day)
        sides.append(lake.sql(rows.select("customer_id", value=expression(rows))))
    return ids(
        lake,
        f"SELECT a.customer_id FROM ({sides[0]}) a JOIN ({sides[1]}) b USING (customer_id)"
        " WHERE a.value IS DISTINCT FROM b.value",
    )


def ids(lake: Lake, query: str) -> set[str]:
    return {name for (name,) in lake.con.execute(query).fetchall()}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    then=st.dates(date(2022, 1, 1), date(2026, 12, 31))
    | st.sampled_from([date(2024, 2, 28), date(2023, 2, 28), date(2024, 2, 29), date(2025, 8, 31)]),
    step=st.sampled_from([1, 1, 1, 2, 5, 31]),
    name=st.sampled_from([*MOVING, *AGES]),
)
def test_whoever_passes_no_turn_keeps_the_value(
    lake: Lake, then: date, step: int, name: str
) -> None:
    expression, as_of = (MOVING | AGES)[name], then + timedelta(step)
    turns = turns_of(expression)
    passed = ids(
        lake, f"SELECT customer_id FROM ten_years WHERE {passed_turns(lake, turns, then, as_of)}"
    )
    moved = changed(lake, expression, then, as_of)
    assert moved <= passed
    if name in LIMITS and step == 1 and not any(turn.kind == BIRTHDAY for turn in turns):
        assert moved == passed


def test_ages_turn_on_no_other_day_of_the_leap_years(lake: Lake) -> None:
    """Day by day around the ends of months, where a day that a month lacks is moved."""
    ages: list[Expression] = [MOVING["whole years"], MOVING["anniversary"], MAINTENANCE]
    for then in (date(2023, 2, 27), date(2024, 2, 28), date(2025, 8, 30)):
        for n in range(4):
            day = then + timedelta(n)
            passed = passed_turns(lake, [turn(kind=BIRTHDAY)], day, day + timedelta(1))
            among = ids(lake, f"SELECT customer_id FROM ten_years WHERE {passed}")
            assert len(among) < 3_653 / 10
            for age in ages:
                assert changed(lake, age, day, day + timedelta(1)) <= among


def test_on_the_same_date_nothing_turns(tmp_path: Path) -> None:
    nowhere = Lake(Settings(home=tmp_path))
    assert passed_turns(nowhere, [turn(kind=ANY)], DAY, DAY) == "false"
