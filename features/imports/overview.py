"""Put a plan into rows for people: files, tables, columns with masked samples, doubts."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from features.contracts.tables import CONTRACTS
from features.imports.mapping import UNKNOWN, ColumnMap
from features.imports.masking import mask
from features.imports.plan import Plan
from features.imports.reading.text_tables import Part
from features.imports.run import Delivery


@dataclass(frozen=True)
class ColumnRow:
    """A column of a raw table as a plan shows it.

    Attributes
    ----------
    part : int
        Place of its table in the mapping: a row with both covers is two tables of one name.
    table, column, label : str
        The column of the contract and its Chinese label.
    source, origin : str
        The source, and where in it the values come from.
    form : str
        What else is said: unit, order of days.
    samples : str
        Three delivered values, personal ones masked.
    codes : tuple of (str, str, int)
        Value, meaning, rows.
    sure : bool
        False if a person should look at it.
    """

    part: int
    table: str
    column: str
    label: str
    source: str
    origin: str
    form: str
    samples: str
    codes: tuple[tuple[str, str, int], ...]
    sure: bool


def column_rows(plan: Plan) -> list[ColumnRow]:
    """List the columns of all tables of a plan."""
    personal = personal_headings(plan)
    rows = []
    for part, table in enumerate(plan.mapping.tables):
        contract = CONTRACTS[table.name]
        for name, column in table.columns.items():
            looks = plan.evidence[table.source].get(column.heading or "")
            hidden = (table.source, column.heading) in personal
            declared = contract.declared[name]
            samples = [
                mask(text, declared, personal=hidden) for text in (looks.samples if looks else ())
            ]
            counts = looks.values if looks else {}
            rows.append(
                ColumnRow(
                    part=part,
                    table=table.name,
                    column=name,
                    label=declared.label,
                    source=table.source,
                    origin=origin(column),
                    form=form(column),
                    samples=", ".join(samples),
                    codes=tuple(
                        (value, _words(meaning), counts.get(value, 0))
                        for value, meaning in (column.codes or {}).items()
                    ),
                    sure=column.confidence == "sure",
                )
            )
    return rows


def personal_headings(plan: Plan) -> set[tuple[str, str | None]]:
    """Return the (source, heading) that hold personal data under one name or another."""
    return {
        (table.source, column.heading)
        for table in plan.mapping.tables
        for name, column in table.columns.items()
        if CONTRACTS[table.name].declared[name].personal
    }


def origin(column: ColumnMap) -> str:
    """Say where the values of a column come from.

    Examples
    --------
    >>> origin(ColumnMap(lookup="policies", by="policy_id"))
    'the row of policies with the same policy_id'
    """
    if column.heading is not None:
        return column.heading
    if column.value is not None:
        return f"always {_words(column.value)}"
    if column.latest is not None:
        return f"the latest of {', '.join(column.latest)}"
    if column.earliest is not None:
        return f"the earliest {column.earliest} of the same {column.by}"
    return f"the row of {column.lookup} with the same {column.by}"


def form(column: ColumnMap) -> str:
    """Say how the cells of a column are read, where that is not plain."""
    return "; ".join(_forms(column))


def doubts(plan: Plan) -> list[str]:
    """List everything in a plan that a person has to look at, as sentences."""
    sentences = list(plan.questions)
    for name in sorted(plan.described.look):
        sentences.append(f"source {name}: {'; '.join(plan.described.notes[name])}")
    for table in plan.mapping.tables:
        if table.confidence == "look":
            sentences.append(f"is source {table.source} the table {table.name}?")
    for row in column_rows(plan):
        unknown = [value for value, meaning, _ in row.codes if meaning == UNKNOWN]
        if unknown:
            listed = ", ".join(unknown)
            sentences.append(f"{row.table}.{row.column} (from {row.origin}): what means {listed}?")
        elif not row.sure:
            sentences.append(f"{row.table}.{row.column}: is it {row.origin}?")
    sentences += [f"source {name} is no table that Guanjia knows" for name in plan.unmatched]
    return sentences


def plan_payload(plan: Plan) -> dict[str, Any]:
    """Return a plan as data for machines, without a cell that is personal."""
    return {
        "files": _files([part for parts in plan.parts.values() for part in parts]),
        "unread": plan.described.unread,
        "tables": plan.tables,
        "columns": column_rows(plan),
        "unused": plan.unused,
        "missing": plan.missing,
        "findings": plan.findings,
        "joins": plan.joins,
        "look": doubts(plan),
    }


def delivery_payload(delivery: Delivery) -> dict[str, Any]:
    """Return what became of a delivery as data for machines, without the lines that wait."""
    fields = {field.name: getattr(delivery, field.name) for field in dataclasses.fields(delivery)}
    return {**fields, "files": _files(delivery.files)}


def _files(parts: list[Part]) -> list[dict[str, Any]]:
    return [
        {
            "file": part.path.name,
            "lines": part.lines,
            "rows": part.rows,
            "left_out": part.left_out,
            "rejected": [
                {"line": line.line, "lines": line.lines, "reason": line.reason}
                for line in part.rejected
            ],
            "notes": part.notes,
        }
        for part in parts
    ]


def _forms(column: ColumnMap) -> Iterator[str]:
    if column.unit != "yuan":
        yield f"in {column.unit}"
    if column.decimal != ".":
        yield "with a decimal comma"
    if column.order != "ymd":
        yield {"dmy": "day first", "mdy": "month first", "ask": "day or month first?"}[column.order]
    if column.last_day:
        yield "the last day of cover: a day is added"
    if column.suffix:
        yield f"with {column.suffix} behind it"
    if column.empty is not None:
        yield f"{column.empty} where empty"


def _words(meaning: str | bool) -> str:
    return str(meaning).lower() if isinstance(meaning, bool) else meaning
