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

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from features.settings import Settings
from serving.auth.tokens import make_token
from serving.records.database import Records
from serving.records.users.users import add_user

PASSWORD = "correct horse battery staple"
SECONDS = 120_000
"""Milliseconds that a page may take on a busy machine."""
DELIVERY = (
    '{"delivered": "2026-06-29T15:59:59+00:00", "recorded": "2026-06-29T15:59:59+00:00", "files": '
    '[{"source": "保单", "file": "<b>保单.csv", "bytes": 7, "sha256": "ab", "rows": 5200, '
    '"mapping": "x"}], "tables": {"policies": {"rows": 5200, "new": 120, "changed": 14, '
    '"unchanged": 5057, "ended": 3, "waiting": 6, "unread": {}}}}\n'
)
DRIFT = (
    '{"delivered": "2026-06-30T15:59:59+00:00", "stopped": true, "frozen": [], "drifts": [{"kind": '
    '"new_column", "source": "保单", "file": "", "tables": ["policies"], "before": "none", "now": '
    '"<i>备注", "effect": "", "section": "", "line": "new_columns = [\\"备注\\"]"}]}\n'
)
Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def home(demo: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo with users, a delivery, and a delivery that was not as before."""
    home = tmp_path_factory.mktemp("journeys") / "home"
    # Records begin anew: those of the demo are written by the tests of a service that runs on it.
    left_out = shutil.ignore_patterns("mlflow", "reports", "truth", "records.db*")
    shutil.copytree(demo[0], home, ignore=left_out)
    records = Records(Settings(home=home))
    records.migrate()
    with records.writing() as connection:
        for role in ("marketer", "manager"):
            add_user(connection, role, PASSWORD, [role], None, by="tests", at=datetime.now(UTC))
    records.close()
    (home / "raw" / ".deliveries.jsonl").write_text(DELIVERY, "utf-8")
    drift = home / "quarantine" / "import" / "drift.jsonl"
    drift.parent.mkdir(parents=True, exist_ok=True)
    drift.write_text(DRIFT, "utf-8")
    return home


@pytest.fixture(scope="module")
def url(home: Path, serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose lists of more than ten members need a second person."""
    with serving(home, tmp_path_factory.mktemp("runs"), GUANJIA_RELEASE_ALONE="10") as address:
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
    page.click("text=预览瀑布")
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


def test_deliveries_and_their_drift_are_told(enter: Callable[[str], Page]) -> None:
    page = enter("manager")
    page.goto("/console/data/deliveries")
    words = page.locator("main").inner_text()
    for text in ("未写入，等待确认", "多了一列", "<i>备注", 'new_columns = ["备注"]', "2026-06-29"):
        assert text in words
    cells = page.locator("section:has(h2:has-text('2026-06-29')) tbody tr").first.locator("td")
    assert cells.all_inner_texts() == [
        "保单年度", "5,200", "120", "14", "5,057", "3", "0", "0", "0", "0", "6",
    ]  # fmt: skip
    page.click("text=隔离区")
    expect(page.locator("main")).to_contain_text("怎样放回", timeout=SECONDS)
    page.click("nav.tabs >> text=质量")
    expect(page.locator("main")).to_contain_text("各日", timeout=SECONDS)


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until an element has the focus."""
    for _ in range(120):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{name} is not reached by {key}")


def has_focus(page: Page, name: str) -> None:
    """Wait until an element has the focus: the answer of the service has been shown."""
    expect(page.locator(f"[id='{name}']")).to_be_focused(timeout=SECONDS)


def choose_tag(page: Page, row: str, words: str) -> None:
    """Search a tag and take the first that is found; the focus is then on the comparison."""
    tab_to(page, f"find-{row}")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    has_focus(page, f"operator-{row}")


def test_a_nested_condition_is_built_by_keyboard_alone(
    enter: Callable[[str], Page], home: Path, url: str
) -> None:
    page = enter("marketer")
    page.goto("/console/list-builder")
    tab_to(page, "add-r")
    page.keyboard.press("Enter")
    has_focus(page, "find-r.0")
    choose_tag(page, "r.0", "星级")
    page.wait_for_selector("#about-r\\.0 svg")
    assert "空值占比" in page.locator("#about-r\\.0").inner_text()
    tab_to(page, "value-r.0")
    page.keyboard.press("3")
    page.wait_for_selector("#look .big")
    tab_to(page, "group-r", "Shift+Tab")
    page.keyboard.press("Enter")
    has_focus(page, "kind-r.1")
    choose_tag(page, "r.1.0", "续保概率")
    for _ in range(3):
        page.keyboard.press("ArrowUp")  # at least -> less than
    tab_to(page, "value-r.1.0")
    page.keyboard.type("70%")
    tab_to(page, "add-r.1", "Shift+Tab")
    page.keyboard.press("Enter")
    has_focus(page, "find-r.1.1")
    choose_tag(page, "r.1.1", "channel")
    tab_to(page, "value-r.1.1-3")
    page.keyboard.press("Space")
    text = "星级 ≥ 3 且 (续保概率 < 0.7 或 渠道 属于 (代理))"
    expect(page.locator("#where")).to_have_value(text)
    assert page.evaluate("document.activeElement.id") == "value-r.1.1-3", "the focus stays"
    key = make_token(Settings(home=home), "li", datetime.now(UTC), scopes=("lists:read",))
    answer = httpx.post(
        f"{url}/v1/conditions/count",
        json={"conditions": [text]},
        headers={"Authorization": f"Bearer {key}"},
    )
    for part in answer.json()["conditions"][0]["parts"]:
        path = ".".join(["r", *filter(None, [part["path"]])])
        shown = page.locator(f"[data-count='{path}']").inner_text()
        assert number(shown) == part["customers"], path
    tab_to(page, "up-r.1")
    page.keyboard.press("Enter")
    has_focus(page, "up-r.0")
    assert page.input_value("#where") == "(续保概率 < 0.7 或 渠道 属于 (代理)) 且 星级 ≥ 3"
    tab_to(page, "name")
    page.keyboard.type("by_keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type("键盘名单")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/lists/by_keyboard")
    shown = "(续保概率 < 0.7 或 渠道 属于 (代理)) 且 星级 ≥ 3"
    assert shown in page.locator("main").inner_text(), "as it was written, not as it is stored"


def test_the_builder_works_without_script(browser: Browser, url: str) -> None:
    context = browser.new_context(base_url=url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/console/login")
    page.fill("#user_name", "marketer")
    page.fill("#password", PASSWORD)
    page.click("button")
    page.goto("/console/list-builder?where=星级 ≥ 3")
    before = number(page.locator("[data-count='r']").inner_text())
    page.click("#add-r")
    page.fill("#find-r\\.1", "续保概率")
    page.click("text=查找")
    page.click("button.result >> nth=0")
    page.fill("#value-r\\.1", "0")
    page.click(".text button")
    # A click does not wait for the page that comes of it; what is expected does.
    both = "星级 ≥ 3 且 续保概率 ≥ 0"
    expect(page.locator("#where")).to_have_value(both, timeout=SECONDS)
    assert number(page.locator("[data-count='r']").inner_text()) <= before
    page.fill("#where", "星级 ≥ 3 且 星级")
    page.click(".text button")
    expect(page.locator("#text [role=alert]")).to_have_count(1, timeout=SECONDS)
    page.click("text=用下面的条件覆盖文字")
    expect(page.locator("#where")).to_have_value(both, timeout=SECONDS)
    page.click("#add-r")
    page.fill("#name", "half_done")
    page.fill("#label", "没填完")
    page.click("text=保存为新版本")
    told = "还有 1 条没有填完"
    expect(page.locator("[role=alert]")).to_contain_text(told, timeout=SECONDS)
    context.close()
