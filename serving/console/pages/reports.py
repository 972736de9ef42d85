"""Show reports: Monday, experience, stars, relationship; each part loads by itself and is kept.

A report of a day is made once for each choice of offices and branches, and kept beside the day: a
page that was mailed opens at once. One that nobody asked for yet is made in the background, and the
page asks again until it is there.
"""

from collections.abc import Callable, Mapping
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
from serving.reports.kept import PATIENCE_SECONDS, KeptReport, ReportAsked, ask_for_report
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
    report = _report(request, kind, by, since, as_of, patience_of(request))
    return show_part(request, report)


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
    assert report is not None  # waited for as long as it takes
    if report.customers:
        note_seen(request, report.customers)
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


def patience_of(request: Request) -> float | None:
    """Return how long a part of a page waits: a script asks again, whoever has none waits."""
    return PATIENCE_SECONDS if "x-part" in request.headers else None


def show_part(request: Request, report: KeptReport | None) -> Response:
    """Show a report as a part of a page, and note whom it names; None: it is being made."""
    if report is None:
        return show(request, "reports/making.html")
    if report.customers:
        note_seen(request, report.customers)
    return show(request, "reports/part.html", report=report.text, text=cell_text)


def _report(
    request: Request,
    kind: str,
    by: Level,
    since: date | None,
    as_of: date | None,
    patience: float | None = None,
) -> KeptReport | None:
    """Read a report that is kept, or have it made; None: that takes longer than the patience."""
    served: Lake = request.app.state.service.lake
    last: date | None = served.day.as_of if served.day else request.app.state.tags_date.as_of
    if last is None:
        cure = "run `guanjia daily`, which checks tables and publishes a day"
        raise GuanjiaError("report", "has no data: nothing was published", cure)
    branches, at = caller_of(request).branches, now_of(request)
    asked = ReportAsked(kind, min(as_of or last, last), since, by, branches)
    own = Lake(served.settings, served.day)

    def make() -> KeptReport:
        # A lake of its own: temporary tables of reports have names.
        try:
            return BUILDERS[kind](request, own, asked, at)
        finally:
            own.con.close()

    return ask_for_report(own, asked, make, patience)


def _monday(request: Request, lake: Lake, asked: ReportAsked, at: datetime) -> KeptReport:
    on = asked.as_of
    with request.app.state.records.reading(LONG_SECONDS) as connection:
        done = report_monday(
            lake, on, asked.by, at=at, connection=connection, branches=asked.branches
        )
    title = f"{on.year}年{on.month}月续保周报"
    customers = (
        tuple(number for row in done.calls.rows for number in row.customers) if done.calls else ()
    )
    return KeptReport(ReportText(title, on, monday_sections(done), asked.by), customers)


def _experience(request: Request, lake: Lake, asked: ReportAsked, _at: datetime) -> KeptReport:
    first = asked.since or months_back(asked.as_of, 1).day + timedelta(days=1)
    done = report_service(lake, first, asked.as_of, asked.branches)
    touchpoints = request.app.state.touchpoints.touchpoints_for()
    labels = {name: point.label for name, point in touchpoints.items()}
    title = f"客户体验 {first} 至 {asked.as_of}"
    return KeptReport(ReportText(title, asked.as_of, service_sections(done, labels)))


def _stars(_request: Request, lake: Lake, asked: ReportAsked, _at: datetime) -> KeptReport:
    first = asked.since or months_back(asked.as_of, 1).day
    done = report_stars(lake, first, asked.as_of, asked.branches)
    title = f"星级变动 {first} 至 {asked.as_of}"
    return KeptReport(ReportText(title, asked.as_of, star_sections(done)))


def _relationship(_request: Request, lake: Lake, asked: ReportAsked, _at: datetime) -> KeptReport:
    first = asked.since or months_back(asked.as_of, 1).day
    done = report_stages(lake, first, asked.as_of, asked.branches)
    title = f"客户关系阶段 {first} 至 {asked.as_of}"
    return KeptReport(ReportText(title, asked.as_of, stage_sections(done)))


BUILDERS: Mapping[str, Callable[[Request, Lake, ReportAsked, datetime], KeptReport]] = {
    "monday": _monday,
    "experience": _experience,
    "stars": _stars,
    "relationship": _relationship,
}
