"""Room for what must not stay: a folder, or a home with the same tables and settings."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.lake import Lake
from features.online import feast_client as store
from features.publishing import is_running

OWN = frozenset({"tags", "training", "feast", "models", "mlflow", "tmp", "snapshots"})
"""What a scratch home has of its own; everything else is the home's."""


@contextmanager
def scratch_folder(lake: Lake) -> Iterator[Path]:
    """A folder under `<home>/tmp` that goes with the block.

    What a killed process left is removed by the next one.
    """
    folder = lake.home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("scratch-*"):
        process = left.name.split("-")[1]
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"scratch-{os.getpid()}-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def scratch_lake(lake: Lake) -> Iterator[Lake]:
    """A lake whose tags and training frames are its own and go with the block.

    So a comparison or a repeated run replaces neither the home's training frames nor its tag
    histories.
    """
    with scratch_folder(lake) as home:
        beside = Lake(lake.settings.model_copy(update={"home": home, "online": "sqlite"}))
        try:
            for entry in lake.home.iterdir():
                if entry.name not in OWN:
                    (home / entry.name).symlink_to(entry)
            yield beside
        finally:
            store.forget(beside)
