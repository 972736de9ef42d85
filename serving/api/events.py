"""`POST /v1/events`: what happened to customers."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import GuanjiaError
from features.lake import Lake
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import declared, refused
from serving.events.schemas import EventsRequest, EventsResponse, Malformed
from serving.events.service import EventDoor

router = guarded()


@router.post(
    "/v1/events",
    response_model=EventsResponse,
    responses={
        **declared(413, 422, 503),
        207: {"model": EventsResponse, "description": "Some of several events are refused"},
        409: declared(409)[409] | {"description": "The only event has the id of another one"},
    },
)
def take_events(request: Request, body: EventsRequest) -> Response:
    """Tell what happened to customers; their tags online know of it when this answers."""
    door: EventDoor = request.app.state.events
    lake: Lake = request.app.state.service.lake
    answer = door.take(body, clock.now(lake.settings), caller(request).branches)
    told = (one.customer_id for one in body.events if not isinstance(one, Malformed))
    note(request, told)
    refusals = [one for one in answer.events if one.status == "refused"]
    if refusals and len(answer.events) == 1:
        faults = refusals[0].faults
        return refused(
            409 if refusals[0].conflict else 422,
            *(GuanjiaError(one.thing, one.fault, one.cure) for one in faults),
        )
    return Response(
        answer.model_dump_json(), 207 if refusals else 200, media_type="application/json"
    )
