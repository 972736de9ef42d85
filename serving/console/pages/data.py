"""Show the data: checked tables, quarantine with reasons, quality findings, published days."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from features.lake import Lake
from features.quarantine.summary import summarise
from serving.console.render import show
from serving.console.route import console_router

router = console_router()
MOST_DAYS = 14


@router.get("/console/data")
def data(request: Request) -> Response:
    """Show what was delivered, held back, and published."""
    served: Lake = request.app.state.service.lake
    # A lake of its own: quarantine is counted in the working area, and by queries of its own.
    lake = Lake(served.settings)
    return show(
        request,
        "data.html",
        quality=_latest_quality(served),
        quarantine=summarise(lake),
        acts=_publications(served),
    )


def _latest_quality(lake: Lake) -> dict[str, Any] | None:
    """Read the latest quality report; None: there is none."""
    files = sorted((lake.data / "quality").glob("as_of=*.json"))
    report: dict[str, Any] | None = json.loads(files[-1].read_text("utf-8")) if files else None
    return report


def _publications(lake: Lake) -> list[dict[str, Any]]:
    """Read the last acts of publishing and withdrawing, the latest first."""
    path = lake.home / "publications.jsonl"
    lines = path.read_text("utf-8").splitlines()[-MOST_DAYS:] if path.exists() else []
    acts = []
    for line in reversed(lines):
        try:
            acts.append(json.loads(line))
        except ValueError:  # a line that is being written
            continue
    return acts
