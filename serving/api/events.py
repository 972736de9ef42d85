"""`POST /v1/events`."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import GuanjiaError
from features.lake import Lake
from serving import clock
from serving.api.access import resource
from serving.api.refusals import REFUSALS, refusals, refused
from serving.event_schemas import EventsRequest, EventsResponse
from serving.events import EventDoor

routes = resource("events", "events")


@routes.post(
    "/v1/events",
    response_model=EventsResponse,
    responses={
        **refusals(),
        207: {"model": EventsResponse, "description": "Some of several events are refused"},
        409: REFUSALS[409] | {"description": "The only event has the id of another one"},
    },
)
def take_events(request: Request, body: EventsRequest) -> Response:
    """Tell what happened to customers; their tags online know of it when this answers."""
    door: EventDoor = request.app.state.events
    lake: Lake = request.app.state.door.lake
    answer = door.take(body, clock.now(lake.settings))
    failed = [one for one in answer.events if one.status == "refused"]
    if failed and len(answer.events) == 1:
        faults = failed[0].faults
        return refused(
            409 if failed[0].conflict else 422,
            *(GuanjiaError(one.thing, one.fault, one.cure) for one in faults),
        )
    return Response(answer.model_dump_json(), 207 if failed else 200, media_type="application/json")
