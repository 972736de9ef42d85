"""The page of an import's plan as the insurer's data people see it: Chinese, desk and phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Page

from features.imports.mapping import ColumnMap
from features.imports.plan import plan_import
from features.imports.plan_page import chinese
from features.imports.plan_page.page import write_page
from features.imports.reading.odd_lines import REASONS
from features.imports.reading.text_tables import KINDS
from features.lake import Lake
from features.settings import Settings
from guanjia.jobs.import_costs import missing_costs
from training.models import MODELS

PHRASE = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})+")
"""Two English words side by side are a phrase; names of tables, columns and files are one word."""
FILES = {
    "客户.csv": "客户编号,姓名,手机号,性别,建档时间\n"
    "C1,甲一,13800000001,男,2022-01-05 10:00:00\nC2,乙二,13800000002,中性,2022-03-05\n",
    "保单.csv": "导出清单\n保单号,客户编号,车架号,险种,性质,签单时间,保险起期,保险止期,保费(万元)\n"
    "P1,C1,V1,商业险,家庭自用,2024-07-01 09:00:00,13/07/2024,12/07/2025,0.3\n"
    "P2,C2,V2,交强险,家庭自用,2024-08-01 09:00:00,01/08/2024,31/07/2025,0.095\n"
    "P3,C9,V3,宠物险,家庭自用,2024-08-01 09:00:00,01/08/2024,31/07/2025,0.095\n"
    "合计,3\nP4,C2\n",
    "理赔.csv": "报案号,保单号,出险时间,报案时间,已决赔款,备用\n"
    "K1,P1,2024-09-01 08:00:00,坏,900.005,甲\nK1,P1,2024-09-01 08:00:00,2024-09-02,900.1,乙\n",
    "奖金.csv": "考核项,得分率\n甲,好\n乙,差\n",
}

SAID = (
    "客户·性别（来自“性别”）：中性 是什么意思？",
    "来源“奖金”不是管家认识的数据表",
    "编码 gb18030：全文都是有效的 GB18030，且为常用汉字",
    "合计行 1 行",
    "该行列数不足",
    "按保单号从“保单年度”取得",
    "单位：万元",
    "交强险 (motor_compulsory)",
    "日在前",
    "为保险期间最后一天，加一天",
    "“保单年度”的客户号在“客户”中能找到",
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of exports with about everything that can be odd."""
    folder = tmp_path_factory.mktemp("plan")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="gb18030")
    (folder / "~$保单.xlsx").write_bytes(b"x")
    plan = plan_import(Lake(Settings(home=folder / "home")), folder, ".")
    path = folder / "mapping.html"
    labels = {name: spec.label for name, spec in MODELS.items()}
    write_page(plan, missing_costs(plan.missing), path, labels)
    return path


@pytest.fixture(scope="module")
def page(file: Path) -> Iterator[Page]:
    """The page, opened; whatever it would fetch fails the test."""
    with chromium() as browser, offline_page(browser, file, 1280) as opened:
        yield opened


def test_no_phrase_is_english(page: Page) -> None:
    text = page.inner_text("main")
    assert PHRASE.findall(text) == []
    for said in SAID:
        assert said in text, said


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_as_wide_as_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.locator(".wide").first
    assert wide.evaluate("box => getComputedStyle(box).overflowX") == "auto"


def test_what_readers_may_say_is_known_in_chinese() -> None:
    for text in (*KINDS.values(), *REASONS.values()):
        assert not PHRASE.search(chinese.sentence(text)), text
    assert chinese.sentence("保单.csv, line 3: x") == "保单.csv 第 3 行：x"
    assert chinese.sentence("rows with the same policy_id disagree") == "同一保单号的多行内容不一致"
    assert chinese.sentence("policies whose customer_id is in customers") == (
        "“保单年度”的客户号在“客户”中能找到"
    )
    assert chinese.origin(ColumnMap(earliest="policies.signed_at", by="customer_id")) == (
        "同一客户号在“保单年度”中最早的签单时间"
    )
    assert chinese.origin(ColumnMap(value=True)) == "固定为：是"
