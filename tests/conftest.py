"""What several rooms' tests share: a home of its own for each test, and one small demo for all."""

import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import AHEAD, THREADS, in_a_process, in_this_process, loaded_python
from mariadb import mariadb, mariadb_server
from memory import keep_in_memory
from migrations_once import migrations_once
from servers import (
    database,
    postgres,
    postgres_server,
    redis_server,
    redis_url,
)
from shared import link_compiled, made_once, shared_folder
from wheel import build_wheel, install_wheel, run_installed
from xdist.scheduler import LoadScopeScheduling

from features.lake import compiled, sha256_of
from features.snapshots.group_files import tag_schema
from features.tags.catalogue import groups

__all__ = [
    "database",
    "mariadb",
    "mariadb_server",
    "postgres",
    "postgres_server",
    "redis_server",
    "redis_url",
]
# As the command line has it: idle threads of OpenMP sleep, so that two workers do not starve.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Tables are tiny, and other workers are there for the other processors: a second thread costs a
# third more. Commands with a process of their own have as many as a user's; so has test_tagging.py.
os.environ[THREADS] = "1"
# What a service reads in advance costs seconds of each that is started.
os.environ[AHEAD] = "false"
Command = Callable[..., "subprocess.CompletedProcess[str]"]
HOME = ".guanjia"
"""Where a command keeps its state, where nothing says otherwise."""
DEMO_CUSTOMERS = 900
"""Fewer have too few claims to learn from."""
IN_MEMORY, FAILED = pytest.StashKey["Path | None"](), pytest.StashKey[bool]()
TOGETHER = {
    **{f"tests/behaviour/daily/test_{name}.py": "days" for name in
       ("days", "days_on_servers", "faulty_days")},
    **{f"tests/serving/test_{name}.py": "service" for name in
       ("branches", "predict", "refusals", "service")},
    **{f"tests/serving/console/test_{name}.py": "service" for name in
       ("fault_pages", "login", "pages", "report_days")},
    **{f"tests/serving/robustness/test_{name}.py": "sturdy" for name in
       ("door", "files_away", "integrators", "overload")},
    **{f"tests/serving/robustness/test_{name}.py": "networked" for name in
       ("network_faults", "random_faults", "redis_faults", "stores_away")},
}  # fmt: skip
"""Files that share what is made for the session, mostly a service that runs: a second worker would
make a second one."""

BEGIN = (
    *("test_documented_commands.py", "test_spark.py", "test_carry.py", "test_tagging.py"),
    *("test_year.py", "test_study.py", "test_document_holds.py", "test_whole_home.py"),
)
"""Long files, in this order: none is left to the end, when a worker would wait. The first makes the
demo, which the last two ask for; those between do without it meanwhile."""


class WholeFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Files go to the workers whole; those that ask one running service go to one worker.

    (What `--dist loadgroup` would do; xdist 3.8 sees no groups under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.split("::", 1)[0]
        return TOGETHER.get(file, file)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory; workers find the folder in their environment. What modules
    make while they are imported is no garbage: none is looked for until all are."""
    gc.disable()
    config.stash[IN_MEMORY] = keep_in_memory()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove them, unless a test failed whose files somebody will look at."""
    folder = config.stash.get(IN_MEMORY, None)
    if folder is not None and not config.stash.get(FAILED, True):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember whether a test failed."""
    session.config.stash[FAILED] = exitstatus != 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files begin: one makes the demo, which others then find; then those marked slow."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    place = {name: number for number, name in enumerate(BEGIN)}
    items.sort(key=lambda item: (place.get(item.path.name, len(BEGIN)), -slow[item.path]))


def pytest_collection_finish() -> None:
    """What was imported stays: looking for garbage in it, again and again, took a tenth of the
    time of tests that build expressions."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholeFiles:
    """How tests are shared out where there are several workers."""
    return WholeFiles(config, log)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the home folder of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("GUANJIA_")]:
        if name not in ("GUANJIA_LLEDO_PAVIA", THREADS, AHEAD):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("GUANJIA_HOME", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SQL that one worker compiled in process is read by the others, whatever their homes: the
    folder it lies in, for processes of their own (`link_compiled`)."""
    folder = shared_folder(tmp_path_factory) / "compiled" / "code"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "sql_folder", lambda lake: folder)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def certificates_once() -> Iterator[None]:
    """Clients read the certificates of the world once, not each again: all they ask is here."""
    with pytest.MonkeyPatch.context() as patch:
        name = "httpx._transports.default.create_ssl_context"
        patch.setattr(name, cache(httpx.create_ssl_context), raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def migrated_once() -> Iterator[None]:
    """Empty records get their tables as the first ones of this process got them."""
    with migrations_once():
        yield


@pytest.fixture
def guanjia(home: Path) -> Command:
    """The command line in the test's own home, in this process."""
    return lambda *words: in_this_process(home, *words)


@pytest.fixture(scope="session")
def run() -> Command:
    """The command line in a home that is named: `run(home, "rate", "C1")`, in this process."""
    return in_this_process


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What stands in the place of `python -c` and has loaded the libraries before."""
    return loaded_python(shared_folder(tmp_path_factory))


@pytest.fixture(scope="session")
def process(loaded: list[str]) -> Command:
    """The same in a process of its own: what a command imports, starts or leaves is its own."""
    return partial(in_a_process, loaded)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return next(made_once(tmp_path_factory, "wheel", build_wheel).glob("*.whl"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment in which the wheel is installed, for `run_installed`."""
    return made_once(tmp_path_factory, "installed", partial(install_wheel, wheel))


@pytest.fixture(scope="session")
def demo(
    tmp_path_factory: pytest.TempPathFactory, installed: Path, compiled_once: Path
) -> tuple[Path, dict[str, Any]]:
    """The home and the JSON result of one small demo; tests read it and change nothing.

    The wheel ran it, in an empty folder: what is missing in the wheel is found here.
    """

    def make(folder: Path) -> None:
        link_compiled(folder / HOME, compiled_once)
        words = ("guanjia", "demo", "--customers", str(DEMO_CUSTOMERS), "--json")
        shown = run_installed(installed, folder, *words)
        folder.with_suffix(".json").write_text(shown, encoding="utf-8")

    folder = made_once(tmp_path_factory, "demo", make)
    return folder / HOME, json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))


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
