"""Write empty workbooks with the headings of the raw tables, for the insurer's data people.

A filled template is understood at first sight by `guanjia import plan`. Every cell is a text, so
that a spreadsheet damages no identifier and no day.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ibis.expr.datatypes as dt
import xlsxwriter

from features.contracts.contract import Contract
from features.contracts.example_rows import EXAMPLE_ROWS
from features.contracts.headings import form_of, heading_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.matching.vocabulary import vocabulary
from features.publishing import published

ROWS = 1_048_575
"""Rows of a sheet below its heading."""
TEXT = 49
"""Number of the format of texts in a workbook."""
RULES = "规则"
RULE_HEADINGS = ("表", "列", "类型", "写法或示例", "单位", "可空", "空值含义", "取值", "示例行")
WIDTHS = (14, 34, 8, 22, 8, 6, 24, 60, 24)
UNITS = {
    "yuan": "元",
    "persons": "人",
    "doors": "个",
    "level": "级",
    "factor": "系数",
    "times": "次",
    "share": "0 至 1",
    "points": "分",
}
"""Units in Chinese; the others are written alike."""


def write_templates(folder: Path) -> list[Path]:
    """Write a workbook for each raw table; return the files.

    Raises
    ------
    GuanjiaError
        If a file of that name is there already: it may have been filled in.
    """
    paths = {name: folder / f"{contract.label}.xlsx" for name, contract in CONTRACTS.items()}
    for path in paths.values():
        if path.exists():
            raise GuanjiaError(f"file {path}", "is there, perhaps filled in", "name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        with published(path) as draft:
            _write_template(CONTRACTS[name], draft)
    return list(paths.values())


def write_rules(book: xlsxwriter.Workbook, contracts: Iterable[Contract]) -> None:
    """Write the sheet that says what the cells of tables may hold, in Chinese.

    Parameters
    ----------
    book : xlsxwriter.Workbook
        Gets the sheet.
    contracts : iterable of Contract
        Of the tables.
    """
    sheet = book.add_worksheet(RULES)
    head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": TEXT})
    rows: list[Sequence[str]] = []
    for contract in contracts:
        rows += [_rule_cells(contract, name) for name in contract.columns]
        rows += [
            (contract.label, "整行", "", "", "", "", "", rule.chinese, "")
            for rule in contract.rules
        ]
    for place, (heading, width) in enumerate(zip(RULE_HEADINGS, WIDTHS, strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, heading, head)
    for number, row in enumerate(rows, 1):
        for place, text in enumerate(row):
            sheet.write_string(number, place, text, wrapped)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, len(rows), len(RULE_HEADINGS) - 1)


def offer_codes(sheet: Any, contract: Contract, first_column: int, last_row: int) -> None:
    """Offer the allowed values of code columns in cells of a sheet as drop-down lists.

    Parameters
    ----------
    sheet : xlsxwriter.worksheet.Worksheet
        Its first row holds headings.
    contract : Contract
        Of the table; its columns stand side by side.
    first_column : int
        Place of the first of them.
    last_row : int
        The last row with a list, from 0.
    """
    for place, (name, type_) in enumerate(contract.columns.items(), first_column):
        codes = list(contract.declared[name].allowed)
        if isinstance(type_, dt.Boolean):
            codes = ["true", "false"]
        if codes:
            options = {
                "validate": "list",
                "source": codes,
                "error_type": "warning",
                "error_title": "取值不在代码表中",
                "error_message": f"{contract.declared[name].label}应为：{', '.join(codes)}"[:255],
            }
            sheet.data_validation(1, place, last_row, place, options)


def codes_of(contract: Contract, column: str) -> str:
    """Say which values a column may hold, with what each means in Chinese."""
    declared, words = contract.declared[column], vocabulary()
    listed = words.code_lists.get(f"{contract.name}.{column}", column)
    meanings = words.codes.get(listed, {})
    parts = [
        f"{code} {meanings[code][0]}" if meanings.get(code) else code for code in declared.allowed
    ]
    if declared.at_least is not None:
        parts.append(f"不小于 {declared.at_least}")
    if declared.above is not None:
        parts.append(f"大于 {declared.above}")
    if declared.between is not None:
        parts.append(f"{declared.between[0]} 至 {declared.between[1]}")
    return ", ".join(parts)


def _rule_cells(contract: Contract, name: str) -> Sequence[str]:
    declared = contract.declared[name]
    kind, form = form_of(contract, name)
    example = EXAMPLE_ROWS[contract.name][name]
    unit = UNITS.get(declared.unit or "", declared.unit or "")
    null = declared.null.chinese if declared.null is not None else ""
    if name == "recorded_at":
        null = "首次交付取业务发生时间，以后取交付时间"
    optional = "是" if declared.nullable or name == "recorded_at" else "否"
    return (
        contract.label, heading_of(contract, name), kind, form, unit, optional, null,
        codes_of(contract, name), example,
    )  # fmt: skip


def _write_template(contract: Contract, draft: Path) -> None:
    book = xlsxwriter.Workbook(str(draft))
    text = book.add_format({"num_format": TEXT})
    needed = book.add_format({"bold": True, "num_format": TEXT, "bg_color": "#FCE4D6", "border": 1})
    optional = book.add_format({"num_format": TEXT, "bg_color": "#E2EFDA", "border": 1})
    sheet = book.add_worksheet(contract.label)
    for place, name in enumerate(contract.columns):
        declared = contract.declared[name]
        heading = heading_of(contract, name)
        sheet.set_column(place, place, max(12, 2 * len(declared.label), len(heading)), text)
        free = declared.nullable or name == "recorded_at"
        sheet.write_string(0, place, heading, optional if free else needed)
    sheet.freeze_panes(1, 1)
    offer_codes(sheet, contract, 0, ROWS)
    write_rules(book, [contract])
    book.close()
