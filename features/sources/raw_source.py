"""Know which source of ours wrote the raw tables of a home, and make room for it."""

import json
import shutil

from features.errors import GuanjiaError
from features.lake.connection import Lake
from features.lake.pointer import FOLDER, POINTER
from features.publishing import published

SOURCE = "source.json"
DERIVED = (
    "checked",
    "quarantine",
    "tags",
    "snapshots",
    "segments",
    "clusters",
    "scores",
    "triggers",
    "quality",
    "monitoring",
    "training",
    "feast",
    FOLDER,
)
"""Folders computed from the raw tables; they go when another source writes those."""


def source_of(lake: Lake) -> str | None:
    """Return the source of ours that wrote `raw/`, such as "simulated"; None: the insurer's own."""
    mark = lake.home / SOURCE
    return str(json.loads(mark.read_text("utf-8"))["source"]) if mark.exists() else None


def prepare_raw_for(lake: Lake, source: str) -> None:
    """Prepare `raw/` for a source that writes it: delete derived folders and the inbox.

    Parameters
    ----------
    lake : Lake
        The home.
    source : str
        One of ours: "simulated", "lledo-pavia".

    Raises
    ------
    GuanjiaError
        If `raw/` holds tables that this source did not write: they may be an insurer's own.
    """
    mark, writer = lake.home / SOURCE, source_of(lake)
    raw = lake.home / "raw"
    if raw.exists() and any(raw.iterdir()) and writer != source:
        raise GuanjiaError(
            f"folder {raw}",
            f"holds raw tables {'of the source ' + writer if writer else 'of your own'}",
            "set GUANJIA_HOME to another folder, or move these tables away",
        )
    # The pointer first: nobody may be sent to a folder that is being deleted.
    (lake.home / POINTER).unlink(missing_ok=True)
    for name in DERIVED:
        shutil.rmtree(lake.home / name, ignore_errors=True)
    # The events name customers who are not in the new tables.
    for file in lake.home.glob(f"{lake.inbox.name}*"):
        file.unlink()
    with published(mark) as draft:
        draft.write_text(json.dumps({"source": source}), "utf-8")
