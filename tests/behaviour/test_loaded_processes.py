"""Commands that tests fork from a process with the libraries are like processes of their own."""

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil

SHOW = """
import json, os, sys
umask = os.umask(0)
rooms = {"features", "training", "serving", "guanjia"}
ours = sorted(rooms & {name.partition(".")[0] for name in sys.modules})
print(json.dumps([sys.argv, os.getcwd(), umask, os.environ["GIVEN"], ours, sys.stdin.read()]))
print("feast" in sys.modules, file=sys.stderr)
sys.exit(3)
"""
STAY = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"


def test_it_has_words_folder_streams_and_exit_code_of_its_own(
    loaded: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [*loaded, SHOW, "a", "b c"],
        cwd=tmp_path,
        env={**os.environ, "GIVEN": "客户"},
        input="read",
        umask=0o027,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = [["-c", "a", "b c"], str(tmp_path), 0o027, "客户", [], "read"]
    assert (done.returncode, done.stderr) == (3, "True\n")
    assert json.loads(done.stdout) == expected


def test_an_error_has_its_traceback_and_a_thread_is_waited_for(loaded: list[str]) -> None:
    late = "import threading, time\ndef late():\n time.sleep(0.2); print('late')\n"
    code = f"{late}threading.Thread(target=late).start(); raise ValueError('no')"
    done = subprocess.run([*loaded, code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "late\n")
    assert done.stderr.endswith("ValueError: no\n")


def test_signals_reach_it_and_it_goes_with_who_called(loaded: list[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with subprocess.Popen([*loaded, STAY], stdout=subprocess.PIPE, text=True) as caller:
            assert caller.stdout is not None
            forked = psutil.Process(int(caller.stdout.readline()))
            caller.send_signal(number)
            assert caller.wait(30) == -number
            assert forked.wait(30) is None
