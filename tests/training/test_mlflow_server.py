"""The server of `mlflow/serve`, on SQLite and on a real Postgres: who gets in, and what holds."""

import os
import pwd
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

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training import mlflow_client, registry
from training.champions import champion
from training.promotion import history, promote, rollback

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.usefixtures("cohort"),
]
ROOT = Path(__file__).parents[2]
READY_SECONDS = 180
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
        self.process.wait(30)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres of our own: the address of an empty database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    binaries = found[-1].parent if found else Path(shutil.which("initdb") or "/none").parent
    if not (binaries / "initdb").exists():
        why = "no Postgres server (apt-get install postgresql)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    # Postgres refuses to run as root, and its user must reach the folder.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path("/tmp") / f"guanjia-postgres-{os.getpid()}"  # a socket's path must be short
    folder.mkdir()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    port = free_port()

    def run(*command: str) -> None:
        # `user=` of subprocess would fork, that is copy, the whole test process.
        mine = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        words = [*(mine if user else []), *command]
        subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=120)

    secret = folder / "secret"
    secret.write_text("p%40ss word\n")
    secret.chmod(0o644)
    data = str(folder / "data")
    words = ["--auth=scram-sha-256", "--username=guanjia", f"--pwfile={secret}"]
    try:
        run(str(binaries / "initdb"), "-D", data, "--no-sync", *words)
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        start = ["-D", data, "-w", "-l", str(folder / "log"), "-o", settings]
        run(str(binaries / "pg_ctl"), *start, "start")
        yield f"postgresql://guanjia:p%2540ss%20word@127.0.0.1:{port}/postgres"
    finally:
        with suppress(subprocess.CalledProcessError):
            run(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    backend = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with started(tmp_path / "server", backend) as found:
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
        registry.move(other, MODEL, "2")

    server.stop()
    assert champion(other, MODEL) == folder


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
