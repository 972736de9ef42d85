"""The service: BentoML runs it, a FastAPI app inside it answers (docs/adr/0004).

Start it with `guanjia serve`. Pages at /docs work without a network: their scripts come from an
installed package.
"""

import gc
import os
from pathlib import Path

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from features.lake import Lake
from features.settings import load
from serving.api import consents, decisions, events, outcomes, predictions
from serving.api.gate import Gate
from serving.api.rate import Allowances
from serving.api.refusals import add_refusals
from serving.decision.decider import Decider
from serving.events import EventDoor
from serving.predict import Door
from serving.records.database import Records
from serving.touchpoint_menu import TouchpointMenu

ASSETS = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"

app = FastAPI(
    title="Guanjia",
    description="Predictions and stars of customers, the one next contact with each, and what "
    "happens to them. Every call needs a bearer token.",
    version="1",
    docs_url=None,
    redoc_url=None,
)
app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")
add_refusals(app)
for routes in (
    predictions.routes,
    decisions.deciding,
    decisions.reading,
    outcomes.routes,
    consents.reading,
    consents.writing,
    events.routes,
):
    app.include_router(routes)


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


@bentoml.service(name="guanjia", metrics={"enabled": False}, traffic={"timeout": 30})
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """Holds what requests need; loads it before the first one."""

    def __init__(self) -> None:
        lake = Lake(load())
        settings, state = lake.settings, app.state
        state.allowances = Allowances(settings.rate_per_second, settings.rate_burst)
        state.door = Door(lake)
        state.door.current.keep_fresh(settings.model_refresh_seconds)
        state.records = Records(settings)
        state.records.migrate()
        state.decider = Decider(state.door, state.records, TouchpointMenu(lake))
        state.events = EventDoor(lake)
        state.events.start()
        # What is loaded now lives as long as the process: a full collection over it takes 200 ms.
        gc.collect()
        gc.freeze()


GuanjiaService.add_asgi_middleware(Gate, app=app)  # type: ignore[attr-defined]
