"""Touchpoints that the calendar makes due: months, holidays, warnings of the weather."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from serving.touchpoints.triggers import find_due

DAY = date(2026, 6, 30)
IN_FORCE = {"motor_policies_in_force": 1, "motor_policies_ahead": 0}
Write = Callable[..., None]
Found = Callable[..., dict[tuple[str, str], dict[str, Any]]]


def test_a_touchpoint_of_months_is_due_before_its_month_begins(found: Found) -> None:
    electric = {**IN_FORCE, "new_energy": True}
    assert found(date(2026, 6, 30), C1=electric) == {}
    row = found(date(2026, 5, 31), C1=electric)["C1", "battery_care"]
    assert (row["due_on"], row["window_end"]) == (date(2026, 6, 1), date(2026, 6, 30))
    assert row["reason"] == "6月"
    assert ("C1", "battery_care") in found(date(2026, 6, 29), C1=electric)


def test_greetings_are_due_the_day_before_a_holiday_and_on_it(found: Found) -> None:
    # Spring Festival is on 17 February 2026; greetings go out on the day before or on the day.
    def greeted(day: str) -> list[str]:
        return [row["reason"] for row in found(date.fromisoformat(day), C1=IN_FORCE).values()]

    assert greeted("2026-02-14") == []
    assert greeted("2026-02-15") == greeted("2026-02-16") == ["春节 2026-02-17"]
    assert greeted("2026-02-17") == []


def test_a_year_without_holidays_is_told(lake: Lake, snapshot: Write) -> None:
    for day, warned in ((date(2028, 12, 30), False), (date(2028, 12, 31), True)):
        snapshot(lake.home, day, {"C1": {}})
        said = ["no holiday of 2029 is declared: add its days to [holidays]"] if warned else []
        assert [warning.english for warning in find_due(lake, day).warnings] == said


WEATHER = """
[[warning]]
kind = "rainstorm"
level = "orange"
begins = 2026-07-02
ends = 2026-07-03
branches = ["B01", "B02"]
"""


def test_a_weather_warning_is_due_to_the_branches_it_names(own: Write, found: Found) -> None:
    here, there = {**IN_FORCE, "branch": "B01"}, {**IN_FORCE, "branch": "B03"}
    own(WEATHER + WEATHER.replace("orange", "yellow").replace("B02", "B03"), "weather.toml")
    pairs = found(DAY, here=here, there=there, unknown=IN_FORCE)
    assert list(pairs) == [("here", "special_weather")]
    row = pairs["here", "special_weather"]
    assert row["reason"] == "暴雨 2026-07-02"
    assert (row["due_on"], row["window_end"]) == (date(2026, 7, 1), date(2026, 7, 3))
    assert row["kind"] == "service"
    assert found(date(2026, 7, 3), here=here) == {}


def test_two_warnings_at_once_are_one_contact_and_a_new_one_is_another(
    own: Write, contacts: Write, found: Found
) -> None:
    here = {**IN_FORCE, "branch": "B01"}
    hail = '\n[[warning]]\nkind = "hail"\nlevel = "red"\nbegins = 2026-07-01\nends = 2026-07-05\n'
    own(WEATHER + hail, "weather.toml")
    assert found(DAY, C1=here)["C1", "special_weather"]["reason"] == "冰雹 2026-07-01"
    contacts({"customer_id": "C1", "touchpoint": "special_weather", "day": DAY})
    # Told of the hail on its eve; of the rain he was not.
    assert found(DAY, C1=here)["C1", "special_weather"]["reason"] == "暴雨 2026-07-02"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (('"rainstorm"', '"rainstrom"'), r"1, field kind: rainstrom is not known\. Did you"),
        (("2026-07-03", "2026-07-01"), r"warning 1: ends before it begins"),
        (("level", "levl"), r"warning 1, field levl: is not known\. Did you mean level"),
        (('"orange"', '"purple"'), r"1, field level: purple is not known\. Use one of blue"),
        (("[[warning]]", "[warning]"), r"warning: is no list of warnings\. Begin each with a line"),
        (("[[warning]]", "[[warnings]]"), r"warnings: is no list of warnings"),
    ],
)  # fmt: skip
def test_a_faulty_warning_is_told(
    lake: Lake, own: Write, snapshot: Write, line: tuple[str, str], fault: str
) -> None:
    own(WEATHER.replace(*line), "weather.toml")
    snapshot(lake.home, DAY, {"C1": {}})
    with pytest.raises(GuanjiaError, match=fault) as error:
        find_due(lake, DAY)
    assert "weather.toml" in error.value.thing
