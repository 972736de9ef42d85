"""A real MariaDB server of the tests, as a fixture that `tests/conftest.py` hands on."""

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
from pathlib import Path

import pytest
from memory import server_folder

PASSWORD = "p%40ss word"


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """A MariaDB server that tests share: its address without a database."""
    server = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if server is None or importlib.util.find_spec("pymysql") is None:
        why = "no MariaDB server (apt-get install mariadb-server), or no driver (the extra mysql)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    folder = server_folder("mariadb")
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    words = [f"--datadir={folder}/data", f"--user={user}"]
    # The server's user may not enter where the files of tests lie (memory.py).
    environment = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = folder / "start.sql"
    start.write_text(
        f"CREATE USER guanjia@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO guanjia@'127.0.0.1';\n"
    )
    start.chmod(0o644)
    install = ["mariadb-install-db", "--no-defaults", *words, "--skip-test-db"]
    subprocess.run(install, check=True, capture_output=True, timeout=120, env=environment)
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
        [
            server, "--no-defaults", *words, f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={folder}/s", f"--pid-file={folder}/pid", f"--init-file={start}",
                "--skip-name-resolve", "--character-set-server=utf8mb4",
            ],
            stdout=subprocess.DEVNULL,
            stderr=stream,
            env=environment,
    )  # fmt: skip
    try:
        _wait(port, process, log)
        yield f"mysql://guanjia:p%2540ss%20word@127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb(mariadb_server: str) -> str:
    """The address of an empty database."""
    import sqlalchemy as sa

    name = f"test_{secrets.token_hex(8)}"
    engine = sa.create_engine(mariadb_server.replace("mysql:", "mysql+pymysql:"))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{mariadb_server}/{name}"


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    pytest.fail(log.read_text(errors="replace"))
