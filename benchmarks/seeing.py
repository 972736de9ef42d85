"""What counting, request ids, the access log and traces cost a `/decide`.

One process, no network: requests pass our gate, FastAPI and the decision, as ASGI messages. Each
customer is asked six times in a row, in an order that changes: with nothing (the peer), with counts
and request ids as every service with a port for metrics has them, besides with tracing whose
sampler leaves the request out, or takes it, or with the access log as JSON, and with all of it
together, where tracing takes the share that it does by default. Every round is so many customers; a
round's ratio is that of the processor times of the thread that answers, less the slowest twentieth
of requests of each kind (pauses of the machine).

What other threads do with it (lines and spans are made and encoded, counts written to the files of
a service) is in the last figure: the processor time of the whole process, of all customers of the
round with nothing and with all together, in the order ABBA, each time until everything is written.
Only sending the spans is left out. Limit: all together cost at most 3% of the decision, by the
upper end of the 95% interval over the rounds, of the thread and of the process.

    python benchmarks/seeing.py --home .guanjia --rounds 20 --customers 250
"""

import argparse
import asyncio
import json
import logging
import math
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pyarrow.parquet as pq
from measuring import Measured, finish, say

LEFT = ("raw", "truth", "training", "mlflow", "tmp", "reads", "records.db*", "events.db*")
"""What of a home is not copied: a decision reads none of it, or it is to be its own."""
LIMIT = 1.03
SLOWEST = 0.05
TRACERS: dict[str, Any] = {}
PROCESSORS: dict[str, Any] = {}
KINDS = (
    "nothing",
    "counts and request ids",
    "tracing besides, left out",
    "tracing besides, traced",
    "the access log besides",
    "all together",
)
NOTHING, COUNTS, LEFT_OUT, TRACED, LOGGED, TOGETHER = KINDS
SHARES = {LEFT_OUT: "0", TRACED: "1", TOGETHER: None}
"""Of requests that are traced, by kind; None: the default."""
PEER_OF_PROCESS = "nothing, of the process"
PROCESS = "all together, of the process"


def main() -> int:
    """Ask customers in turn with and without, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="a home that `demo` made")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=250, help="of each round")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        copy_home(asked.home, home)
        count_as_a_service(home)
        rounds = asyncio.run(measure(home, asked.rounds, asked.customers))
    lines = [line(rounds, kind) for kind in KINDS[1:]]
    lines.append(line(rounds, PROCESS, PEER_OF_PROCESS))
    return finish("seeing", asked.customers, lines, asked.json)


def copy_home(source: Path, home: Path) -> None:
    """A home of its own: what is decided here is written there."""
    shutil.copytree(source, home, symlinks=True, ignore=shutil.ignore_patterns(*LEFT))


def count_as_a_service(home: Path) -> None:
    """Settings of the service, before anything of it is imported: counts are mapped files."""
    from serving.exporter.folder import FOLDER, count_in_folder, create_folder

    os.environ["GUANJIA_HOME"] = str(home)
    os.environ["GUANJIA_LOG"] = "json"
    os.environ["GUANJIA_RATE_PER_SECOND"] = os.environ["GUANJIA_RATE_BURST"] = "1000000"
    os.environ[FOLDER] = str(create_folder(home, os.getpid()))
    count_in_folder()


async def measure(home: Path, rounds: int, customers: int) -> dict[str, list[float]]:
    """Processor seconds of each kind: for each round the mean of a request."""
    from features.lake import Lake
    from features.settings import load
    from features.snapshots.snapshots import snapshot_dates
    from serving import clock
    from serving.api.app import create_app
    from serving.api.door.request_limiter import RequestLimiter
    from serving.auth.tokens import make_token
    from serving.process.start import start
    from serving.telemetry import log_lines

    lake = Lake(load())
    ahead = clock.simulated_now(max(snapshot_dates(lake)), lake.settings) - datetime.now(UTC)
    os.environ["GUANJIA_CLOCK_AHEAD_SECONDS"] = str((ahead + timedelta(hours=3)).total_seconds())
    app = create_app()
    logging.getLogger().addHandler(logging.StreamHandler((home / "log.txt").open("w")))
    start(app)
    # As `GUANJIA_ACCESS_LOG` has it; kinds without it set the level of its logger.
    log_lines.make_logs_safe("json", access=True)
    door = RequestLimiter(app, app)
    token = make_token(lake.settings, "benchmark", datetime.now(UTC))
    path = next((home / "scores").glob("*.parquet"))
    ids = pq.read_table(path, columns=["customer_id"], partitioning=None)[0].to_pylist()
    lots = random.Random(1)
    for kind, share in SHARES.items():
        TRACERS[kind], PROCESSORS[kind] = trace_by(share)
    means: dict[str, list[float]] = {kind: [] for kind in (*KINDS, PEER_OF_PROCESS, PROCESS)}
    for number in range(rounds + 1):
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        drawn = lots.sample(ids, customers)
        for customer in drawn:
            for kind in lots.sample(KINDS, len(KINDS)):
                with seeing(kind):
                    began = time.thread_time()
                    await decide(door, customer, token)
                    times[kind].append(time.thread_time() - began)
        whole = dict.fromkeys((NOTHING, TOGETHER), 0.0)
        for kind in (NOTHING, TOGETHER, TOGETHER, NOTHING):
            whole[kind] += await spent(door, drawn, token, kind) / 2
        if number:  # the first round warms up
            means[PEER_OF_PROCESS].append(whole[NOTHING] / customers)
            means[PROCESS].append(whole[TOGETHER] / customers)
            for kind, values in times.items():
                usual = sorted(values)[: math.ceil(len(values) * (1 - SLOWEST))]
                means[kind].append(fmean(usual))
            say(f"round {number} of {rounds}")
    return means


async def spent(door: Any, customers: Sequence[str], token: str, kind: str) -> float:
    """Ask about customers; return the processor seconds of all threads until all is written."""
    from serving.telemetry.log_lines import _Access
    from serving.telemetry.metrics import write_counts

    began = time.process_time()
    with seeing(kind):
        for customer in customers:
            await decide(door, customer, token)
    if kind != NOTHING:
        write_counts()
        PROCESSORS[kind].force_flush()
        if _Access.lines is not None:
            _Access.lines.flush()
    return time.process_time() - began


async def decide(door: Any, customer: str, token: str) -> None:
    """Ask `/v1/decide` by ASGI messages; anything but 200 is an error."""
    body = json.dumps({"customer_id": customer, "decision_point": "app_open"}).encode()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/decide",
        "raw_path": b"/v1/decide",
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 3000),
    }
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await door(scope, receive, send)
    if sent[0]["status"] != 200:
        raise SystemExit(f"answered {sent[0]['status']}: {sent[1]['body']!r}")
    if json.loads(sent[1]["body"])["degraded"]:
        raise SystemExit("the online store does not answer: a decision takes longer than usual")


@contextmanager
def seeing(kind: str) -> Iterator[None]:
    """Switch on what a kind of request has, and the rest off."""
    from serving.api.door import request_limiter
    from serving.decision import decider, gather
    from serving.telemetry import log_lines, tracing

    switched: list[tuple[Any, str, Callable[..., Any]]] = []
    if kind == NOTHING:
        for module, name, instead in (
            (request_limiter, "count_request", lambda *_: None),
            (request_limiter, "begin_request", lambda *_: "0" * 32),
            (request_limiter, "log_access", lambda *_: None),
            (request_limiter, "name_request", lambda *_: None),
            (decider, "count_decision", lambda *_: None),
            (gather, "hide_details_in_log", lambda *_: None),
        ):
            switched.append((module, name, getattr(module, name)))
            setattr(module, name, instead)
    log_lines.ACCESS.setLevel(logging.INFO if kind in (LOGGED, TOGETHER) else logging.WARNING)
    tracing._Tracing.begin = TRACERS.get(kind)
    try:
        yield
    finally:
        for module, name, own in switched:
            setattr(module, name, own)


def trace_by(share: str | None) -> tuple[Any, Any]:
    """What begins the trace of a share of the requests, and the processor of its spans."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    from serving.telemetry.tracing import _Tracing, start_tracing

    class Encoded(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            encode_spans(spans).SerializePartialToString()
            return SpanExportResult.SUCCESS

    os.environ.pop("OTEL_TRACES_SAMPLER", None)
    if share is not None:
        os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio"
        os.environ["OTEL_TRACES_SAMPLER_ARG"] = share
    start_tracing(Encoded())
    return _Tracing.begin, _Tracing.processor


def line(rounds: Mapping[str, list[float]], kind: str, peer: str = NOTHING) -> Measured:
    """The mean ratio of the rounds, with its 95% interval; the limit is for its upper end."""
    ratios = [a / b for a, b in zip(rounds[kind], rounds[peer], strict=True)]
    half = 1.96 * stdev(ratios) / math.sqrt(len(ratios))
    ratio = fmean(ratios)
    limited = kind in (COUNTS, TOGETHER, PROCESS)
    if limited and ratio + half > LIMIT:
        say(f"{kind}: up to {ratio + half:.3f}, limit {LIMIT}")
    return Measured(
        f"/decide with {kind}",
        "ms",
        1000 * fmean(rounds[kind]),
        1000 * fmean(rounds[peer]),
        ratio + half if limited else ratio,
        ratio - half,
        ratio + half,
        at_most=LIMIT if limited else None,
    )


if __name__ == "__main__":
    raise SystemExit(main())
