"""The real service, started once, and copies of the demo for tests that change it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as time_of_day
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shared import link_compiled
from sqlalchemy import Connection

from features.lake import Lake
from features.lake.pointer import read_pointer
from features.online.store import slot_file
from features.settings import Settings
from features.tags.catalogue import catalogue
from features.tags.themes import theme_of
from serving.records.contacts.caps import Caps, ContactRequest, Reservation
from serving.records.database import Records, lock_customer
from serving.touchpoints.triggers import find_due

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Ask = Callable[..., httpx.Response]
Copy = Callable[..., Lake]
Found = Callable[..., dict[tuple[str, str], dict[str, Any]]]
READY_SECONDS = 120
SENDER = "content.toml"
"""Says who sends: without it no message is signed, and none sent."""
STOP_SECONDS = 30
POLICY = "exploration_share = 0.0\nholdout_share = 0.0\nmotor_margin_share = 1.0\n"
ALWAYS = """
[renewal_always]
label = "续保测试"
english = "Renewal, for tests"
family = "renewal"
loop = "trust"
purpose = { chinese = "续保", english = "renewal" }
orientation = { chinese = "续保", english = "renewal" }
strategy = { chinese = "续保", english = "renewal" }
kind = "marketing"
consent = "marketing"
uses_profile = true
role = "sales"
channels = ["sms"]
models = ["renewal"]

[renewal_always.trigger]
by = "system"
condition = "days_to_commercial_expiry >= 0"
once_per = "year"

[renewal_always.script.default]
chinese = "您的保险可以续保了。"
english = "Your cover can be renewed."

[decision_points.tests]
label = "测试"
english = "Tests"
touchpoints = ["renewal_always"]
"""


@dataclass(frozen=True)
class Running:
    """A service that answers: where, over which home, with which token, and what it logs."""

    url: str
    home: Path
    as_of: str
    token: str
    log: Path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake without any table."""
    return Lake(Settings(home=tmp_path / "home"))


@pytest.fixture
def records(lake: Lake) -> Iterator[Records]:
    """The records of the test's home, with their tables."""
    opened = Records(lake.settings)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def reserve_contact() -> Callable[..., Reservation]:
    """Give a contact its place as a decision does: `reserve_contact(caps, connection, contact, at)`
    locks the customer, reads the history and reserves."""

    def reserve(
        caps: Caps, connection: Connection, contact: ContactRequest, at: datetime, **more: Any
    ) -> Reservation:
        lock_customer(connection, contact.customer_id)
        history = caps.history(connection, contact.customer_id, at, contact.branch)
        return caps.reserve(connection, contact, at, history, **more)

    return reserve


@pytest.fixture(scope="session")
def protected_tags() -> frozenset[str]:
    """Tags of protected themes, which are never given as a reason."""
    return frozenset(name for name, tag in catalogue().items() if theme_of(name, tag).protected)


@pytest.fixture
def found(lake: Lake, snapshot: Callable[..., None]) -> Found:
    """What is due to customers with these tags, (customer, touchpoint) -> row:
    `found(day, C1={"star_level": 3})`, each pair once."""

    def ask(day: date, **customers: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
        snapshot(lake.home, day, customers)
        done = find_due(lake, day)
        rows = pq.read_table(done.path, partitioning=None).to_pylist()
        pairs = {(row["customer_id"], row["touchpoint"]): row for row in rows}
        assert len(pairs) == len(rows) == done.due
        return pairs

    return ask


@pytest.fixture
def own(lake: Lake) -> Callable[..., None]:
    """Write a file of the home: `own(text)` its touchpoints, `own(text, "weather.toml")`."""

    def write(text: str, file: str = "touchpoints.toml") -> None:
        lake.home.mkdir(parents=True, exist_ok=True)
        (lake.home / file).write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def contacts(lake: Lake) -> Callable[..., None]:
    """Write the checked interactions; a row gives customer, touchpoint and civil day."""

    def write(*rows: dict[str, Any]) -> None:
        full = []
        for row in rows:
            at = datetime.combine(row["day"], time_of_day(10), ZoneInfo("Asia/Shanghai"))
            blank = {"direction": "out", "result": "delivered", "occurred_on": row["day"]}
            full.append({**blank, "occurred_at": at, "recorded_at": at, **row})
        moment = pa.timestamp("us", "UTC")
        types = {"customer_id": pa.string(), "touchpoint": pa.string(), "direction": pa.string(),
                 "result": pa.string(), "occurred_at": moment, "occurred_on": pa.date32(),
                 "recorded_at": moment, "superseded_at": moment}  # fmt: skip
        path = lake.checked("interactions")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(full, schema=pa.schema(list(types.items()))), path)

    return write


@pytest.fixture(scope="session")
def service(
    demo: tuple[Path, dict[str, Any]],
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
    compiled_once: Path,
) -> Iterator[Running]:
    """`guanjia serve` over the demo, started from a folder that is not the repository."""
    home, result = demo
    token = run(home, "token", "tests").stdout.strip()
    folder = tmp_path_factory.mktemp("service")
    with served(compiled_once, home, folder, GUANJIA_ACCESS_LOG="true") as url:
        yield Running(url, home, str(result["as_of"]), token, folder / "log.txt")


@pytest.fixture(scope="session")
def serving(compiled_once: Path) -> Callable[..., Any]:
    """`guanjia serve` over a home: `with serving(home, folder, "--workers", "2", GUANJIA_X="1") as
    url`."""
    return partial(served, compiled_once)


@contextmanager
def served(
    compiled_once: Path, home: Path, folder: Path, *words: str, **settings: str
) -> Iterator[str]:
    """The address of a service that is ready; what it leaves running is a failure."""
    link_compiled(home, compiled_once)
    port, log = free_port(), folder / "log.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "serve", "--port", str(port), *words],
            env=environment(home) | settings,
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(process, url, log)
            yield url
        finally:
            left = stop(process)
    assert not left, f"left running after SIGTERM: {left}"


@pytest.fixture(scope="session")
def client(service: Running) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=service.url, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def ask(service: Running, client: httpx.Client) -> Ask:
    """POST /predict with the token: `ask(["C1"], explain=True)`, or `ask(content=b"...")`."""

    def post(customer_ids: list[str] | None = None, **fields: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
        if "content" in fields:
            return client.post("/predict", content=fields["content"], headers=headers)
        body = {"customer_ids": customer_ids} | fields
        return client.post("/predict", json=body, headers=headers)

    return post


def unpublish(demo: Path, home: Path) -> None:
    """Put the online rows of the demo's day where they are before anything is published."""
    day = read_pointer(demo)
    assert day is not None
    for path in slot_file(home, day.slot).parent.glob(f"{slot_file(home, day.slot).name}*"):
        path.rename(path.with_name(path.name.replace(f"-{day.slot}", "")))


@pytest.fixture
def copy(demo: tuple[Path, dict[str, Any]], tmp_path: Path) -> Copy:
    """A home with the demo's snapshot and models, and what else is named: `copy("scores")`."""

    def copied(*more: str) -> Lake:
        home, day = tmp_path / "copy", demo[1]["as_of"]
        for path in sorted(demo[0].glob(f"tags/*/as_of={day}.parquet")):
            target = home / path.relative_to(demo[0])
            target.parent.mkdir(parents=True)
            shutil.copyfile(path, target)
        for folder in ("snapshots", "models", *more):
            shutil.copytree(demo[0] / folder, home / folder)
        unpublish(demo[0], home)
        shutil.copyfile(demo[0] / SENDER, home / SENDER)
        return Lake(Settings(home=home))

    return copied


@pytest.fixture(scope="session")
def one_touchpoint() -> Callable[[Path], None]:
    """Writes into a home what lets its customers be contacted by one text message, if it pays:
    decision point `tests`, touchpoint `renewal_always`."""

    def write(home: Path) -> None:
        (home / "policy.toml").write_text(POLICY, encoding="utf-8")
        (home / "touchpoints.toml").write_text(ALWAYS, encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def contactable(
    demo: tuple[Path, dict[str, Any]], one_touchpoint: Callable[[Path], None]
) -> Callable[[Path], Lake]:
    """A home of its own with `one_touchpoint`."""

    def made(home: Path) -> Lake:
        for folder in ("tags", "snapshots", "models", "feast", "scores", "checked"):
            shutil.copytree(demo[0] / folder, home / folder)
        unpublish(demo[0], home)
        shutil.copyfile(demo[0] / SENDER, home / SENDER)
        one_touchpoint(home)
        return Lake(Settings(home=home, token_key=None))

    return made


START = "from guanjia.cli import main; main()"


def environment(home: Path) -> dict[str, str]:
    """The environment of whoever runs the tests, with no setting but the home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUANJIA_")}
    return kept | {"GUANJIA_HOME": str(home)}


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Return when the service says it is ready; fail with its log if it does not."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"the service is not ready: {log.read_text(errors='replace')[-4000:]}")


def stop(process: "subprocess.Popen[bytes]") -> list[str]:
    """End the service as an operator does, and kill what that leaves; return what it left."""
    family = []
    if process.poll() is None:
        parent = psutil.Process(process.pid)
        family = [*parent.children(recursive=True), parent]
        process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
    names = [str(one) for one in left]
    for one in left:
        one.kill()
    process.wait(timeout=STOP_SECONDS)
    return names
