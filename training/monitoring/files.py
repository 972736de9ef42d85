"""Write the file of a monitoring run: `<home>/monitoring/as_of=<D>.json`, whole or not at all."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from features.lake import Lake
from features.publishing import published


def monitoring_path(lake: Lake, as_of: date) -> Path:
    """Return the path of the file of a date."""
    return lake.home / "monitoring" / f"as_of={as_of}.json"


def write_monitoring(lake: Lake, as_of: date, content: Any) -> Path:
    """Write the file of a date; it replaces an older one.

    Parameters
    ----------
    lake : Lake
        The home.
    as_of : date
        The date of the run.
    content : object
        Values as JSON knows them, every number finite or null.
    """
    path = monitoring_path(lake, as_of)
    with published(path) as draft:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
        draft.write_text(text + "\n", encoding="utf-8")
    return path
