"""A real service over a home whose customers can be contacted, and somebody who asks it."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psycopg2
import pytest
from proxy import Proxy
from servers import postgres_running, redis_running

from features.lake import Lake
from features.online import feast_client
from features.settings import Settings
from features.snapshots.snapshots import snapshot_dates
from serving.auth.tokens import make_token
from serving.measurement.service_figures import ServiceReport
from serving.measurement.service_file import publish_service
from serving.touchpoints.triggers import find_due

Serving = Callable[..., AbstractContextManager[str]]
Figure = Callable[[str, float], None]
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
PATIENCE_SECONDS = 60.0
"""How long anything may take to recover before it is taken not to; no measure of speed."""


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    seconds: float
    headers: httpx.Headers
    body: Any

    @property
    def faults(self) -> str:
        """Whatever is wrong, in one line."""
        return "; ".join(f"{one['thing']}: {one['fault']}" for one in self.body["faults"])


class Asker:
    """Asks a service, with a token that may do everything; threads share it."""

    def __init__(self, url: str, lake: Lake) -> None:
        self.url, self.lake = url, lake
        self.token = make_token(lake.settings, "tests", datetime.now(UTC))
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        self.client = httpx.Client(
            base_url=url,
            timeout=30,
            limits=limits,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        scores = pd.read_parquet(max((lake.home / "scores").glob("*.parquet")))
        self.renewing: list[str] = scores.loc[scores["renewal"].notna(), "customer_id"].tolist()

    def predict(self, *customers: str, **more: Any) -> Answer:
        return self.post("/predict", {"customer_ids": customers or self.renewing[:1], **more})

    def decide(self, customer: str, **more: Any) -> Answer:
        body = {"customer_id": customer, "decision_point": "tests", **more}
        return self.post("/decide", body)

    def post(self, path: str, body: Any) -> Answer:
        began = time.monotonic()
        response = self.client.post(path, json=body)
        seconds = time.monotonic() - began
        return Answer(response.status_code, seconds, response.headers, response.json())


@pytest.fixture(scope="session")
def asked_at_noon(
    contactable: Callable[[Path], Lake],
    serving: Serving,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., AbstractContextManager[Asker]]:
    """A service on a day at noon: `with asked_at_noon(GUANJIA_X="1") as asker`; given `home`, over
    a home that was made before."""

    @contextmanager
    def run(home: Path | None = None, **settings: str) -> Iterator[Asker]:
        if home is None:
            home = contactable(tmp_path_factory.mktemp("robust") / "home").home
        ahead = str((NOON - datetime.now(UTC)).total_seconds())
        settings = {"GUANJIA_CLOCK_AHEAD_SECONDS": ahead, **settings}
        with serving(home, tmp_path_factory.mktemp("robust-service"), **settings) as url:
            asker = Asker(url, Lake(Settings(home=home)))
            yield asker
            asker.client.close()

    return run


@pytest.fixture(scope="session")
def soon() -> Callable[[Callable[[], bool]], float]:
    """Seconds until something holds; a failure if it never does."""

    def wait(holds: Callable[[], bool]) -> float:
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < PATIENCE_SECONDS, "it does not recover"
            time.sleep(0.1)
        return time.monotonic() - began

    return wait


@pytest.fixture(scope="session")
def figure() -> Iterator[Figure]:
    """Takes down how long something took: `figure("redis frozen, first", seconds)`.

    Tests do not judge it: `benchmarks/robustness.py` runs them, reads the file that FIGURES names,
    and holds the figures against their limits.
    """
    figures: dict[str, float] = {}
    yield figures.__setitem__
    if "FIGURES" in os.environ:
        path = Path(os.environ["FIGURES"])
        before = json.loads(path.read_text("utf-8")) if path.exists() else {}
        path.write_text(json.dumps(before | figures), "utf-8")


@pytest.fixture(scope="session")
def sturdy(asked_at_noon: Callable[..., AbstractContextManager[Asker]]) -> Iterator[Asker]:
    """One service for all tests that leave it sound: it works on eight requests at once, and asks
    no caller to slow down."""
    settings = {"MOST_CONCURRENT": "8", "RATE_PER_SECOND": "100000", "RATE_BURST": "100000"}
    with asked_at_noon(**{f"GUANJIA_{name}": value for name, value in settings.items()}) as found:
        day = max(snapshot_dates(found.lake))
        find_due(found.lake, day)
        publish_service(found.lake, ServiceReport(day, 0.1, None, 0, []))
        yield found


@dataclass(frozen=True)
class Networked:
    """A service whose Redis and Postgres are behind proxies."""

    asker: Asker
    redis: Any
    postgres: Any
    to_redis: Proxy
    to_postgres: Proxy
    frozen: Callable[[int], AbstractContextManager[None]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the records directly, past the proxy."""
        address = self.postgres.address("postgres")
        with (
            contextlib.closing(psycopg2.connect(address)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetchall()

    def fill(self) -> None:
        """Load the online rows, as `guanjia materialize` does."""
        fill(self.asker.lake.home, self.redis.address)


def fill(home: Path, address: str) -> None:
    """Load the latest snapshot into a Redis."""
    lake = Lake(Settings(home=home, online=address))
    now = datetime.now(UTC) + timedelta(days=365)
    feast_client.materialize(lake, max(snapshot_dates(lake)), now=now)
    feast_client.forget(lake)


@pytest.fixture(scope="session")
def networked(
    asked_at_noon: Callable[..., AbstractContextManager[Asker]],
    contactable: Callable[[Path], Lake],
    tmp_path_factory: pytest.TempPathFactory,
    frozen: Callable[[int], AbstractContextManager[None]],
) -> Iterator[Networked]:
    """One service for all tests that leave its network, its Redis and its Postgres sound."""
    home = contactable(tmp_path_factory.mktemp("networked") / "home").home
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(tmp_path_factory.mktemp("networked-redis")))
        postgres = stack.enter_context(postgres_running())
        to_redis = stack.enter_context(Proxy(redis.port))
        to_postgres = stack.enter_context(Proxy(postgres.port))
        fill(home, redis.address)
        through = replace(postgres, port=to_postgres.port).address("postgres")
        settings = {
            "GUANJIA_ONLINE": f"redis://127.0.0.1:{to_redis.port}/0",
            "GUANJIA_DATABASE": through,
            "GUANJIA_RATE_PER_SECOND": "100000",
            "GUANJIA_RATE_BURST": "100000",
        }
        asker = stack.enter_context(asked_at_noon(home, **settings))
        yield Networked(asker, redis, postgres, to_redis, to_postgres, frozen)
