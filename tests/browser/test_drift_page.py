"""The page of a delivery that is not as those before, as the insurer's data people see it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Page

from features.imports.deliveries.page import publish_drift_page
from features.imports.run import run
from features.lake import Lake
from features.settings import Settings

MAPPING = """\
folder = "days"

[sources."客户"]
files = ["客户*.csv"]
kind = "text"
columns = ["客户号", "手机", "建档时间"]

[sources."保单"]
files = ["保单*.csv"]
kind = "text"
columns = ["保单号", "客户号", "险种", "签单时间", "起期", "止期", "保费"]

[[tables]]
name = "customers"
source = "客户"
drift = "freeze"
[tables.columns]
customer_id = {from = "客户号"}
phone = {from = "手机"}
registered_at = {from = "建档时间"}

[[tables]]
name = "policies"
source = "保单"
[tables.columns]
policy_id = {from = "保单号"}
customer_id = {from = "客户号"}
line = {from = "险种", codes = {"家财" = "household"}}
signed_at = {from = "签单时间"}
inception = {from = "起期"}
expiry = {from = "止期"}
written_premium = {from = "保费"}
"""
CUSTOMERS = "客户号,手机,建档时间\n" + "".join(
    f"C{n},1380000000{n},2024-01-05 10:00:00\n" for n in range(4)
)
POLICIES = "保单号,客户号,险种,签单时间,起期,止期,保费\n" + "".join(
    f"P{n},C{n},家财,2026-05-0{n + 1} 09:00:00,2026-05-2{n},2027-05-2{n},300{n}.00\n"
    for n in range(4)
)
NEXT = (
    "保单号,客户号,险种,签单时间,保险起始日期,止期,保费,出单机构及经办人员完整名称\n"
    "P0,C0,家财,2026-05-01 09:00:00,2026-05-20,2027-05-20,3000.00,甲\n"
    "P9,C1,宠物综合责任保险（家庭版）,2026-06-01 09:00:00,2026-06-20,2027-06-20,100.00,乙\n"
)
PHRASE = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})+")
"""Two English words side by side; names of files and columns are single words."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a second day that differs in encoding, headings, codes and rows."""
    folder = tmp_path_factory.mktemp("drift")
    lake, mapping = Lake(Settings(home=folder / "home")), folder / "mapping.toml"
    mapping.write_text(MAPPING, "utf-8")
    (folder / "days").mkdir()
    for name, text in (("客户", CUSTOMERS), ("保单", POLICIES)):
        (folder / "days" / f"{name}.csv").write_text(text, "utf-8")
    assert run(lake, mapping, datetime(2026, 6, 1, 15, 59, 59, tzinfo=UTC)).written
    (folder / "days" / "客户.csv").write_text(CUSTOMERS[:30], "gb18030")
    (folder / "days" / "保单.csv").write_text(NEXT, "utf-8")
    page = publish_drift_page(
        run(lake, mapping, datetime(2026, 6, 2, 15, 59, 59, tzinfo=UTC)), mapping
    )
    assert page is not None
    return page


@pytest.fixture(scope="module")
def page(file: Path) -> Iterator[Page]:
    """The page, opened; whatever it would fetch fails the test."""
    with chromium() as browser, offline_page(browser, file, 1280) as opened:
        yield opened


def test_the_page_says_what_changed_and_what_to_write_in_chinese(page: Page) -> None:
    text = page.inner_text("main")
    for said in ("多了一列", "列名疑似改了", "保险起始日期", "保单年度：等待确认", "保单年度·险类"):
        assert said in text, said
    lines = page.locator("code").all_inner_texts()
    for line in lines:
        text = text.replace(line, "")
    assert PHRASE.findall(text) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_all_of_it_can_be_read_without_scrolling_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for cell in page.locator("td:visible, code, p").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
