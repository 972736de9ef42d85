"""Run the steps of a day in order: skip what is done, stop where the day cannot be published.

The file of the day is replaced before and after every step. A run that is killed leaves its step
"cut off"; the next one passes over what is done and unchanged and goes on there.
"""

import contextlib
import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

from features.errors import GuanjiaError
from features.lake.pointer import PublishedDay, read_pointer
from guanjia.jobs.daily.history import (
    Attempt,
    DayHistory,
    Ending,
    StepEnding,
    StepRecord,
    read_history,
    write_history,
)
from guanjia.jobs.daily.lock import sole_run
from guanjia.jobs.daily.meaning import meaning, verdict
from guanjia.jobs.daily.page import write_page
from guanjia.jobs.daily.severity import ending_of, worst
from guanjia.jobs.daily.steps.order import STEPS
from guanjia.jobs.daily.steps.step import Day, Identities, Step
from guanjia.jobs.lineage_events import lineage_events

LOG = logging.getLogger("guanjia.daily")
STOPS: dict[StepEnding, Ending] = {
    "broken": "broken",
    "fault": "fault",
    "environment": "environment",
    "failed": "failed",
}
"""Endings of a step by which a day is not whole -> ending of the day."""
CHINESE = {
    "broken": "超出设定的界限，未采用",
    "fault": "数据或设置有误，需要人工处理",
    "environment": "磁盘、数据库或存储不可用，恢复后重新运行即可",
    "failed": "程序错误，请联系维护人员",
}
"""What an error means, by its kind."""
CURES = {
    "broken": "see the findings",
    "fault": "mend it and run the day again",
    "environment": "make room or bring it back, then run the day again; it goes on where it was",
    "failed": "report it with the log; what was published stays",
}
"""What to do about an error that says nothing of it."""
JOBS = {"check": "check", "tags": "tags", "scores": "score"}
"""Steps that tell a catalogue of data what they read and write -> their job there."""


def run_day(day: Day, clock: Callable[[], datetime]) -> Attempt | None:
    """Run a day; what is done and unchanged is passed over.

    Parameters
    ----------
    day : Day
        The day, with home and records.
    clock : callable of () to datetime
        The time of the machine (UTC), for the times of steps.

    Returns
    -------
    Attempt or None
        What became of it, also kept in the file of the day; None: a later day is published, so
        nothing was done.

    Raises
    ------
    DayHeldError
        If another process runs a day of this home.
    OSError
        If the file of the day cannot be written.
    """
    home = day.lake.home
    with sole_run(home, day.as_of, clock()):
        before = read_pointer(home)
        if before is not None and before.as_of > day.as_of:
            return None
        history = read_history(home, day.as_of)
        attempt = history.begin(os.getpid(), socket.gethostname(), clock())
        attempt.published = attempt.published_before = _day_of(before)
        attempt.missing = [gap.isoformat() for gap in missing_days(home, day.as_of)]
        began, spent = time.perf_counter(), processor_seconds()
        write_history(home, history)
        for step in STEPS:
            record = _run_step(step, day, history, clock)
            if record.outcome in STOPS and not step.after_publication:
                break
        attempt.published = _day_of(read_pointer(home))
        attempt.outcome = worst(
            [STOPS[step.outcome] for step in attempt.steps if step.outcome in STOPS]
        )
        attempt.meaning = meaning(attempt, day.as_of)
        attempt.verdict = asdict(verdict(attempt, day.as_of))
        attempt.seconds = round(time.perf_counter() - began, 2)
        attempt.processor_seconds = round(processor_seconds() - spent, 2)
        attempt.ended = clock().isoformat(timespec="seconds")
        # What stopped the day may stop this, too: then its error is the one to tell.
        with _unless_away(attempt.outcome):
            write_history(home, history)
            write_page(home, history, day.lake.settings.timezone)
        return attempt


def missing_days(home: Path, as_of: date) -> list[date]:
    """List the days between the published one and a day."""
    before = read_pointer(home)
    if before is None:
        return []
    days = (as_of - before.as_of).days
    return [before.as_of + timedelta(number) for number in range(1, days)]


def unchanged(step: Step, day: Day, history: DayHistory) -> tuple[StepRecord | None, Identities]:
    """Find the record of a step that need not run again, and identify what the step reads.

    Parameters
    ----------
    step : Step
        The step.
    day : Day
        The day.
    history : DayHistory
        All its attempts.

    Returns
    -------
    tuple of (StepRecord or None, dict)
        None: it must run. Its inputs; empty where they cannot be known.
    """
    inputs = step.inputs(day)
    last = history.last_done(step.name)
    if inputs is None or last is None or last.inputs != inputs:
        return None, inputs or {}
    return (last if last.outputs == step.outputs(day) else None), inputs


def processor_seconds() -> float:
    """Return the user and system time of this process and of all it started that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _run_step(
    step: Step, day: Day, history: DayHistory, clock: Callable[[], datetime]
) -> StepRecord:
    """Run one step, unless it is not of this day or done; keep what became of it."""
    attempt, home = history.attempts[-1], day.lake.home
    record = StepRecord(step.name, began=clock().isoformat(timespec="seconds"), label=step.label)
    began, spent = time.perf_counter(), processor_seconds()
    attempt.steps.append(record)
    try:
        _do(step, day, history, record)
    except Exception as error:
        _note_error(attempt, record, error)
    record.seconds = round(time.perf_counter() - began, 2)
    record.processor_seconds = round(processor_seconds() - spent, 2)
    with _unless_away(record.outcome):
        write_history(home, history)
    return record


def _do(step: Step, day: Day, history: DayHistory, record: StepRecord) -> None:
    why_not = step.not_today(day)
    if why_not is not None:
        record.outcome = "not today"
        record.english, record.chinese = why_not.english, why_not.chinese
        return
    last, record.inputs = unchanged(step, day, history)
    if last is not None:
        record.outcome = "skipped"
        record.rows, record.outputs, record.findings = last.rows, last.outputs, last.findings
        record.english, record.chinese = last.english, last.chinese
        return
    write_history(day.lake.home, history)
    job = JOBS.get(step.name)
    with lineage_events(day.lake, job, day.as_of) if job else contextlib.nullcontext():
        result = step.run(day)
    record.rows, record.findings = result.rows, [dict(finding) for finding in result.findings]
    record.english, record.chinese = result.summary.english, result.summary.chinese
    record.outputs = step.outputs(day)
    record.outcome = "broken" if result.broken else "done"


def _note_error(attempt: Attempt, record: StepRecord, error: Exception) -> None:
    """Keep what ended a step."""
    ending = ending_of(error)
    record.outcome = ending
    record.english, record.chinese = str(error) or type(error).__name__, CHINESE[ending]
    if ending == "failed":
        LOG.error("step %s failed; this is a fault of Guanjia", record.name, exc_info=error)
    if not isinstance(error, GuanjiaError):
        text = str(error) or type(error).__name__
        error = GuanjiaError(f"step {record.name}", text, CURES[ending])
    if attempt.error is None:
        attempt.error = error.document()


def _day_of(pointer: PublishedDay | None) -> str | None:
    """Return the day that a pointer names, as text."""
    return None if pointer is None else pointer.as_of.isoformat()


def _unless_away(ending: str) -> contextlib.AbstractContextManager[None]:
    """Let a block fail in silence where the machine has failed already."""
    away = ending == "environment"
    return contextlib.suppress(OSError) if away else contextlib.nullcontext()
