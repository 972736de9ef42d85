"""`POST /v1/outcomes`: report outcomes of contacts."""

import logging
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field, StrictBool
from sqlalchemy import Connection

from features.errors import GuanjiaError
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.decision.touchpoint_source import TouchpointSource
from serving.events.schemas import Instant
from serving.events.service import EventService
from serving.records.contacts.caps import find_contact
from serving.records.contacts.decisions import find_decision
from serving.records.contacts.made_contacts import release_reserved
from serving.records.contacts.outcomes import KINDS, Outcome, StoredOutcome, note_outcome
from serving.records.database import Records, RecordsAwayError
from serving.records.idempotency import caller_key
from serving.schemas import NO_NUL, ClientKey, CustomerId, Fault, Message
from serving.telemetry.log_lines import hide_in_log
from serving.touchpoints.endings import ENDINGS, Won

router = guarded()
logger = logging.getLogger(__name__)
MOST_OUTCOMES = 100
Number = Annotated[str, Field(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class OutcomeTold(Message):
    """An outcome of a contact, a decision or a customer."""

    client_key: ClientKey = Field(
        description="Your own key, unique to this outcome: never use it for another one."
    )
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    occurred_at: Instant
    contact_id: Number | None = None
    decision_id: Number | None = None
    customer_id: CustomerId | None = None
    channel: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = Field(
        default=None, description="Default: the contact's."
    )
    all_channels: StrictBool = Field(
        default=False, description="Whether an opt-out applies to every channel."
    )


class OutcomesRequest(Message):
    """1 to 100 outcomes, in any order; each is accepted or refused on its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "outcomes": [
                    {
                        "client_key": "call-centre 4711",
                        "kind": "refused",
                        "occurred_at": "2026-06-30T10:00:00+08:00",
                        "customer_id": "C00000001",
                        "channel": "phone",
                    }
                ]
            }
        }
    )

    outcomes: list[OutcomeTold] = Field(min_length=1, max_length=MOST_OUTCOMES)


class OutcomeAnswer(Message):
    """The answer to one outcome."""

    client_key: str
    status: Literal["accepted", "repeated", "refused"]
    outcome_id: str | None = None
    recorded_at: datetime | None = None
    occurred_at: datetime | None = Field(
        default=None,
        description="When it counts as having occurred: as reported, but not before the contact "
        "was reserved and not after now.",
    )
    faults: list[Fault] = Field(
        default_factory=list,
        description="Why it is refused; or, of an accepted one, that its instant was moved.",
    )


class OutcomesResponse(Message):
    """One answer per outcome, in the order sent."""

    outcomes: list[OutcomeAnswer]


@router.post(
    "/v1/outcomes",
    response_model=OutcomesResponse,
    responses={
        **refusal_schemas(413, 422, 503),
        207: {"model": OutcomesResponse, "description": "At least one outcome is refused"},
    },
)
def take_outcomes(request: Request, body: OutcomesRequest) -> Response:
    """Report outcomes of contacts: sent, delivered, read, refused, opted out, renewed, ..."""
    at = clock.now(request.app.state.service.lake.settings)
    customers: list[str] = []
    answers = [_take_one(request, outcome, at, customers) for outcome in body.outcomes]
    if customers:
        note(request, customers)
    refused = any(outcome.status == "refused" for outcome in answers)
    answer = OutcomesResponse(outcomes=answers)
    return Response(
        answer.model_dump_json(), 207 if refused else 200, media_type="application/json"
    )


def _take_one(
    request: Request, body: OutcomeTold, at: datetime, customers: list[str]
) -> OutcomeAnswer:
    """Store one outcome, and append its customer to `customers`."""
    records: Records = request.app.state.records
    outcome = Outcome(**body.model_dump(exclude={"client_key"}))
    client_key = caller_key(caller(request).subject, body.client_key)
    try:
        with records.writing(durable=True) as connection:
            _require_visible(request, connection, outcome)
            stored = note_outcome(connection, outcome, at, client_key=client_key)
            hide_in_log([stored.customer_id])
            _end_touchpoints(request, connection, outcome, stored)
            event = None if stored.repeated else _contact_event(connection, outcome.kind, stored)
    except RecordsAwayError:
        raise
    except GuanjiaError as error:
        fault = Fault(thing=error.thing, fault=error.fault, cure=error.cure)
        return OutcomeAnswer(client_key=body.client_key, status="refused", faults=[fault])
    if event is not None:
        _take_event(request, event, at)
    customers.append(stored.customer_id)
    return OutcomeAnswer(
        client_key=body.client_key,
        status="repeated" if stored.repeated else "accepted",
        outcome_id=stored.outcome_id,
        recorded_at=at,
        occurred_at=stored.occurred_at,
        faults=_moved(body, stored),
    )


def _moved(body: OutcomeTold, stored: StoredOutcome) -> list[Fault]:
    """Say that an outcome counts at another instant than was reported."""
    if stored.reported_at is None:
        return []
    reported, early = body.occurred_at, stored.reported_at < stored.occurred_at
    where = "before its contact was reserved" if early else "ahead of now"
    fault = (
        f"is dated {reported.isoformat()}, {where}: "
        f"it counts as of {stored.occurred_at.isoformat()}"
    )
    cure = "name the contact that it is about, and check the clock of the sender"
    return [Fault(thing=f"outcome {body.kind}", fault=fault, cure=cure)]


def _require_visible(request: Request, connection: Connection, outcome: Outcome) -> None:
    """Refuse an outcome of a customer who is unknown or hidden from the caller."""
    branches = caller(request).branches
    if outcome.contact_id is not None:
        find_contact(connection, outcome.contact_id, branches)
    elif outcome.decision_id is not None:
        find_decision(connection, outcome.decision_id, branches)
    elif outcome.customer_id is not None:
        request.app.state.service.tags([outcome.customer_id], [], branches)


def _end_touchpoints(
    request: Request, connection: Connection, outcome: Outcome, stored: StoredOutcome
) -> None:
    """Release what is reserved about a renewal that was signed, or a product that was bought."""
    if stored.repeated or outcome.kind not in ENDINGS:
        return
    contact = find_contact(connection, stored.contact_id) if stored.contact_id else None
    touchpoint = contact["touchpoint"] if contact else None
    source: TouchpointSource = request.app.state.touchpoint_source
    ended = source.ended(Won(outcome.kind, touchpoint, outcome.occurred_at))
    release_reserved(connection, stored.customer_id, ended)


def _contact_event(
    connection: Connection, kind: str, stored: StoredOutcome
) -> dict[str, Any] | None:
    """Convert an outcome to an event, so that the customer's tags include the contact at once."""
    if stored.contact_id is None or kind in ("not_sent", *ENDINGS):
        return None
    contact = find_contact(connection, stored.contact_id)
    return {
        "event_id": f"outcome {stored.outcome_id}",
        "type": "contact_made",
        "customer_id": stored.customer_id,
        "occurred_at": stored.occurred_at.isoformat(),
        "interaction_id": stored.contact_id,
        "touchpoint": contact["touchpoint"],
        "channel": contact["channel"],
        "direction": "out",
        "result": kind,
    }


def _take_event(request: Request, event: dict[str, Any], at: datetime) -> None:
    events: EventService = request.app.state.events
    try:
        events.take_own(event, at)
    except GuanjiaError as error:
        # The outcome is stored; the core system's next delivery brings the contact into the tags.
        logger.warning(
            "%s is stored, but the customer's tags do not include the contact until the core"
            " system delivers it: %s",
            event["event_id"],
            error,
        )
