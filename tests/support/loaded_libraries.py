"""Processes that need not load libraries: forked from one that has, and that did nothing else.

    python loaded_libraries.py SOCKET WATCHED

A command has a process of its own, as a user's has, and imports the product itself. The libraries
(seconds of a processor, for Feast alone) are there already: this process imports all that the
product names, runs none of it, and forks for whoever calls (`loaded_client.py`). It ends with the
process whose number is WATCHED.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
IMPORT = re.compile(r"^\s*(?:from ([\w.]+) import|import ([\w.]+))", re.MULTILINE)
BEFORE = {"MLFLOW_LOGGING_LEVEL": "WARNING", "OMP_WAIT_POLICY": "PASSIVE"}
"""What the product sets before it imports a library, which reads it once."""
LEFT_OUT = ("mlflow.server", "pyspark")
"""A server reads its settings while it is imported; Spark is for a module of its own."""
FIRST = "prometheus_client"
"""Feast, imported, would have it count in a folder; the product imports it before, or alone."""
OFF = {"BENTOML_DO_NOT_TRACK": "true", "FEAST_USAGE": "False", "MLFLOW_DISABLE_TELEMETRY": "true"}


def libraries() -> list[str]:
    """Modules that files of the product import and that are not the product's."""
    named: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            named |= {one or other for one, other in IMPORT.findall(path.read_text("utf-8"))}
    return sorted(
        name
        for name in named
        if name.partition(".")[0] not in (*ROOMS, "") and not name.startswith(LEFT_OUT)
    )


def load() -> None:
    """Import them, with what comes along; those that are not installed are left out."""
    os.environ.update(BEFORE | OFF)
    for name in (FIRST, *libraries()):
        with warnings.catch_warnings(action="ignore"):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
    ours = [name for name in sys.modules if name.partition(".")[0] in ROOMS]
    assert not ours, f"what a command imports would not be its own: {ours}"
    gc.collect()
    gc.freeze()


def wait_for_end(process: int, line: socket.socket) -> None:
    """Tell the caller how its process ended; kill it where the caller is gone."""
    descriptor = os.pidfd_open(process)
    ready, _, _ = select.select([descriptor, line], [], [])
    if descriptor not in ready:
        os.kill(process, signal.SIGKILL)
    with contextlib.suppress(BrokenPipeError):
        line.sendall(b"%d\n" % os.waitpid(process, 0)[1])


def take_over(line: socket.socket) -> str | None:
    """Become the process of a call: its streams, folder, environment and words.

    Returns
    -------
    str or None
        The code to run; None in the process that waited for it, whose work is done.
    """
    _, streams, *_ = socket.recv_fds(line, 1, 3)
    with line.makefile("rb") as text:
        call = json.loads(text.readline())
    process = os.fork()
    if process:
        line.sendall(b"%d\n" % process)
        for stream in streams:
            os.close(stream)
        wait_for_end(process, line)
        return None
    line.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(call["cwd"])
    os.umask(call["umask"])
    os.environ.clear()
    os.environ.update(call["environment"])
    code, *words = call["words"]
    sys.argv[:] = ["-c", *words]
    return code


def serve(path: str, watched: int) -> str | None:
    """Fork for each call; return only in a fork, what `take_over` does, or at the end."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(64)
        ended = os.pidfd_open(watched)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([door, ended], [], [])
            if ended in ready:
                return None
            line, _ = door.accept()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork() == 0:
                os.close(ended)
                door.close()
                return take_over(line)
            line.close()


def run(code: str) -> int:
    """Run the code of a call as Python runs a program, to the end of its threads.

    Returns
    -------
    int
        The exit code.
    """
    ended: object = None
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        ended = end.code
    except BaseException:
        traceback.print_exc()
        ended = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(ended, int | None):
        print(ended, file=sys.stderr)
        ended = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return ended or 0


def main() -> None:
    """Load, serve, and in a fork run what was called for."""
    load()
    code = serve(sys.argv[1], int(sys.argv[2]))
    if code is not None:
        sys.path.remove(str(Path(__file__).parent))
        # Libraries in C++ would wait at their end for threads that this process has not.
        os._exit(run(code))


if __name__ == "__main__":
    main()
