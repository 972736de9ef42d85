"""Start the service over a home, log in to its console, and ask for pages as a browser does."""

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import psutil
from serving_speed import free_port, running

from features.lake import Lake
from serving.records.database import Records
from serving.records.users.users import add_user, change_user, find_user

USER, PASSWORD = "benchmark", "correct horse battery staple"
PARTS = re.compile(r"/(part|preview|star|measurement)(\?|$)")
"""Addresses of parts."""


class Visitor:
    """A person who is logged in: asks for pages, and measures them."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.client = httpx.Client(base_url=url, timeout=600)
        self.processes = [process, *process.children(recursive=True)]
        form = {"user_name": USER, "password": PASSWORD}
        assert self.client.post("/console/login", data=form).status_code == 303, "no login"
        found = re.search(r'name="form_key" value="([^"]+)"', self.get("/console/style")[1])
        assert found, "no key of forms"
        self.form_key = found[1]

    def get(self, path: str) -> tuple[float, str]:
        """Ask for a page, or a part as a script does; return milliseconds and its text."""
        headers = {"X-Part": "1"} if PARTS.search(path) else {}
        began = time.perf_counter()
        answer = self.client.get(path, headers=headers)
        taken = (time.perf_counter() - began) * 1_000
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:2_000]}")
        return taken, answer.text

    def post(self, path: str, **form: str) -> tuple[float, httpx.Response]:
        """Send a form; return milliseconds and the answer."""
        began = time.perf_counter()
        answer = self.client.post(path, data={"form_key": self.form_key, **form})
        return (time.perf_counter() - began) * 1_000, answer

    def spent(self) -> float:
        """Return the milliseconds of processors that the service has spent."""
        times = [process.cpu_times() for process in self.processes]
        return 1_000 * sum(one.user + one.system for one in times)


def log_in(lake: Lake) -> None:
    """Let the benchmark in as an administrator."""
    records, now = Records(lake.settings), datetime.now(UTC)
    records.migrate()
    with records.writing(durable=True) as connection:
        if find_user(connection, USER) is None:
            add_user(connection, USER, PASSWORD, ["administrator"], None, by=USER, at=now)
        else:
            change_user(connection, USER, now, password=PASSWORD)
    records.close()


@contextmanager
def serving(home: Path, as_of: date) -> Iterator[tuple[str, psutil.Process]]:
    """Start `guanjia serve` on the morning after the published day."""
    port = free_port()
    now = f"{as_of + timedelta(1)}T09:00+08:00"
    command = [sys.executable, "-c", "from guanjia.cli import main; main()", "serve"]
    command += ["--port", str(port), "--now", now]
    settings = {"GUANJIA_HOME": str(home), "GUANJIA_RATE_PER_SECOND": "1000000"}
    settings |= {"GUANJIA_RATE_BURST": "1000000"}
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        running(command, settings, Path(folder) / "serve.log", f"{url}/readyz"),
    ):
        (process,) = [one for one in psutil.Process().children() if str(port) in one.cmdline()]
        yield url, process
