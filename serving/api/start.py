"""Start a worker of the service: load what requests need, then say that it answers."""

import gc
import logging
import os
import sys
from pathlib import Path

from fastapi import FastAPI

from features.lake import Lake
from features.settings import load
from serving.api.access_recorder import COPY_SECONDS, AccessRecorder
from serving.api.app import limit_rate
from serving.auth import tokens
from serving.decision.decider import Decider
from serving.decision.touchpoint_menu import TouchpointMenu
from serving.events.due_touchpoints import DueTouchpoints
from serving.events.service import EventDoor
from serving.periodic import every
from serving.predictions.service import Door
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints

logger = logging.getLogger(__name__)
ANNOUNCEMENT = "GUANJIA_ANNOUNCEMENT"
"""Names a file in the environment: its text is for whoever started the service, once it answers."""


def start(app: FastAPI) -> None:
    """Load what requests need into the app, and start what runs beside them.

    Raises
    ------
    GuanjiaError
        If a file of the home is missing or has a fault, or the records do not answer.
    """
    lake = Lake(load())
    tokens.get_ready(lake.settings)
    limit_rate(app, lake.settings)
    app.state.door = Door(lake)
    app.state.records = Records(lake.settings)
    app.state.records.migrate()
    app.state.on_read = AccessRecorder(app.state.records, lake.settings)
    every(COPY_SECONDS, "copy access log", app.state.on_read.copy)
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


def announce() -> None:
    """Say that the service answers: the first worker that is ready, and no later one."""
    logger.info("ready: requests are answered")
    name = os.environ.get(ANNOUNCEMENT)
    if name is None:
        return
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        path.unlink()
    except FileNotFoundError:
        return
    sys.stdout.write(text)
    sys.stdout.flush()
