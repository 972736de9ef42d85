"""`POST /v1/events`: report events of customers."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import GuanjiaError
from features.lake import Lake
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas, refuse
from serving.events.schemas import EventsRequest, EventsResponse, Malformed
from serving.events.service import EventService

router = guarded()


@router.post(
    "/v1/events",
    response_model=EventsResponse,
    responses={
        **refusal_schemas(413, 422, 503),
        207: {"model": EventsResponse, "description": "At least one of several events is refused"},
        409: refusal_schemas(409)[409]
        | {"description": "The request has one event, and its id is that of another event"},
    },
)
def take_events(request: Request, body: EventsRequest) -> Response:
    """Report events of customers; when this answers, their online tags include them."""
    events: EventService = request.app.state.events
    lake: Lake = request.app.state.service.lake
    answer = events.take(body, clock.now(lake.settings), caller(request).branches)
    note(request, (event.customer_id for event in body.events if not isinstance(event, Malformed)))
    refusals = [event for event in answer.events if event.status == "refused"]
    if refusals and len(answer.events) == 1:
        faults = refusals[0].faults
        return refuse(
            409 if refusals[0].conflict else 422,
            *(GuanjiaError(fault.thing, fault.fault, fault.cure) for fault in faults),
        )
    return Response(
        answer.model_dump_json(), 207 if refusals else 200, media_type="application/json"
    )
