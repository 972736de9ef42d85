"""Serving over HTTP: `/decide` and `/predict` against an empty endpoint and a plain service.

The empty endpoint is `/` of the same server: it passes our gate, BentoML and FastAPI, and does
nothing. The plain service (`plain_service.py`) is FastAPI with Feast's SDK and LightGBM, one
uvicorn worker, over the same online store and the trees of three of the same models, written as
well as an afternoon allows; our `/predict` is asked for these three. All servers run one worker;
wrk sends requests for customers in turn, for some seconds a round, and every answer must be 200.
Customers who consented are contacted at most once, so most
decisions are silence: each is written down all the same.

p50 of `/decide` and `/predict` at one connection at most 2 x the empty endpoint's; their throughput
at 16 connections at least half of it; that of `/predict` at least 5 x the plain service's. Refused
for a customer of another branch, a request takes at most 1.25 x one for nobody. p50, p99 and p99.9
at 1, 16 and 64 connections are printed without a limit.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import httpx
import pyarrow.parquet as pq
from measuring import Measured, compared, finish, insurer, say, seconds, snapshot
from scoring import stand_in

from features.lake import Lake
from features.online import feast_client
from features.settings import cutoff
from serving.auth.tokens import make_token
from training.estimators.bundle import PARTS, Predictor
from training.registry import local_models

AS_OF = date(2026, 6, 30)
NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)
MODELS = ("renewal", "churn", "cross_sell_accident")
HERE = Path(__file__).parent
READY_SECONDS = 120
SECRET = 1.25
"""A reader of one answer must not see whether the customer is there."""


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    p999: float


def main() -> int:
    """Start both services, load them in turn, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=10_000, help="of the simulated insurer")
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with insurer(asked) as lake, tempfile.TemporaryDirectory() as scratch:
        ready(lake)
        folder = Path(scratch)
        bodies = requests(lake, folder)
        plain_models(lake, folder / "models")
        token = make_token(lake.settings, "benchmark", datetime.now(UTC))
        with ours(lake, folder) as here, plain(folder) as there:
            lines = measured(asked, bodies, token, here, there)
            lines.append(secrecy(lake, here))
    return finish("serving_speed", asked.customers, lines, asked.json)


def ready(lake: Lake) -> None:
    """A snapshot online, and champions."""
    snapshot(lake, AS_OF)
    if not (lake.home / "models").exists():
        stand_in(lake)
    say("loading the online store")
    feast_client.materialize(lake, AS_OF, now=cutoff(AS_OF, lake.settings.timezone))


def requests(lake: Lake, folder: Path) -> dict[str, Path]:
    """Files of bodies, one a line, for each endpoint."""
    path = lake.tags("loyalty") / f"as_of={AS_OF}.parquet"
    ids = pq.read_table(path, columns=["customer_id"], partitioning=None)["customer_id"].to_pylist()
    made = {
        "decide": [{"customer_id": one, "decision_point": "app_open"} for one in ids],
        "predict": [{"customer_ids": [one], "models": list(MODELS)} for one in ids],
        "plain": [{"customer_id": one} for one in ids],
    }
    for name, bodies in made.items():
        text = "\n".join(json.dumps(one) for one in bodies[:20_000])
        (folder / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return {name: folder / f"{name}.txt" for name in made}


def plain_models(lake: Lake, folder: Path) -> None:
    """The trees of three champions as LightGBM's text, and what they split on."""
    folder.mkdir()
    about = {}
    for name in MODELS:
        version = local_models.champion_version(lake, name)
        bundle = local_models.bundle_path(lake, name, str(version))
        predictor = Predictor.load(bundle)
        if predictor.scorer.trees is None:
            raise SystemExit(f"{name} has no trees here: use a home with stand-ins")
        shutil.copy(bundle / PARTS["trees"], folder / f"{name}.txt")
        encoding = predictor.scorer.encoding
        about[name] = {
            "width": len(encoding.features),
            "used": {
                tag: place
                for place, tag in enumerate(encoding.features)
                if tag in predictor.features_used
            },
            "categories": {
                tag: {value: code for code, value in enumerate(values)}
                for tag, values in encoding.categories.items()
            },
        }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


@contextmanager
def ours(lake: Lake, folder: Path) -> Iterator[str]:
    """Our service, one worker, at noon of the day after the snapshot."""
    port = free_port()
    settings = {
        "GUANJIA_CLOCK_AHEAD_SECONDS": str((NOW - datetime.now(UTC)).total_seconds()),
        "GUANJIA_RATE_PER_SECOND": "1000000",
        "GUANJIA_RATE_BURST": "1000000",
        "GUANJIA_MOST_CONCURRENT": "256",
        "GUANJIA_HOME": str(lake.home),
    }
    command = [sys.executable, "-m", "bentoml", "serve", "serving.process.service:GuanjiaService"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--api-workers", "1", "--quiet"]
    with running(command, settings, folder / "ours.log", f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def plain(folder: Path) -> Iterator[str]:
    """The plain service, one worker."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "plain_service:app", "--app-dir", str(HERE)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    settings = {"MODELS": str(folder / "models")}
    with running(command, settings, folder / "plain.log", f"http://127.0.0.1:{port}/docs"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(
    command: list[str], settings: dict[str, str], log: Path, ready_at: str
) -> Iterator[None]:
    """A server until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=os.environ | settings,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(READY_SECONDS * 2):
            try:
                with urllib.request.urlopen(ready_at, timeout=2):
                    break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(log.read_text(errors="replace")[-3000:]) from None
                time.sleep(0.5)
        else:
            raise SystemExit(f"not ready: {log.read_text(errors='replace')[-3000:]}")
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def measured(
    asked: argparse.Namespace, bodies: dict[str, Path], token: str, here: str, there: str
) -> list[Measured]:
    """Rounds of every endpoint in turn."""
    places = {
        "decide": f"{here}/decide",
        "predict": f"{here}/predict",
        "plain": f"{there}/predict",
        "empty": f"{here}/",
    }
    found: dict[tuple[str, int], list[Load]] = {}
    for turn in range(asked.repeats + 1):
        for connections in (1, 16, 64):
            for name, place in places.items():
                if name == "plain" and connections == 64:
                    continue
                seconds = 2 if turn == 0 else asked.seconds
                load = wrk(place, bodies.get(name), token, connections, seconds)
                if turn:  # the first round does not count
                    found.setdefault((name, connections), []).append(load)
        say(f"round {turn} of {asked.repeats}")
    lines = []
    for name in ("decide", "predict"):
        mine, nothing = found[name, 1], found["empty", 1]
        lines.append(
            compared(f"/{name}, p50, 1 connection, empty endpoint", "ms",
                     [one.p50 for one in mine], [one.p50 for one in nothing], at_most=2.0)
        )  # fmt: skip
        mine, nothing = found[name, 16], found["empty", 16]
        lines.append(
            compared(f"/{name}, 16 connections, empty endpoint", "requests/s",
                     [one.rate for one in mine], [one.rate for one in nothing], at_least=0.5)
        )  # fmt: skip
    mine, others = found["predict", 16], found["plain", 16]
    what = "/predict of three models, 16 connections, plain service"
    rates = [one.rate for one in mine], [one.rate for one in others]
    if all(rates[1]):
        lines.append(compared(what, "requests/s", *rates, at_least=5.0))
    else:
        # A peer that finishes nothing in its seconds gives no ratio; the other figures stay.
        say("the plain service finished no request in a round: ask for more --seconds")
        lines.append(Measured(what, "requests/s", median(rates[0]), median(rates[1])))
    for (name, connections), loads in sorted(found.items()):
        for what in ("p50", "p99", "p999"):
            values = sorted(getattr(load, what) for load in loads)
            lines.append(
                Measured(
                    f"{name}, {connections} connections, {what}", "ms", values[len(values) // 2]
                )
            )
    return lines


def secrecy(lake: Lake, here: str) -> Measured:
    """A refused request for a customer of another branch, against one for nobody, in turns."""
    path = lake.tags("underwriting") / f"as_of={AS_OF}.parquet"
    rows = pq.read_table(path, columns=["customer_id", "branch"], partitioning=None).to_pylist()
    own = str(rows[0]["branch"])
    foreign = next(str(row["customer_id"]) for row in rows if row["branch"] != own)
    token = make_token(lake.settings, "desk", datetime.now(UTC), branches=[own])
    headers = {"Authorization": f"Bearer {token}"}

    def refused(client: httpx.Client, customer: str) -> float:
        def ask() -> None:
            answer = client.post("/predict", json={"customer_ids": [customer]})
            assert answer.status_code == 404, answer.text

        return 1000 * seconds(ask)

    with httpx.Client(base_url=here, headers=headers) as client:
        pairs = [(refused(client, foreign), refused(client, "C99999999")) for _ in range(500)]
    ours, peer = (median(side) for side in zip(*pairs, strict=True))
    what = "/predict refused, of another branch against nobody"
    return Measured(what, "ms", ours, peer, ours / peer, at_most=SECRET)


def wrk(url: str, bodies: Path | None, token: str, connections: int, seconds: int) -> Load:
    """One load; any answer but 200 (or the empty endpoint's redirect) ends the benchmark."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    command += ["--latency", "-s", str(HERE / "serving_speed.lua"), url]
    asked = {} if bodies is None else {"BODIES": str(bodies), "TOKEN": token}
    environment = os.environ | asked
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("RESULT")]
    count, micros, errors, p50, p99, p999 = (float(word) for word in line.split()[1:])
    if errors:
        raise SystemExit(f"{errors:.0f} of {count:.0f} answers of {url} were not 200")
    return Load(count / micros * 1e6, p50 / 1e3, p99 / 1e3, p999 / 1e3)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
