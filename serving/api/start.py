"""Start a worker of the service: load what requests need, then announce that it is ready."""

import gc
import logging
import os
import sys
from pathlib import Path

from fastapi import FastAPI

from features.lake import ServedLake
from features.settings import load
from serving.api.access_recorder import COPY_SECONDS, AccessRecorder
from serving.api.app import limit_rate
from serving.api.door.log_lines import make_logs_safe
from serving.auth import tokens
from serving.decision.decider import Decider
from serving.decision.touchpoint_source import TouchpointSource
from serving.events.due_touchpoints import DueTouchpoints
from serving.events.service import EventService
from serving.periodic import every
from serving.predictions.service import PredictionService
from serving.predictions.tags_date import TagsDate
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints

logger = logging.getLogger(__name__)
ANNOUNCEMENT = "GUANJIA_ANNOUNCEMENT"
"""Environment variable with the path of a text to print once the service is ready."""


def start(app: FastAPI) -> None:
    """Load what requests need into `app.state`, and start the periodic work of the worker.

    Raises
    ------
    GuanjiaError
        If a file of the home is missing or has a fault, or the records do not answer.
    """
    make_logs_safe()
    lake = ServedLake(load())
    tokens.get_ready(lake.settings)
    limit_rate(app, lake.settings)
    app.state.service = PredictionService(lake)
    app.state.records = Records(lake.settings)
    app.state.records.migrate()
    app.state.on_read = AccessRecorder(app.state.records, lake.settings)
    every(COPY_SECONDS, "copy access log", app.state.on_read.copy)
    app.state.touchpoints = load_touchpoints(lake.home)
    app.state.touchpoint_source = TouchpointSource(lake)
    app.state.decider = Decider(app.state.service, app.state.records, app.state.touchpoint_source)
    app.state.tags_date = TagsDate(app.state.service)
    app.state.tags_date.refresh()
    every(
        lake.settings.model_refresh_seconds,
        "refresh models and tags",
        lake.follow,
        app.state.service.current.refresh,
        app.state.decider.refresh,
        app.state.service.get_ready,
        app.state.tags_date.refresh,
    )
    app.state.due = DueTouchpoints(app.state.service, app.state.records)
    app.state.events = EventService(lake, app.state.due)
    app.state.events.start()
    # The event loop gives up the interpreter lock at every file read: let it return soon.
    sys.setswitchinterval(0.001)
    # Objects loaded so far live as long as the process: a full collection over them takes 200 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def announce() -> None:
    """Print the announcement once, in the first worker that is ready."""
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
