"""Show the data: checked tables, days published and withdrawn, rows that wait in quarantine."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.quarantine.summary import WaitingRule, summarise
from serving.console.pages.data.quality import read_report, report_days
from serving.console.render import show
from serving.console.route import console_router

router = console_router()
MOST_ACTS = 30
SETTLED = {
    "corrected": ("已改正", "corrected"),
    "discarded": ("已丢弃", "discarded"),
    "superseded": ("已有更新的版本", "superseded"),
    "erased": ("客户已删除", "erased"),
}
"""Outcome of a settled row -> its words in two languages."""


@router.get("/console/data")
def data(request: Request) -> Response:
    """Show the tables as they were checked, and the days that were published and withdrawn."""
    served: Lake = request.app.state.service.lake
    days = report_days(served)
    return show(
        request,
        "data/overview.html",
        quality=read_report(served, days[0]) if days else None,
        acts=_publications(served),
        visible=served.day,
    )


@router.get("/console/data/quarantine")
def quarantine(request: Request) -> Response:
    """Show what waits in quarantine by table and reason, and the way back."""
    served: Lake = request.app.state.service.lake
    # A lake of its own: quarantine is counted in the working area, and by queries of its own.
    lake = Lake(served.settings)
    try:
        waiting = summarise(lake)
    finally:
        lake.con.close()
    rules: dict[str, list[WaitingRule]] = {}
    for rule in [*waiting.rules, *waiting.lines]:
        rules.setdefault(rule.table, []).append(rule)
    return show(
        request,
        "data/quarantine.html",
        waiting=waiting,
        rules=rules,
        labels={name: contract.label for name, contract in CONTRACTS.items()},
        words=SETTLED,
    )


def _publications(lake: Lake) -> list[dict[str, Any]]:
    """Read the last acts of publishing and withdrawing, the latest first."""
    path = lake.home / "publications.jsonl"
    lines = path.read_text("utf-8").splitlines()[-MOST_ACTS:] if path.exists() else []
    acts = []
    for line in reversed(lines):
        try:
            acts.append(json.loads(line))
        except ValueError:  # a line that is being written
            continue
    return acts
