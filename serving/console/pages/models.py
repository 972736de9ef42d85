"""Show the models: which version serves since when and why, calibration, slices, fairness."""

import csv
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from features.lake import Lake
from serving.console.render import show
from serving.console.route import console_router
from training.models import MODELS
from training.registry.local_models import champion_version, read_acts

router = console_router()
TABLES = ("calibration", "slices", "fairness", "peers")


@router.get("/console/models")
def models(request: Request) -> Response:
    """Show every model."""
    service = request.app.state.service
    lake: Lake = service.lake
    current = service.current.now
    return show(
        request,
        "models.html",
        confirmed=current.confirmed,
        models=[
            {
                "name": name,
                "spec": spec,
                "serves": current.models[name].version if name in current.models else None,
                "acts": list(reversed(read_acts(lake, name))),
                "tables": _tables(lake, name),
            }
            for name, spec in MODELS.items()
        ],
    )


def _tables(lake: Lake, model: str) -> dict[str, list[dict[str, Any]]]:
    """Read the tables of the champion's report; none where it was trained elsewhere."""
    version = champion_version(lake, model)
    folder = lake.home / "reports" / model / str(version)
    return {name: _rows(folder / f"{name}.csv") for name in TABLES}


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            {name: _plain(value) for name, value in row.items()} for row in csv.DictReader(file)
        ]


def _plain(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
