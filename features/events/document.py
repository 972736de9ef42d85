"""docs/events.md, written from the declarations: `make docs`."""

import sys
from pathlib import Path

import ibis.expr.datatypes as dt

from features.events.event_types import EVENTS, EventType

HEAD = """# Events 事件

Generated from `features/events/event_types.py` by `make docs`; a test fails when it is not current.

{count} kinds of event can be sent to `POST /v1/events` ([api.md](api.md)). Each has `event_id`,
`type`, `customer_id`, `occurred_at` (an instant with its time zone) and the fields below. It
becomes a row, or a new version of a row, of its table; the contract of the table holds for it, and
a sentence of the contract is the refusal ([adr/0009](adr/0009-events.md)).

| type | label | what happened | table | `occurred_at` is its | required | may be given |
|---|---|---|---|---|---|---|
"""
FIELDS = """
## Fields

| field | of a row of | label | type | one of |
|---|---|---|---|---|
"""
_WORDS = {
    dt.Timestamp: "instant",
    dt.Date: "day",
    dt.Decimal: "yuan, as a text or a number",
    dt.Int64: "whole number",
    dt.Float64: "number",
    dt.Boolean: "true or false",
    dt.String: "text",
}


def render() -> str:
    """The page as text."""
    lines = [_row(one) for one in EVENTS.values()]
    fields = {
        (one.table, name): _field(one, name, column)
        for one in EVENTS.values()
        for name, column in one.fields.items()
    }
    head = HEAD.format(count=len(EVENTS))
    return head + "\n".join(lines) + "\n" + FIELDS + "\n".join(fields.values()) + "\n"


def allowed(one: EventType, column: str) -> list[str]:
    """The values that the contract allows in a column; empty: any."""
    return list(one.contract.declared[column].allowed)


def _row(one: EventType) -> str:
    moment = f"`{one.moment}`" + (" (milestone of an existing row)" if one.changes else "")
    optional = [name for name in one.fields if name not in one.required]
    cells = [f"`{one.name}`", one.label, one.definition, f"`{one.table}`", moment]
    cells += [", ".join(f"`{name}`" for name in names) for names in (one.required, optional)]
    return "| " + " | ".join(cells) + " |"


def _field(one: EventType, name: str, column: str) -> str:
    type_ = one.contract.columns[column]
    words = next(word for kind, word in _WORDS.items() if isinstance(type_, kind))
    label = one.contract.declared[column].label
    values = ", ".join(f"`{value}`" for value in allowed(one, column))
    return f"| `{name}` | `{one.table}` | {label} | {words} | {values} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
