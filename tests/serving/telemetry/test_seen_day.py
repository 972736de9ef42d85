"""A day of requests to a real service of two processes: what it logs, counts and traces of it.

Names, phones, plates and customer numbers are sent in every place that takes a text, things break,
and all that the service writes is searched for them.
"""

import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from features.lake import Lake
from serving.auth.tokens import make_token
from serving.telemetry.request_ids import WELL_FORMED

pytestmark = pytest.mark.slow
NAME, PHONE, PLATE = "欧阳小标", "13900139007", "京Q9X8Y7"
MARKED = f"{NAME} {PHONE} {PLATE}"
TRACE = "0af7651916cd43dd8448eb211c80319c"
OURS = "4bf92f3577b34da6a3ce929d0e0e4736"


class Receiver(BaseHTTPRequestHandler):
    """Takes spans as an OpenTelemetry collector does."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        if self.path == "/v1/traces":
            self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector, and what it received."""
    bodies: list[bytes] = []
    handler = type("Handler", (Receiver,), {"bodies": bodies})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()


@dataclass
class Day:
    """The requests of a day: answers, and the ids that they were given."""

    url: str
    token: str
    ids: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send one over a connection of its own, so that any process may get it."""
        given = {"Authorization": f"Bearer {self.token}"} | headers
        content = body if isinstance(body, bytes) else None
        sent = {"content": content} if content is not None else {"json": body} if body else {}
        answer = httpx.request(method, self.url + path, headers=given, timeout=60, **sent)  # type: ignore[arg-type]
        (request_id,) = answer.headers.get_list("x-request-id")
        self.ids.append(request_id)
        return answer


def people(home: Path, customers: list[str]) -> set[str]:
    """What of these customers no log may have: numbers, names, phones, plates."""
    chosen = pq.read_table(home / "checked" / "customers.parquet").to_pylist()
    cars = pq.read_table(home / "checked" / "vehicles.parquet").to_pylist()
    return {
        str(row[column])
        for rows, columns in ((chosen, ("customer_id", "name", "phone")), (cars, ("plate",)))
        for row in rows
        if row["customer_id"] in customers
        for column in columns
        if row[column] is not None
    }


def spend(day: Day, customers: list[str]) -> None:
    """Everything that a caller may send, right and wrong."""
    first, second = customers[:2]
    at = datetime(2026, 7, 1, 1, tzinfo=UTC).isoformat()
    assert day.ask("POST", "/predict", {"customer_ids": customers}).status_code == 200
    assert day.ask("POST", "/v1/predict", {"customer_ids": ["C99999999", PHONE]}).status_code == 404
    context = {"values": {"customer_name": NAME, "plate": PLATE, "phone": PHONE}}
    decided = []
    for customer in customers:
        body = {"customer_id": customer, "decision_point": "tests"}
        answer = day.ask("POST", "/v1/decide", body, **{"X-Request-ID": PHONE})
        assert answer.status_code == 200
        decided.append(answer.json()["decision_id"])
        day.ask("POST", "/decide", body | {"context": context})
    wrong = {"customer_id": first, "decision_point": NAME, "context": {"channel": PLATE}}
    assert day.ask("POST", "/decide", wrong).status_code in (404, 422)
    batch = [
        {"customer_id": customer, "decision_point": "tests", "client_key": f"{PHONE}-{number}"}
        for number, customer in enumerate([first, "C99999998"])
    ]
    assert day.ask("POST", "/v1/decisions", {"decisions": batch}).status_code == 207
    review = {"reason": f"{MARKED} {first}"}
    assert day.ask("POST", f"/v1/decisions/{decided[0]}/review", review).status_code == 200
    assert day.ask("GET", f"/v1/decisions/{decided[1]}").status_code == 200
    events = [
        {"event_id": f"{PLATE}-{number}", "type": "complaint_received", "customer_id": customer,
         "occurred_at": at, "case_id": f"K{number}", "topic": topic}
        for number, (customer, topic) in enumerate(
            [(first, "claims"), (second, MARKED), ("C99999997", "claims")]
        )
    ]  # fmt: skip
    assert day.ask("POST", "/v1/events", {"events": events}).status_code in (200, 207)
    outcomes = [
        {"client_key": PHONE, "kind": "refused", "occurred_at": at, "customer_id": second,
         "channel": "sms"},
        {"client_key": f"{PHONE}-2", "kind": "sent", "occurred_at": at, "contact_id": "abc"},
    ]  # fmt: skip
    day.ask("POST", "/v1/outcomes", {"outcomes": outcomes})
    assert day.ask("GET", f"/v1/customers/{first}/consents").status_code == 200
    assert day.ask("GET", f"/v1/nowhere/{first}?name={NAME}").status_code == 404
    assert day.ask("PATCH", "/v1/decide", {"customer_id": first}).status_code == 405
    assert day.ask("POST", "/decide", f'{{"customer_id": "{MARKED}'.encode()).status_code == 422
    assert day.ask("POST", "/decide", body, Authorization=f"Bearer {PHONE}").status_code == 401
    traced = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-ID": OURS}
    assert day.ask("POST", "/v1/decide", body, **traced).headers["x-request-id"] == OURS


def test_a_day_is_counted_logged_and_traced_and_names_nobody(
    contactable: Callable[[Path], Lake],
    serving: Callable[..., Any],
    collector: tuple[str, list[bytes]],
    tmp_path: Path,
) -> None:
    lake = contactable(tmp_path / "own")
    lake.home.chmod(0o700)  # or the command says in a sentence that it made it so
    path = next((lake.home / "scores").glob("*.parquet"))
    customers = pq.read_table(path, columns=["customer_id"], partitioning=None)[0][:12].to_pylist()
    port = httpx.URL(collector[0]).port
    metrics_port = free_port_beside(port)
    folder = tmp_path / "log"
    folder.mkdir()
    settings = {
        "GUANJIA_LOG": "json",
        "GUANJIA_RATE_BURST": "10000",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector[0],
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    words = ("--workers", "2", "--access-log", "--metrics-port", str(metrics_port))
    with serving(lake.home, folder, *words, **settings) as url:
        token = make_token(lake.settings, "tests", datetime.now(UTC), timedelta(days=1))
        day = Day(url, token)
        spend(day, customers)
        whole_day = len(day.ids)
        wait_until(lambda: requests_of(metrics_port) == whole_day, "not every request is counted")
        counted = metrics(metrics_port)
        processes = {path.name for path in (lake.home / "tmp").glob("metrics-*/counter_*.db")}
        assert len(processes) == 2
        wait_until(lambda: any(bytes.fromhex(TRACE) in body for body in collector[1]), "no trace")
        # Who shows the metrics is killed: another process does, and nothing counted is lost.
        holder = next(
            connection.pid
            for connection in psutil.net_connections("tcp4")
            if connection.status == "LISTEN" and connection.laddr.port == metrics_port
        )
        psutil.Process(holder).kill()
        wait_until(lambda: answers(metrics_port), "no process shows the metrics")
        assert requests_of(metrics_port) == whole_day
        # Tags and records go away: warnings, degraded answers and refusals.
        for file in (lake.home / "feast").iterdir():
            if file.suffix == ".db" or "online" in file.name:
                file.write_bytes(b"no database " * 500)
        assert day.ask("POST", "/predict", {"customer_ids": customers[:2]}).json()["degraded"]
        with sqlite3.connect(lake.home / "records.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            body = {"customer_id": customers[0], "decision_point": "tests"}
            away = day.ask("POST", "/decide", body | {"client_key": PHONE})
            other.execute("ROLLBACK")
        assert away.status_code == 503
        wait_until(
            lambda: sum_of(metrics(metrics_port), "guanjia_degraded_answers_total") > 0,
            "none degraded",
        )
        shown = metrics(metrics_port)
    log = (folder / "log.txt").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    check_log(lines, day)
    assert 'endpoint="POST /v1/predict"} 2.0' in shown
    assert "guanjia_tags_timestamp_seconds" in shown
    spans = check_traces(collector[1])
    personal = {NAME, PHONE, PLATE, token, *people(lake.home, customers)}
    leaks = [
        (where, text)
        for where, content in (("log", log), ("metrics", shown + counted), ("traces", spans))
        for text in personal
        if text in content
    ]
    assert leaks == []
    assert not re.search(r"C\d{8}", log + shown + spans)


def check_log(lines: list[dict[str, Any]], day: Day) -> None:
    """Every request has its line, and no other id is in the log; something broke and is told."""
    access = [line for line in lines if line["logger"] == "guanjia.access"]
    answered = {line["request_id"] for line in access}
    assert set(day.ids) <= answered
    assert {line["request_id"] for line in lines if "request_id" in line} <= answered
    assert all(WELL_FORMED.fullmatch(request_id) for request_id in day.ids)
    assert {"warning"} <= {line["level"] for line in lines}
    (ready,) = [line for line in lines if line["logger"] == "guanjia.serve"]
    assert ready["ready"]
    unknown = [line for line in access if line["endpoint"] == "(no endpoint)"]
    assert [(line["method"], line["status"]) for line in unknown] == [("", 404)]
    (traced,) = [line for line in access if line["request_id"] == OURS]
    assert (traced["trace_id"], traced["endpoint"], traced["status"]) == (TRACE, "/v1/decide", 200)


def check_traces(bodies: list[bytes]) -> str:
    """The traced decision has its steps, under the caller's span; returns all as text."""
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    spans = [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    steps = ["door", "tags", "models", "records", "settle", "write", "POST /v1/decide"]
    assert [span.name for span in sorted(ours, key=lambda span: span.end_time_unix_nano)] == steps
    (whole,) = [span for span in ours if span.name == "POST /v1/decide"]
    assert whole.parent_span_id.hex() == "b7ad6b7169203331"
    names = {span.span_id: span.name for span in ours}
    assert all(span.parent_span_id in names for span in ours if span is not whole)
    return "".join(str(request) for request in requests)


def free_port_beside(other: int | None) -> int:
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            if (number := int(free.getsockname()[1])) != other:
                return number


def metrics(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text


def requests_of(port: int) -> float:
    return sum_of(metrics(port), "guanjia_requests_total")


def answers(port: int) -> bool:
    try:
        return bool(metrics(port))
    except httpx.TransportError:
        return False


def wait_until(holds: Callable[[], bool], fault: str) -> None:
    for _ in range(300):
        if holds():
            return
        time.sleep(0.2)
    pytest.fail(fault)


def sum_of(text: str, name: str) -> float:
    values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name + "{")]
    return sum(map(float, values))
