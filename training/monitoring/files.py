"""What was watched as a file: `<home>/monitoring/as_of=<D>.json`, whole or not at all."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from features.lake import Lake
from features.publishing import published


def monitoring_path(lake: Lake, as_of: date) -> Path:
    """Where the file of a date lies."""
    return lake.home / "monitoring" / f"as_of={as_of}.json"


def write_monitoring(lake: Lake, as_of: date, content: Any) -> Path:
    """Publish what was found; an older file of the date goes.

    Parameters
    ----------
    content : object
        As JSON knows it, every number finite or null.
    """
    path = monitoring_path(lake, as_of)
    with published(path) as draft:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
        draft.write_text(text + "\n", encoding="utf-8")
    return path
