"""Write docs/events.md from the declarations of events: `make docs`."""

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
_TYPE_WORDS = {
    dt.Timestamp: "instant",
    dt.Date: "day",
    dt.Decimal: "yuan, as a text or a number",
    dt.Int64: "whole number",
    dt.Float64: "number",
    dt.Boolean: "true or false",
    dt.String: "text",
}


def render() -> str:
    """Render the page as Markdown."""
    lines = [_row(type_) for type_ in EVENTS.values()]
    fields = {
        (type_.table, name): _field(type_, name, column)
        for type_ in EVENTS.values()
        for name, column in type_.fields.items()
    }
    head = HEAD.format(count=len(EVENTS))
    return head + "\n".join(lines) + "\n" + FIELDS + "\n".join(fields.values()) + "\n"


def allowed(type_: EventType, column: str) -> list[str]:
    """List the values that the contract allows in a column; empty: any."""
    return list(type_.contract.declared[column].allowed)


def _row(type_: EventType) -> str:
    moment = f"`{type_.moment}`" + (" (milestone of an existing row)" if type_.changes else "")
    optional = [name for name in type_.fields if name not in type_.required]
    cells = [f"`{type_.name}`", type_.label, type_.definition, f"`{type_.table}`", moment]
    cells += [", ".join(f"`{name}`" for name in names) for names in (type_.required, optional)]
    return "| " + " | ".join(cells) + " |"


def _field(event_type: EventType, name: str, column: str) -> str:
    type_ = event_type.contract.columns[column]
    words = next(word for kind, word in _TYPE_WORDS.items() if isinstance(type_, kind))
    label = event_type.contract.declared[column].label
    values = ", ".join(f"`{value}`" for value in allowed(event_type, column))
    return f"| `{name}` | `{event_type.table}` | {label} | {words} | {values} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
