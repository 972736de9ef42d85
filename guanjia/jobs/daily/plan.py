"""Say what a day would do, for whom, why and for how long, without doing any of it."""

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Literal

from features.lake import Lake, sha256_of
from features.lake.pointer import read_pointer
from features.snapshots.definitions import definitions
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from features.sql import sql_text
from guanjia.jobs.daily.history import DayHistory, earlier_seconds, read_history
from guanjia.jobs.daily.run import missing_days, unchanged
from guanjia.jobs.daily.steps.order import STEPS
from guanjia.jobs.daily.steps.step import Day, Step

Action = Literal["run", "if needed", "nothing to do", "not today"]
READERS = {".parquet": "read_parquet({})", ".csv": "read_csv({}, all_varchar = true)"}


@dataclass(frozen=True)
class PlannedStep:
    """What a day would do at one step.

    Attributes
    ----------
    step : str
        The step.
    action : Action
        "if needed": it runs where a step before it brings something new.
    why : str
        The reason.
    changed : list of str
        What it reads that is not as it was when the step last ran on this day.
    seconds : float or None
        Median of the days before; None: it never ran.
    """

    step: str
    action: Action
    why: str
    changed: list[str] = field(default_factory=list)
    seconds: float | None = None


@dataclass(frozen=True)
class NewRows:
    """Files of a raw table that the last check has not read.

    Attributes
    ----------
    table : str
        The table.
    files, rows : int
        How many files, with how many rows.
    customers : int or None
        Customers that they name; None: rows of this table name none.
    """

    table: str
    files: int
    rows: int
    customers: int | None


@dataclass(frozen=True)
class DayPlan:
    """What a day would do.

    Attributes
    ----------
    as_of, published : date, date or None
        The day, and the day that readers see.
    missing : list of date
        Days between them.
    steps : list of PlannedStep
        In order.
    new_rows : list of NewRows
        What was delivered since the last check.
    tags : str
        For whom tags would be computed, and why.
    seconds : float or None
        How long it would take, from the steps' days before; None: not known.
    """

    as_of: date
    published: date | None
    missing: list[date]
    steps: list[PlannedStep]
    new_rows: list[NewRows]
    tags: str
    seconds: float | None


def plan_day(day: Day) -> DayPlan:
    """Plan a day; nothing is written.

    Parameters
    ----------
    day : Day
        The day, with home and records.
    """
    home = day.lake.home
    history, took = read_history(home, day.as_of), earlier_seconds(home, day.as_of)
    steps: list[PlannedStep] = []
    moving: set[str] = set()
    for step in STEPS:
        planned = _plan_step(step, day, history, moving, took.get(step.name, []))
        if planned.action in ("run", "if needed"):
            moving.add(step.name)
        steps.append(planned)
    new = new_rows(day.lake)
    running = [step.seconds for step in steps if step.action in ("run", "if needed")]
    known = [seconds for seconds in running if seconds is not None]
    pointer = read_pointer(home)
    return DayPlan(
        as_of=day.as_of,
        published=None if pointer is None else pointer.as_of,
        missing=missing_days(home, day.as_of),
        steps=steps,
        new_rows=new,
        tags=_who_is_computed(day, new),
        seconds=round(sum(known), 1) if known or not running else None,
    )


def _plan_step(
    step: Step, day: Day, history: DayHistory, moving: set[str], took: list[float]
) -> PlannedStep:
    why_not = step.not_today(day)
    if why_not is not None:
        return PlannedStep(step.name, "not today", why_not.english)
    seconds = round(median(took), 1) if took else None
    before = [name for name in step.needs if name in moving and name != "erase"]
    if before:
        why = f"reads what {', '.join(before)} would bring"
        return PlannedStep(step.name, "if needed", why, [], seconds)
    last, inputs = unchanged(step, day, history)
    if last is not None:
        return PlannedStep(step.name, "nothing to do", f"done on {last.began}, unchanged since")
    done = history.last_done(step.name)
    if done is None:
        return PlannedStep(step.name, "run", "has not run for this day", [], seconds)
    changed = sorted(
        name for name in {*inputs, *done.inputs} if inputs.get(name) != done.inputs.get(name)
    )
    if changed:
        return PlannedStep(step.name, "run", f"changed: {', '.join(changed)}", changed, seconds)
    why = "what it left was changed or lost" if inputs else "looks every time"
    return PlannedStep(step.name, "run", why, [], seconds)


def new_rows(lake: Lake) -> list[NewRows]:
    """Count the rows of raw files that the last check has not read, by table.

    Parameters
    ----------
    lake : Lake
        The home.
    """
    read = _files_read(lake)
    new: list[NewRows] = []
    for folder in sorted((lake.home / "raw").glob("[!.]*")):
        files = [
            path
            for path in sorted(folder.glob("[!.]*"))
            if path.suffix in READERS and not _was_read(lake, path, read)
        ]
        if files:
            new.append(_count(lake, folder.name, files))
    return new


def _files_read(lake: Lake) -> dict[str, dict[str, Any]]:
    manifest = lake.data / "check.json"
    if not manifest.exists():
        return {}
    return {file["file"]: file for file in json.loads(manifest.read_text("utf-8"))["files"]}


def _was_read(lake: Lake, path: Path, read: dict[str, dict[str, Any]]) -> bool:
    known = read.get(path.relative_to(lake.home).as_posix())
    if known is None or known["bytes"] != path.stat().st_size:
        return False
    return bool(known["sha256"] == sha256_of(path))


def _count(lake: Lake, table: str, files: list[Path]) -> NewRows:
    rows, customers = 0, 0
    named = True
    for path in files:
        source = READERS[path.suffix].format(sql_text(path))
        columns = {name for name, *_ in lake.con.execute(f"DESCRIBE FROM {source}").fetchall()}
        named = named and "customer_id" in columns
        distinct = "count(DISTINCT customer_id)" if named else "0"
        counted = lake.con.execute(f"SELECT count(*), {distinct} FROM {source}").fetchone()
        assert counted is not None  # an aggregate has one row
        rows, customers = rows + counted[0], customers + counted[1]
    return NewRows(table, len(files), rows, customers if named else None)


def _who_is_computed(day: Day, new: list[NewRows]) -> str:
    """Say for whom tags would be computed, and why."""
    before = [date for date in snapshot_dates(day.lake) if date <= day.as_of]
    if not before:
        return "everybody: there is no snapshot to carry forward"
    base = read_snapshot(day.lake, before[-1])
    if base.definitions != definitions(day.lake):
        return f"all {base.customers:,} customers: definitions are not those of {base.as_of}"
    rows = sum(table.rows for table in new)
    most = sum(table.customers or 0 for table in new)
    if not rows:
        return f"customers whom the calendar moves since {base.as_of}; no row is new"
    return (
        f"at most {most:,} customers named by {rows:,} new rows, and customers whom the calendar "
        f"moves since {base.as_of}; the others are carried"
    )
