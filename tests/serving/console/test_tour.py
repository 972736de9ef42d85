"""The tour of the console, step by step as its page says; then what changes models and rules."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_users import MODEL, PASSWORD, Desk, Walk, challenge
from playwright.sync_api import Browser

from features.lake import Lake
from features.settings import Settings
from serving.records.database import Records
from serving.records.users.users import add_user

TOUR = Path(__file__).parents[3] / "docs" / "tour-console.md"
USERS = {
    "demo": ("administrator", None), "li": ("manager", None), "wang": ("marketer", None),
    "sun": ("scientist", None), "zhou": ("scientist", ["B01"]),
}  # fmt: skip
CUSTOMER = "C00000011"
Serving = Callable[..., AbstractContextManager[str]]
Run = Callable[..., Any]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def steps_of_the_page() -> dict[str, str]:
    """Heading -> text of each step of the tour."""
    parts = re.split(r"^## \d+\. (.+)$", TOUR.read_text("utf-8"), flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture(scope="module")
def home(demo: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own, with users."""
    folder = tmp_path_factory.mktemp("tour") / "home"
    shutil.copytree(demo[0], folder, ignore=shutil.ignore_patterns("truth", "records.db*"))
    records = Records(Settings(home=folder))
    records.migrate()
    with records.writing() as connection:
        for name, (role, branches) in USERS.items():
            add_user(connection, name, PASSWORD, [role], branches, by="t", at=datetime.now(UTC))
    records.close()
    return folder


@pytest.fixture(scope="module")
def url(home: Path, serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose lists of more than ten members need a second person."""
    with serving(home, tmp_path_factory.mktemp("runs"), GUANJIA_RELEASE_ALONE="10") as address:
        yield address


def log_in(walk: Walk, _other: Walk, _text: str) -> None:
    walk.log_in()
    walk.page.wait_for_url("**/console/today")


def today(walk: Walk, _other: Walk, _text: str) -> None:
    walk.open("/console/today")
    walk.click("section:has(h2:text('今日应触达')) tbody a")
    walk.page.wait_for_url("**/console/touchpoints/*")
    walk.click("#due tbody a:text('话术')")
    walk.page.wait_for_selector("text=不代表会触达")
    assert "王芳" not in walk.page.locator("#scripts").inner_text()


def monday(walk: Walk, _other: Walk, _text: str) -> None:
    walk.open("/console/monday")
    walk.page.wait_for_selector("main table")
    row = "section:has(h2:text('本周待联系')) tbody tr"
    walk.click(f"{row} summary")
    walk.click(f"{row} a")
    walk.page.wait_for_url("**/console/list-builder?where=*")


def build(walk: Walk, _other: Walk, text: str) -> None:
    walk.open("/console/lists")
    walk.open("/console/list-builder")
    (condition,) = re.findall(r"`(星级[^`]+)`", text)
    walk.page.fill("#where", condition)
    walk.page.locator("#look p", has_text=re.compile(r"\d")).first.wait_for()
    walk.page.fill("#name", "tour_calls")
    walk.page.fill("#label", "秋季续保电话")
    walk.click("text=保存为新版本")
    walk.page.wait_for_url("**/console/lists/tour_calls")


def release(walk: Walk, _other: Walk, _text: str) -> None:
    walk.click("text=按现在的名单发布")
    walk.page.wait_for_url("**/releases/*")


def approve(walk: Walk, other: Walk, _text: str) -> None:
    other.log_in()
    other.open(walk.page.url)
    other.click("button:has-text('批准')")
    other.page.wait_for_selector("text=已发布")
    other.look()
    walk.words += other.words


def export(walk: Walk, _other: Walk, _text: str) -> None:
    walk.page.reload()
    walk.look()
    members = int(re.findall(r"成员\s+([\d,]+)", walk.page.inner_text("main"))[0].replace(",", ""))
    walk.page.fill("#why", "九月电话")
    walk.page.select_option("#format", "csv")
    with walk.page.expect_download() as waiting:
        walk.page.click("button:has-text('导出')")
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8-sig"))))
    assert 10 < len(rows) <= members
    here = walk.page.url
    walk.open("/console/compliance")
    assert "tour_calls" in walk.page.inner_text("main")
    walk.open(here)


def campaign(walk: Walk, _other: Walk, _text: str) -> None:
    walk.click("text=制定活动")
    walk.page.fill("#label", "秋季活动")
    walk.page.fill("#campaign", "autumn")
    walk.page.fill("#weak_because", "先走一遍流程，名单太小")
    walk.click("text=抽签并核算能看清多大的效果")
    walk.page.wait_for_url("**/console/campaigns/autumn")
    here = walk.page.url
    walk.click("dd a[href^='/console/touchpoints/']")
    assert "秋季活动" in walk.page.inner_text("#effect")
    walk.open(here)


def why(walk: Walk, _other: Walk, _text: str) -> None:
    walk.open("/console/lists/tour_calls")
    walk.click("text=某位客户为什么在或不在")
    walk.page.fill("#customer", CUSTOMER)
    walk.click("button:has-text('查看')")
    walk.click(f"main a:text('{CUSTOMER}')")
    walk.page.wait_for_url(f"**/console/customers/{CUSTOMER}")
    walk.click("text=客户有权知道的")
    words = walk.page.inner_text("main")
    for heading in ("谁在处理", "持有哪些信息", "用来做什么", "您的授权", "为什么", "您的权利"):
        assert heading in words


def review(walk: Walk, _other: Walk, text: str) -> None:
    decide, ask = (json.loads(body) for body in re.findall(r"-d '(\{[^']+\})'", text))
    paths = re.findall(r"http://127\.0\.0\.1:3000(/\S+)", text)
    decision = walk.api(paths[0], decide)["decision_id"]  # type: ignore[attr-defined]
    walk.api(paths[1].replace("DECISION_ID", decision), ask)  # type: ignore[attr-defined]
    walk.open("/console/reviews")
    assert ask["reason"] in walk.page.inner_text("main")
    walk.page.fill("main textarea", "已为您核对，优惠下月到账")
    walk.click("main button:has-text('答复')")
    walk.page.wait_for_url("**/console/reviews?state=answered")
    walk.look()


def explain(walk: Walk, _other: Walk, _text: str) -> None:
    walk.click("text=决策依据")
    walk.page.wait_for_url("**/console/compliance/*")
    words = walk.page.inner_text("main")
    assert "权衡过的方案" in words
    assert "当时的标签" in words


def change(walk: Walk, _other: Walk, _text: str) -> None:
    walk.open("/console/policy")
    walk.page.get_by_label("营销触达每周上限").fill("1")
    walk.click("text=测算这个改动值多少")
    walk.page.wait_for_url("**/console/policy/simulations/*")
    walk.page.wait_for_selector("h2:text('结果')")
    walk.look()
    assert "marketing_week" in walk.page.inner_text("main")


STEPS = {
    "登录": log_in, "今日": today, "周报里的数字": monday, "建名单": build, "发布": release,
    "另一位同事批准": approve, "导出": export, "计划活动": campaign,
    "为什么不联系这位客户": why, "答复人工复核": review, "解释一次决策": explain,
    "改一条规则值多少": change,
}  # fmt: skip


@pytest.fixture(scope="module")
def token(run: Run, home: Path, url: str) -> str:
    """A token of an app."""
    assert url
    return str(run(home, "token", "tour").stdout.strip())


def test_the_tour_is_what_the_page_says(browser: Browser, url: str, token: str) -> None:
    texts = steps_of_the_page()
    assert list(texts) == list(STEPS)
    walk, other = Walk(browser, url, "demo"), Walk(browser, url, "li")

    def api(path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(f"{url}{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    walk.api = api  # type: ignore[attr-defined]
    try:
        for name, step in STEPS.items():
            walk.words = walk.page.title()
            step(walk, other, texts[name])
            said = re.findall(r"「([^」]+)」", texts[name])
            assert [words for words in said if words not in walk.words] == [], name
            assert walk.english | other.english == set(), name
    finally:
        walk.context.close()
        other.context.close()


@pytest.fixture
def desk(url: str) -> Iterator[Callable[[str], Desk]]:
    """A client of a user: `desk("sun")`."""
    opened: list[Desk] = []

    def at(user: str) -> Desk:
        opened.append(Desk(url, user))
        return opened[-1]

    yield at
    for one in opened:
        one.client.close()


def served(desk: Desk) -> str:
    """The version that the page of the model says serves."""
    return re.findall(r"在用版本 (\S+?)<", desk.get(f"/console/models/{MODEL}").text)[0]


@pytest.mark.slow
def test_a_model_is_promoted_and_rolled_back_by_who_may(
    home: Path,
    desk: Callable[[str], Desk],
    run: Run,
    ends: Callable[..., AbstractContextManager[None]],
) -> None:
    challenge(home)
    scientist = desk("sun")
    for other in (desk("wang"), desk("zhou")):
        assert other.get(f"/console/models/{MODEL}/promote").status_code == 403
        assert other.send(f"/console/models/{MODEL}/promote", why="不该").status_code == 403
    forged = scientist.client.post(f"/console/models/{MODEL}/promote", data={"why": "x"})
    assert forged.status_code == 403
    assert served(scientist) == "1"
    asked = scientist.get(f"/console/models/{MODEL}/promote").text
    assert "会发生什么" in asked
    assert scientist.send(f"/console/models/{MODEL}/promote", why="").status_code == 422
    with ends(300):
        assert "版本 2 现在在用，替换版本 1" in scientist.act("promote")
        assert served(scientist) == "2", "the service has taken it up"
        assert "版本 1 现在在用，替换版本 2" in scientist.act("rollback", "先看一周")
        assert served(scientist) == "1"
        challenge(home, '{"kind": "platt", "x": [0.2], "y": [2.0]}')
        refused = scientist.act("promote", "试一试")
    assert "没有上线：有一道门没有通过" in refused
    assert "版本 1 继续在用" in refused
    assert served(scientist) == "1"
    acts = json.loads(run(home, "promotions", MODEL, "--json").stdout)
    ours = [one for one in acts if one["who"] == "sun"]
    assert [(one["act"], one["version"], one["why"]) for one in ours] == [
        ("promote", "2", "秋季样本更新"), ("rollback", "1", "先看一周"),
    ]  # fmt: skip


def test_what_a_change_is_worth_is_what_the_command_says(
    home: Path, url: str, desk: Callable[[str], Desk], run: Run, token: str, tmp_path: Path
) -> None:
    due = Lake(Settings(home=home)).con.execute(
        f"SELECT DISTINCT customer_id FROM '{home}/triggers/*.parquet' ORDER BY 1 LIMIT 12"
    )
    for (customer,) in due.fetchall():
        body = {"customer_id": customer, "decision_point": "daily_batch"}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{url}/v1/decide", json=body, headers=headers, timeout=60).is_success
    scientist = desk("sun")
    fields = {"month": "2026-07", "policy.motor_margin_share": "0.05", "cap.marketing_week": "0"}
    begun = scientist.send("/console/policy/simulations", **fields)
    place = begun.headers["location"]
    text = scientist.wait(place)
    (tmp_path / "policy.toml").write_text("motor_margin_share = 0.05\n", "utf-8")
    (tmp_path / "contact_caps.toml").write_text("[rules.marketing_week]\nmost = 0\n", "utf-8")
    words = ("simulate-policy", "--month", "2026-07", "--edited", str(tmp_path), "--json")
    told = json.loads(run(home, *words).stdout)
    assert told["after"]["marketing"] == 0 < told["before"]["marketing"]
    cells = re.sub(r"<[^>]+>|\s+", " ", text)
    for row in (told["before"], told["after"]):
        assert f"{row['expected_yuan']:,.2f}" in cells
    assert f"{told['difference']['marketing']:+d}" in cells
    assert "[rules.marketing_week] most = 0" in re.sub(r"\s+", " ", cells)
    # Somebody of one branch sees neither the form nor what came of it.
    other = desk("zhou")
    assert other.get(place).status_code == 403
    assert other.send("/console/policy/simulations", **fields).status_code == 403
    assert "测算这个改动值多少" not in other.get("/console/policy").text
    again = scientist.get(f"/console/policy?like={place.rpartition('/')[2]}").text
    assert 'name="policy.motor_margin_share" value="0.05"' in again
    for wrong in ({"month": "2026-13"}, {"policy.holdout_share": "2"}, {"cap.wecom_day": "x"},
                  {"touchpoint.new_1": "none", "weight.new_1": "1"}):  # fmt: skip
        answer = scientist.send("/console/policy/simulations", **{**fields, **wrong})
        assert answer.status_code == 422, wrong
