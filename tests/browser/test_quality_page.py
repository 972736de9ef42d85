"""The quality page as somebody sees it, in a browser without a network, and the command of it."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Page
from typer.testing import CliRunner, Result

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue, groups
from guanjia.cli import app

# So few customers differ by chance from month to month: here, ranges alone are bounds.
LENIENT = """
[defaults]
drift_max = inf
null_share_change_max = 1
category_change_max = 1
"""
BROKEN = LENIENT + "[tags.age_years]\nminimum = 70\n[tags.licence_years]\nmaximum = 1\n"


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots of a small insurer."""
    home = tmp_path_factory.mktemp("insurer")
    lake = Lake(Settings(home=home))
    simulate(lake, 200, 5)
    check_tables(lake)
    write_snapshot(lake, [date(2026, 5, 31), date(2026, 6, 30)])
    return home


def quality(home: Path, bounds: str, *words: str) -> Result:
    """`guanjia quality` with these bounds."""
    (home / "quality.toml").write_text(bounds, encoding="utf-8")
    return CliRunner(env={"GUANJIA_HOME": str(home)}).invoke(app, ["quality", *words])


@pytest.fixture(scope="module")
def file(insurer: Path) -> Path:
    """The page of a snapshot that breaks two bounds."""
    path = insurer / "quality.html"
    assert quality(insurer, BROKEN, "--html", str(path)).exit_code == 1
    return path


@pytest.fixture(scope="module")
def page(file: Path) -> Iterator[Page]:
    """The page, opened; whatever it would fetch fails the test."""
    with chromium() as browser, offline_page(browser, file, 1180) as opened:
        yield opened


def test_a_broken_bound_ends_with_1_and_is_named(insurer: Path) -> None:
    done = quality(insurer, BROKEN, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["passed"] is False
    assert {one["subject"] for one in told["findings"] if one["status"] == "broken"} == {
        "age_years",
        "licence_years",
    }
    text = quality(insurer, BROKEN, "--against", "2026-05-31").stdout
    assert text.index("Broken bounds") < text.index("Largest drifts")
    assert "is below 70" in text


def test_bounds_that_hold_end_with_0(insurer: Path) -> None:
    done = quality(insurer, LENIENT, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["passed"], told["as_of"], told["days"]) == (True, "2026-06-30", 30)
    assert [one["tag"] for one in told["tags"]] == list(catalogue())


def test_a_wrong_option_or_bound_is_a_fault_and_no_page(insurer: Path) -> None:
    assert quality(insurer, LENIENT, "--against", "yesterday").exit_code == 2
    with pytest.raises(GuanjiaError, match=r"field tags\.age_years\.minimum: "):
        raise quality(insurer, "[tags.age_years]\nminimum = 'x'").exception or AssertionError


def test_the_page_says_what_is_broken(page: Page) -> None:
    assert page.locator(".verdict").inner_text() == "2 项越界"
    named = page.locator(".findings li.broken b").all_inner_texts()
    assert sorted(named) == sorted(["年龄", "驾龄"])
    assert page.locator(".tag").count() == len(catalogue())
    assert page.locator(".tag.broken").count() == 2


def test_filters_need_no_script(page: Page) -> None:
    assert page.locator("script").count() == 0
    shown = page.locator(".tag:visible")
    page.click("label[for=status-broken]")
    assert shown.count() == 2
    assert page.locator("section.group:visible").count() == 1
    page.click("label[for=status-all]")
    page.click("label[for=group-loyalty]")
    assert shown.count() == len(groups()["loyalty"].tags)
    page.click("label[for=group-all]")
    assert shown.count() == len(catalogue())


def test_a_row_opens_and_shows_its_numbers(page: Page) -> None:
    page.click(".findings a[href='#age_years']")
    body = page.locator("#age_years")
    assert body.is_visible(), "a link into a closed row opens it"
    assert "取值 70 至 110" in body.inner_text()
    assert body.locator("tr", has_text="空值").count() <= 1
    drawn = page.locator(".tag:has(#age_years) svg path.now")
    assert drawn.bounding_box()["width"] > 100  # type: ignore[index]


def test_on_a_phone_nothing_is_cut_off(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    name = page.locator(".tag summary .name").first.bounding_box()
    chart = page.locator(".tag summary .chart").first.bounding_box()
    assert name is not None
    assert chart is not None
    assert name["y"] + name["height"] <= chart["y"] + 1, "the picture is below the name"
