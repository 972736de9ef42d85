"""Say a plan in Chinese, for the page that an insurer's data people read."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from features.contracts.contract import Column
from features.contracts.tables import CONTRACTS
from features.declared import read_toml
from features.imports.mapping import UNKNOWN, ColumnMap
from features.imports.overview import column_rows
from features.imports.plan import Plan

REFERENCE = re.compile(r"(\w+) whose (\w+) is in (\w+)")
ORDERS = {"dmy": "日在前", "mdy": "月在前", "ask": "日在前还是月在前？"}


@cache
def _texts() -> dict[str, dict[str, str]]:
    return read_toml(Path(__file__).with_name("chinese.toml"))


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(words), chinese) for words, chinese in _texts()["sentences"].items())


def sentence(text: str) -> str:
    """Say a sentence of reading, matching or joining in Chinese; an unknown one stays.

    Examples
    --------
    >>> sentence("rows of totals"), sentence("保单.csv, line 3: x")
    ('合计行', '保单.csv 第 3 行：x')
    """
    reference = REFERENCE.fullmatch(text)
    if reference:
        table, column, other = reference.groups()
        return f"{_table(table)}的{_column(column)}在{_table(other)}中能找到"
    for words, chinese in _sentences():
        match = words.fullmatch(text)
        if match:
            for place, part in enumerate(match.groups(), 1):
                inner = sentence(part or "")
                chinese = chinese.replace(f"\\{place}{{column}}", _column(inner))  # noqa: PLW2901
                chinese = chinese.replace(f"\\{place}", inner)  # noqa: PLW2901
            return chinese
    return text


def value(meaning: str | bool) -> str:
    """Say a value of a code column, with the value itself: `交强险 (motor_compulsory)`."""
    text = str(meaning).lower() if isinstance(meaning, bool) else meaning
    chinese = _texts()["values"].get(text)
    if text == UNKNOWN:
        return "含义待确认"
    if chinese is None or text in {"true", "false"}:
        return chinese or text or "（空）"
    return f"{chinese} ({text})"


def origin(column: ColumnMap) -> str:
    """Say where the values of a column come from.

    Examples
    --------
    >>> origin(ColumnMap(lookup="policies", by="policy_id"))
    '按保单号从“保单年度”取得'
    """
    if column.heading is not None:
        return column.heading
    if column.value is not None:
        return f"固定为：{value(column.value)}"
    if column.latest is not None:
        return f"取其中最晚的：{'、'.join(column.latest)}"
    if column.earliest is not None:
        table, _, name = column.earliest.partition(".")
        return f"同一{_column(column.by or '')}在{_table(table)}中最早的{_column(name, table)}"
    return f"按{_column(column.by or '')}从{_table(column.lookup or '')}取得"


def form(column: ColumnMap) -> str:
    """Say how the cells of a column are read, where that is not plain."""
    return "；".join(_forms(column))


def doubts(plan: Plan) -> list[str]:
    """List everything in a plan that a person has to look at, as sentences."""
    sentences = [
        f"{field(table.name, name)}（来自“{column.heading}”）：日在前还是月在前？"
        '请把 mapping.toml 中的 order = "ask" 改为 "dmy"（日在前）或 "mdy"（月在前）'
        for table in plan.mapping.tables
        for name, column in table.columns.items()
        if column.order == "ask"
    ]
    for name in sorted(plan.described.look):
        sentences.append(f"来源“{name}”：{notes(plan.described.notes[name])}")
    for table in plan.mapping.tables:
        if table.confidence == "look":
            sentences.append(f"来源“{table.source}”是{_table(table.name)}吗？")
    for row in column_rows(plan):
        unknown = [text for text, meaning, _ in row.codes if meaning == UNKNOWN]
        column = plan.mapping.tables[row.part].columns[row.column]
        if unknown:
            listed = "、".join(unknown)
            sentences.append(
                f"{field(row.table, row.column)}（来自“{origin(column)}”）：{listed} 是什么意思？"
            )
        elif not row.sure:
            where = "“" + origin(column) + "”" if column.heading else origin(column)
            sentences.append(f"{field(row.table, row.column)}：{where}，对吗？")
    sentences += [f"来源“{name}”不是管家认识的数据表" for name in plan.unmatched]
    return list(dict.fromkeys(sentences))


def notes(texts: list[str]) -> str:
    """Join notes, each of them once."""
    return "；".join(dict.fromkeys(map(sentence, texts)))


def field(table: str, column: str) -> str:
    """Name a column as people do: `保单年度·终保日期`; a file's name stays."""
    if table not in CONTRACTS:
        return column
    return f"{CONTRACTS[table].label}·{_column(column, table)}"


def _forms(column: ColumnMap) -> Iterator[str]:
    if column.unit != "yuan":
        yield f"单位：{'百分比' if column.unit == 'percent' else column.unit}"
    if column.decimal != ".":
        yield "小数点为逗号"
    if column.order != "ymd":
        yield ORDERS[column.order]
    if column.last_day:
        yield "为保险期间最后一天，加一天"
    if column.suffix:
        yield f"末尾加 {column.suffix}"
    if column.empty is not None:
        yield f"为空时取 {column.empty}"


def _table(name: str) -> str:
    return f"“{CONTRACTS[name].label}”" if name in CONTRACTS else name


def _column(name: str, table: str = "") -> str:
    """Return the label of a column, of a table or of the first one that has it."""
    tables = [table] if table else list(CONTRACTS)
    declared: list[Column] = [
        CONTRACTS[other].declared[name] for other in tables if name in CONTRACTS[other].declared
    ]
    return declared[0].label if declared else name
