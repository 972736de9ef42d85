"""The command line of the tests: in a process of its own, as a user types it, or in this one."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from guanjia.cli import main

THREADS = "GUANJIA_THREADS"
AHEAD = "GUANJIA_READ_AHEAD"
"""One in the processes of the tests; what a user starts has as many as they have."""
Done = subprocess.CompletedProcess[str]


def in_a_process(home: Path, *words: str) -> Done:
    """`guanjia ...` as a user types it."""
    kept = {name: value for name, value in os.environ.items() if name != THREADS}
    return subprocess.run(
        [sys.executable, "-c", "from guanjia.cli import main; main()", *words],
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
