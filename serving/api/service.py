"""The service: BentoML runs it, a FastAPI app inside it answers (docs/adr/0004).

Start it with `guanjia serve`. Pages at /docs work without a network: their scripts come from an
installed package.
"""

import gc
import os
import sys

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml

from features.lake import Lake
from features.settings import load
from serving.api.app import limit_rate, made
from serving.api.gate import Gate
from serving.api.read_book import COPY_SECONDS, ReadBook
from serving.auth import tokens
from serving.decision.decider import Decider
from serving.decision.touchpoint_menu import TouchpointMenu
from serving.events.due_touchpoints import DueTouchpoints
from serving.events.service import EventDoor
from serving.periodic import every
from serving.predictions.service import Door
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints

app = made()


@bentoml.service(name="guanjia", metrics={"enabled": False}, traffic={"timeout": 30})
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """Holds what requests need; loads it before the first one."""

    def __init__(self) -> None:
        lake = Lake(load())
        tokens.get_ready(lake.settings)
        limit_rate(app, lake.settings)
        app.state.door = Door(lake)
        app.state.records = Records(lake.settings)
        app.state.records.migrate()
        app.state.on_read = ReadBook(app.state.records, lake.settings)
        every(COPY_SECONDS, "copy notes of reads", app.state.on_read.copy)
        app.state.touchpoints, app.state.menu = load_touchpoints(lake.home), TouchpointMenu(lake)
        app.state.decider = Decider(app.state.door, app.state.records, app.state.menu)
        every(
            lake.settings.model_refresh_seconds,
            "refresh of what answers",
            app.state.door.current.refresh,
            app.state.decider.refresh,
            app.state.door.get_ready,
        )
        app.state.due = DueTouchpoints(app.state.door, app.state.records)
        app.state.events = EventDoor(lake, app.state.due)
        app.state.events.start()
        # Whoever answers on the event loop waits for its turn as often as it asks a file.
        sys.setswitchinterval(0.001)
        # What is loaded now lives as long as the process: a full collection over it takes 200 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)


GuanjiaService.add_asgi_middleware(Gate, app=app)  # type: ignore[attr-defined]
