"""The pages in a real browser: what they say, at two widths, for everybody."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsers import wait_for_parts
from english_runs import english_of
from playwright.sync_api import Page

from features.lake import Lake
from features.lake.published_lake import published_lake
from features.settings import Settings
from serving.console.navigation import MENU
from serving.records.database import Records
from serving.records.people.audit import note_export
from serving.touchpoints.trigger_pages import read_triggers

SignIn = Callable[..., Page]
Enter = Callable[[str], httpx.Client]
PATHS = [page.path for pages in MENU.values() for page in pages]


class Running(Protocol):
    """What the fixture `service` gives."""

    url: str
    home: Path
    as_of: str


@pytest.fixture(scope="module")
def customer(service: Running) -> str:
    """A customer with claims and a cover."""
    lake = Lake(Settings(home=service.home))
    query = (
        f"SELECT customer_id FROM '{lake.checked('claims')}' WHERE customer_id IN "
        f"(SELECT customer_id FROM '{lake.checked('policies')}' WHERE expiry > DATE "
        f"'{service.as_of}') GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    (found,) = lake.con.execute(query).fetchone() or ("",)
    return str(found)


def faults_of(page: Page) -> list[str]:
    """What axe finds on a page, in a line each. The page hands over faults alone: what passed is
    megabytes, and took longer than axe itself."""
    page.evaluate(AXE_SCRIPT)
    faults = page.evaluate(
        "axe.run({resultTypes: ['violations']}).then((result) => result.violations)"
    )
    return [f"{fault['id']}: {fault['help']} {fault['nodes'][0]['html'][:120]}" for fault in faults]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_for_everybody(
    sign_in: SignIn, customer: str, width: int, scheme: str
) -> None:
    page = sign_in("administrator", width, scheme)
    more = [f"/console/customers/{customer}", "/console/tags/star_level", "/console/style"]
    more += [
        f"/console/customers/{customer}/rights",
        f"/console/touchpoints/renewal_60d?customer={customer}",
        "/console/models/renewal",
        "/console/models/renewal/promote",
    ]
    more += [f"/console/data/{name}" for name in ("deliveries", "quarantine", "quality")]
    more += [
        "/console/lists/renewal_risk",
        "/console/list-builder?copy=renewal_risk",
        f"/console/lists/renewal_risk/why?customer={customer}",
    ]
    for path in [*PATHS, *more]:
        page.goto(path)
        wait_for_parts(page)
        assert page.locator("main h1").count() == 1, path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert faults_of(page) == [], path
        assert english_of(page) == [], path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_list_builder_is_for_everybody(sign_in: SignIn, width: int, scheme: str) -> None:
    page = sign_in("marketer", width, scheme)
    where = (
        "星级 ≥ 3 且 (非 渠道 属于 (代理) 或 商业险距到期天数 介于 7 和 90 之间) 且 续保概率 < 90%"
    )
    page.goto(f"/console/list-builder?where={where}")
    page.click("#about-r\\.0 summary")
    page.wait_for_selector("#about-r\\.0 svg")
    page.click("text=预览瀑布、价值与客户")
    page.wait_for_selector("#look caption")
    page.click("#add-r\\.1")
    page.wait_for_selector("[data-find]:focus")
    page.keyboard.type("出险")
    page.wait_for_selector(".result")
    wait_for_parts(page)
    assert page.locator("#about-r\\.0 svg").count() == 1, "what was opened stays open"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults_of(page) == []
    assert english_of(page) == []


def test_a_stranger_counts_their_branch_alone(
    service: Running, enter: Enter, branches: list[str]
) -> None:
    lake = Lake(Settings(home=service.home))
    query = f"SELECT count(*) FROM '{lake.checked('customers')}' WHERE branch = '{branches[0]}'"
    (own,) = lake.con.execute(query).fetchone() or (0,)
    page = enter("stranger").get("/console/list-builder", params={"where": "星级 ≥ 1"}).text
    assert re.findall(r'data-count="r"><span class="sr">符合 </span>([\d,]+)', page) == [str(own)]
    look = enter("stranger").get("/console/list-builder/tag/branch", headers={"X-Part": "1"}).text
    assert f"<td>{branches[0]}</td>" in look
    assert not [name for name in branches[1:] if name in look]
    offered = (
        enter("stranger")
        .get("/console/list-builder", params={"where": f"机构 属于 ({branches[0]})"})
        .text
    )
    assert not [name for name in branches[1:] if f'value="{name}"' in offered]


def test_the_login_page_is_for_everybody(sign_in: SignIn) -> None:
    page = sign_in("steward")
    page.click("text=退出登录")
    page.wait_for_url("**/console/login")
    assert faults_of(page) == []


def test_a_customer_is_found_and_understood(sign_in: SignIn, customer: str) -> None:
    page = sign_in("steward")
    page.goto("/console/customers")
    page.fill("#q", customer)
    page.keyboard.press("Enter")
    page.click(f"text={customer}")
    page.wait_for_selector("text=近五年车险保费")
    words = page.locator("main").inner_text()
    for heading in ("下一次触达", "星级", "预测", "授权", "有效保单", "理赔链", "触达记录"):
        assert heading in words
    assert "没有预占" in words


def test_the_keyboard_alone_leads_to_a_page(sign_in: SignIn) -> None:
    page = sign_in("steward")
    page.goto("/console/today")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到正文"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "标签与分群":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/tags")


def test_english_is_a_switch(sign_in: SignIn) -> None:
    page = sign_in("steward")
    page.goto("/console/tags?q=star")
    page.click("text=English")
    page.wait_for_selector("html[lang=en]")
    assert page.url.endswith("/console/tags?q=star")
    assert page.locator("h1").inner_text() == "Tags and segments"


def test_the_menu_opens_on_a_phone(sign_in: SignIn) -> None:
    page = sign_in("steward", 390)
    page.goto("/console/today")
    link = page.locator("nav a", has_text="人工复核")
    assert not link.is_visible()
    page.click("text=菜单")
    link.click()
    page.wait_for_url("**/console/reviews")


def test_a_stranger_sees_their_branch_alone(
    service: Running, enter: Enter, branches: list[str]
) -> None:
    lake = Lake(Settings(home=service.home))
    rows = lake.con.execute(
        f"SELECT branch, min(customer_id) FROM '{lake.checked('customers')}' GROUP BY 1"
    ).fetchall()
    own, other = branches[0], branches[1]
    ids = dict(rows)
    assert enter("stranger").get(f"/console/customers/{ids[own]}").status_code == 200
    assert enter("stranger").get(f"/console/customers/{ids[other]}").status_code == 404
    assert enter("stranger").get(f"/console/customers/{ids[other]}/star").status_code == 404
    found = enter("stranger").get("/console/customers", params={"q": ids[other]}).text
    assert f"/console/customers/{ids[other]}" not in found
    # The answer to who is of another branch is the answer to who does not exist.
    nobody = enter("stranger").get("/console/customers/C99999999").text
    hidden = enter("stranger").get(f"/console/customers/{ids[other]}").text
    assert nobody.replace("C99999999", "X") == hidden.replace(ids[other], "X")


def test_a_model_that_is_not_declared_is_not_found(enter: Enter) -> None:
    for path in ("claims", "claims/promote"):
        page = enter("scientist").get(f"/console/models/{path}")
        assert page.status_code == 404
        assert "claim_severity" in page.text, "what may have been meant"


def test_who_took_files_that_name_a_customer_is_for_compliance(
    enter: Enter, customer: str, records: Records
) -> None:
    with records.writing() as connection:
        note_export(
            connection, "ann", "july_calls", ["姓名"], [customer], datetime.now(UTC), "七月外呼"
        )
    part = f"/console/customers/{customer}/exports"
    whole = f"/console/customers/{customer}"
    assert part in enter("compliance").get(whole).text
    assert "july_calls" in enter("compliance").get(part).text
    assert part not in enter("marketer").get(whole).text
    assert enter("marketer").get(part).status_code == 403
    # Exports are of every branch, also where the customer is of the branch that one sees.
    assert "july_calls" not in enter("stranger").get(part).text


def test_what_is_due_for_a_customer_is_on_their_page(service: Running, sign_in: SignIn) -> None:
    lake = published_lake(Settings(home=service.home))
    row = read_triggers(lake, None, 1).rows[0]
    page = sign_in("marketer")
    page.goto(f"/console/customers/{row['customer_id']}")
    part = page.locator("section[aria-labelledby=due]")
    part.locator("h3").first.wait_for()
    assert part.locator(f"a[href='/console/touchpoints/{row['touchpoint']}']").count() == 1
    assert row["reason"] in part.inner_text()


def test_a_preview_reserves_and_records_nothing(
    service: Running, enter: Enter, customer: str, records: object
) -> None:
    def counted() -> list[int]:
        with records.reading() as connection:  # type: ignore[attr-defined]
            return [
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                for table in ("decisions", "contacts")
            ]

    before = counted()
    for point in ("app_open", "daily_batch"):
        answer = enter("steward").get(f"/console/customers/{customer}", params={"at_point": point})
        assert answer.status_code == 200
    assert counted() == before


def test_behind_a_number_are_those_who_were_counted(enter: Enter) -> None:
    client, path = enter("marketer"), "/console/lists/renewal_risk"
    preview = client.get(f"{path}/preview").text
    steps = re.findall(rf'href="{path}/behind/(\w+)">([\d,]+)</a>', preview)
    assert "sent" in dict(steps)
    at = re.search(r"截至 [\d-]+ [\d:]+", preview)
    assert at is not None
    for rule, number in steps:
        for address in (f"{path}/behind/{rule}", f"{path}/behind/{rule}/part"):
            page = client.get(address).text
            assert f"{number} 位客户" in page
            assert at[0] in page, "it is of the same instant"
            customers = re.findall(r"why\?customer=(\w+)", page)
            assert len(customers) == min(int(number.replace(",", "")), 200)
        why = client.get(f"{path}/why", params={"customer": customers[0]}).text
        assert ("不在名单上" in why) == (rule != "sent")
        part = client.get(f"{path}/why/part", params={"customer": customers[0]}).text
        assert part in why
    assert client.get(f"{path}/behind/no_rule").status_code == 404


@pytest.mark.parametrize(
    ("path", "written", "stored"),
    [
        *(
            (path, "商业险距到期天数 ≤ 60", "days_to_commercial_expiry &lt;= 60")
            for path in ("/console/lists", "/console/lists/renewal_risk")
        ),
        (
            "/console/tags",
            "留存年限 ≥ 5 且 断保次数 = 0",
            "tenure_years &gt;= 5 and cover_gaps_ever = 0",
        ),
    ],
)
def test_stored_conditions_are_in_the_language_of_the_page(
    enter: Enter, path: str, written: str, stored: str
) -> None:
    client = enter("marketer")
    chinese = client.get(path).text
    client.cookies.set("guanjia_language", "en")
    try:
        english = client.get(path).text
    finally:
        client.cookies.delete("guanjia_language")
    assert (written in chinese, stored in chinese) == (True, False)
    assert (written in english, stored in english) == (False, True)
