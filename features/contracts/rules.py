"""Express the rules of a contract as sentences, each with a condition for the rows that break it.

The sentences are what an insurer's data owner reads in the quarantine.
"""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.contracts.contract import Column, Contract

AS_DELIVERED = "_as_delivered_"
"""Prefix of the column with a cell as it was delivered, beside the typed column."""


def broken_rules(contract: Contract, row: ir.Table) -> list[tuple[str, ir.BooleanValue]]:
    """List the rules that hold a row back, each with the condition under which it breaks one.

    Rules of milestones are not among them (`contradictions`).

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
        if declared.milestone:
            continue
        if delivered in row.columns:
            broken.append((f"{name} is not a valid {_kind(type_)}", _invalid(row, name)))
            missing = row[delivered].isnull()
        else:
            missing = cell.isnull()
        if not declared.nullable:
            broken.append((f"{name} is missing", missing))
        broken += _outside(name, cell, declared)
    broken += [(rule.sentence, ~rule.holds(row)) for rule in contract.rules if not rule.milestone]
    if contract.event_time != "recorded_at":
        early = row.recorded_at < row[contract.event_time]
        broken.append((f"recorded_at is before {contract.event_time}", early))
    return broken


def contradictions(contract: Contract, row: ir.Table) -> list[tuple[str, str, ir.BooleanValue]]:
    """List what contradicts the milestones of a row.

    Parameters
    ----------
    contract : Contract
        The contract of the table.
    row : ibis.Table
        Typed rows, as for `broken_rules`.

    Returns
    -------
    list of (str, str, ibis boolean)
        Milestone, sentence, and where it is contradicted; null counts as not contradicted.
    """
    invalid = [
        (name, f"{name} is not a valid {_kind(contract.columns[name])}", _invalid(row, name))
        for name in contract.milestones
        if AS_DELIVERED + name in row.columns
    ]
    return invalid + [
        (rule.milestone, rule.sentence, ~rule.holds(row))
        for rule in contract.rules
        if rule.milestone
    ]


def _invalid(row: ir.Table, name: str) -> ir.BooleanValue:
    """Check whether a delivered cell has no value of the column's type."""
    return row[AS_DELIVERED + name].notnull() & row[name].isnull()


def sentences(broken: list[tuple[str, ir.BooleanValue]]) -> ir.ArrayValue:
    """Collect the sentences of the rules that each row breaks, as an array column."""
    if not broken:
        return ibis.literal([], "array<string>")
    texts = [ibis.ifelse(rule.fill_null(False), sentence, None) for sentence, rule in broken]
    return ibis.array(texts).filter(lambda sentence: sentence.notnull())


def _outside(name: str, cell: ir.Value, declared: Column) -> list[tuple[str, ir.BooleanValue]]:
    """List the limits of a column as (sentence, where it is broken); an absent cell breaks none."""
    broken: list[tuple[str, ir.BooleanValue]] = []
    if declared.allowed:
        sentence = f"{name} is none of {', '.join(declared.allowed)}"
        broken.append((sentence, cell.notin(declared.allowed)))
    if declared.at_least is not None:
        broken.append((f"{name} is below {declared.at_least}", cell < declared.at_least))
    if declared.above is not None:
        broken.append((f"{name} is not above {declared.above}", cell <= declared.above))
    if declared.between is not None:
        low, high = declared.between
        broken.append((f"{name} is not between {low} and {high}", (cell < low) | (cell > high)))
    return broken


def disagreement(contract: Contract) -> str:
    """Return the sentence for rows that share key and `recorded_at` but differ elsewhere."""
    return f"rows with the same {contract.key} and recorded_at disagree"


def _kind(type_: dt.DataType) -> str:
    """Name a type in the words of a data owner."""
    words = {
        dt.Timestamp: "instant",
        dt.Date: "day",
        dt.Decimal: "amount",
        dt.Int64: "whole number",
        dt.Float64: "number",
        dt.Boolean: "true or false",
    }
    return next((word for kind, word in words.items() if isinstance(type_, kind)), "text")
