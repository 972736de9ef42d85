"""Write the rows that wait to a workbook in which people correct them.

Every cell is a text, so that a spreadsheet damages nothing. `replay.py` reads the workbook back.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

from features.contracts.contract import Contract
from features.contracts.headings import heading_of
from features.contracts.reasons import reason_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.templates import ROWS, TEXT, offer_codes, write_rules
from features.lake import Lake
from features.publishing import published
from features.quarantine.waiting import WaitingRow, waiting_rows, waiting_tables
from features.quarantine.waiting_lines import WaitingLine, waiting_lines

ID, ACTION = "编号", "处理"
HEADINGS = (ID, ACTION, "原因", "来源文件", "行号")
"""Columns before those of the raw table."""
CORRECTED, DISCARD = "已改", "丢弃"
"""What may stand under `ACTION`; empty: the row goes on waiting, unless a cell was changed."""
GUIDE, LINES_SHEET, LINE_TEXT = "说明", "无法拆分的行", "整行内容"
LONGEST = 32_767
"""Characters that a cell of a workbook holds."""
GUIDANCE = (
    "本工作簿列出数据隔离区中待处理的行，每张原始表一个工作表，每行一条记录。",
    "一、在黄色单元格中更正错误内容（整行有误时全行为黄色）。"
    "所有单元格均为文本格式，请勿改为数值或日期格式。",
    "二、已更正的行，在“处理”列选“已改”；改动了内容而“处理”为空的行，视同“已改”。",
    "三、确认不需要的行，在“处理”列选“丢弃”：该行不再入库，也不再提示。"
    "授权记录不可丢弃，须更正后重报。",
    "四、未改动的行继续留在隔离区，无需删除。请勿修改“编号”列（已隐藏）、表头和工作表名称。",
    "五、“无法拆分的行”工作表列出与来源文件列数不符的行：在“整行内容”中改正（分隔符与来源文件相同），"
    "或选“丢弃”。",
    "六、“入库时间”为灰色，仅供参考：更正后的行按重报之时入库，不追溯到过去。",
    "七、日期写作 2025-07-01，时间写作 2025-07-01 09:30:00，金额以元为单位；"
    "代码可从下拉列表中选择，详见“规则”工作表。",
    "八、改好后保存，由系统管理员执行：guanjia quarantine replay 文件名.xlsx。"
    "仍有错误的行会留在隔离区，并给出新的原因。",
    "本文件含个人信息，请妥善保管，用毕删除。",
)


@dataclass(frozen=True)
class Exported:
    """What a workbook holds.

    Attributes
    ----------
    file : str
        Its path.
    rows : dict of str to int
        Raw table -> rows.
    lines : int
        Lines of the last import that are no rows.
    """

    file: str
    rows: dict[str, int]
    lines: int


def export_workbook(
    lake: Lake, path: Path, note: Callable[[Sequence[str]], None] | None = None
) -> Exported:
    """Write the rows that wait to a workbook.

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        The workbook, which is replaced.
    note : callable of sequence of str, optional
        Called with the customers in the workbook before it is there: it notes who takes it.

    Raises
    ------
    GuanjiaError
        If nothing waits, or more rows than a sheet holds.
    """
    rows: Counter[str] = Counter()
    customers: set[str] = set()
    with published(path) as draft:
        with xlsxwriter.Workbook(str(draft), {"constant_memory": True}) as book:
            formats = _formats(book)
            guide = book.add_worksheet(GUIDE)
            for table in waiting_tables(lake):
                contract = CONTRACTS[table]
                waiting = list(waiting_rows(lake, contract))
                if len(waiting) > ROWS:
                    fault = f"has {len(waiting):,} rows in quarantine, more than a sheet holds"
                    raise GuanjiaError(f"table {table}", fault, "mend the delivery at its source")
                if waiting:
                    _write_table(book, formats, contract, waiting)
                    rows[table] = len(waiting)
                    customers |= {row.cells.get("customer_id", "") for row in waiting} - {""}
            lines = _write_lines(book, formats, waiting_lines(lake)[:ROWS])
            if not rows and not lines:
                raise GuanjiaError("the quarantine", "is empty", "there is nothing to correct")
            _write_guide(guide, formats, rows)
            write_rules(book, [CONTRACTS[table] for table in rows])
        if note is not None:
            note(sorted(customers))
    return Exported(str(path), dict(rows), lines)


def shown(text: str) -> str:
    """Return a cell as a workbook can hold it: long texts are cut."""
    return text[:LONGEST]


def _formats(book: xlsxwriter.Workbook) -> dict[str, Any]:
    text = {"num_format": TEXT, "valign": "top"}
    kinds = {
        "text": text,
        "fault": text | {"bg_color": "#FFF2CC", "border": 1},
        "grey": text | {"font_color": "#808080"},
        "wrapped": text | {"text_wrap": True},
        "head": text | {"bold": True, "bg_color": "#DDEBF7", "border": 1},
        "title": text | {"bold": True, "font_size": 14},
    }
    return {name: book.add_format(options) for name, options in kinds.items()}


def _write_table(
    book: xlsxwriter.Workbook,
    formats: dict[str, Any],
    contract: Contract,
    waiting: Sequence[WaitingRow],
) -> None:
    sheet = book.add_worksheet(contract.label)
    sheet.set_column(0, 0, 10, formats["text"], {"hidden": True})
    for place, width in enumerate((8, 44, 24, 8), 1):
        sheet.set_column(place, place, width, formats["text"])
    first = len(HEADINGS)
    for place, name in enumerate(contract.columns, first):
        width = max(14, 2 * len(contract.declared[name].label))
        sheet.set_column(place, place, width, formats["text"])
    headings = [*HEADINGS, *(heading_of(contract, name) for name in contract.columns)]
    for place, heading in enumerate(headings):
        sheet.write_string(0, place, heading, formats["head"])
    for number, row in enumerate(waiting, 1):
        _write_row(sheet, formats, contract, number, row)
    sheet.freeze_panes(1, 3)
    sheet.autofilter(0, 0, len(waiting), len(headings) - 1)
    actions = {"validate": "list", "source": [CORRECTED, DISCARD]}
    sheet.data_validation(1, 1, len(waiting), 1, actions)
    offer_codes(sheet, contract, first, len(waiting))


def _write_row(
    sheet: Any, formats: dict[str, Any], contract: Contract, number: int, row: WaitingRow
) -> None:
    reasons = [reason_of(contract.name, sentence) for sentence in row.reasons]
    faulty = {column for reason in reasons for column in reason.columns}
    all_cells = any(not reason.columns for reason in reasons)
    sentences = "; ".join(dict.fromkeys(reason.chinese for reason in reasons))
    line = "" if row.line is None else str(row.line)
    for place, text in enumerate((row.row_id, "", sentences, row.file, line)):
        sheet.write_string(number, place, shown(text), formats["wrapped" if place == 2 else "text"])
    for place, name in enumerate(contract.columns, len(HEADINGS)):
        kind = "fault" if all_cells or name in faulty else "text"
        kind = "grey" if name == "recorded_at" else kind
        sheet.write_string(number, place, shown(row.cells[name]), formats[kind])


def _write_lines(
    book: xlsxwriter.Workbook, formats: dict[str, Any], lines: Sequence[WaitingLine]
) -> int:
    """List the lines of the last import that are no rows, each as a text that can be corrected."""
    if not lines:
        return 0
    sheet = book.add_worksheet(LINES_SHEET)
    heads = ((ID, 10), (ACTION, 8), ("原因", 30), ("来源文件", 30), ("行号", 8), (LINE_TEXT, 100))
    for place, (heading, width) in enumerate(heads):
        sheet.set_column(place, place, width, formats["text"], {"hidden": place == 0})
        sheet.write_string(0, place, heading, formats["head"])
    for number, line in enumerate(lines, 1):
        reason = reason_of("", line.reason).chinese
        text = line.text if line.row_id else "（已按删除要求清除）"
        for place, cell in enumerate((line.row_id, "", reason, line.file, str(line.line))):
            sheet.write_string(number, place, shown(cell), formats["text"])
        sheet.write_string(number, 5, shown(text), formats["fault" if line.row_id else "text"])
    sheet.freeze_panes(1, 3)
    actions = {"validate": "list", "source": [CORRECTED, DISCARD]}
    sheet.data_validation(1, 1, len(lines), 1, actions)
    return len(lines)


def _write_guide(sheet: Any, formats: dict[str, Any], rows: Counter[str]) -> None:
    sheet.set_column(0, 0, 110, formats["wrapped"])
    sheet.write_string(0, 0, "数据隔离区待处理清单", formats["title"])
    for number, text in enumerate(GUIDANCE, 1):
        sheet.write_string(number, 0, text, formats["wrapped"])
    for number, (table, count) in enumerate(rows.items(), len(GUIDANCE) + 2):
        sheet.write_string(number, 0, f"{CONTRACTS[table].label}：{count:,} 行", formats["wrapped"])
