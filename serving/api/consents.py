"""`/v1/customers/{customer_id}/consents`: the consents of a customer, and changes of them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Path, Request
from pydantic import ConfigDict, Field, StrictBool, model_validator

from features.errors import GuanjiaError
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.decision.inputs import CONSENTS, OPT_OUTS, base_of
from serving.events.schemas import Instant
from serving.predictions.service import PredictionService
from serving.records.database import Records
from serving.records.idempotency import caller_key
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.schemas import NO_NUL, ClientKey, Message

router = guarded()
PATH = "/v1/customers/{customer_id}/consents"
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL, examples=["C00000001"])]


class ConsentsTold(Message):
    """The consents of a customer that hold now; null if never given or refused."""

    customer_id: str
    as_of: datetime
    marketing: bool | None
    profiling: bool | None
    location: bool | None
    channels: dict[str, bool] = Field(
        description="Whether marketing is allowed, by channel with a consent of its own."
    )


class ConsentTold(Message):
    """A consent or a refusal of a customer, to store."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "client_key": "mini-program 4711",
                "purpose": "marketing",
                "granted": False,
                "changed_at": "2026-06-30T10:00:00+08:00",
                "channel": "phone",
            },
            "if": {"required": ["channel"], "properties": {"channel": {"type": "string"}}},
            "then": {"properties": {"purpose": {"const": "marketing"}}},
        }
    )

    client_key: ClientKey = Field(
        description="Your own key, unique to this change: never use it for another one."
    )
    purpose: Literal["marketing", "profiling", "location"]
    granted: StrictBool
    changed_at: Instant
    channel: Literal["sms", "wechat", "wecom", "phone", "app", "mail", "branch"] | None = Field(
        default=None, description="Marketing by this channel alone; default: by every channel."
    )
    source: Annotated[
        str, Field(min_length=1, max_length=64, pattern=NO_NUL, examples=["customer"])
    ] = "customer"

    @model_validator(mode="after")
    def _only_marketing_has_channels(self) -> Self:
        if self.channel is not None and self.purpose != "marketing":
            raise ValueError(f"consent to {self.purpose} has no channel: leave it out")
        return self


class ConsentKept(Message):
    """The stored change of a consent."""

    change_id: str
    repeated: bool
    recorded_at: datetime


@router.get(PATH, response_model=ConsentsTold, responses=refusal_schemas(404, 422, 503))
def consents(request: Request, customer_id: Customer) -> ConsentsTold:
    """Read the consents of a customer that hold now."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    at = clock.now(service.lake.settings)
    names = [*CONSENTS, *OPT_OUTS.values()]
    (row,), _ = service.tags([customer_id], names, caller(request).branches)
    with records.reading() as connection:
        current = consents_as_of(connection, customer_id, at, base_of(row))
    note(request, [customer_id])
    return ConsentsTold(customer_id=customer_id, as_of=at, **vars(current))


@router.post(PATH, response_model=ConsentKept, responses=refusal_schemas(404, 409, 413, 422, 503))
def change_consent(request: Request, customer_id: Customer, body: ConsentTold) -> ConsentKept:
    """Store a consent or refusal of a customer; it holds from the next decision on.

    \f
    Parameters
    ----------
    request : Request
        The request.
    customer_id : str
        The customer.
    body : ConsentTold
        The consent or refusal.
    """
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    at = clock.now(service.lake.settings)
    service.tags([customer_id], [], caller(request).branches)
    change = ConsentChange(
        customer_id, body.purpose, body.granted, body.changed_at, body.channel, body.source
    )
    with records.writing(durable=True) as connection:
        stored = write_consent(
            connection,
            change,
            at,
            client_key=caller_key(caller(request).subject, body.client_key),
        )
    if not stored.repeated:
        event = {
            "event_id": f"consent {stored.change_id}",
            "type": "consent_changed",
            "customer_id": customer_id,
            "occurred_at": min(body.changed_at, at).isoformat(),
            "consent_id": stored.change_id,
            "purpose": body.purpose,
            "granted": body.granted,
            **({"channel": body.channel} if body.channel is not None else {}),
        }
        try:
            request.app.state.events.take_own(event, at)
        except GuanjiaError:
            # Refuse a customer who was erased meanwhile as one who is not known.
            service.tags([customer_id], [], caller(request).branches)
            raise
    note(request, [customer_id])
    return ConsentKept(change_id=stored.change_id, repeated=stored.repeated, recorded_at=at)
