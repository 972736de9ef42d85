"""Back up, lose the machine, restore, serve again: what is lost, and how long it takes.

A copy of the home (`--home`, of `guanjia demo`) is served while consents are recorded, and backed
up meanwhile. Then its service is killed and its folder moved away: the disk is lost. Restored to
another path, a service starts there and answers `/predict`.

RPO: from the instant of the backup to the failure, and how many acknowledged consents that lost;
of those before the instant none may be lost. RTO: from the failure to the first answer.
The time of the backup itself is compared with `cp -a` and `sha256sum` of the same files.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow.parquet as pq
from measuring import Measured, alternate, compared, finish, say, seconds

START = "from guanjia.cli import main; main()"
READY_SECONDS = 180


def guanjia(home: Path, *words: str) -> str:
    """Run a command in a home; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        env={**os.environ, "GUANJIA_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return done.stdout


class Service:
    """A service over a home, in processes of its own."""

    def __init__(self, home: Path, log: Path) -> None:
        with closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        port = self.url.rpartition(":")[2]
        with log.open("wb") as text:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, "serve", "--port", port],
                env={**os.environ, "GUANJIA_HOME": str(home)},
                stdout=text,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask(self, token: str, path: str, body: object) -> httpx.Response:
        """Send a request."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=30)

    def wait(self, token: str, customer: str) -> None:
        """Wait until it predicts."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            try:
                if self.ask(token, "/predict", {"customer_ids": [customer]}).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        sys.exit("the service does not answer")

    def kill(self) -> None:
        """Kill it with its workers, as a failing machine does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def record(
    service: Service, token: str, customer: str, log: list[tuple[str, datetime]],
    over: threading.Event,
) -> None:  # fmt: skip
    """Record consents one after the other, and note those that were acknowledged."""
    while not over.is_set():
        key = f"consent {len(log)}"
        body = {
            "client_key": key, "purpose": "location", "granted": True,
            "changed_at": "2026-07-01T09:00:00+08:00",
        }  # fmt: skip
        try:
            answer = service.ask(token, f"/v1/customers/{customer}/consents", body)
        except httpx.TransportError:
            return
        if answer.status_code == 200:
            log.append((key, datetime.now(UTC)))


def drill(home: Path, place: Path) -> tuple[float, float, int, int]:
    """Lose the home and restore it; return RPO, RTO in seconds, consents lost, lost before."""
    customers = pq.read_table(home / "checked" / "customers.parquet")["customer_id"]
    customer = customers[0].as_py()
    token = guanjia(home, "token").strip()
    service = Service(home, place / "before.log")
    service.wait(token, customer)
    log: list[tuple[str, datetime]] = []
    over = threading.Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(record, service, token, customer, log, over)
    time.sleep(2)
    backup, keys = place / "backup.tar", place / "keys.json"
    told = json.loads(guanjia(home, "backup", str(backup), "--keys", str(keys), "--json"))
    instant = datetime.fromisoformat(told["began_at"])
    time.sleep(2)
    service.kill()
    failed = datetime.now(UTC)
    over.set()
    pool.shutdown()
    began = time.monotonic()
    home.rename(place / "lost")
    new = place / "elsewhere" / "home"
    guanjia(new, "restore", str(backup), "--home", str(new), "--keys", str(keys))
    again = Service(new, place / "after.log")
    again.wait(token, customer)
    recovery = time.monotonic() - began
    again.kill()
    with closing(sqlite3.connect(new / "records.db")) as records:
        keys_there = {row[0] for row in records.execute("SELECT client_key FROM consent_changes")}
    lost = [at for key, at in log if not any(str(there).endswith(key) for there in keys_there)]
    return (
        (failed - instant).total_seconds(),
        recovery,
        len(lost),
        sum(at < instant for at in lost),
    )


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="of guanjia demo; it is copied")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of ours and peer")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-", dir=asked.home.parent) as folder:
        place = Path(folder)
        home = Path(shutil.copytree(asked.home, place / "home"))
        guanjia(home, "touchpoints")  # what opens a home for the first time is not measured

        def ours() -> float:
            taken = seconds(lambda: guanjia(home, "backup", str(place / "ours")))
            shutil.rmtree(place / "ours")
            return taken

        def peer() -> float:
            copy = place / "peer"
            line = f"cp -a {home} {copy} && find {copy} -type f -exec sha256sum {{}} + | wc -l"
            taken = seconds(lambda: subprocess.run(line, shell=True, check=True,
                                                   capture_output=True))  # fmt: skip
            shutil.rmtree(copy)
            return taken

        mine, other = alternate(ours, peer, asked.repeats)
        say("the machine fails")
        rpo, rto, lost, before = drill(home, place)
        customers = pq.read_metadata(asked.home / "checked" / "customers.parquet").num_rows
    lines = [
        compared("backup", "s", mine, other),
        Measured("RPO: backup to failure", "s", rpo),
        Measured("acknowledged since the backup, lost", "consents", lost),
        Measured("acknowledged before the backup, lost", "consents", before, at_most=0),
        Measured("RTO: failure to first answer", "s", rto),
    ]
    return finish("backup", customers, lines, asked.json)


if __name__ == "__main__":
    sys.exit(main())
