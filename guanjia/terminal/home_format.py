"""Know which release wrote a home, and refuse one that this release cannot read.

`<home>/home.json` states the format, a number that grows when a release writes files that earlier
ones cannot read, and the release that wrote it. A home without it is of release 0.1.0, format 1:
format 2 added this file, so nothing else in such a home changes. Tables of the records have
migrations of their own (`serving.records.database`), and so has MLflow.
"""

import errno
import json
from importlib.metadata import version
from pathlib import Path

from features.errors import GuanjiaError
from features.publishing import published
from guanjia.terminal.private_home import OURS

FORMAT = 2
"""Of the homes that this release writes."""
FILE = "home.json"
RESTORING = "restoring.json"
"""Lies in a home from which a restore was cut off, until it is finished."""
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


def release() -> str:
    """Return the version of the installed release: "0.2.0"."""
    return version("guanjia")


def keep_format(home: Path) -> None:
    """Refuse a home that this release cannot read; state the format of one that states none.

    Parameters
    ----------
    home : Path
        The folder of all state; nothing happens if it is no home yet.

    Raises
    ------
    GuanjiaError
        If a newer release wrote the home, or a restore into it was cut off.
    """
    if (home / RESTORING).exists():
        raise GuanjiaError(
            f"home {home}",
            "is only half restored: the restore was cut off",
            "run the same `guanjia restore` again: it goes on",
        )
    stated = home / FILE
    try:
        about = json.loads(stated.read_text("utf-8"))
    except FileNotFoundError:
        if any((home / name).exists() for name in OURS):
            _state(stated)
        return
    except ValueError:
        cure = "restore it from a backup, or remove it if the home is of this release"
        raise GuanjiaError(f"file {stated}", "is no JSON", cure) from None
    refuse_newer(f"home {home}", about["format"], about["release"])
    if about["format"] < FORMAT:
        _state(stated)


def refuse_newer(thing: str, format_: int, written_by: str) -> None:
    """Refuse what is of a format that this release does not know.

    Parameters
    ----------
    thing : str
        What it is, for the error.
    format_ : int
        Its format.
    written_by : str
        The release that wrote it.

    Raises
    ------
    GuanjiaError
        If the format is newer.
    """
    if format_ > FORMAT:
        raise GuanjiaError(
            thing,
            f"was written by release {written_by} (format {format_}), and this is release "
            f"{release()}, which reads formats up to {FORMAT}; nothing was changed",
            f"install guanjia {written_by} or later, or restore a backup from before the upgrade",
        )


def _state(stated: Path) -> None:
    """Write the format; a home that cannot be written is read all the same."""
    try:
        with published(stated) as draft:
            draft.write_text(json.dumps({"format": FORMAT, "release": release()}) + "\n", "utf-8")
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
