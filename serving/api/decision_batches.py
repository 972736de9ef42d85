"""`POST /v1/decisions`: decide on many customers in one request."""

from typing import Annotated, Literal

from anyio import to_thread
from fastapi import Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from features.errors import GuanjiaError
from serving import clock
from serving.api.guard import caller, guarded
from serving.api.predictions import large_requests
from serving.api.refusals import refusal_schemas, status_of
from serving.auth.access import Caller
from serving.decision.decider import Decider
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.schemas import ClientKey, Fault, Message
from serving.telemetry.metrics import count_unknown

router = guarded()
MOST_DECISIONS = 1_000


class BatchedDecision(DecideRequest):
    """One decision to make, with the key under which it can be asked for again."""

    client_key: ClientKey = Field(
        description="Your own key of this decision: where an answer was lost, send it again."
    )


class DecisionsRequest(Message):
    """1 to 1,000 decisions; each is made or refused on its own, in this order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "decisions": [
                    {
                        "customer_id": customer,
                        "decision_point": "app_open",
                        "client_key": f"2026-07-01 {customer}",
                    }
                    for customer in ("C00000001", "C00000002")
                ]
            }
        }
    )

    decisions: Annotated[list[BatchedDecision], Field(min_length=1, max_length=MOST_DECISIONS)]


class DecisionAnswer(Message):
    """The answer to one decision."""

    client_key: str
    status: Literal["decided", "refused"]
    decision: DecideResponse | None = Field(default=None, description="Null if refused.")
    faults: list[Fault] = Field(default_factory=list)


class DecisionsResponse(Message):
    """One answer per decision, in the order sent."""

    decisions: list[DecisionAnswer]


@router.post(
    "/v1/decisions",
    response_model=DecisionsResponse,
    responses={
        **refusal_schemas(413),
        207: {"model": DecisionsResponse, "description": "At least one decision is refused"},
    },
)
async def decide_many(request: Request, body: DecisionsRequest) -> Response:
    """Decide on up to 1,000 customers; what each may be told, and why nobody else is."""
    decider: Decider = request.app.state.decider
    answers = await to_thread.run_sync(
        _decide_all, request, decider, body, caller(request), limiter=large_requests()
    )
    refused = any(answer.status == "refused" for answer in answers)
    return Response(
        DecisionsResponse(decisions=answers).model_dump_json(),
        207 if refused else 200,
        media_type="application/json",
    )


def _decide_all(
    request: Request, decider: Decider, body: DecisionsRequest, requester: Caller
) -> list[DecisionAnswer]:
    """Decide one by one, each in a transaction of its own: other requests come in between."""
    settings = request.app.state.service.lake.settings
    answers = []
    for wish in body.decisions:
        at = clock.now(settings)
        try:
            decision = decider.decide(
                wish, at, requester.branches, requester.subject, certain=clock.certain(at)
            )
        except GuanjiaError as error:
            if status_of(error) == 503:
                raise
            if isinstance(error, UnknownCustomerError):
                count_unknown("POST /v1/decisions", error.customers)
            fault = Fault(thing=error.thing, fault=error.fault, cure=error.cure)
            answers.append(
                DecisionAnswer(client_key=wish.client_key, status="refused", faults=[fault])
            )
        else:
            answers.append(
                DecisionAnswer(client_key=wish.client_key, status="decided", decision=decision)
            )
    return answers
