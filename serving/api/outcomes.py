"""`POST /v1/outcomes`: what became of contacts."""

import logging
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field, StrictBool
from sqlalchemy import Connection

from features.errors import GuanjiaError
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared
from serving.events.schemas import Instant
from serving.events.service import EventDoor
from serving.records.contacts.caps import find_contact
from serving.records.contacts.decisions import find_decision
from serving.records.contacts.outcomes import KINDS, Outcome, StoredOutcome, note_outcome
from serving.records.database import Records, RecordsAwayError
from serving.schemas import CustomerId, Fault, Message

router = guarded()
logger = logging.getLogger(__name__)
MOST_OUTCOMES = 100
Number = Annotated[str, Field(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class OutcomeTold(Message):
    """One outcome, of a contact, a decision or a customer."""

    client_key: Annotated[str, Field(min_length=8, max_length=128, pattern=r"^[^\x00]+$")] = Field(
        description="Of your choice, and never used for another outcome."
    )
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    occurred_at: Instant
    contact_id: Number | None = None
    decision_id: Number | None = None
    customer_id: CustomerId | None = None
    channel: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="Default: the contact's."
    )
    all_channels: StrictBool = Field(
        default=False, description="Whether an opt-out is meant for every channel."
    )


class OutcomesRequest(Message):
    """1 to 100 outcomes, in any order; each is kept or refused by itself."""

    outcomes: list[OutcomeTold] = Field(min_length=1, max_length=MOST_OUTCOMES)


class OutcomeAnswer(Message):
    """What became of one outcome."""

    client_key: str
    status: Literal["accepted", "repeated", "refused"]
    outcome_id: str | None = None
    recorded_at: datetime | None = None
    faults: list[Fault] = Field(default_factory=list)


class OutcomesResponse(Message):
    """One answer an outcome, in the order sent."""

    outcomes: list[OutcomeAnswer]


@router.post(
    "/v1/outcomes",
    response_model=OutcomesResponse,
    responses={
        **declared(413, 422, 503),
        207: {"model": OutcomesResponse, "description": "Some outcomes are refused"},
    },
)
def take_outcomes(request: Request, body: OutcomesRequest) -> Response:
    """Tell what became of contacts: sent, delivered, read, refused, opted out, renewed, ..."""
    at = clock.now(request.app.state.door.lake.settings)
    customers: list[str] = []
    answers = [_one(request, told, at, customers) for told in body.outcomes]
    if customers:
        note(request, customers)
    refused = any(one.status == "refused" for one in answers)
    answer = OutcomesResponse(outcomes=answers)
    return Response(
        answer.model_dump_json(), 207 if refused else 200, media_type="application/json"
    )


def _one(request: Request, told: OutcomeTold, at: datetime, customers: list[str]) -> OutcomeAnswer:
    """Keep one outcome; whose it is joins the `customers` of the request."""
    records: Records = request.app.state.records
    outcome = Outcome(**told.model_dump(exclude={"client_key"}))
    try:
        with records.writing(durable=True) as connection:
            _seen(request, connection, outcome)
            noted = note_outcome(
                connection, outcome, at, client_key=f"{caller(request).subject} {told.client_key}"
            )
            event = None if noted.repeated else _event(connection, outcome, noted)
    except RecordsAwayError:
        raise
    except GuanjiaError as error:
        fault = Fault(thing=error.thing, fault=error.fault, cure=error.cure)
        return OutcomeAnswer(client_key=told.client_key, status="refused", faults=[fault])
    if event is not None:
        _tell(request, event, at)
    customers.append(noted.customer_id)
    return OutcomeAnswer(
        client_key=told.client_key,
        status="repeated" if noted.repeated else "accepted",
        outcome_id=noted.outcome_id,
        recorded_at=at,
    )


def _seen(request: Request, connection: Connection, outcome: Outcome) -> None:
    """Refuse what is of a customer whom the caller does not see, or who is not known."""
    branches = caller(request).branches
    if outcome.contact_id is not None:
        find_contact(connection, outcome.contact_id, branches)
    elif outcome.decision_id is not None:
        find_decision(connection, outcome.decision_id, branches)
    elif outcome.customer_id is not None:
        request.app.state.door.tags([outcome.customer_id], [], branches)


def _event(connection: Connection, outcome: Outcome, noted: StoredOutcome) -> dict[str, Any] | None:
    """The outcome as an event, so that the customer's tags know of the contact at once."""
    if noted.contact_id is None or outcome.kind in ("not_sent", "renewed", "bought"):
        return None
    contact = find_contact(connection, noted.contact_id)
    return {
        "event_id": f"outcome {noted.outcome_id}",
        "type": "contact_made",
        "customer_id": noted.customer_id,
        "occurred_at": outcome.occurred_at.isoformat(),
        "interaction_id": noted.contact_id,
        "touchpoint": contact["touchpoint"],
        "channel": contact["channel"],
        "direction": "out",
        "result": outcome.kind,
    }


def _tell(request: Request, event: dict[str, Any], at: datetime) -> None:
    door: EventDoor = request.app.state.events
    try:
        door.tell(event, at)
    except GuanjiaError as error:
        # The outcome is kept; what the tags miss, the next import of contacts brings.
        logger.warning("the tags do not know of %s: %s", event["event_id"], error)
