"""Show reports: Monday, experience, stars, relationship; each part loads by itself and is kept.

A report of a day is computed once for each choice of offices and branches, and read again from
memory: a page that was mailed opens at once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from features.errors import GuanjiaError
from features.lake import Lake
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen, now_of
from serving.records.database import LONG_SECONDS
from serving.reports.monday import report_monday
from serving.reports.months import eve_of_week, months_back
from serving.reports.output.files import ReportText, write_file
from serving.reports.output.monday_sections import monday_sections
from serving.reports.output.page import cell_text
from serving.reports.relationship import report_stages, stage_sections
from serving.reports.service_quality import report_service, service_sections
from serving.reports.settings import LEVELS as OFFICES
from serving.reports.settings import Level
from serving.reports.star_movement import report_stars, star_sections

router = console_router()
By = Annotated[Level, Query()]
MaybeDay = Annotated[date | None, Query()]
MOST_KEPT = 64
MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}
Form = Literal["xlsx", "csv", "html", "txt"]
TITLES: Mapping[str, tuple[str, str]] = {
    "monday": ("续保周报", "Monday report"),
    "experience": ("客户体验", "Experience"),
    "stars": ("星级变动", "Stars"),
    "relationship": ("客户关系阶段", "Relationship"),
}


@dataclass(frozen=True)
class ComputedReport:
    """A report, and the customers whom its numbers name."""

    text: ReportText
    customers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """What a report is asked for: its kind, its days, what an office is, and whose customers."""

    kind: str
    as_of: date
    since: date | None
    by: Level
    branches: frozenset[str] | None
    generation: str


_memory: OrderedDict[Choice, ComputedReport] = OrderedDict()
_one_at_a_time = threading.Lock()
"""A report takes seconds of both processors: the next one waits, and decisions go on."""


@router.get("/console/monday")
def monday(request: Request, by: By = "branch", week: MaybeDay = None) -> Response:
    """Show what a manager reads on Monday.

    Parameters
    ----------
    request : Request
        The request.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    week : datetime.date, optional
        A day of the week; known by the Sunday before. Default: the day whose data are shown.
    """
    return _page(request, "monday", by, None, eve_of_week(week) if week else None)


@router.get("/console/experience")
def experience(request: Request, since: MaybeDay = None) -> Response:
    """Show the claims chain against its standards, satisfaction and complaints."""
    return _page(request, "experience", "branch", since, None)


@router.get("/console/stars")
def stars(request: Request, since: MaybeDay = None) -> Response:
    """Show how stars moved, what they cost and bring, and who is near the next one."""
    return _page(request, "stars", "branch", since, None)


@router.get("/console/relationship")
def relationship(request: Request, since: MaybeDay = None) -> Response:
    """Show how customers moved along entry, stickiness and trust."""
    return _page(request, "relationship", "branch", since, None)


@router.get("/console/reports/{kind}/part")
def part(
    request: Request,
    kind: Literal["monday", "experience", "stars", "relationship"],
    by: By = "branch",
    since: MaybeDay = None,
    as_of: MaybeDay = None,
) -> Response:
    """Show the tables of a report: a part of its page.

    Parameters
    ----------
    request : Request
        The request.
    kind : str
        The report.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    since, as_of : datetime.date, optional
        The days; default: a month up to the day whose data are shown.
    """
    report = _report(request, kind, by, since, as_of)
    return show(request, "reports/part.html", report=report.text, text=cell_text)


@router.get("/console/reports/{kind}/file")
def file(
    request: Request,
    kind: Literal["monday", "experience", "stars", "relationship"],
    form: Annotated[Form, Query(alias="format")],
    by: By = "branch",
    since: MaybeDay = None,
    as_of: MaybeDay = None,
) -> Response:
    """Send a report as a workbook, CSV, a page to print, or text for WeCom.

    Parameters
    ----------
    request : Request
        The request.
    kind : str
        The report.
    form : {"xlsx", "csv", "html", "txt"}
        As what.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    since, as_of : datetime.date, optional
        The days; default: a month up to the day whose data are shown.
    """
    report = _report(request, kind, by, since, as_of)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"report.{form}"
        write_file(report.text, path)
        body = path.read_bytes()
    name = f"{kind}-{report.text.as_of}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=MEDIA[form], headers=headers)


def _page(
    request: Request, kind: str, by: Level, since: date | None, as_of: date | None
) -> Response:
    """Show the page around a report, which loads its part."""
    words = {"by": by, "since": since, "as_of": as_of}
    query = "&".join(f"{name}={value}" for name, value in words.items() if value is not None)
    return show(
        request,
        "reports/report.html",
        kind=kind,
        title=TITLES[kind],
        query=query,
        by=by,
        since=since,
        offices=OFFICES,
        week=as_of + timedelta(days=1) if as_of else None,
    )


def _report(
    request: Request, kind: str, by: Level, since: date | None, as_of: date | None
) -> ComputedReport:
    """Compute a report, or find it among those that are kept; note whose numbers it names."""
    served: Lake = request.app.state.service.lake
    last: date | None = served.day.as_of if served.day else request.app.state.tags_date.as_of
    if last is None:
        cure = "run `guanjia daily`, which checks tables and publishes a day"
        raise GuanjiaError("report", "has no data: nothing was published", cure)
    on = min(as_of or last, last)
    choice = Choice(
        kind, on, since, by, caller_of(request).branches,
        served.day.generation if served.day else "",
    )  # fmt: skip
    with _one_at_a_time:
        report = _memory.get(choice)
        if report is None:
            lake = Lake(served.settings, served.day)
            try:
                report = BUILDERS[kind](request, lake, choice, now_of(request))
            finally:
                lake.con.close()
            _memory[choice] = report
            while len(_memory) > MOST_KEPT:
                _memory.popitem(last=False)
        _memory.move_to_end(choice)
    if report.customers:
        note_seen(request, report.customers)
    return report


def _monday(request: Request, lake: Lake, choice: Choice, at: datetime) -> ComputedReport:
    on = choice.as_of
    with request.app.state.records.reading(LONG_SECONDS) as connection:
        done = report_monday(
            lake, on, choice.by, at=at, connection=connection, branches=choice.branches
        )
    title = f"{on.year}年{on.month}月续保周报"
    customers = (
        tuple(number for row in done.calls.rows for number in row.customers) if done.calls else ()
    )
    return ComputedReport(ReportText(title, on, monday_sections(done), choice.by), customers)


def _experience(request: Request, lake: Lake, choice: Choice, _at: datetime) -> ComputedReport:
    first = choice.since or months_back(choice.as_of, 1).day + timedelta(days=1)
    done = report_service(lake, first, choice.as_of, choice.branches)
    touchpoints = request.app.state.touchpoints.touchpoints_for()
    labels = {name: point.label for name, point in touchpoints.items()}
    title = f"客户体验 {first} 至 {choice.as_of}"
    return ComputedReport(ReportText(title, choice.as_of, service_sections(done, labels)))


def _stars(_request: Request, lake: Lake, choice: Choice, _at: datetime) -> ComputedReport:
    first = choice.since or months_back(choice.as_of, 1).day
    done = report_stars(lake, first, choice.as_of, choice.branches)
    title = f"星级变动 {first} 至 {choice.as_of}"
    return ComputedReport(ReportText(title, choice.as_of, star_sections(done)))


def _relationship(_request: Request, lake: Lake, choice: Choice, _at: datetime) -> ComputedReport:
    first = choice.since or months_back(choice.as_of, 1).day
    done = report_stages(lake, first, choice.as_of, choice.branches)
    title = f"客户关系阶段 {first} 至 {choice.as_of}"
    return ComputedReport(ReportText(title, choice.as_of, stage_sections(done)))


BUILDERS: Mapping[str, Callable[[Request, Lake, Choice, datetime], ComputedReport]] = {
    "monday": _monday,
    "experience": _experience,
    "stars": _stars,
    "relationship": _relationship,
}
