"""Request and response of `POST /v1/events`.

Each type of event is a pydantic model built from its declaration, so that the interactive page
shows its fields. Events of a request are validated one by one: a malformed one affects no other.
"""

import functools
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import ibis.expr.datatypes as dt
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    create_model,
)

from features.errors import GuanjiaError
from features.events.document import allowed
from features.events.event_types import EVENTS, Event, EventType
from serving.schemas import CustomerId, Fault, Message

MOST_EVENTS = 100
LONGEST_NAME = 100
MOST_FAULTS = 10
YUAN = r"^-?[0-9]{1,12}(\.[0-9]{1,2})?$"
EARLIEST_YEAR, LATEST_YEAR = 1950, 2199


@dataclass(frozen=True)
class Malformed:
    """An event that is not as declared, with the id that it states."""

    event_id: str | None
    faults: list[GuanjiaError]


def _iso(value: Any) -> Any:
    """Refuse a bare number as date: pydantic would read it as seconds since 1970."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("should be a text as ISO 8601 writes it")
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _cents(value: Decimal) -> Decimal:
    """Round to one form: an event sent as 2100 and again as 2100.00 is the same event."""
    return value.quantize(Decimal("0.01"))


def _plausible(value: datetime) -> datetime:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise ValueError(f"should be of a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return value


# No control characters; the pattern is one that every reader of an OpenAPI document supports.
PlainText = Annotated[
    str, Field(strict=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_iso),
    AfterValidator(_plausible),
    Field(json_schema_extra={"pattern": r"^(19[5-9]|20[0-9]|21[0-9])[0-9]-"}),
]
_TYPES: dict[type[dt.DataType], Any] = {
    dt.Timestamp: Instant,
    dt.Date: Annotated[date, BeforeValidator(_iso)],
    dt.Decimal: Annotated[
        Decimal,
        BeforeValidator(_amount),
        Field(max_digits=14, decimal_places=2),
        AfterValidator(_cents),
        WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": YUAN}]}),
    ],
    dt.Int64: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)],
    dt.Float64: StrictFloat,
    dt.Boolean: StrictBool,
    dt.String: PlainText,
}


def _field(event_type: EventType, name: str, column: str) -> tuple[Any, Any]:
    """Build type and default of a field of an event from the column that it sets."""
    values = allowed(event_type, column)
    column_type = event_type.contract.columns[column]
    matches = (type_ for kind, type_ in _TYPES.items() if isinstance(column_type, kind))
    type_: Any = Literal[tuple(values)] if values else next(matches)
    label = event_type.contract.declared[column].label
    if name in event_type.required:
        return type_, Field(description=label)
    return type_ | None, Field(default=None, description=label)


def _model(event_type: EventType) -> type[Message]:
    """Build the pydantic model of a type of event."""
    fields: dict[str, Any] = {
        "event_id": (
            PlainText,
            Field(description="Your own id, unique to this event: never use it for another one."),
        ),
        "type": (Literal[event_type.name], ...),
        "customer_id": (CustomerId, ...),
        "occurred_at": (Instant, Field(description="When it happened, with its time zone.")),
    }
    fields |= {name: _field(event_type, name, column) for name, column in event_type.fields.items()}
    name = "".join(part.capitalize() for part in event_type.name.split("_"))
    doc = f"{event_type.label}: {event_type.definition}"
    model: type[Message] = create_model(name, __base__=Message, __doc__=doc, **fields)
    return model


MODELS: Mapping[str, type[Message]] = {
    name: _model(event_type) for name, event_type in EVENTS.items()
}


def _validated_alone(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate one event; return its faults as `Malformed` instead of failing the request."""
    try:
        return validate(value)
    except ValidationError as error:
        name = value.get("event_id") if isinstance(value, dict) else None
        # The name may contain a lone surrogate, which an answer in UTF-8 cannot.
        clean = name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""
        name = clean[:LONGEST_NAME] or None
        faults = []
        for details in error.errors(include_url=False)[:MOST_FAULTS]:
            path = [str(part) for part in details["loc"] if part not in MODELS]
            field = path[0][:LONGEST_NAME] if path else "type"
            thing = f"event {name or 'without a name'}, {field}"
            faults.append(GuanjiaError(thing, details["msg"], "send what docs/events.md declares"))
        return Malformed(name, faults)


AnyEvent: Any = Annotated[
    functools.reduce(operator.or_, MODELS.values()), Field(discriminator="type")
]


class EventsRequest(Message):
    """Events to report: 1 to 100, in the order in which they happened."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "events": [
                    {
                        "event_id": "complaint 4711",
                        "type": "complaint_received",
                        "customer_id": "C00000001",
                        "occurred_at": "2026-06-30T10:00:00+08:00",
                        "case_id": "K4711",
                        "topic": "claims",
                    }
                ]
            }
        }
    )

    events: list[Annotated[AnyEvent, WrapValidator(_validated_alone)]] = Field(
        min_length=1, max_length=MOST_EVENTS
    )

    def to_events(self) -> list[Event | Malformed]:
        """Convert the models to events of the feature store; malformed ones stay as they are."""
        return [
            model if isinstance(model, Malformed) else _to_event(model) for model in self.events
        ]


class DueTold(Message):
    """A touchpoint that an event made due for its customer."""

    due_id: str = Field(
        description="Id of this touchpoint after this event; send it to /decide as client key."
    )
    touchpoint: str
    due_at: datetime = Field(description="When it becomes due, within the touchpoint's hours.")
    until: datetime = Field(description="When it expires.")
    kind: Literal["service", "marketing"]
    by: Literal["system", "person"]
    channels: list[str] = Field(description="Candidate channels, best first.")
    service: str = Field(description="Service level of the customer's star.")
    reason: str = Field(description="The event's Chinese name and its id.")


class EventAnswer(Message):
    """The answer to one event."""

    event_id: str | None
    status: Literal["accepted", "repeated", "refused"]
    recorded_at: datetime | None = Field(
        default=None, description="When it was recorded; null if refused."
    )
    tags: Literal["online", "pending"] | None = Field(
        default=None,
        description="Whether the customer's online tags include the event. Pending: they will with "
        "the customer's next event, the next start of the service or the daily run.",
    )
    due: list[DueTold] | None = Field(
        default=None,
        description="Touchpoints that it makes due. Null: refused, or not known yet; "
        "`GET /v1/due` lists them once they are known.",
    )
    conflict: bool = Field(
        default=False, description="True if refused because another event has the same id."
    )
    faults: list[Fault] = Field(default_factory=list)


class EventsResponse(Message):
    """One answer per event, in the order sent."""

    events: list[EventAnswer]


def _to_event(model: Any) -> Event:
    type_ = EVENTS[model.type]
    fields = {name: getattr(model, name) for name in type_.fields}
    return Event(model.event_id, type_, model.customer_id, model.occurred_at, fields)
