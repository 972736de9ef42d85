"""What a user did wrong is said in Chinese on a Chinese page, and in English by the switch."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from english_runs import english_in
from shown_pages import markup

from features.errors import GuanjiaError, InputError, unknown_name

Enter = Callable[[str], httpx.Client]
CONDITIONS = (
    "foo > 3",
    "星级 ≥",
    "星级",
    "星级 大于 '高'",
    "渠道 > 3",
    "渠道 = 代理商家",
    "星级 = 9",
    "星级 < 60%",
    "年龄 > 30元",
    "脱保 = 也许",
    "机构 = '没有的机构'",
    "年龄 > 10,000",
    "星级 = null",
    "星级 >= 3 且",
    "(星级 >= 3",
    "'星级 >= 3",
    "星级 >= 渠道",
    "高价值客户 为空",
    '"星级" >= 3',
    "年龄 介于 7",
    "年龄 属于 (30, 星级)",
    "姓名 = 王",
    "(" * 70 + "星级 >= 3" + ")" * 70,
)
ADDRESSES = (
    ("marketer", "/console/lists/no_list", 404),
    ("marketer", "/console/lists/renewal_risk/behind/no_rule", 404),
    ("marketer", "/console/lists/renewal_risk/why/part?customer=C99999999", 404),
    ("marketer", "/console/lists/renewal_risk/releases/000000000000000000000000", 404),
    ("marketer", "/console/list-builder?copy=no_list", 404),
    ("marketer", "/console/list-builder/tag/no_tag", 404),
    ("marketer", "/console/campaigns/no_campaign", 404),
    ("marketer", "/console/models/churn/promote", 403),
    ("manager", "/console/monday?as_of=1800-01-01", 422),
    ("manager", "/console/monday?as_of=2999-01-01", 422),
    ("manager", "/console/monday?as_of=2026-06-01&week=2026-06-01", 422),
    ("manager", "/console/monday?as_of=yesterday", 422),
    ("manager", "/console/stars?since=2999-01-01", 422),
    ("manager", "/console/policy/simulations/no_work", 404),
    ("steward", "/console/customers/C99999999", 404),
    ("steward", "/console/tags/no_tag", 404),
    ("steward", "/console/touchpoints/no_touchpoint", 404),
    ("steward", "/console/monday", 403),
    ("scientist", "/console/models/no_model", 404),
    ("scientist", "/console/model-acts/no_work", 404),
    ("scientist", "/console/data/quality?as_of=1999-01-01", 404),
    ("compliance", "/console/compliance/no_decision", 422),
    ("marketer", "/console/no_page", 404),
)
LIST = {"name": "own_calls", "label": "自建", "model": "renewal", "where": "星级 ≥ 3"}
LISTS = (
    {"name": "Own Calls"},
    {"label": ""},
    {"model": "weather"},
    {"size": "many"},
    {"size": "0"},
    {"budget": "-1"},
    {"capacity": "x"},
    {"capacity": "B01=-2"},
    {"days": "400", "capacity": "20"},
    {"order": "renewal sideways"},
    {"not_in_lists": "no_list"},
    {"not_in_lists": "own_calls"},
    {"not_in_segments": "no_segment"},
    {"columns": "no_tag"},
    {"channel": "pigeon"},
    {"where": "foo > 3"},
)


def form_key(client: httpx.Client) -> str:
    page = client.get("/console/style").text
    return re.findall(r'name="form_key" value="([0-9a-f]+)"', page)[0]


def says_chinese(page: str) -> None:
    """The page says what is wrong and what to do, and nobody sends the user to somebody else."""
    assert english_in(page) == []
    assert "处理办法：" in page
    assert "请把下面的原文交给运行人员" not in page


@pytest.mark.parametrize(("user", "path", "status"), ADDRESSES)
def test_an_address_that_shows_nothing(enter: Enter, user: str, path: str, status: int) -> None:
    answer = enter(user).get(path)
    assert answer.status_code == status
    says_chinese(answer.text)


@pytest.mark.parametrize("where", CONDITIONS, ids=range(len(CONDITIONS)))
def test_a_condition_that_cannot_be_read(enter: Enter, where: str) -> None:
    answer = enter("marketer").get("/console/list-builder", params={"where": where})
    if answer.status_code == 200:
        assert 'role="alert"' in answer.text
    says_chinese(answer.text)


@pytest.mark.parametrize("wrong", LISTS, ids=str)
def test_a_list_that_cannot_be_kept(enter: Enter, wrong: dict[str, str]) -> None:
    client = enter("marketer")
    fields = {**LIST, **wrong, "form_key": form_key(client)}
    answer = client.post("/console/list-builder", data=fields)
    assert answer.status_code in (404, 422)
    says_chinese(answer.text)


def test_a_form_that_is_refused(enter: Enter) -> None:
    marketer, compliance = enter("marketer"), enter("compliance")
    manager, scientist = enter("manager"), enter("scientist")
    refused: list[tuple[httpx.Client, str, dict[str, Any], int]] = [
        (marketer, "/console/list-builder", {**LIST, "form_key": "0"}, 403),
        (marketer, "/console/campaign-plan", {"effect": "abc"}, 422),
        (marketer, "/console/campaigns/no_campaign/launch", {}, 404),
        (marketer, "/console/campaigns/no_campaign/stop", {"reason": "停"}, 404),
        (marketer, "/console/lists/no_list/releases", {}, 404),
        (compliance, "/console/lists/no_list/releases", {}, 403),
        (manager, "/console/policy/simulations", {"month": "Juli"}, 422),
        (scientist, "/console/policy/simulations", {"month": "2026-06", "cap.wecom_day": "x"}, 422),
        (scientist, "/console/policy/simulations",
         {"month": "2026-06", "policy.holdout_share": "2"}, 422),
        (scientist, "/console/policy/simulations",
         {"month": "2026-06", "touchpoint.new_1": "none", "weight.new_1": "1"}, 422),
        (scientist, "/console/models/churn/promote", {"why": ""}, 422),
    ]  # fmt: skip
    for client, path, fields, status in refused:
        answer = client.post(path, data={"form_key": form_key(client), **fields})
        assert answer.status_code == status, (path, answer.text)
        says_chinese(answer.text)


def test_a_wrong_password(service: Any) -> None:
    form = {"user_name": "nobody", "password": "wrong"}
    answer = httpx.post(f"{service.url}/console/login", data=form, timeout=60)
    assert answer.status_code == 401
    says_chinese(answer.text)


def test_the_switch_says_it_in_english(enter: Enter) -> None:
    client = enter("marketer")
    client.cookies.set("guanjia_language", "en")
    try:
        page = client.get("/console/lists/no_list").text.split("<main")[1]
    finally:
        client.cookies.delete("guanjia_language")
    assert "is not known" in page
    assert not re.search("[\u4e00-\u9fff]", page)


def test_a_fault_of_who_runs_the_service_is_quoted_for_them() -> None:
    away = GuanjiaError("the online store", "does not answer", "start Redis")
    for fault in (away, away.document()):  # as it is raised, and as the record of a day keeps it
        page = markup("fault.html", fault=fault, status_code=503)
        assert english_in(page) == []
        assert "请把下面的原文交给运行人员" in page
        assert re.search('<p class="small" lang="en"><b>the online store</b> does not answer', page)


def test_what_a_day_or_long_work_keeps_of_an_error_says_it_again() -> None:
    known = unknown_name("tag", "stars", ["star_level"])
    again = GuanjiaError(**json.loads(json.dumps(known.document())))
    assert (str(again), tuple(again.chinese or ())) == (str(known), known.chinese)
    assert InputError.of(known).chinese == ("标签 stars", "不存在", "是不是 star_level？")
