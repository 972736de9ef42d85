"""The rules of a contract as sentences, each with where a row breaks it."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.contracts.contract import Column, Contract

AS_FOUND = "_as_found_"
"""Prefix of a cell as it was delivered, beside the cell as the contract types it."""


def broken_rules(contract: Contract, row: ir.Table) -> list[tuple[str, ir.BooleanValue]]:
    """Every rule of the contract as (sentence, where it is broken)."""
    broken: list[tuple[str, ir.BooleanValue]] = []
    for name, type_ in contract.columns.items():
        cell, own = row[name], AS_FOUND + name
        if own in row.columns:
            misfit = row[own].notnull() & cell.isnull()
            broken.append((f"{name} is not a valid {_kind(type_)}", misfit))
            missing = row[own].isnull()
        else:
            missing = cell.isnull()
        declared = contract.declared[name]
        if not declared.nullable:
            broken.append((f"{name} is missing", missing))
        broken += _outside(name, cell, declared)
    broken += [(rule.sentence, ~rule.holds(row)) for rule in contract.rules]
    if contract.event_time != "recorded_at":
        early = row.recorded_at < row[contract.event_time]
        broken.append((f"recorded_at is before {contract.event_time}", early))
    return broken


def sentences(broken: list[tuple[str, ir.BooleanValue]]) -> ir.ArrayValue:
    """The sentences of the rules that a row breaks."""
    said = [ibis.ifelse(rule.fill_null(False), sentence, None) for sentence, rule in broken]
    return ibis.array(said).filter(lambda sentence: sentence.notnull())


def _outside(name: str, cell: ir.Value, declared: Column) -> list[tuple[str, ir.BooleanValue]]:
    """The limits of a column as (sentence, where it is broken); an absent cell breaks none."""
    broken: list[tuple[str, ir.BooleanValue]] = []
    if declared.allowed:
        said = f"{name} is none of {', '.join(declared.allowed)}"
        broken.append((said, cell.notin(declared.allowed)))
    if declared.at_least is not None:
        broken.append((f"{name} is below {declared.at_least}", cell < declared.at_least))
    if declared.above is not None:
        broken.append((f"{name} is not above {declared.above}", cell <= declared.above))
    if declared.between is not None:
        low, high = declared.between
        broken.append((f"{name} is not between {low} and {high}", (cell < low) | (cell > high)))
    return broken


def disagreement(contract: Contract) -> str:
    return f"rows with the same {contract.key} and recorded_at disagree"


def _kind(type_: dt.DataType) -> str:
    """The type in words a data owner uses."""
    words = {
        dt.Timestamp: "instant",
        dt.Date: "day",
        dt.Decimal: "amount",
        dt.Int64: "whole number",
        dt.Float64: "number",
        dt.Boolean: "true or false",
    }
    return next((word for kind, word in words.items() if isinstance(type_, kind)), "text")
