"""Read what is known of a model's versions: tables of their reports, and what was watched last."""

import csv
import json
import math
from pathlib import Path
from typing import Any

from features.lake import Lake
from training.registry.local_models import champion_version
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import CHALLENGER, CHAMPION, version_by_alias

TABLES = ("calibration", "slices", "fairness", "peers")


def contenders_of(lake: Lake, model: str) -> tuple[str | None, str | None, bool]:
    """Look up champion and challenger, and whether the registry is away.

    Returns
    -------
    (str or None, str or None, bool)
        Version of the champion and of the challenger; with the registry away the champion is the
        one seen last, and no challenger is known.
    """
    try:
        champion = version_by_alias(lake, model, CHAMPION)
        return champion, version_by_alias(lake, model, CHALLENGER), False
    except RegistryAwayError:
        return champion_version(lake, model), None, True


def version_tables(lake: Lake, model: str, version: str) -> dict[str, list[dict[str, Any]]]:
    """Read the tables of a version's report; empty where it was trained elsewhere.

    Parameters
    ----------
    lake : Lake
        The home.
    model, version : str
        Name of the model; number of the version.
    """
    folder = lake.home / "reports" / model / version
    return {name: _rows(folder / f"{name}.csv") for name in TABLES}


def latest_monitoring(lake: Lake) -> dict[str, Any] | None:
    """Read what `guanjia monitor` wrote last, its models by name; None: nothing, or not whole."""
    files = sorted((lake.home / "monitoring").glob("as_of=*.json"))
    if not files:
        return None
    try:
        content: dict[str, Any] = json.loads(files[-1].read_text("utf-8"))
        return content | {"models": {model["model"]: model for model in content["models"]}}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            {name: _plain(value) for name, value in row.items()} for row in csv.DictReader(file)
        ]


def _plain(text: str) -> Any:
    """Read a cell: a number, nothing, or text."""
    if text == "":
        return None
    try:
        value = float(text)
    except ValueError:
        return text
    return None if math.isnan(value) else value
