"""Read what became of a day, as `guanjia daily` keeps it in `<home>/days/<D>.json`."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

OUTCOMES = {
    "done": ("完成", "done", "good"),
    "skipped": ("未变，跳过", "unchanged, skipped", ""),
    "not today": ("今天不做", "not today", ""),
    "broken": ("越界", "a bound is broken", "bad"),
    "fault": ("有误", "a fault", "bad"),
    "environment": ("环境故障", "disk or store away", "bad"),
    "failed": ("程序错误", "failed", "bad"),
    "cut off": ("中断", "cut off", "look"),
}
"""Ending of a step or an attempt -> its name in two languages, and how it is marked."""
WHOM = {
    "customers": ("客户与触点", "customers and touchpoints"),
    "marketers": ("营销人员", "marketers"),
    "branches": ("分支机构", "branches"),
    "operators": ("运行人员", "operators"),
}


@dataclass(frozen=True)
class DayRun:
    """The attempts of a day, as plain values.

    Attributes
    ----------
    as_of : date
        The day.
    attempts : list of dict
        As `guanjia.jobs.daily.history` writes them, the last one last.
    """

    as_of: date
    attempts: list[dict[str, Any]]

    @property
    def last(self) -> dict[str, Any]:
        """The last attempt."""
        return self.attempts[-1]


def latest_day(home: Path) -> DayRun | None:
    """Read the latest day that was run; None: none was, or its file cannot be read."""
    files = sorted((home / "days").glob("????-??-??.json"))
    if not files:
        return None
    try:
        attempts = json.loads(files[-1].read_text("utf-8"))["attempts"]
        return DayRun(date.fromisoformat(files[-1].stem), attempts) if attempts else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
