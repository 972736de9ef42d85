"""Monday's page as a manager sees it: on a phone, on a screen, and printed on one sheet of A4."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Browser

from serving.reports.output.files import ReportText, write_file
from serving.reports.output.sections import Cell, Percent, Section

DAY = date(2026, 6, 14)


def section(title: str, offices: int) -> Section:
    """A table of offices with their total, as wide as the widest of the report."""
    headings = ("机构", "本月应续", "已到期", "已续保", "续保率", "95%区间", "目标", "上月同期",
                "上年同期", "名单条件")  # fmt: skip
    rate = Percent(0.8179)
    rows: list[list[Cell]] = [
        [f"B{number:02}", 30, 16, 14, rate, "64.0%–96.5%", Percent(None), rate, rate,
         "days_to_commercial_expiry <= 7 and customer_id in ('C00000001', 'C00000002')"]
        for number in range(1, offices + 1)
    ]  # fmt: skip
    total: list[Cell] = ["合计", 777, 357, 292, rate, "77.5%–85.5%", Percent(None), rate, rate, ""]
    return Section(
        title, ("应续 777 张, 续保率 81.8%。",), headings, [*rows, total], ("续保率: ...",)
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A page of nine parts, each with 60 offices."""
    path = tmp_path / "monday.html"
    parts = [section(f"部分{number}", 60) for number in range(1, 10)]
    write_file(ReportText("2026年6月续保周报", DAY, parts), path)
    return path


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_says_first_what_matters(
    browser: Browser, file: Path, width: int
) -> None:
    with offline_page(browser, file, width) as page:
        assert page.locator("h1").inner_text() == "2026年6月续保周报"
        assert "续保率 81.8%" in page.locator(".first").inner_text()
        assert "2026年6月14日" in page.locator(".first").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # 39 offices and the total; the rest is in the exports, and the page says so.
        assert page.locator("section").first.locator("tbody tr").count() == 40
        assert "其余 21 行" in page.locator("section").first.inner_text()


def test_it_prints_on_one_sheet_of_a4(browser: Browser, file: Path, tmp_path: Path) -> None:
    with offline_page(browser, file, 1280) as page:
        printed = tmp_path / "monday.pdf"
        page.pdf(path=printed, format="A4", prefer_css_page_size=True)
        assert b"/Count 1\n" in printed.read_bytes()
        page.emulate_media(media="print")
        rows = page.locator("section").first.locator("tbody tr:visible")
        assert [row.split("\t")[0] for row in rows.all_inner_texts()] == [
            "B01", "B02", "B03", "B04", "合计"
        ]  # fmt: skip
        assert not page.locator("td.condition").first.is_visible()
