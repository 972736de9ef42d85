"""Write what a command does as JSON lines on stderr, where `GUANJIA_LOG=json` asks for it.

Schedulers collect stderr. Without the setting stderr has sentences and progress for a person.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from features.settings import PREFIX

LOG = logging.getLogger("guanjia.command")
HIDDEN = ("customer", "customers")
"""Parameters of commands that are numbers of customers."""


def logs_json() -> bool:
    """Tell whether commands log JSON lines."""
    return os.environ.get(f"{PREFIX}LOG") == "json"


@contextmanager
def json_log() -> Iterator[None]:
    """Write all log lines in the block as JSON, warnings of libraries too, if that is asked for.

    An error that no user can mend becomes a line as well, and ends the process with 1.
    """
    if not logs_json():
        yield
        return
    from serving.telemetry.log_lines import SafeFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(form="json"))
    root, level = logging.getLogger(), LOG.level
    root.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    except Exception:
        LOG.exception("the command failed; this is a fault of Guanjia")
        sys.exit(1)
    finally:
        root.removeHandler(handler)
        LOG.setLevel(level)


@contextmanager
def logged_command(name: str, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Log when a command begins and how it ends, and hide the customers it was asked about.

    Parameters
    ----------
    name : str
        Its words: "daily".
    parameters : mapping of str to object
        What it was given.
    """
    if not logs_json() or name == "serve":  # a service has a log of its own
        yield
        return
    from serving.telemetry.log_lines import hide_in_log

    for parameter in HIDDEN:
        given = parameters.get(parameter)
        if isinstance(given, str | list | tuple):
            hide_in_log([given] if isinstance(given, str) else given)
    LOG.info("%s begins", name, extra={"fields": {"command": name}})
    began, code = time.monotonic(), 1
    try:
        yield
        code = 0
    except Exception as error:
        code = getattr(error, "exit_code", 2 if hasattr(error, "cure") else 1)
        raise
    finally:
        seconds = round(time.monotonic() - began, 2)
        fields = {"command": name, "seconds": seconds, "exit_code": code}
        LOG.info("%s ends with %d", name, code, extra={"fields": fields})
