"""The page of a day as a marketer sees it, in a browser without a network."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Browser, Page

from guanjia.jobs.daily.history import Attempt, DayHistory, StepRecord
from guanjia.jobs.daily.meaning import meaning
from guanjia.jobs.daily.page import write_page

DAY = date(2026, 6, 30)
POLICIES = "保单年度的行数：47,990，上一发布日为 119,974（界限：不少于上一发布日的 95.0%）"


def attempt(number: int, outcome: str, steps: list[StepRecord], published: str) -> Attempt:
    """An attempt that ran for a minute, at one in the night of Shanghai."""
    made = Attempt(number, "2026-06-30T17:00:00+00:00", 7, "host", "2026-06-30T17:01:00+00:00")
    made.outcome = outcome  # type: ignore[assignment]
    made.steps, made.published, made.seconds = steps, published, 60.0
    made.meaning = meaning(made, DAY)
    return made


BROKEN = attempt(
    1,
    "broken",
    [
        StepRecord("check", "done", seconds=3.2, rows=714_903, chinese="13 张表 714,903 行"),
        StepRecord(
            "publish", "broken", chinese="未发布：1 项越界；继续使用6月29日的数据",
            findings=[{"subject": "rows of policies", "english": "few", "chinese": POLICIES}],
        ),
    ],
    "2026-06-29",
)  # fmt: skip
MENDED = attempt(
    2,
    "done",
    [
        StepRecord("check", "done", seconds=3.2, rows=786_887, chinese="13 张表 786,887 行"),
        StepRecord("tags", "skipped", rows=345, chinese="20,000 位客户，其中 345 位重新计算"),
        StepRecord("publish", "done", seconds=2.5, chinese="6月30日的数据已发布"),
        StepRecord("lists", "done", seconds=0.6, rows=500, chinese="写出 1 份名单，共 500 位客户"),
    ],
    "2026-06-30",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with chromium() as opened:
        yield opened


def page_of(browser: Browser, home: Path, attempts: list[Attempt], width: int) -> Iterator[Page]:
    """The page of a day at a width; whatever it would fetch fails the test."""
    file = write_page(home, DayHistory(DAY, attempts), "Asia/Shanghai")
    with offline_page(browser, file, width) as page:
        yield page


@pytest.mark.parametrize("width", [390, 1280])
def test_a_refused_day_says_first_whose_list_holds(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    for page in page_of(browser, tmp_path, [BROKEN], width):
        assert page.locator("h1").inner_text() == "6月30日未发布，继续使用6月29日的数据"
        marketers = page.locator("dd").nth(1).inner_text()
        assert marketers.startswith("今天的名单仍是6月29日的")
        assert POLICIES in page.locator("li").first.inner_text()
        assert page.locator("tr:has-text('审核发布') .tag").inner_text() == "越界"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_a_day_that_was_mended_shows_both_runs(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    for page in page_of(browser, tmp_path, [BROKEN, MENDED], width):
        assert page.locator("h1").inner_text() == "6月30日已发布"
        head = page.locator(".verdict p").first.inner_text()
        assert "7月1日 01:00 开始" in head, "times are those of the insurer"
        assert "这是第 2 次运行" in head
        assert "写出 1 份名单，共 500 位客户" in page.locator("dd").nth(1).inner_text()
        earlier = page.locator("table.earlier").inner_text()
        assert "第 1 次" in earlier
        assert "越界" in earlier
        skipped = page.locator("table.steps tr:has-text('计算标签')").inner_text()
        assert "未变，跳过" in skipped
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_prints_without_being_cut(browser: Browser, tmp_path: Path) -> None:
    for page in page_of(browser, tmp_path, [BROKEN, MENDED], 1280):
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 1000})  # A4 at 96 dpi, less margins
        assert page.evaluate("document.documentElement.scrollWidth") <= 700
        assert page.locator("script").count() == 0
