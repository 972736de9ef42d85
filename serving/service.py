"""The service: BentoML runs it, a FastAPI app inside it answers (docs/adr/0004).

Start it with `guanjia serve`. Pages at /docs work without a network: their scripts come from an
installed package.
"""

import gc
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import load
from serving.conditions import UnknownNameError
from serving.predict import Door
from serving.schemas import MOST_CUSTOMERS, PredictRequest, PredictResponse, Refusal
from serving.tokens import read_token

ASSETS = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
LARGEST_BODY = 256 * 1024
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "No valid token"},
    404: {"model": Refusal, "description": "A customer or a model is not known"},
    413: {"model": Refusal, "description": "The request is too large"},
    422: {"model": Refusal, "description": "The request is not as declared"},
}

bearer = HTTPBearer(auto_error=False, description="What `guanjia token` prints.")
app = FastAPI(
    title="Guanjia",
    description="Predictions and stars of customers. Every call needs a bearer token.",
    version="1",
    docs_url=None,
    redoc_url=None,
)
app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")


class UnauthorisedError(GuanjiaError):
    """The caller did not show a valid token."""


def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """Who asks, by the token of the request."""
    if credentials is None:
        cure = "send `Authorization: Bearer ...` with what `guanjia token` prints"
        raise UnauthorisedError("request", "has no bearer token", cure)
    door: Door = request.app.state.door
    try:
        return read_token(door.lake.settings, credentials.credentials)
    except GuanjiaError as error:
        raise UnauthorisedError(error.thing, error.fault, error.cure) from None


@app.post("/predict", response_model=PredictResponse, responses=REFUSALS, tags=["predictions"])
def predict(
    request: Request, body: PredictRequest, _subject: Annotated[str, Depends(caller)]
) -> Response:
    """Probabilities, star, freshness and model versions of 1 to 1,000 customers."""
    door: Door = request.app.state.door
    # Serialised once by pydantic; FastAPI would validate the answer a second time.
    answer = door.answer(body).model_dump_json()
    return Response(answer, media_type="application/json")


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


def refused(status: int, *faults: GuanjiaError) -> JSONResponse:
    """A 4xx that says what is wrong and what to change."""
    found = [{"thing": f.thing, "fault": f.fault, "cure": f.cure} for f in faults]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"faults": found}, status_code=status, headers=headers)


@app.exception_handler(GuanjiaError)
def refuse_fault(_request: Request, error: GuanjiaError) -> JSONResponse:
    """No valid token is 401, an unknown customer or model 404; what we lack ourselves is 503."""
    if isinstance(error, UnauthorisedError):
        return refused(401, error)
    return refused(404 if isinstance(error, UnknownNameError) else 503, error)


@app.exception_handler(RequestValidationError)
def refuse_shape(_request: Request, error: RequestValidationError) -> JSONResponse:
    """A request that is not as declared: each fault with its field, never with its content."""
    faults = []
    for found in error.errors()[:10]:
        where = ".".join(str(part) for part in found["loc"][1:]) or "body"
        cure = CURES.get(found["type"], "send what /docs declares")
        faults.append(GuanjiaError(where, found["msg"], cure))
    return refused(422, *faults)


CURES = {
    "too_long": f"ask for at most {MOST_CUSTOMERS:,} customers in one request",
    "too_short": "name at least one customer",
    "extra_forbidden": "leave this field out",
    "missing": "add this field",
    "json_invalid": "send valid JSON",
    "finite_number": "send a finite number, or leave the field out",
}


@app.middleware("http")
async def bounded(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse a body too large for 1,000 customers before it is read."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        cure = f"ask for at most {MOST_CUSTOMERS:,} customers in one request"
        return refused(413, GuanjiaError("request", "is too large", cure))
    return await call_next(request)


@bentoml.service(name="guanjia", metrics={"enabled": False}, traffic={"timeout": 30})
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """Holds what requests need; loads it before the first one."""

    def __init__(self) -> None:
        app.state.door = Door(Lake(load()))
        # What is loaded now lives as long as the process: a full collection over it takes 200 ms.
        gc.collect()
        gc.freeze()
