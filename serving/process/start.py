"""Start a worker of the service: load what requests need, then announce that it is ready."""

import atexit
import gc
import logging
import os
import sys
from pathlib import Path

from fastapi import FastAPI

from features.erased import erasure_key
from features.lake import Lake, ServedLake
from features.settings import Settings, load
from serving import clock
from serving.api.access_recorder import COPY_SECONDS, AccessRecorder
from serving.api.app import limit_rate
from serving.auth import tokens
from serving.decision.capacity.settings import load_capacity
from serving.decision.decider import Decider
from serving.decision.touchpoint_source import TouchpointSource
from serving.events.due_touchpoints import DueTouchpoints
from serving.events.service import EventService
from serving.exporter.folder import LIBRARY
from serving.exporter.home_dates import HomeDates
from serving.exporter.port import BIND_SECONDS, MetricsPort
from serving.exporter.today import REFRESH_SECONDS, Today
from serving.periodic import every
from serving.predictions.service import PredictionService
from serving.predictions.tags_date import TagsDate
from serving.process.warming import Warming
from serving.records.database import Records
from serving.telemetry.log_lines import make_logs_safe
from serving.telemetry.metrics import write_counts
from serving.telemetry.tracing import start_tracing
from serving.touchpoints.catalogue import load_touchpoints

logger = logging.getLogger(__name__)
COUNT_SECONDS = CLOCK_SECONDS = 1.0
ANNOUNCEMENT = "GUANJIA_ANNOUNCEMENT"
"""Environment variable with the path of a text to print once the service is ready."""


def start(app: FastAPI) -> None:
    """Load what requests need into `app.state`, and start the periodic work of the worker.

    Raises
    ------
    GuanjiaError
        If a file of the home is missing or has a fault, or the records do not answer.
    """
    lake = ServedLake(load())
    settings = lake.settings
    make_logs_safe(settings.log, erasure_key(settings), access=settings.access_log)
    start_tracing()
    tokens.get_ready(lake.settings)
    limit_rate(app, lake.settings)
    app.state.service = PredictionService(lake)
    app.state.records = Records(lake.settings)
    app.state.records.migrate()
    app.state.on_read = AccessRecorder(app.state.records, lake.settings)
    every(COPY_SECONDS, "copy access log", app.state.on_read.copy)
    every(CLOCK_SECONDS, "watch the clock", lambda: _watch_clock(settings))
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
    if settings.read_ahead:
        warming = Warming(lake, app.state.records)
        every(settings.model_refresh_seconds, "read in advance", warming.refresh)
    show_metrics(app, lake)
    # The event loop gives up the interpreter lock at every file read: let it return soon.
    sys.setswitchinterval(0.001)
    # Objects loaded so far live as long as the process: a full collection over them takes 200 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def show_metrics(app: FastAPI, lake: Lake) -> None:
    """Show the metrics of the service on their port, if it has one, when the port is free.

    Parameters
    ----------
    app : FastAPI
        The app, with its services in `app.state`.
    lake : Lake
        The home.
    """
    settings, folder = lake.settings, os.environ.get(LIBRARY)
    if settings.metrics_port is None or folder is None:
        return
    dates = HomeDates(lake, app.state.tags_date, app.state.service.current)
    policy = app.state.decider.gatherer.policy
    today = Today(app.state.records, settings, policy, load_capacity(lake.home))
    port = MetricsPort(
        settings.metrics_host,
        settings.metrics_port,
        Path(folder),
        (dates.samples, today.samples),
        today.refresh,
    )
    every(COUNT_SECONDS, "write counts", write_counts)
    atexit.register(write_counts)
    every(BIND_SECONDS, "bind the port of the metrics", port.bind)
    every(REFRESH_SECONDS, "read what today has used", port.refresh)


def _watch_clock(settings: Settings) -> None:
    """Note the time, so that it is seen at once when the clock is set."""
    clock.certain(clock.now(settings))


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
