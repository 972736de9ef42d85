"""Express the rules of a contract as sentences, each with a condition for the rows that break it.

The sentences are what an insurer's data owner reads in the quarantine.
"""

from collections.abc import Callable
from typing import NamedTuple

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.contracts.contract import Column, Contract

AS_DELIVERED = "_as_delivered_"
"""Prefix of the column with a cell as it was delivered, beside the typed column."""


def broken_rules(contract: Contract, row: ir.Table) -> list[tuple[str, ir.BooleanValue]]:
    """List the rules that hold a row back, each with the condition under which it breaks one.

    Rules of cells that are left out instead are not among them (`contradictions`).

    Parameters
    ----------
    contract : Contract
        The contract of the table.
    row : ibis.Table
        Typed rows; columns with the prefix `AS_DELIVERED`, if any, hold the delivered cells.

    Returns
    -------
    list of (str, ibis boolean)
        Sentence, and where the rule is broken; null counts as not broken.
    """
    broken: list[tuple[str, ir.BooleanValue]] = []
    for name, type_ in contract.columns.items():
        cell, delivered = row[name], AS_DELIVERED + name
        declared = contract.declared[name]
        if declared.can_be_left_out:
            continue
        if delivered in row.columns:
            broken.append((unreadable(name, type_), _invalid(row, name)))
            missing = row[delivered].isnull()
        else:
            missing = cell.isnull()
        if not declared.nullable:
            broken.append((f"{name} is missing", missing))
        broken += _outside(name, cell, declared)
    broken += [(rule.sentence, ~rule.holds(row)) for rule in contract.rules if not rule.leaves_out]
    if contract.event_time != "recorded_at":
        early = row.recorded_at < row[contract.event_time]
        broken.append((f"recorded_at is before {contract.event_time}", early))
    return broken


def contradictions(contract: Contract, row: ir.Table) -> list[tuple[str, str, ir.BooleanValue]]:
    """List what is wrong with cells that are left out, so that their row stays.

    Parameters
    ----------
    contract : Contract
        The contract of the table.
    row : ibis.Table
        Typed rows, as for `broken_rules`.

    Returns
    -------
    list of (str, str, ibis boolean)
        Column, sentence, and where its cell breaks the rule; null counts as not broken.
    """
    broken: list[tuple[str, str, ir.BooleanValue]] = []
    for name, declared in contract.declared.items():
        if not declared.can_be_left_out:
            continue
        if AS_DELIVERED + name in row.columns:
            sentence = unreadable(name, contract.columns[name])
            broken.append((name, sentence, _invalid(row, name)))
        broken += [(name, *rule) for rule in _outside(name, row[name], declared)]
    return broken + [
        (rule.leaves_out, rule.sentence, ~rule.holds(row))
        for rule in contract.rules
        if rule.leaves_out
    ]


def left_out(column: str, sentence: str) -> str:
    """Write the sentence about a cell that is left out of its row.

    Examples
    --------
    >>> left_out("ncd_level", "ncd_level is not between -4 and 5")
    'ncd_level is left out: ncd_level is not between -4 and 5'
    """
    return f"{column} is left out: {sentence}"


def _invalid(row: ir.Table, name: str) -> ir.BooleanValue:
    """Check whether a delivered cell has no value of the column's type."""
    return row[AS_DELIVERED + name].notnull() & row[name].isnull()


def sentences(broken: list[tuple[str, ir.BooleanValue]]) -> ir.ArrayValue:
    """Collect the sentences of the rules that each row breaks, as an array column."""
    if not broken:
        return ibis.literal([], "array<string>")
    texts = [ibis.ifelse(rule.fill_null(False), sentence, None) for sentence, rule in broken]
    return ibis.array(texts).filter(lambda sentence: sentence.notnull())


class Limit(NamedTuple):
    """A limit of the values of a column.

    Attributes
    ----------
    sentence, chinese : str
        The limit in words; the Chinese goes on after the column's label.
    broken : callable of ibis value to ibis boolean
        Returns where a cell breaks it; an absent cell breaks none.
    """

    sentence: str
    chinese: str
    broken: Callable[[ir.Value], ir.BooleanValue]


def limits(name: str, declared: Column) -> list[Limit]:
    """List the limits that a column declares."""
    listed: list[Limit] = []
    if allowed := declared.allowed:
        sentence = f"{name} is none of {', '.join(allowed)}"
        chinese = f"应为下列值之一：{', '.join(allowed)}"
        listed.append(Limit(sentence, chinese, lambda cell: cell.notin(allowed)))
    if (least := declared.at_least) is not None:
        chinese = f"不得小于 {least}"
        listed.append(Limit(f"{name} is below {least}", chinese, lambda cell: cell < least))
    if (bound := declared.above) is not None:
        sentence = f"{name} is not above {bound}"
        listed.append(Limit(sentence, f"应大于 {bound}", lambda cell: cell <= bound))
    if declared.between is not None:
        low, high = declared.between
        sentence, chinese = f"{name} is not between {low} and {high}", f"应在 {low} 至 {high} 之间"
        listed.append(Limit(sentence, chinese, lambda cell: (cell < low) | (cell > high)))
    return listed


def _outside(name: str, cell: ir.Value, declared: Column) -> list[tuple[str, ir.BooleanValue]]:
    """List the limits of a column as (sentence, where it is broken)."""
    return [(limit.sentence, limit.broken(cell)) for limit in limits(name, declared)]


def disagreement(contract: Contract) -> str:
    """Return the sentence for a row in place of which another one counts.

    The other one has the same key and `recorded_at`, differs elsewhere and was delivered later.
    """
    return f"another row with the same {contract.key} and recorded_at was delivered later"


def unreadable(name: str, type_: dt.DataType) -> str:
    """Write the sentence for a cell that has no value of its type, with the form that is wanted."""
    words = {
        dt.Timestamp: "instant, as 2025-07-01T09:30:00+08:00",
        dt.Date: "day, as 2025-07-01",
        dt.Decimal: "amount, as 2779.10",
        dt.Int64: "whole number",
        dt.Float64: "number",
        dt.Boolean: "true or false",
    }
    kind = next((word for kind, word in words.items() if isinstance(type_, kind)), None)
    if kind is None:
        return f"{name} stands for nothing (NULL, -, 0) or lost digits in a spreadsheet (1.1E+17)"
    return f"{name} is not a valid {kind}"
