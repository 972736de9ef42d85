"""`/v1/customers/{customer_id}/consents`: what a customer consents to, and changes of it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Path, Request
from pydantic import ConfigDict, Field, StrictBool, model_validator

from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.decision.gather import CONSENTS, OPT_OUTS, base_of
from serving.events.schemas import Instant
from serving.predictions.service import Door
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.schemas import Message

router = guarded()
PATH = "/v1/customers/{customer_id}/consents"
Customer = Annotated[str, Path(min_length=1, max_length=64)]


class ConsentsTold(Message):
    """What a customer consents to now; null where nothing was said."""

    customer_id: str
    as_of: datetime
    marketing: bool | None
    profiling: bool | None
    location: bool | None
    channels: dict[str, bool] = Field(description="Marketing, where a channel was spoken of.")


class ConsentTold(Message):
    """A change of a consent."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["channel"], "properties": {"channel": {"type": "string"}}},
            "then": {"properties": {"purpose": {"const": "marketing"}}},
        }
    )

    client_key: Annotated[str, Field(min_length=8, max_length=128, pattern=r"^[^\x00]+$")] = Field(
        description="Of your choice, and never used for another change."
    )
    purpose: Literal["marketing", "profiling", "location"]
    granted: StrictBool
    changed_at: Instant
    channel: Literal["sms", "wechat", "wecom", "phone", "app", "mail", "branch"] | None = Field(
        default=None, description="Marketing by this channel alone; default: by every channel."
    )
    source: Annotated[str, Field(min_length=1, max_length=64)] = "customer"

    @model_validator(mode="after")
    def _only_marketing_has_channels(self) -> Self:
        if self.channel is not None and self.purpose != "marketing":
            raise ValueError(f"consent to {self.purpose} has no channel: leave it out")
        return self


class ConsentKept(Message):
    """The change, kept."""

    change_id: str
    repeated: bool
    recorded_at: datetime


@router.get(PATH, response_model=ConsentsTold, responses=declared(404, 422, 503))
def consents(request: Request, customer_id: Customer) -> ConsentsTold:
    """What a customer consents to now."""
    door: Door = request.app.state.door
    records: Records = request.app.state.records
    at = clock.now(door.lake.settings)
    names = [*CONSENTS, *OPT_OUTS.values()]
    (row,), _ = door.tags([customer_id], names, caller(request).branches)
    with records.reading() as connection:
        found = consents_as_of(connection, customer_id, at, base_of(row))
    note(request, [customer_id])
    return ConsentsTold(customer_id=customer_id, as_of=at, **vars(found))


@router.post(PATH, response_model=ConsentKept, responses=declared(404, 409, 413, 422, 503))
def change_consent(request: Request, customer_id: Customer, body: ConsentTold) -> ConsentKept:
    """Keep what a customer said; the next decision obeys it."""
    door: Door = request.app.state.door
    records: Records = request.app.state.records
    at = clock.now(door.lake.settings)
    door.tags([customer_id], [], caller(request).branches)
    told = ConsentChange(
        customer_id, body.purpose, body.granted, body.changed_at, body.channel, body.source
    )
    with records.writing(durable=True) as connection:
        found = write_consent(
            connection, told, at, client_key=f"{caller(request).subject} {body.client_key}"
        )
    if body.channel is None and not found.repeated:
        event = {
            "event_id": f"consent {found.change_id}",
            "type": "consent_changed",
            "customer_id": customer_id,
            "occurred_at": min(body.changed_at, at).isoformat(),
            "consent_id": found.change_id,
            "purpose": body.purpose,
            "granted": body.granted,
        }
        request.app.state.events.tell(event, at)
    note(request, [customer_id])
    return ConsentKept(change_id=found.change_id, repeated=found.repeated, recorded_at=at)
