"""Run Python code in a process that has the libraries already (`loaded_libraries.py`).

    python -IS loaded_client.py SOCKET CODE [WORD ...]

What `python -c CODE WORD ...` would do: with the same words, folder, environment, umask and open
streams. Signals are handed on; killed, it takes its process with it. Its exit code is the other's.
"""

import array
import json
import os
import signal
import socket
import sys

HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_there(path: str, words: list[str]) -> int:
    """Have it run, wait for its end, and return how it ended, as `waitpid` says it."""
    umask = os.umask(0o077)
    os.umask(umask)
    asking = {
        "words": words,
        "cwd": os.getcwd(),  # noqa: PTH109  (pathlib takes longer to load than all the rest)
        "environment": dict(os.environ),
        "umask": umask,
    }
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        streams = array.array("i", [0, 1, 2]).tobytes()
        line.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        with line.makefile("rwb") as both:
            both.write(json.dumps(asking).encode() + b"\n")
            both.flush()
            process = int(both.readline())
            for number in HANDED_ON:
                signal.signal(number, lambda got, _: os.kill(process, got))
            return int(both.readline())


if __name__ == "__main__":
    ended = os.waitstatus_to_exitcode(run_there(sys.argv[1], sys.argv[2:]))
    if ended < 0:  # by a signal: so does this one
        signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
