"""Render the drift of a delivery as one HTML page in Chinese (`page.html` filled in)."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.contracts.tables import CONTRACTS
from features.imports.delivery import DRIFT_PAGE, Delivery
from features.publishing import published

KINDS = {
    "no_file": "没有收到文件",
    "earlier_files": "往日文件与新文件放在一起",
    "layout": "表头完全不同",
    "encoding": "字符编码变了",
    "delimiter": "分隔符变了",
    "new_column": "多了一列",
    "absent_column": "少了一列",
    "renamed_column": "列名疑似改了",
    "new_code": "出现没见过的代码",
    "unread": "写法变了，读不懂",
    "fewer_rows": "行数骤减",
}
WORDS = {"none": "无", "missing": "没有", "no file": "没有文件"}
PHRASES = (
    (r"([\d,]+) rows(?: of \w+)?", r"\1 行"),
    (r", line (\d+)", r" 第 \1 行"),
    (r"^(\[.*\]) of (\w+)$", r"\2 的 \1"),
    (r"^'(.*)'$", r"\1"),
)
"""English of the terminal, as patterns -> the same in Chinese."""
ANSWERS = {"ask": "等待确认", "freeze": "本次不收，沿用已有数据", "take": "按读得懂的部分收下"}


def publish_drift_page(delivery: Delivery, mapping: Path) -> Path | None:
    """Publish the page beside the mapping; where nothing is different, take the old one away.

    Returns
    -------
    Path or None
        The page; None: there is none.
    """
    path = mapping.with_name(DRIFT_PAGE)
    if not delivery.drifts:
        path.unlink(missing_ok=True)
        return None
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["chinese"] = in_chinese
    html = environment.get_template("page.html").render(
        delivery=delivery,
        day=f"{delivery.entry.delivered:%Y年%-m月%-d日}",
        labels={name: contract.label for name, contract in CONTRACTS.items()},
        kinds=KINDS,
        answers=ANSWERS,
        mapping=mapping.name,
    )
    with published(path) as draft:
        draft.write_text(html, encoding="utf-8")
    return path


def in_chinese(text: str) -> str:
    """Write what `Drift` says for the terminal in Chinese; names stay as they are."""
    table, _, column = text.partition(".")
    if table in CONTRACTS and column in CONTRACTS[table].columns:
        return f"{CONTRACTS[table].label}·{CONTRACTS[table].declared[column].label}"
    for pattern, words in PHRASES:
        text = re.sub(pattern, words, text)
    return WORDS.get(text, text)
