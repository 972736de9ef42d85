"""Show the deliveries: what `guanjia import run` read, what became of the rows, what drifted."""

from fastapi import Request
from fastapi.responses import Response

from features.contracts.tables import CONTRACTS
from features.imports.deliveries.drift_record import read_drift
from features.imports.deliveries.ledger import read_ledger
from features.imports.deliveries.page import KINDS, in_chinese
from features.lake import Lake
from serving.console.render import show
from serving.console.route import console_router

router = console_router()
MOST_DELIVERIES = 30
FATES = {
    "rows": ("交来", "delivered"),
    "new": ("新增", "new"),
    "changed": ("变更", "changed"),
    "unchanged": ("未变", "unchanged"),
    "ended": ("终止", "ended"),
    "vanished": ("不再出现", "not in the dump"),
    "overtaken": ("已有更新的版本", "older"),
    "repeated": ("重复", "repeated"),
    "erased": ("客户已删除", "erased"),
    "waiting": ("隔离", "wait"),
}
"""Counts of a table in a delivery, with their words in two languages."""


@router.get("/console/data/deliveries")
def deliveries(request: Request) -> Response:
    """Show the last deliveries, the latest first, each with its files, its rows and its drift."""
    served: Lake = request.app.state.service.lake
    entries = read_ledger(served.home / "raw", {}).entries
    return show(
        request,
        "data/deliveries.html",
        entries=entries[::-1][:MOST_DELIVERIES],
        total=len(entries),
        drifts=read_drift(served)[::-1][:MOST_DELIVERIES],
        fates=FATES,
        kinds=KINDS,
        words=in_chinese,
        labels={name: contract.label for name, contract in CONTRACTS.items()},
    )
