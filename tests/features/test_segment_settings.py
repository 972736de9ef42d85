"""Segments as people declare them: what is shipped, what a home changes, what is refused."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.segments.document import render
from features.segments.segments import members
from features.segments.settings import DIMENSIONS, GOALS, Segment, load_segments, shipped_segments
from features.settings import Settings
from features.snapshots.snapshots import read_snapshot
from features.tags.catalogue import catalogue

ROOT = Path(__file__).parents[2]
DAY = date(2026, 6, 30)
OWN = """
[young]
name = "Young"
label = "年轻客户"
kind = "strategic"
dimensions = ["behaviour"]
purpose = "Speak to them online."
purpose_chinese = "线上沟通。"
rule = "age_years < 30"
"""


def own(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "segments.toml").write_text(text, encoding="utf-8")
    return home


def test_the_shipped_segments_cover_every_dimension_and_goal(home: Path) -> None:
    segments = load_segments(home).values()
    assert {word for one in segments for word in one.dimensions} == set(DIMENSIONS)
    assert {one.goal for one in segments if one.goal} == set(GOALS)
    assert max(len(one.dimensions) for one in segments) == 3
    labels = [one.label for one in segments]
    assert len(set(labels)) == len(labels)
    assert all("一" <= one.label[0] <= "鿿" for one in segments)
    assert all(set(one.tags) <= set(catalogue()) for one in segments)


def test_a_home_adds_replaces_and_leaves_out(home: Path) -> None:
    shipped = shipped_segments()
    found = load_segments(own(home, "digital = false\n" + OWN + OWN.replace("young", "loyal")))
    assert list(found) == [name for name in shipped if name != "digital"] + ["young"]
    assert found["young"].tags == ["age_years"]
    assert found["loyal"] == found["young"]
    assert found["core"] == shipped["core"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (('"age_years < 30"', '"age_yeers < 30"'),
         r"segment young, field rule: column age_yeers is not known\. Did you mean age_years"),
        (('"age_years < 30"', '"age_years < \'thirty\'"'),
         r"field rule: condition compares age_years \(number\) with 'thirty' \(text\)"),
        (('"age_years < 30"', '"age_years"'), "field rule: condition is no comparison: age_years"),
        (('"age_years < 30"', '"age_years <"'), "field rule: condition cannot be read"),
        (('"age_years < 30"', '"customers in (select 1)"'), "field rule: condition may not use"),
        (('"age_years < 30"', '"renewal < 0.5"'), "field rule: column renewal is not known"),
        (('"age_years < 30"', '"high_value"'), "field rule: column high_value is not known"),
        (("purpose =", "purpos ="), r"segment young, field purpos: is not known\. Did you mean"),
        (('label = "年轻客户"', ""), "segment young, field label: is missing"),
        (('"strategic"', '"tactical"'), "segment young: a tactical segment has a goal and no dim"),
        (('["behaviour"]', "[]"), "segment young: a strategic segment has dimensions"),
        (('["behaviour"]', '["price"]'), r"young, field dimensions number 1: price is"
         r" not known\. Use one of value, behaviour, loyalty"),
        (('"Young"', '""'), "field name: String should have at least 1"),
        (("[young]", "[Young-customers]"), "segment Young-customers: has a name that commands"),
        (("[young]", "[age_years]"), "segment age_years: is named like a tag"),
        (("[young]", "young = 3\n[other]"), "segment young: is no table of fields"),
        (("[young]", "yung = false\n[young]"), "field yung: is left out, but does not exist"),
        (("[young]", "digitl = false\n[young]"), r"Did you mean digital"),
        (('"age_years < 30"', '"age_years < 30'), "segments.toml: is not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_names_file_segment_and_field(
    home: Path, line: tuple[str, str], fault: str
) -> None:
    text = OWN.replace(*line)
    assert text != OWN
    with pytest.raises(GuanjiaError, match=fault) as error:
        load_segments(own(home, text))
    assert str(home / "segments.toml") in error.value.thing


def test_a_tactical_segment_has_a_goal_and_a_strategic_one_dimensions() -> None:
    words = {"name": "X", "label": "某", "purpose": "p", "purpose_chinese": "某", "rule": "true"}
    with pytest.raises(ValueError, match="a tactical segment has a goal and no dimensions"):
        Segment(kind="tactical", goal="retention", dimensions=("value",), **words)
    with pytest.raises(ValueError, match="a strategic segment has dimensions and no goal"):
        Segment(kind="strategic", goal="retention", dimensions=("value",), **words)


def test_the_papers_example_means_older_and_well_off(
    home: Path, snapshot: Callable[..., None]
) -> None:
    typical = {
        "age_years": 52,
        "vehicle_list_price": 260_000.0,
        "city_tier": "3_and_below",
        "customer_value": 0.0,
        "motor_policies_in_force": 2,
        "holds_health": False,
    }
    changed: dict[str, dict[str, Any]] = {
        "in: as described": {},
        "in: city and car": {"vehicle_list_price": 150_000.0, "city_tier": "1"},
        "in: value and car": {"vehicle_list_price": 150_000.0, "customer_value": 10_000.0},
        "in: city not known": {"city_tier": None},
        "out: young": {"age_years": 44},
        "out: too old for the cover": {"age_years": 66},
        "out: age not known": {"age_years": None},
        "out: cheap car": {"vehicle_list_price": 149_999.0, "city_tier": "1"},
        "out: car not known": {"vehicle_list_price": None, "city_tier": "1"},
        "out: value not known": {"vehicle_list_price": 200_000.0, "customer_value": None},
        "out: has health cover": {"holds_health": True},
        "out: no motor cover": {"motor_policies_in_force": 0},
    }
    snapshot(home, DAY, {name: {**typical, **change} for name, change in changed.items()})
    lake = Lake(Settings(home=home))
    segments = {"older_well_off": shipped_segments()["older_well_off"]}
    found = members(lake, read_snapshot(lake, DAY), segments).to_pylist()
    assert {row["customer_id"]: row["older_well_off"] for row in found} == {
        name: name.startswith("in") for name in changed
    }


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
    assert page == render(page), "run `make docs`"
    assert all(f"`{name}`" in page for name in [*shipped_segments(), *Segment.model_fields])


def test_the_pages_example_can_be_used(home: Path) -> None:
    page = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
    found = load_segments(own(home, page.split("```toml")[1].split("```")[0]))
    assert set(found) - set(shipped_segments()) == {"large_premium_expiring"}
