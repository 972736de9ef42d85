"""Make a small home with release 0.1.0, whole: a later release must open it and go on.

This is the script of release 0.1.0: it runs in a checkout of it and in no other. It cuts a demo to
few customers and three models, lets a service take an event, a consent and a decision, erases a
customer, and packs the home. These files are never made again by newer code.

    git worktree add ../release 6334951 && make -C ../release install
    cd ../release && .venv/bin/python ../guanjia/tests/golden/make_home.py HOME TARGET.tar.xz
"""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

CUSTOMERS, KEPT = 900, 20
MODELS = ("renewal", "claim_frequency", "claim_severity")
DAY = date(2026, 6, 30)
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
START = "from guanjia.cli import main; main()"


def guanjia(home: Path, *words: str) -> str:
    """Run a command of the release; return what it printed."""
    environment = {**os.environ, "GUANJIA_HOME": str(home)}
    line = [sys.executable, "-c", START, *words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def cut(home: Path) -> list[str]:
    """Take all but a few customers and models out; return who stays."""
    import pyarrow.parquet as pq

    from features.erasure.erase import erase_from_files
    from features.lake import Lake
    from features.online.store import online_rows, take_offline
    from features.settings import Settings
    from training.registry.mlflow_client import client_session

    lake = Lake(Settings(home=home))
    customers = pq.read_table(lake.checked("customers"))["customer_id"].to_pylist()
    policies = Counter(pq.read_table(lake.checked("policies"))["customer_id"].to_pylist())
    stay = sorted(customers, key=lambda customer: (-policies[customer], customer))[:KEPT]
    gone = sorted({*customers} - {*stay})
    erase_from_files(lake, gone, lambda _place, _rows: None)
    take_offline(lake, gone)
    online_rows(lake).scrub()
    with client_session(lake) as client:
        names = [model.name for model in client.search_registered_models()]
        for name in names:
            if name not in MODELS:
                (version,) = client.search_model_versions(f"name = '{name}'")
                shutil.rmtree(home / "mlflow" / "artifacts" / version.run_id)
                client.delete_registered_model(name)
                shutil.rmtree(home / "models" / name)
    for name in ("training", "truth", "compiled", "reports", "tmp", "lists"):
        shutil.rmtree(home / name, ignore_errors=True)
    return stay


def live(home: Path, customers: list[str]) -> None:
    """Let a service of the release answer a few requests."""
    import httpx

    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    ahead = str((NOON - datetime.now(UTC)).total_seconds())
    environment = {**os.environ, "GUANJIA_HOME": str(home), "GUANJIA_CLOCK_AHEAD_SECONDS": ahead}
    line = [sys.executable, "-c", START, "serve", "--port", str(port)]
    service = subprocess.Popen(line, env=environment)
    url, token = f"http://127.0.0.1:{port}", guanjia(home, "token").strip()
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/livez").status_code == 200:
                    break
            time.sleep(0.2)

        def post(path: str, body: Any) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx.post(url + path, json=body, headers=headers, timeout=60)
            assert answer.status_code == 200, answer.text
            return answer.json()

        for customer in customers[:3]:
            event = {
                "event_id": f"event of {customer}", "type": "mini_program_bound",
                "customer_id": customer, "occurred_at": "2026-07-01T11:00:00+08:00",
            }  # fmt: skip
            post("/v1/events", {"events": [event]})
            wish = {"customer_id": customer, "decision_point": "app_open", "client_key": customer}
            post("/decide", wish)
            refusal = {
                "client_key": f"refusal of {customer}", "purpose": "location", "granted": False,
                "changed_at": "2026-07-01T11:00:00+08:00",
            }  # fmt: skip
            post(f"/v1/customers/{customer}/consents", refusal)
        asked = {"customer_ids": customers[1:6], "models": list(MODELS)}
        (home / "answers.json").write_text(json.dumps(post("/predict", asked), indent=1), "utf-8")
    finally:
        service.terminate()
        service.wait()


def main(home: Path, target: Path) -> None:
    """Make the home, and pack it."""
    if not home.exists():
        guanjia(home, "demo", "--customers", str(CUSTOMERS))
    stay = cut(home)
    (home / "feast" / "registry.db").unlink()  # it also keeps what it said before
    guanjia(home, "materialize", "--now", NOON.isoformat())
    live(home, stay)
    guanjia(home, "erase", stay[0], "--who", "golden")
    for name in ("compiled", "tmp"):
        shutil.rmtree(home / name, ignore_errors=True)
    databases = ("records.db", "events.db", "feast/online.db", "mlflow/mlflow.db")
    for path in (home / name for name in databases):
        with contextlib.closing(sqlite3.connect(path)) as database:
            for words in ("PRAGMA journal_mode = DELETE", "VACUUM"):
                database.execute(words)
    with tarfile.open(target, "w:xz") as tar:
        tar.add(home, "home")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
