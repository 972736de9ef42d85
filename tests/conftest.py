"""What several rooms' tests share: a home of its own for each test, and one small demo for all."""

import contextlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from xdist.scheduler import LoadScopeScheduling

from features.lake import sha256_of
from features.snapshots.group_files import tag_schema
from features.tags.catalogue import groups

# As the command line has it: idle threads of OpenMP sleep, so that two workers do not starve.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
Command = Callable[..., "subprocess.CompletedProcess[str]"]
DEMO_CUSTOMERS = 900
READ_THE_DEMO = ("tests/behaviour/", "tests/browser/", "tests/serving/")
NEED_NO_DEMO = ("tests/serving/records/", "tests/serving/test_triggers", "tests/serving/content/")


class WholeFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Files go to the workers whole; all that reads the demo goes to one, which makes it once.

    (What `--dist loadgroup` would do; xdist 3.8 sees no groups under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.split("::", 1)[0]
        reads = file.startswith(READ_THE_DEMO) and not file.startswith(NEED_NO_DEMO)
        return "demo" if reads else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholeFiles:
    """How tests are shared out where there are several workers."""
    return WholeFiles(config, log)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the home folder of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("GUANJIA_")]:
        if name != "GUANJIA_LLEDO_PAVIA":
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("GUANJIA_HOME", str(folder))
    return folder


def run_command(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`guanjia ...` as a user types it."""
    return subprocess.run(
        [sys.executable, "-c", "from guanjia.cli import main; main()", *words],
        env={**os.environ, "GUANJIA_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture
def guanjia(home: Path) -> Command:
    """The command line in the test's own home."""
    return lambda *words: run_command(home, *words)


@pytest.fixture(scope="session")
def run() -> Command:
    """The command line in a home that is named: `run(home, "rate", "C1")`."""
    return run_command


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The home and the JSON result of one small demo; tests read it and change nothing."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_command(folder, "demo", "--customers", str(DEMO_CUSTOMERS), "--json")
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, json.loads(done.stdout)


@pytest.fixture(scope="session")
def ends() -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Fails a test that would hang: `with ends(300):`. No measure of speed, however busy we are."""

    @contextlib.contextmanager
    def guard(seconds: float = 60) -> Iterator[None]:
        def hangs(*_: Any) -> None:
            pytest.fail(f"does not end within {seconds} seconds")

        before = signal.signal(signal.SIGALRM, hangs)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return guard


@pytest.fixture(scope="session")
def snapshot() -> Callable[..., None]:
    """Write the snapshot of a date: `snapshot(home, day, {"C1": {"star_level": 3}})`.

    Tags that a customer's row leaves out are null.
    """

    def write(home: Path, day: date, customers: dict[str, dict[str, Any]]) -> None:
        files = {}
        for group in groups():
            schema = tag_schema(group)
            blank = dict.fromkeys(schema.names)
            rows = [
                {name: tags.get(name) for name in blank} | {"customer_id": customer, "as_of": day}
                for customer, tags in sorted(customers.items())
            ]
            path = home / "tags" / group / f"as_of={day}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
            place = path.relative_to(home).as_posix()
            files[group] = {"path": place, "sha256": sha256_of(path)}
        described = {
            "as_of": str(day),
            "snapshot_id": f"snapshot of {day}",
            "customers": len(customers),
            "files": files,
        }
        manifest = home / "snapshots" / f"{day}.json"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps(described), encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def frozen() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """A server that stands still, with all its processes: `with frozen(server.pid)`. The system
    still answers for it at the level of TCP."""

    @contextlib.contextmanager
    def still(pid: int) -> Iterator[None]:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for one in family:
            one.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for one in reversed(family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGCONT)

    return still


@dataclass
class RedisServer:
    """A Redis server of a test: where it is; it can be killed and started again, empty."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it answers."""
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with (self.folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(
                ["redis-server", *words, "--dir", str(self.folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        for _ in range(100):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port)),
            ):
                return
            time.sleep(0.1)
        pytest.fail((self.folder / "log.txt").read_text())

    def kill(self) -> None:
        """Kill it, also while it stands still."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


@contextlib.contextmanager
def redis_running(folder: Path) -> Iterator[RedisServer]:
    """A Redis server for a while."""
    if shutil.which("redis-server") is None or importlib.util.find_spec("redis") is None:
        why = "no redis-server (apt-get install redis-server), or no Redis client (the extra redis)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = RedisServer(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server that tests share: the address of its first database."""
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server.address


@pytest.fixture(scope="module")
def mortal_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server that the tests of a file may freeze and kill."""
    with redis_running(tmp_path_factory.mktemp("mortal-redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The same, empty."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@dataclass(frozen=True)
class PostgresServer:
    """A Postgres server of a test: where it is; it can be killed and started again.

    Postgres refuses to run as root: `user` is who runs it then.
    """

    folder: Path
    port: int
    binaries: Path
    user: str | None

    def address(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://guanjia:p%2540ss%20word@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Process id of its postmaster."""
        return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> None:
        """Start it, and return when it answers."""
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", settings, "start")

    def stop(self) -> None:
        """Stop it as a crash would."""
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def run(self, command: str, *words: str) -> None:
        """Run a command of Postgres in its folder."""
        # `user=` of subprocess would fork, that is copy, the whole test process.
        mine = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--"]
        line = [*(mine if self.user else []), str(self.binaries / command), *words]
        subprocess.run(line, cwd=self.folder, check=True, capture_output=True, timeout=120)


@contextlib.contextmanager
def postgres_running() -> Iterator[PostgresServer]:
    """A Postgres server for a while."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    binaries = found[-1].parent if found else Path(shutil.which("initdb") or "/none").parent
    if not (binaries / "initdb").exists():
        why = "no Postgres server (apt-get install postgresql)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    user = "postgres" if os.geteuid() == 0 else None
    # A socket's path must be short, and the server's user must reach the folder.
    folder = Path("/tmp") / f"guanjia-postgres-{os.getpid()}-{secrets.token_hex(2)}"
    folder.mkdir()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    secret = folder / "secret"
    secret.write_text("p%40ss word\n")
    secret.chmod(0o644)
    server = PostgresServer(folder, port, binaries, user)
    words = ["--auth=scram-sha-256", "--username=guanjia", f"--pwfile={secret}"]
    try:
        server.run("initdb", "-D", "data", "--no-sync", *words)
        server.start()
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres server that tests share."""
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="module")
def mortal_postgres() -> Iterator[PostgresServer]:
    """A Postgres server that the tests of a file may freeze and stop."""
    with postgres_running() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The address of an empty database."""
    import psycopg2

    name = f"test_{secrets.token_hex(8)}"
    with contextlib.closing(psycopg2.connect(postgres_server.address("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return postgres_server.address(name)
