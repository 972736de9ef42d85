"""Real Redis and Postgres servers of the tests, as fixtures that `tests/conftest.py` hands on."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from memory import server_folder

DEPLOY = Path(__file__).parents[2] / "deploy"
"""Settings of the servers as they are shipped: the tests run on these files."""


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
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        words = [str(DEPLOY / "redis.conf"), "--port", str(self.port), "--bind", "127.0.0.1"]
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
    folder = server_folder("postgres")
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
        # A copy: the server's user may not reach the checkout.
        shutil.copy(DEPLOY / "postgres.conf", folder / "shipped.conf")
        (folder / "shipped.conf").chmod(0o644)
        with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"include '{folder / 'shipped.conf'}'\n")
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


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Where records are: of None in a file of the home, else on Postgres."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The address of an empty database."""
    import psycopg2

    name = f"test_{secrets.token_hex(8)}"
    with contextlib.closing(psycopg2.connect(postgres_server.address("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return postgres_server.address(name)
