"""What people do in the console from end to end: build a list, approve, export; follow a number."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from features.settings import Settings
from serving.records.database import Records
from serving.records.users.users import add_user

PASSWORD = "correct horse battery staple"
SECONDS = 120_000
"""Milliseconds that a page may take on a busy machine."""
Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def url(
    demo: tuple[Path, dict[str, Any]], serving: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service whose lists of more than ten members need a second person."""
    home, folder = tmp_path_factory.mktemp("journeys") / "home", tmp_path_factory.mktemp("runs")
    # Records begin anew: those of the demo are written by the tests of a service that runs on it.
    left_out = shutil.ignore_patterns("mlflow", "reports", "truth", "records.db*")
    shutil.copytree(demo[0], home, ignore=left_out)
    records = Records(Settings(home=home))
    records.migrate()
    with records.writing() as connection:
        for role in ("marketer", "manager"):
            add_user(connection, role, PASSWORD, [role], None, by="tests", at=datetime.now(UTC))
    records.close()
    with serving(home, folder, GUANJIA_RELEASE_ALONE="10") as address:
        yield address


@pytest.fixture
def enter(url: str, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """A page of a user of this service who is signed in."""
    contexts = []

    def signed_in(user: str) -> Page:
        context = browser.new_context(base_url=url, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.goto("/console/login")
        page.fill("#user_name", user)
        page.fill("#password", PASSWORD)
        page.click("button")
        return page

    yield signed_in
    for context in contexts:
        context.close()


def number(text: str) -> int:
    """The first number of a text."""
    return int(re.findall(r"\d[\d,]*", text)[0].replace(",", ""))


def test_a_list_is_built_approved_by_another_and_exported(enter: Callable[[str], Page]) -> None:
    page = enter("marketer")
    page.goto("/console/list-builder")
    page.fill("#where", "星级 ≥ 1 且 续保概率 < 90%")
    page.wait_for_selector("#look .big")
    matched = number(page.locator("#look p").first.inner_text())
    page.click("text=预览瀑布与价值")
    page.wait_for_selector("#look table")
    steps = page.locator("#look table").first.locator("tbody tr")
    rows = [steps.nth(place).inner_text().split("\t") for place in range(steps.count())]
    assert rows[0][0] == "符合条件"
    assert number(rows[0][1]) == matched
    sent = number(rows[-1][1])
    assert number(rows[0][1]) - sum(number(row[1]) for row in rows[1:-1]) == sent > 10
    page.fill("#name", "autumn_calls")
    page.fill("#label", "秋季续保电话")
    page.click("text=保存为新版本")
    page.wait_for_url("**/console/lists/autumn_calls")
    page.click("text=按现在的名单发布")
    page.wait_for_url("**/releases/*")
    release = page.url
    assert "需要另一位有权限的同事批准" in page.locator("main").inner_text()
    assert page.locator("text=导出用途").count() == 0, "nothing is exported before the approval"

    other = enter("manager")
    other.goto(release)
    other.click("button:has-text('批准')")
    other.wait_for_selector("text=已发布")

    page.reload()
    page.fill("#why", "九月电话")
    page.select_option("#format", "csv")
    with page.expect_download() as waiting:
        page.click("button:has-text('导出')")
    text = Path(waiting.value.path()).read_text("utf-8-sig")
    exported = list(csv.DictReader(io.StringIO(text)))
    assert len(exported) == sent
    page.goto(release)
    shown = page.locator("tbody tr", has_not_text="对照组").locator("td:nth-child(2) span")
    numbers = [shown.nth(place).inner_text() for place in range(shown.count())]
    assert [row["客户号"].lstrip("'") for row in exported][: len(numbers)] == numbers


def test_a_number_of_monday_opens_its_list(enter: Callable[[str], Page]) -> None:
    page = enter("manager")
    page.goto("/console/monday")
    page.wait_for_selector("main table")
    calls = page.locator("section:has(h2:text('本周待联系')) tbody tr").first
    due = number(calls.locator("td").nth(2).inner_text())
    calls.locator("summary").click()
    calls.locator("a").click()
    page.wait_for_selector("#look .big")
    assert number(page.locator("#look p").first.inner_text()) == due > 0
