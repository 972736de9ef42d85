"""Provide scratch space that is removed at the end: a folder, or a home with the same tables."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.lake import Lake
from features.online import feast_client
from features.publishing import is_running

OWN = frozenset({"tags", "training", "feast", "models", "mlflow", "tmp", "snapshots"})
"""Folders that a scratch home does not share with the home."""


@contextmanager
def scratch_folder(lake: Lake) -> Iterator[Path]:
    """Create a folder under `<home>/tmp` and remove it at the end of the block.

    Folders of killed processes are removed as well.
    """
    folder = lake.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("scratch-*"):
        process = leftover.name.split("-")[1]
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"scratch-{os.getpid()}-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def scratch_lake(lake: Lake) -> Iterator[Lake]:
    """Create a home that shares the tables of this one, and remove it at the end of the block.

    Tags, training frames and models are its own, so a comparison or a repeated run replaces
    nothing in the home.
    """
    with scratch_folder(lake) as home:
        settings = lake.settings.model_copy(update={"home": home, "online": "sqlite"})
        scratch = Lake(settings, lake.day)
        try:
            for entry in lake.home.iterdir():
                if entry.name not in OWN:
                    (home / entry.name).symlink_to(entry)
            yield scratch
        finally:
            feast_client.forget(scratch)
