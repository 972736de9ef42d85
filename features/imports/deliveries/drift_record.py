"""Keep on record how deliveries differed from those before, for whoever did not see the run.

`<home>/quarantine/import/drift.jsonl` has a line a run with drift, whether it was stopped or taken.
Cells that could not be read are not kept: they may name a person.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from features.imports.delivery import Delivery
from features.imports.waiting_rows import lines_file
from features.lake import Lake
from features.publishing import published

RECORD = "drift.jsonl"
MOST = 60
"""Runs that are kept."""
CELLS = ("unread",)
"""Kinds of drift that quote cells."""


@dataclass(frozen=True)
class DriftRecord:
    """How a delivery differed, and what was done.

    Attributes
    ----------
    delivered : datetime
        When it was made, as stated.
    stopped : bool
        True if nothing was written: the mapping has to answer first.
    frozen : tuple of str
        Raw tables that stayed as they were known.
    drifts : tuple of dict
        `Drift` as plain values.
    """

    delivered: datetime
    stopped: bool
    frozen: tuple[str, ...]
    drifts: tuple[dict[str, Any], ...]


def keep_drift(lake: Lake, delivery: Delivery) -> None:
    """Add the drift of a delivery to the record; the same again is there once."""
    if not delivery.drifts:
        return
    line = {
        "delivered": delivery.entry.delivered.isoformat(),
        "stopped": delivery.verdict.stopped,
        "frozen": list(delivery.verdict.frozen),
        "drifts": [
            asdict(drift) | ({"now": ""} if drift.kind in CELLS else {})
            for drift in delivery.drifts
        ],
    }
    text = json.dumps(line, ensure_ascii=False)
    path = lines_file(lake).with_name(RECORD)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    if text in lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path) as draft:
        draft.write_text("".join(f"{line}\n" for line in [*lines, text][-MOST:]), "utf-8")


def read_drift(lake: Lake) -> list[DriftRecord]:
    """Read the record, the latest run last."""
    path = lines_file(lake).with_name(RECORD)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [
        DriftRecord(
            datetime.fromisoformat(line["delivered"]),
            line["stopped"],
            tuple(line["frozen"]),
            tuple(line["drifts"]),
        )
        for line in map(json.loads, lines)
    ]
