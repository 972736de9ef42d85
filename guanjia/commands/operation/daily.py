"""Command to run a day: every step in order, in one process."""

import getpass
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import AsOf, Json, MaybeNow, open_lake, open_records, read_clock
from guanjia.terminal.output import Table, complain, emit, progress, short_path, table

if TYPE_CHECKING:
    from features.lake import Lake
    from features.progress import Report
    from guanjia.jobs.daily.history import Attempt
    from guanjia.jobs.daily.plan import DayPlan
    from guanjia.jobs.daily.steps.step import Day
    from serving.records.database import Records

FINDINGS_SHOWN = 12


def daily(
    as_of: AsOf,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would run, for whom and why; run nothing.")
    ] = False,
    now: MaybeNow = None,
    who: Annotated[
        str | None, typer.Option("--who", help="Who takes its lists. Default: who is logged in.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a day: import, check, tags, scores, publish, lists, records.

    What is done is passed over; a killed run is resumed. The exit code is 1 where a bound is
    broken, 2 where you can mend it, 3 where disk or database are away.
    """
    from guanjia.jobs.daily.severity import EXIT_CODES, ending_of

    lake = open_lake()
    try:
        if plan:
            _plan(lake, as_of, now, who, json)
            return
        attempt = _run(lake, as_of, now, who, json)
    except Exception as error:
        ending = ending_of(error)
        if ending == "failed":
            raise
        if not isinstance(error, GuanjiaError):
            cure = "make room or bring it back, then run the day again; it goes on where it was"
            error = GuanjiaError(f"the day {as_of}", str(error), cure)
        complain(error, json)
        raise typer.Exit(EXIT_CODES[ending]) from None
    if attempt is not None and attempt.outcome != "done":
        raise typer.Exit(EXIT_CODES[attempt.outcome])


def _run(
    lake: "Lake", as_of: date, now: datetime | None, who: str | None, json: bool
) -> "Attempt | None":
    """Run the day and show what became of it."""
    from guanjia.jobs.daily.history import day_file
    from guanjia.jobs.daily.meaning import broken_findings, verdict
    from guanjia.jobs.daily.run import run_day

    with open_records(lake) as records, progress(json) as report:
        attempt = run_day(_day(lake, records, as_of, now, report, who), read_clock)
    if attempt is None:
        last = f"A later day is published; {as_of} changes nothing. Older days: guanjia tags, score"
        emit({"as_of": as_of, "outcome": "older"}, json, last)
        return None
    rows = [
        {
            "step": step.name,
            "": step.outcome,
            "rows": step.rows,
            "seconds": step.seconds,
            "processor": step.processor_seconds,
            "what": step.english,
        }
        for step in attempt.steps
    ]
    shown: list[Table | str] = [table(f"{as_of}, run {attempt.number}", rows)]
    broken = broken_findings(attempt)
    shown += [f"BOUND {finding['english']}" for finding in broken[:FINDINGS_SHOWN]]
    if len(broken) > FINDINGS_SHOWN:
        shown.append(f"and {len(broken) - FINDINGS_SHOWN} more: see the page")
    shown += [f"{part['whom']}: {part['english']}." for part in attempt.meaning]
    cure = "guanjia list, guanjia serve"
    if attempt.error is not None:
        cure = attempt.error["cure"]
    elif attempt.outcome == "broken":
        cure = "mend the delivery and run the day again, or guanjia publish --accept"
    shown.append(
        f"{verdict(attempt, as_of).english}; {attempt.processor_seconds:.1f} s of processor time. "
        f"Page: {short_path(day_file(lake.home, as_of, '.html'))}. Next: {cure}"
    )
    emit({"as_of": as_of, **asdict(attempt)}, json, *shown)
    if attempt.error is not None:
        complain(GuanjiaError(**attempt.error), json)
    return attempt


def _plan(lake: "Lake", as_of: date, now: datetime | None, who: str | None, json: bool) -> None:
    """Show what the day would do."""
    from guanjia.jobs.daily.plan import plan_day

    with open_records(lake) as records, progress(json) as report:
        planned = plan_day(_day(lake, records, as_of, now, report, who))
    emit(planned, json, *_show_plan(planned))


def _show_plan(planned: "DayPlan") -> list[Table | str]:
    """Show a plan: what runs and why, what is new, for whom, how long."""
    rows = [
        {"step": step.step, "": step.action, "why": step.why, "seconds": step.seconds}
        for step in planned.steps
    ]
    shown: list[Table | str] = [table(f"What {planned.as_of} would do", rows)]
    if planned.new_rows:
        shown.append(
            table("Delivered since the last check", [vars(new) for new in planned.new_rows])
        )
    shown.append(f"Tags: {planned.tags}.")
    if planned.missing:
        missing = ", ".join(map(str, planned.missing))
        shown.append(f"Never published: {missing}; {planned.published} is what readers see.")
    time = "not known yet" if planned.seconds is None else f"about {planned.seconds:.0f} s"
    return [*shown, f"Time: {time}. Nothing was run. Next: guanjia daily --as-of {planned.as_of}"]


def _day(
    lake: "Lake",
    records: "Records",
    as_of: date,
    now: datetime | None,
    report: "Report",
    who: str | None,
) -> "Day":
    """Gather what the day may use."""
    from guanjia.jobs.daily.settings import load_daily
    from guanjia.jobs.daily.steps.step import Day

    return Day(
        lake,
        records,
        as_of,
        load_daily(lake),
        now or read_clock(),
        report,
        who or getpass.getuser(),
    )
