"""The service: BentoML runs it, a FastAPI app inside it answers (docs/adr/0004).

Start it with `guanjia serve`. Pages at /docs work without a network: their scripts come from an
installed package.
"""

import gc
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.conditions import UnknownNameError
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import load
from serving import clock
from serving.event_schemas import LONGEST_NAME, MOST_EVENTS, EventsRequest, EventsResponse
from serving.events import EventDoor
from serving.predict import Door
from serving.schemas import (
    MOST_CUSTOMERS,
    MOST_MODELS,
    PredictRequest,
    PredictResponse,
    Refusal,
)
from serving.tokens import read_token

ASSETS = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
LARGEST_BODY = 256 * 1024
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "No valid token"},
    404: {"model": Refusal, "description": "A customer or a model is not known"},
    413: {"model": Refusal, "description": "The request is too large"},
    422: {"model": Refusal, "description": "The request is not as declared"},
    503: {"model": Refusal, "description": "Something is missing on our side"},
}
HEALTH = ("/livez", "/healthz", "/readyz")

bearer = HTTPBearer(auto_error=False, description="What `guanjia token` prints.")
app = FastAPI(
    title="Guanjia",
    description="Predictions and stars of customers, and what happens to them. Every call needs a "
    "bearer token.",
    version="1",
    docs_url=None,
    redoc_url=None,
)
app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")


class UnauthorisedError(GuanjiaError):
    """The caller did not show a valid token."""


async def check_token(request: Request) -> None:
    """Refuse a request without a valid token."""
    credentials = await bearer(request)
    if credentials is None:
        cure = "send `Authorization: Bearer ...` with what `guanjia token` prints"
        raise UnauthorisedError("request", "has no bearer token", cure)
    door: Door = request.app.state.door
    try:
        read_token(door.lake.settings, credentials.credentials)
    except GuanjiaError as error:
        raise UnauthorisedError(error.thing, error.fault, error.cure) from None


class TokenFirst(APIRoute):
    """A route that asks for the token before it reads the body; FastAPI does it afterwards."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, behind the token."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await check_token(request)
            return await handler(request)

        return guarded


# `bearer` is a dependency for the API document alone: the route has asked already.
customers = APIRouter(route_class=TokenFirst, dependencies=[Depends(bearer)])


@customers.post("/predict", response_model=PredictResponse, responses=REFUSALS)
def predict(request: Request, body: PredictRequest) -> Response:
    """Probabilities, star, freshness and model versions of 1 to 1,000 customers."""
    door: Door = request.app.state.door
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    answer = door.answer(body).model_dump_json()
    return Response(answer, media_type="application/json")


events = APIRouter(route_class=TokenFirst, dependencies=[Depends(bearer)])


@events.post(
    "/v1/events",
    response_model=EventsResponse,
    responses={
        **{status: REFUSALS[status] for status in (401, 413, 422, 503)},
        207: {"model": EventsResponse, "description": "Some of several events are refused"},
        409: {"model": Refusal, "description": "The only event has the id of another one"},
    },
)
def take_events(request: Request, body: EventsRequest) -> Response:
    """Tell what happened to customers; their tags online know of it when this answers."""
    door: EventDoor = request.app.state.events
    lake: Lake = request.app.state.door.lake
    answer = door.take(body, clock.now(lake.settings))
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


app.include_router(customers, tags=["predictions"])
app.include_router(events, tags=["events"])


@app.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """The interactive page, from files of this machine alone."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Guanjia API",
        swagger_js_url="/assets/swagger-ui-bundle.js",
        swagger_css_url="/assets/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={"validatorUrl": None},
    )


@app.get("/", include_in_schema=False)
def home() -> RedirectResponse:
    """Whoever opens the address finds the page."""
    return RedirectResponse("/docs")


def refused(
    status: int, *faults: GuanjiaError, headers: Mapping[str, str] | None = None
) -> Response:
    """A 4xx that says what is wrong and what to change."""
    found = [{"thing": f.thing, "fault": f.fault, "cure": f.cure} for f in faults]
    # A name that a caller invented may hold half a surrogate pair, which UTF-8 cannot write.
    body = json.dumps({"faults": found}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


@app.exception_handler(GuanjiaError)
def refuse_fault(_request: Request, error: GuanjiaError) -> Response:
    """No valid token is 401, an unknown customer or model 404; what we lack ourselves is 503."""
    if isinstance(error, UnauthorisedError):
        return refused(401, error, headers={"WWW-Authenticate": "Bearer"})
    return refused(404 if isinstance(error, UnknownNameError) else 503, error)


@app.exception_handler(RequestValidationError)
def refuse_shape(_request: Request, error: RequestValidationError) -> Response:
    """A request that is not as declared: each fault with its field, never with its content."""
    faults = []
    for found in error.errors()[:10]:
        if found["type"] == "json_invalid":
            return refused(422, no_json(f"at character {found['loc'][1]}"))
        where = ".".join(str(part) for part in found["loc"][1:])[:LONGEST_NAME] or "body"
        cures = {**CURES, **LIST_CURES.get(where, {})}
        cure = cures.get(found["type"], "send what /docs declares")
        faults.append(GuanjiaError(where, found["msg"], cure))
    return refused(422, *faults)


@app.exception_handler(HTTPException)
def refuse_address(request: Request, error: HTTPException) -> Response:
    """What the framework refuses by itself, in the same words as all else."""
    path = request.url.path
    if error.status_code == 400:
        # The one 400 FastAPI has: the body broke the JSON reader, by a huge number or deep nesting.
        return refused(422, no_json("throughout"))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "what /docs declares")
        fault = GuanjiaError(request.method, f"is not a method of {path}", f"use {allowed}")
        return refused(405, fault, headers=error.headers)
    return refused(error.status_code, no_address(path))


def no_json(where: str) -> GuanjiaError:
    """The fault of a body that cannot be read."""
    return GuanjiaError("body", f"is not JSON {where}", CURES["json_invalid"])


def no_address(path: str) -> GuanjiaError:
    """The fault of an address that leads nowhere."""
    return GuanjiaError(f"address {path[:LONGEST_NAME]}", "is not known", "see /docs")


CURES = {
    "too_long": f"ask for at most {MOST_CUSTOMERS:,} customers in one request",
    "too_short": "name at least one customer",
    "extra_forbidden": "leave this field out",
    "missing": "add this field",
    "json_invalid": "send valid JSON",
    "bool_type": "send true or false, without quotes",
    "finite_number": "send a finite number, or leave the field out",
}
EVENT_CURES = {
    "too_long": f"send at most {MOST_EVENTS} events in one request",
    "too_short": "send at least one event",
}
LIST_CURES = {
    "events": EVENT_CURES,
    "models": {"too_long": f"name at most {MOST_MODELS} models, each once, or none for all"},
}


class Gate:
    """What every request passes before BentoML and the app see it.

    Only the addresses of `app` and the health checks are open: BentoML has pages of its own, which
    would answer without a token. A body is read up to the limit, whatever its headers say of it.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        ours = any(route.matches(scope)[0] is not Match.NONE for route in app.routes)
        if not ours and scope["path"] not in HEALTH:
            await refused(404, no_address(scope["path"]))(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            cure = f"{CURES['too_long']}, or {EVENT_CURES['too_long']}"
            fault = GuanjiaError("request", "is too large", cure)
            await refused(413, fault)(scope, receive, send)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        await self.inner(scope, replay, send)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is larger than 1,000 customers need."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


@bentoml.service(name="guanjia", metrics={"enabled": False}, traffic={"timeout": 30})
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """Holds what requests need; loads it before the first one."""

    def __init__(self) -> None:
        lake = Lake(load())
        app.state.door = Door(lake)
        app.state.door.current.keep_fresh(lake.settings.model_refresh_seconds)
        app.state.events = EventDoor(app.state.door.lake)
        app.state.events.start()
        # What is loaded now lives as long as the process: a full collection over it takes 200 ms.
        gc.collect()
        gc.freeze()


GuanjiaService.add_asgi_middleware(Gate)  # type: ignore[attr-defined]
