"""Commands to start the service, to issue its tokens, and to run the demo."""

import errno
import os
import socket
import sys
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from json import dumps
from typing import Annotated, Any

import typer

from features.errors import GuanjiaError
from features.jsonable import jsonable
from features.settings import PREFIX
from guanjia.terminal.options import Json, MaybeNow, open_lake, open_published, read_clock
from guanjia.terminal.output import emit, progress

AHEAD = "GUANJIA_CLOCK_AHEAD_SECONDS"


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    now: MaybeNow = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port that shows metrics to Prometheus. Default: none."
        ),
    ] = None,
    metrics_host: Annotated[
        str | None, typer.Option(help="Address that has that port. Default: 127.0.0.1.")
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log each request in one line.")
    ] = False,
    json: Json = False,
) -> None:
    """Start the API: predictions, decisions, events.

    It reports that it is ready only when it answers.
    """
    _set("METRICS_PORT", metrics_port)
    _set("METRICS_HOST", metrics_host)
    _set("ACCESS_LOG", access_log or None)
    lake = open_published()
    ip = find_address(host, port)
    _prepare_metrics(lake, port)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if now is None and AHEAD not in os.environ:
        now = _time_of_simulation(lake)
    where = f"Ready at {address} (stop with Ctrl-C)"
    if now is not None:
        where += f"; it is {now:%Y-%m-%d %H:%M} there (--now to say otherwise)"
    # A worker writes this text once it has loaded all that a request needs (`process.start`).
    folder = lake.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / f"ready-{os.getpid()}.txt"
    with ready.open("w", encoding="utf-8") as text, redirect_stdout(text):
        announcement = {"address": address, "ready": True, "now": now}
        if lake.settings.log == "json":
            # A line of the log among others.
            line = {"level": "info", "logger": "guanjia.serve", "message": where, **announcement}
            text.write(dumps(jsonable(line), ensure_ascii=False) + "\n")
        else:
            emit(announcement, json, where)
    # This process will be the one that watches the workers, and keeps its number.
    os.environ["GUANJIA_WATCHER"] = str(os.getpid())
    os.environ["GUANJIA_ANNOUNCEMENT"] = str(ready)
    os.environ["GUANJIA_WORKERS"] = str(workers)
    if not json and lake.settings.log == "text":
        sys.stderr.write(f"Starting at {address} ...\n")
        sys.stderr.flush()
    if now is not None:
        # As a difference, so that all workers, also restarted ones, have the same clock.
        os.environ[AHEAD] = str((now - read_clock()).total_seconds())
    command = [sys.executable, "-m", "serving.telemetry.bentoml_server"]
    command += ["serve", "serving.process.service:GuanjiaService"]
    command += ["--host", ip, "--port", str(port)]
    os.execv(command[0], command)


def _set(name: str, value: object) -> None:
    """Hand a setting on to the processes of the service; None leaves it as the environment says."""
    if value is not None:
        os.environ[PREFIX + name] = str(value)


def _prepare_metrics(lake: Any, port: int) -> None:
    """Check the port of the metrics, and create the folder in which the processes count."""
    settings = lake.settings
    if settings.metrics_port is None:
        return
    if settings.metrics_port == port:
        cure = "choose another with --metrics-port"
        raise GuanjiaError(f"port {port}", "is that of the API already", cure)
    from serving.exporter.folder import FOLDER, create_folder

    ip = find_address(settings.metrics_host, settings.metrics_port)
    os.environ[PREFIX + "METRICS_HOST"] = ip
    os.environ[FOLDER] = str(create_folder(lake.home, os.getpid()))


def _time_of_simulation(lake: Any) -> datetime | None:
    """Return the time at a simulated insurer: the morning after its latest tags; None elsewhere."""
    from features.snapshots.snapshots import snapshot_dates
    from features.sources.raw_source import source_of
    from serving import clock

    days = snapshot_dates(lake)
    if source_of(lake) != "simulated" or not days:
        return None
    return clock.simulated_now(max(days), lake.settings)


def find_address(host: str, port: int) -> str:
    """Find the IP address of a host to listen on, and check that its port is free.

    Parameters
    ----------
    host : str
        A name or an address of this machine.
    port : int
        The port.

    Raises
    ------
    GuanjiaError
        If it is no address of this machine, or the port cannot be had.
    """
    place = "127.0.0.1" if host == "localhost" else host
    try:
        kind, _, _, _, location = socket.getaddrinfo(place, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(location)
            listener.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            cure = "stop the program that listens there, or choose another with --port"
            raise GuanjiaError(f"port {port} of {host}", "is in use", cure) from None
        if error.errno == errno.EACCES:
            cure = "choose one from 1024 on with --port"
            raise GuanjiaError(f"port {port} of {host}", "is not yours to use", cure) from None
        cure = "give --host an address of this machine: 127.0.0.1 for itself, 0.0.0.0 for all"
        raise GuanjiaError(f"host {host}", f"cannot be had ({error.strerror})", cure) from None
    return str(location[0])


def token(
    subject: Annotated[str, typer.Argument(help="Who will use it")] = "demo",
    days: Annotated[int, typer.Option(min=1, max=365, help="Days it is valid")] = 30,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it allows, once a scope. Default: everything.")
    ] = None,
    branch: Annotated[
        list[str] | None,
        typer.Option(help="Whose customers it shows, once a branch. Default: everybody's."),
    ] = None,
    json: Json = False,
) -> None:
    """Issue a bearer token for the API."""
    from features.lake.branches import require_branch
    from serving.auth.access import SCOPES
    from serving.auth.tokens import make_token

    lake = open_published()
    scopes, settings = scope or list(SCOPES), lake.settings
    for name in branch or ():
        require_branch(lake, name)
    issued = make_token(
        settings, subject, read_clock(), timedelta(days=days), scopes, branch or None
    )
    payload = {
        "token": issued,
        "subject": subject,
        "days": days,
        "scopes": scopes,
        "branches": branch,
    }
    emit(payload, json, issued)


def demo(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same insurer.")] = 1,
    json: Json = False,
) -> None:
    """Run everything, end to end, on a simulated insurer."""
    from guanjia.jobs.demo import begin_demo, finish_demo
    from guanjia.jobs.demo_output import show_first_look, show_results

    lake = open_lake()
    with progress(json) as report:
        summary = begin_demo(lake, customers, seed, report)
    if not json:
        emit(summary, json, *show_first_look(summary))
        sys.stdout.flush()
    with progress(json) as report:
        finish_demo(lake, summary, report)
    emit(summary, json, *show_results(summary))
