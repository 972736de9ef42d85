"""Processor time of commands, each a process of its own, against `python -c "import duckdb"`.

A person at a terminal waits for what a command imports, compiles and computes. Each command is
started as a shell would, on a home that `guanjia demo` made; its processor time (user and system,
of the process and all it started) is compared with that of a Python that imports DuckDB and ends,
measured right before. The limits are those of an ordinary machine, where the peer takes 0.13
seconds: "2 s" is the ratio 2 / 0.13. `serve` is started, asked for nothing, and measured when it
says that it is ready.

Python's bytecode is there, as wherever a command ran before: the round that does not count
compiles it, into a folder of the benchmark's own.

Commands that write (`score`, `check`, `list --out`) write the same again.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from measuring import Measure, Measured, alternate, arguments, compared, finish, say

PEER_SECONDS = 0.13
PYTHON = [sys.executable, "-c"]
GUANJIA = [*PYTHON, "from guanjia.cli import main; main()"]
PEER = [*PYTHON, "import duckdb"]
READY_SECONDS = 300


@dataclass(frozen=True)
class Command:
    """A command line and how it should end.

    Attributes
    ----------
    words : str
        What follows `guanjia`; `CUSTOMER`, `AS_OF` and `FOLDER` stand for those of the home.
    seconds : float
        Processor time at most, on a machine where the peer takes `PEER_SECONDS`.
    status : int
        Exit code expected: 2 where a fault is to be told.
    """

    words: str
    seconds: float
    status: int = 0


COMMANDS = (
    Command("--help", 0.4),
    Command("rate --as-off 2026-06-30", 1, 2),
    Command("train no_such_model", 1, 2),
    Command("list renewal_risk --where no_such_column=1", 1, 2),
    Command("rate CUSTOMER --as-of AS_OF", 2),
    Command("list renewal_risk --top 100 --out FOLDER/list.csv", 2),
    Command("segments --as-of AS_OF", 2),
    Command("touchpoints", 2),
    Command("content-try 您的保单将于7天后到期 --channel sms", 2, 1),
    Command("token --help", 2),
    Command("entitlements CUSTOMER", 2),
    Command("account CUSTOMER", 2),
    Command("account --by branch", 2),
    Command("triggers --as-of AS_OF", 2),
    Command("score --as-of AS_OF", 4),
    Command("check", 6),
)
SERVE_SECONDS = 10


def main() -> int:
    """Measure every command, then the service until it is ready."""
    asked = arguments(__doc__ or "", customers=20_000, repeats=3)
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        home = (asked.home or Path(scratch)) / str(asked.customers)
        os.environ["GUANJIA_HOME"] = str(home)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(scratch) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        if not (home / "scores").exists():
            say(f"making the demo of {asked.customers:,} customers")
            run([*GUANJIA, "demo", "--customers", str(asked.customers)], 0)
        as_of = max(path.stem for path in (home / "snapshots").glob("*.json"))
        customer = first_customer(home)
        lines = []
        for command in COMMANDS:
            words = command.words.replace("AS_OF", as_of).replace("CUSTOMER", customer)
            line = [*GUANJIA, *words.replace("FOLDER", scratch).split()]
            measure = partial(run, line, command.status)
            lines.append(beside_peer(command.words, measure, command.seconds, asked.repeats))
        lines.append(beside_peer("serve, until ready", serve, SERVE_SECONDS, asked.repeats))
    return finish("commands", asked.customers, lines, asked.json)


def beside_peer(what: str, ours: Measure, seconds: float, repeats: int) -> Measured:
    """Measure a command and the peer in turns.

    Parameters
    ----------
    what : str
        The command.
    ours : callable of () to float
        Its processor seconds.
    seconds : float
        The limit on a machine where the peer takes `PEER_SECONDS`.
    repeats : int
        Rounds that count.
    """
    say(what)
    measured, peer = alternate(ours, partial(run, PEER, 0), repeats)
    return compared(what, "s", measured, peer, at_most=round(seconds / PEER_SECONDS, 1))


def run(line: list[str], status: int) -> float:
    """Run a command line to its end; return its processor time in seconds.

    Raises
    ------
    SystemExit
        If it ends with another exit code than `status`: its time would mean nothing.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        sys.exit(f"{' '.join(line[3:])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def serve() -> float:
    """Start the service; return the processor time of all its processes when it is ready.

    Raises
    ------
    SystemExit
        If it ends, or is not ready in time.
    """
    line = [*GUANJIA, "serve", "--port", "3999", "--json"]
    started = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert started.stdout is not None
    began = time.monotonic()
    for text in started.stdout:
        if '"ready"' in text:
            break
        if time.monotonic() - began > READY_SECONDS:
            started.terminate()
            sys.exit(f"serve is not ready after {READY_SECONDS} seconds")
    else:
        sys.exit(f"serve ended with {started.wait()} before it was ready")
    process = psutil.Process(started.pid)
    every = [process, *process.children(recursive=True)]
    spent = sum(times.user + times.system for one in every for times in [one.cpu_times()])
    spent += sum(
        times.children_user + times.children_system for one in every for times in [one.cpu_times()]
    )
    started.send_signal(signal.SIGINT)
    started.wait(timeout=60)
    return spent


def first_customer(home: Path) -> str:
    """Find the first customer of the home who holds an entitlement."""
    import pyarrow.parquet as pq

    held = pq.read_table(home / "checked" / "entitlements.parquet", columns=["customer_id"])
    return str(min(held["customer_id"].to_pylist()))


if __name__ == "__main__":
    sys.exit(main())
