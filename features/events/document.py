"""Write docs/events.md from the declarations of events: `make docs`."""

import sys
from pathlib import Path

import ibis.expr.datatypes as dt

from features.events.event_types import EVENTS, EventType
from features.markdown import list_item

HEAD = """# Events 事件

Generated from `features/events/event_types.py` by `make docs`; a test fails when it is not current.

{count} kinds of event can be sent to `POST /v1/events` ([api.md](api.md)). Each has `event_id`,
`type`, `customer_id`, `occurred_at` (an instant with its time zone) and the fields below. It
becomes a row, or a new version of a row, of its table; the contract of the table holds for it, and
a sentence of the contract is the refusal ([adr/0009](adr/0009-events.md)).

"""
FIELDS = """
## Fields

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
    lines = [_event(type_) for type_ in EVENTS.values()]
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


def _event(type_: EventType) -> str:
    optional = [name for name in type_.fields if name not in type_.required]
    row = f"New row of `{type_.table}`"
    if type_.changes:
        row = f"Fills in `{type_.moment}` of a row of `{type_.table}`"
    elif type_.moment != "occurred_at":
        row += f", whose `{type_.moment}` is `occurred_at`"
    fields = [
        f"{word} {', '.join(f'`{name}`' for name in names)}."
        for word, names in (("Required:", type_.required), ("May be given:", optional))
        if names
    ]
    text = f"`{type_.name}` {type_.label}. {type_.definition} {row}."
    return list_item(" ".join([text, *fields]))


def _field(event_type: EventType, name: str, column: str) -> str:
    type_ = event_type.contract.columns[column]
    words = next(word for kind, word in _TYPE_WORDS.items() if isinstance(type_, kind))
    label = event_type.contract.declared[column].label
    values = ", ".join(f"`{value}`" for value in allowed(event_type, column))
    one_of = f", one of {values}" if values else ""
    return list_item(f"`{name}` {label}, of `{event_type.table}`: {words}{one_of}.")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
