"""A small insurer whose core system delivers a file a day, and `guanjia daily` in a process."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FIRST = date(2024, 6, 1)
CUSTOMERS = 60
LAST = 3
"""Number of the last day of the homes that tests share."""
HEADS = {
    "customers": "customer_id,registered_at,branch,recorded_at",
    "policies": "policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,"
    "recorded_at",
    "claims": "claim_id,customer_id,policy_id,occurred_at,reported_at,recorded_at",
    "interactions": "interaction_id,customer_id,touchpoint,channel,direction,occurred_at,"
    "recorded_at",
}
LENIENT = """
[defaults]
drift_max = inf
null_share_change_max = 1
category_change_max = 1
"""
"""So few customers differ from day to day by chance: ranges alone are bounds of quality."""


def day_of(number: int) -> date:
    """The day of a number; 0 is the first."""
    return FIRST + timedelta(number)


def prepare(home: Path) -> None:
    """Deliver what is known on the first day."""
    home.mkdir(mode=0o700, parents=True)
    (home / "quality.toml").write_text(LENIENT, "utf-8")
    people = [f"C{number:02}" for number in range(CUSTOMERS)]
    _write(home, "customers", "first", [f"{c},2023-01-01,B01,2023-01-01" for c in people])
    _write(home, "policies", "first", policies(CUSTOMERS))
    _write(home, "claims", "first", ["K0,C00,P00,2024-03-01,2024-03-02,2024-03-03"])
    deliver(home, 0)


def policies(number: int) -> list[str]:
    """The first so many policies, as lines."""
    return [
        f"P{n:02},C{n:02},V{n:02},motor_commercial,true,2024-01-01,2024-01-02,2025-01-02,2024-01-01"
        for n in range(number)
    ]


def deliver(home: Path, number: int) -> None:
    """Deliver a day: contacts of ten customers, and a claim that was recorded two days before."""
    day, late = day_of(number), day_of(number - 2)
    rows = [
        f"I{number}-{n},C{(7 * number + n) % CUSTOMERS:02},renewal_reminder,sms,out,"
        f"{day}T10:00:00,{day}T11:00:00"
        for n in range(10)
    ]
    _write(home, "interactions", str(day), rows)
    claim = f"K{number}L,C{number:02},P{number:02},{late}T08:00:00,{late}T09:00:00,{late}T10:00:00"
    _write(home, "claims", str(day), [claim])


def cut_policies(home: Path, share: float) -> None:
    """Deliver a part of the policies in place of all; 1: all of them again."""
    _write(home, "policies", "first", policies(int(CUSTOMERS * share)))


def history(home: Path, number: int) -> list[dict[str, Any]]:
    """The attempts of a day."""
    path = home / "days" / f"{day_of(number)}.json"
    attempts: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["attempts"]
    return attempts


def outcomes(attempt: dict[str, Any]) -> dict[str, str]:
    """How each step of an attempt ended."""
    return {step["name"]: step["outcome"] for step in attempt["steps"]}


def published(home: Path) -> str | None:
    """The day that readers see."""
    path = home / "published.json"
    return json.loads(path.read_text("utf-8"))["as_of"] if path.exists() else None


def killed_at(home: Path, number: int, step: str) -> None:
    """Run a day in a process of its own, and kill it when it is at a step."""
    words = ["daily", "--as-of", str(day_of(number)), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from guanjia.cli import main; main()", *words],
        env={**os.environ, "GUANJIA_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    path = home / "days" / f"{day_of(number)}.json"
    while process.poll() is None:
        if path.exists() and outcomes(history(home, number)[-1]).get(step) == "cut off":
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        time.sleep(0.005)
    raise AssertionError(f"the day ended before it was seen at {step}")


def derived_bytes(home: Path, number: int) -> dict[str, bytes]:
    """The files of a day that readers see, by their names below the generation."""
    folder = home / "published"
    pointer = json.loads((home / "published.json").read_text("utf-8"))
    generation = folder / pointer["generation"]
    day = str(day_of(number))
    # The manifests name the run that made them: when, and from which snapshot it was carried.
    return {
        path.relative_to(generation).as_posix(): path.read_bytes()
        for path in sorted(generation.rglob("*"))
        if path.suffix == ".parquet" and (day in path.name or path.parent.name == "checked")
    }


def _write(home: Path, table: str, name: str, rows: list[str]) -> None:
    folder = home / "raw" / table
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([HEADS[table], *rows]) + "\n"
    (folder / f"{name}.csv").write_text(text, encoding="utf-8")
