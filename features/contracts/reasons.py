"""Say in Chinese why a row waits in quarantine, and name the cells that are at fault.

The quarantine keeps the sentences of `features.contracts.rules`; the people who mend the rows read
Chinese. Every sentence that a check or an import can give stands here; a test holds that.
"""

from functools import cache
from typing import NamedTuple

import ibis
import ibis.expr.operations as ops

from features.contracts.contract import Contract, Rule
from features.contracts.rules import disagreement, left_out, limits, unreadable
from features.contracts.tables import CONTRACTS

LINES = {
    "the line has more or fewer cells than the heading": "该行列数与表头不一致",
    "the line has a quote that is not closed, or text after a closed one": "该行引号未正确闭合",
    "the line holds bytes that are not UTF-8": "该行含有非 UTF-8 字符",
    "the line repeats the heading": "该行重复了表头",
    "the line has too few cells": "该行列数少于表头",
    "the line has too many cells": "该行列数多于表头",
    "a quotation mark is not closed": "该行引号未闭合",
    "the line is too long": "该行过长",
    "the line holds bytes that are no text": "该行含有无法识别的字符",
    "the line cannot be read": "该行无法读取",
}
"""Faults of whole lines."""


class Reason(NamedTuple):
    """Why a row waits.

    Attributes
    ----------
    chinese : str
        The sentence in Chinese.
    columns : tuple of str
        The columns whose cells are at fault; empty: the whole line.
    """

    chinese: str
    columns: tuple[str, ...] = ()


def reason_of(table: str, sentence: str) -> Reason:
    """Return the Chinese of a sentence, and the cells at fault; an unknown sentence is kept.

    Parameters
    ----------
    table : str
        The raw table of the row.
    sentence : str
        As the quarantine keeps it.

    Examples
    --------
    >>> reason_of("policies", "ncd_level is not between -4 and 5")
    Reason(chinese='无赔款优待等级应在 -4 至 5 之间', columns=('ncd_level',))
    """
    if sentence in LINES:
        return Reason(LINES[sentence])
    if sentence.startswith("the line cannot be read"):
        return Reason(LINES["the line cannot be read"])
    return reasons_of(table).get(sentence, Reason(sentence))


@cache
def reasons_of(table: str) -> dict[str, Reason]:
    """Return every sentence about the cells of a table's rows, with its Chinese."""
    contract = CONTRACTS[table]
    reasons: dict[str, Reason] = {}
    for name, declared in contract.declared.items():
        label = declared.label
        about = {
            unreadable(name, contract.columns[name]): f"{label}无法识别",
            f"{name} cannot be read": f"{label}无法识别",
            f"{name} is missing": f"{label}缺失",
        }
        about |= {limit.sentence: f"{label}{limit.chinese}" for limit in limits(name, declared)}
        reasons |= {sentence: Reason(chinese, (name,)) for sentence, chinese in about.items()}
    reasons |= {
        rule.sentence: Reason(rule.chinese, _read(contract, rule)) for rule in contract.rules
    }
    for sentence, reason in list(reasons.items()):
        reasons |= {
            left_out(name, sentence): Reason(f"{reason.chinese}，该项已留空", (name,))
            for name in reason.columns
            if contract.declared[name].can_be_left_out
        }
    key, event = contract.declared[contract.key].label, contract.event_time
    reasons[disagreement(contract)] = Reason(
        f"{key}与入库时间相同的另一行交付在后", (contract.key,)
    )
    reasons[f"rows with the same {contract.key} disagree"] = Reason(
        f"{key}相同的多行内容不一致", (contract.key,)
    )
    reasons["customer_id is not a known customer"] = Reason("客户号不在客户表中", ("customer_id",))
    if "merged_into" in contract.columns:
        reasons["merged_into is not a known customer"] = Reason(
            "合并后客户号不在客户表中", ("merged_into",)
        )
    reasons[f"recorded_at is before {event}"] = Reason(
        f"入库时间早于{contract.declared[event].label}", (event,)
    )
    return reasons


def _read(contract: Contract, rule: Rule) -> tuple[str, ...]:
    """List the columns that a rule reads, in the order of the contract."""
    row = ibis.table(dict(contract.columns), name="row")
    read = {field.name for field in rule.holds(row).op().find(ops.Field)}
    return tuple(name for name in contract.columns if name in read)
