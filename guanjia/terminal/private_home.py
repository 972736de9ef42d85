"""Keep a home for its owner alone: folders 0700, files 0600."""

import os
import sys
from pathlib import Path

from guanjia.terminal.command_log import LOG, logs_json

OURS = ("raw", "checked", "tags", "snapshots", "models", "records.db", "token.key")
"""A folder with one of these is a home; any other may serve others, and its mode stays."""
OTHERS = 0o077


def write_for_owner_alone() -> None:
    """Give every file and folder that this process and its children make to the owner alone."""
    os.umask(OTHERS)


def close_to_others(home: Path) -> None:
    """Take the permissions of other users off a home of an earlier release; say so on stderr.

    Parameters
    ----------
    home : pathlib.Path
        The folder of all state; nothing happens if it is closed already, or no home yet.
    """
    if not home.is_dir() or not home.stat().st_mode & OTHERS:
        return
    if not any((home / name).exists() for name in OURS):
        return
    try:
        for folder, _, files in os.walk(home, topdown=False):
            for path in (*(Path(folder, name) for name in files), Path(folder)):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o7777 & ~OTHERS)
    except PermissionError as error:
        sentence = (
            f"Home {home} is open to other users of this machine, and {error.filename} belongs to"
            " another one: let its owner run `chmod -R go-rwx` on it."
        )
    else:
        sentence = f"Home {home} was open to other users of this machine: now it is yours alone."
    if logs_json():
        LOG.warning(sentence)
    else:
        sys.stderr.write(sentence + "\n")
