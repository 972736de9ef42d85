"""The server of `mlflow/serve`, on SQLite and on a real Postgres: who gets in, and what holds."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training.models import MODELS
from training.promotion.promote import history, promote, rollback
from training.registry import mlflow_client
from training.registry import versions as registry
from training.registry.champions import champion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.usefixtures("cohort"),
]
ROOT = Path(__file__).parents[2]
READY_SECONDS = STOP_SECONDS = 180
MODEL = "renewal"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@dataclass
class Server:
    """Where it is, over which folder, and the process."""

    url: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def admin(self) -> tuple[str, str]:
        return "admin", (self.folder / "mlflow" / "admin_password").read_text().strip()

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server on SQLite: the browser sees it with nothing trained, then come versions."""
    with started(tmp_path_factory.mktemp("sqlite") / "server") as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    if request.param == "sqlite":
        yield request.getfixturevalue("on_sqlite")
        return
    with started(tmp_path / "server", request.getfixturevalue("postgres")) as found:
        yield found


@contextmanager
def started(folder: Path, backend: str | None = None) -> Iterator[Server]:
    """`mlflow/serve` as an operator starts it."""
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GUANJIA_", "MLFLOW_"))}
    given = {
        "GUANJIA_HOME": str(folder),
        "GUANJIA_PYTHON": sys.executable,
        "GUANJIA_MLFLOW_PORT": str(port),
        "GUANJIA_MLFLOW_WORKERS": "1",
        **({"GUANJIA_MLFLOW_BACKEND": backend} if backend else {}),
    }
    folder.mkdir()
    log = folder / "log.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(ROOT / "mlflow" / "serve")],
            env=kept | given,
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Server(f"http://127.0.0.1:{port}", folder, process)
    try:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{found.url}/health").status_code == 200:
                    break
            time.sleep(0.3)
        else:
            pytest.fail(log.read_text(errors="replace")[-3000:])
        yield found
    finally:
        found.stop()


def test_a_browser_opens_on_the_trainings(
    on_sqlite: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        why = "no browser: apt-get install chromium"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    server = on_sqlite
    with sync_playwright() as playwright:
        name, password = server.admin
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(http_credentials={"username": name, "password": password})
        # Nothing was trained yet: MLflow's own page.
        page.goto(server.url)
        assert page.url == f"{server.url}/"
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        lake = Lake(Settings(home=tmp_path / "home", mlflow_tracking_uri=server.url))
        with mlflow_client.client_session(lake) as client:
            number = mlflow_client.experiment_id(lake, client)
        page.goto(server.url)
        page.wait_for_url(f"{server.url}/?opened#/experiments/{number}/runs**")
        page.get_by_text(mlflow_client.EXPERIMENT, exact=True).first.wait_for()
        # A link to another page of MLflow leads there.
        page.goto("about:blank")
        page.goto(f"{server.url}/#/models")
        page.wait_for_url(f"{server.url}/?opened#/models")
        page.get_by_text("Registered Models").first.wait_for()
        opened.close()


def test_a_version_is_registered_promoted_and_served_through_it_and_after_it(
    server: Server,
    tmp_path: Path,
    bundle: Callable[..., Path],
    register: Callable[..., str],
    signed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Nobody gets in without a password, nor by another name of the host.
    assert httpx.get(server.url + SEARCH).status_code == 401
    assert httpx.get(server.url + SEARCH, auth=("admin", "password1234")).status_code == 401
    assert httpx.get(server.url + SEARCH, auth=server.admin).status_code == 200
    strange = {"Host": "evil.example"}
    assert httpx.get(server.url + SEARCH, auth=server.admin, headers=strange).status_code == 403
    for name in ("admin_password", "session_key", "basic_auth.ini"):
        assert stat.S_IMODE((server.folder / "mlflow" / name).stat().st_mode) == 0o600
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "p%2540ss" not in listed.stdout
    assert server.admin[1] not in listed.stdout

    lake = Lake(Settings(home=tmp_path / "home", mlflow_tracking_uri=server.url))
    with pytest.raises(GuanjiaError, match=r"401.*MLFLOW_TRACKING_PASSWORD"):
        register(lake, bundle("good"))
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", server.admin[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.admin[1])
    for number, kind in enumerate(("good", "again"), 1):
        assert register(lake, bundle(kind)) == str(number)
        assert promote(lake, MODEL, **signed).done
    assert rollback(lake, MODEL, **signed).version == "1"
    assert capfd.readouterr().out == ""  # --json stays JSON
    assert_pages(server)
    assert [one["act"] for one in history(lake, MODEL)] == ["promote", "promote", "rollback"]

    # Who was given nothing sees nothing; a reader may serve and may not promote.
    create = server.url + "/api/2.0/mlflow/users/create"
    reader = {"username": "service", "password": "a long password"}
    assert httpx.post(create, json=reader, auth=server.admin).status_code == 200
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", reader["username"])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", reader["password"])
    other = Lake(Settings(home=tmp_path / "other", mlflow_tracking_uri=server.url))
    with pytest.raises(GuanjiaError):
        champion(other, MODEL)
    experiment = httpx.get(
        server.url + "/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": mlflow_client.EXPERIMENT},
        auth=server.admin,
    ).json()["experiment"]["experiment_id"]
    grant = server.url + "/api/3.0/mlflow/users/permissions/grant"
    for kind, name in (("registered_model", MODEL), ("experiment", experiment)):
        asked = {
            "username": "service",
            "resource_type": kind,
            "resource_id": name,
            "permission": "READ",
        }
        assert httpx.post(grant, json=asked, auth=server.admin).status_code == 200
    folder = champion(other, MODEL)
    assert folder.name == "1"
    with pytest.raises(GuanjiaError, match="403"):
        registry.set_champion(other, MODEL, "2")

    server.stop()
    assert champion(other, MODEL) == folder


def assert_pages(server: Server) -> None:
    """What the pages of MLflow show, as they ask for it: the table of runs, and a run."""

    def ask(path: str, **sent: Any) -> Any:
        address = f"{server.url}/api/2.0/mlflow/{path}"
        answer = httpx.post(address, json=sent, auth=server.admin)
        assert answer.status_code == 200, answer.text
        return answer.json()

    experiments = ask("experiments/search", max_results=10)["experiments"]
    (ours,) = (one for one in experiments if one["name"] == mlflow_client.EXPERIMENT)
    shown = {tag["key"]: tag["value"] for tag in ours["tags"]}
    assert shown.items() >= mlflow_client.EXPERIMENT_TAGS.items()
    runs = ask("runs/search", experiment_ids=[ours["experiment_id"]])["runs"]
    assert [run["info"]["run_name"] for run in runs] == ["renewal 2", "renewal 1"]
    info, (rows,) = runs[0]["info"], runs[0]["inputs"]["dataset_inputs"]
    assert 90_000 <= info["end_time"] - info["start_time"] < 900_000
    tags = {tag["key"]: tag["value"] for tag in runs[0]["data"]["tags"]}
    assert tags["mlflow.note.content"].startswith("**续保概率**")
    assert tags["mlflow.source.name"] == "guanjia train renewal, guanjia 0.1.0"
    assert tags["mlflow.source.git.commit"] == "c0ffee"
    assert rows["tags"] == [{"key": "mlflow.data.context", "value": "training"}]
    assert (rows["dataset"]["name"], rows["dataset"]["digest"]) == ("renewal rows", "ab" * 16)
    columns = json.loads(rows["dataset"]["schema"])["mlflow_colspec"]
    assert len(columns) == len(MODELS[MODEL].features)
    assert json.loads(rows["dataset"]["profile"]) == {"num_rows": 1500}


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
