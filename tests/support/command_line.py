"""The command line of the tests: in a process of its own, as a user types it, or in this one."""

import contextlib
import fcntl
import io
import logging
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from guanjia.cli import main

THREADS = "GUANJIA_THREADS"
AHEAD = "GUANJIA_READ_AHEAD"
"""One in the processes of the tests; what a user starts has as many as they have."""
SUPPORT = Path(__file__).parent
LOADED: list["subprocess.Popen[bytes]"] = []
"""The process that has the libraries, where this worker started it."""
COMMANDS = {
    "guanjia": "from guanjia.cli import main; main()",
    "feast": "from feast.cli.cli import cli; cli()",
}
"""What the commands of a shell run."""
Done = subprocess.CompletedProcess[str]


def loaded_python(folder: Path) -> list[str]:
    """The words that run code in a process of its own which has the libraries already.

    Parameters
    ----------
    folder : Path
        Of the workers of this run, who share the process that has them (`loaded_libraries.py`).

    Returns
    -------
    list of str
        What stands in the place of `python -c`; the code and its words follow.
    """
    path = folder / "loaded"
    with (folder / "loaded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            watched = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
            words = [sys.executable, str(SUPPORT / "loaded_libraries.py"), str(path), str(watched)]
            with (folder / "loaded.log").open("wb") as log:
                LOADED.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log))
            said = LOADED[-1].stdout
            assert said is not None
            assert said.readline() == b"ready\n", (folder / "loaded.log").read_text()
    return [sys.executable, "-IS", str(SUPPORT / "loaded_client.py"), str(path)]


def loaded_commands(folder: Path, python: list[str]) -> Path:
    """Fill a folder for the `PATH` of a shell: `guanjia` and `feast`, run by `loaded_python`.

    Parameters
    ----------
    folder : Path
        Made unless it is there; returned.
    python : list of str
        As `loaded_python` returns it.
    """
    folder.mkdir(exist_ok=True)
    for name, code in COMMANDS.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join([*python, code])} "$@"\n', "utf-8")
        script.chmod(0o700)
    return folder


def in_a_process(python: list[str], home: Path, *words: str) -> Done:
    """`guanjia ...` as a user types it, in a process that `loaded_python` forks."""
    kept = {name: value for name, value in os.environ.items() if name != THREADS}
    return subprocess.run(
        [*python, COMMANDS["guanjia"], *words],
        env={**kept, "GUANJIA_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def in_this_process(home: Path, *words: str) -> Done:
    """The same words, code and output; most of a command's time is its imports.

    What a command changes for its process, it changes for itself: umask, warnings, environment.
    """
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    umask = os.umask(0o077)
    environment = dict(os.environ)
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setenv("GUANJIA_HOME", str(home))
        patch.setattr(sys, "argv", ["guanjia", *words])
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            logging.captureWarnings(False)
            logging.getLogger("py.warnings").setLevel(logging.NOTSET)
            os.umask(umask)
            os.environ.clear()
            os.environ.update(environment)
    assert isinstance(code, int), code
    return subprocess.CompletedProcess(["guanjia", *words], code, out.getvalue(), err.getvalue())
