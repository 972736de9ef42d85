"""What `POST /v1/events` takes and gives.

Each kind of event is a pydantic model made from its declaration, so that the interactive page shows
its fields. Of a request each event is judged by itself: one that is malformed costs no other.
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
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
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
EARLIEST_YEAR, LATEST_YEAR = 1950, 2199


@dataclass(frozen=True)
class Malformed:
    """An event that is not as declared, by the name it gives itself."""

    event_id: str | None
    faults: list[GuanjiaError]


def _iso(value: Any) -> Any:
    """Refuse a bare number for a date: pydantic would take it for seconds since 1970."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("should be a text as ISO 8601 writes it")
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _cents(value: Decimal) -> Decimal:
    """One form, so that an event that is sent again as 2100 and as 2100.00 is the same event."""
    return value.quantize(Decimal("0.01"))


def _plausible(value: datetime) -> datetime:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise ValueError(f"should be of a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return value


# Without control characters, in a way that every reader of the document understands.
Words = Annotated[
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
    ],
    dt.Int64: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)],
    dt.Float64: StrictFloat,
    dt.Boolean: StrictBool,
    dt.String: Words,
}


def _field(one: EventType, name: str, column: str) -> tuple[Any, Any]:
    values = allowed(one, column)
    kinds = (
        found for kind, found in _TYPES.items() if isinstance(one.contract.columns[column], kind)
    )
    type_: Any = Literal[tuple(values)] if values else next(kinds)
    label = one.contract.declared[column].label
    if name in one.required:
        return type_, Field(description=label)
    return type_ | None, Field(default=None, description=label)


def _model(one: EventType) -> type[Message]:
    fields: dict[str, Any] = {
        "event_id": (Words, Field(description="Of your choice, and never used for another event.")),
        "type": (Literal[one.name], ...),
        "customer_id": (CustomerId, ...),
        "occurred_at": (Instant, Field(description="When it happened, with its time zone.")),
    }
    fields |= {name: _field(one, name, column) for name, column in one.fields.items()}
    name = "".join(part.capitalize() for part in one.name.split("_"))
    doc = f"{one.label}: {one.definition}"
    made: type[Message] = create_model(name, __base__=Message, __doc__=doc, **fields)
    return made


MODELS: Mapping[str, type[Message]] = {name: _model(one) for name, one in EVENTS.items()}


def _by_itself(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        name = value.get("event_id") if isinstance(value, dict) else None
        # It may hold half a surrogate pair, which no answer can.
        clean = name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""
        name = clean[:LONGEST_NAME] or None
        faults = []
        for found in error.errors(include_url=False)[:MOST_FAULTS]:
            where = [str(part) for part in found["loc"] if part not in MODELS]
            at = where[0][:LONGEST_NAME] if where else "type"
            thing = f"event {name or 'without a name'}, {at}"
            faults.append(GuanjiaError(thing, found["msg"], "send what docs/events.md declares"))
        return Malformed(name, faults)


AnyEvent: Any = Annotated[
    functools.reduce(operator.or_, MODELS.values()), Field(discriminator="type")
]


class EventsRequest(Message):
    """Tell what happened: 1 to 100 events, in the order in which they happened."""

    events: list[Annotated[AnyEvent, WrapValidator(_by_itself)]] = Field(
        min_length=1, max_length=MOST_EVENTS
    )

    def told(self) -> list[Event | Malformed]:
        """The events as the feature store knows them."""
        return [one if isinstance(one, Malformed) else _event(one) for one in self.events]


class DueTold(Message):
    """A touchpoint that an event made due to its customer."""

    due_id: str = Field(description="Of this touchpoint after this event; a client key of /decide.")
    touchpoint: str
    due_at: datetime = Field(description="From when on, within the hours of the touchpoint.")
    until: datetime = Field(description="Before which it is timely.")
    kind: Literal["service", "marketing"]
    by: Literal["system", "person"]
    channels: list[str] = Field(description="Candidates, best first.")
    service: str = Field(description="Service level of the customer's star.")
    reason: str = Field(description="The event's Chinese name, and its id.")


class EventAnswer(Message):
    """What became of one event."""

    event_id: str | None
    status: Literal["accepted", "repeated", "refused"]
    recorded_at: datetime | None = Field(
        default=None, description="Since when it counts; null if refused."
    )
    tags: Literal["online", "pending"] | None = Field(
        default=None,
        description="Whether the customer's tags online know of it; pending: the customer's next "
        "event, a start of the service or the daily run brings them up.",
    )
    due: list[DueTold] | None = Field(
        default=None,
        description="Touchpoints that it makes due. Null: refused, or not known yet; "
        "`GET /v1/due` has them as soon as they are.",
    )
    conflict: bool = Field(default=False, description="Refused for the id of another event.")
    faults: list[Fault] = Field(default_factory=list)


class EventsResponse(Message):
    """One answer an event, in the order sent."""

    events: list[EventAnswer]


def _event(told: Any) -> Event:
    type_ = EVENTS[told.type]
    fields = {name: getattr(told, name) for name in type_.fields}
    return Event(told.event_id, type_, told.customer_id, told.occurred_at, fields)
