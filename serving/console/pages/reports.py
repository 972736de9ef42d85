"""Show reports: Monday, experience, stars, relationship; each part loads by itself and is kept.

A report of a day is made once for each choice of offices and branches, and kept beside the day: a
page that was mailed opens at once. One that nobody asked for yet is made in the background, and the
page asks again until it is there.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import Response

from features.lake import Lake
from serving.api.marketing.reports import report_file
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.lists.questions import chinese_of
from serving.records.database import Records
from serving.reports.kept import PATIENCE_SECONDS, KeptReport, ReportChoice, ask_for_kind
from serving.reports.kinds import (
    ENDINGS,
    REPORTS,
    ReportQuestion,
    day_of_report,
    first_day_of_report,
)
from serving.reports.output.files import ReportText
from serving.reports.output.page import cell_text
from serving.reports.output.sections import CONDITION
from serving.reports.settings import LEVELS as OFFICES
from serving.reports.settings import Level

router = console_router()
By = Annotated[Level, Query()]
MaybeDay = Annotated[date | None, Query()]
Kind = Literal["monday", "experience", "stars", "relationship"]
Form = Literal["xlsx", "csv", "html", "txt"]


@router.get("/console/monday")
def monday(
    request: Request, by: By = "branch", week: MaybeDay = None, as_of: MaybeDay = None
) -> Response:
    """Show what a manager reads on Monday.

    Parameters
    ----------
    request : Request
        The request.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    week : datetime.date, optional
        A day of the week; known by the Sunday before. Default: the day whose data are shown.
    as_of : datetime.date, optional
        The day itself, in place of `week`.
    """
    question = _question(request, by, None, as_of, week)
    return _page(request, "monday", question, week)


@router.get("/console/experience")
def experience(request: Request, since: MaybeDay = None, as_of: MaybeDay = None) -> Response:
    """Show the claims chain against its standards, satisfaction and complaints.

    Parameters
    ----------
    request : Request
        The request.
    since, as_of : datetime.date, optional
        First and last day; default: a month up to the day whose data are shown.
    """
    return _page(request, "experience", _question(request, "branch", since, as_of))


@router.get("/console/stars")
def stars(request: Request, since: MaybeDay = None, as_of: MaybeDay = None) -> Response:
    """Show how stars moved, what they cost and bring, and who is near the next one.

    Parameters
    ----------
    request : Request
        The request.
    since, as_of : datetime.date, optional
        First and last day; default: a month up to the day whose data are shown.
    """
    return _page(request, "stars", _question(request, "branch", since, as_of))


@router.get("/console/relationship")
def relationship(request: Request, since: MaybeDay = None, as_of: MaybeDay = None) -> Response:
    """Show how customers moved along entry, stickiness and trust.

    Parameters
    ----------
    request : Request
        The request.
    since, as_of : datetime.date, optional
        First and last day; default: a month up to the day whose data are shown.
    """
    return _page(request, "relationship", _question(request, "branch", since, as_of))


@router.get("/console/reports/{kind}/part")
def part(
    request: Request,
    kind: Kind,
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
    question = _question(request, by, since, as_of)
    return show_part(request, _read_or_make(request, kind, question, patience_of(request)))


@router.get("/console/reports/{kind}/file")
def file(
    request: Request,
    kind: Kind,
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
    report = _read_or_make(request, kind, _question(request, by, since, as_of))
    assert report is not None  # waited for as long as it takes
    if report.customers:
        note_seen(request, report.customers)
    name = f"{kind}-{report.text.as_of}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(report_file(report.text, form), media_type=ENDINGS[form], headers=headers)


def _question(
    request: Request,
    by: Level,
    since: date | None,
    as_of: date | None,
    week: date | None = None,
) -> ReportQuestion:
    """Check the days of a report as the API does, and name the branches that the user sees."""
    on = day_of_report(request.app.state.service.lake, as_of, week)
    return ReportQuestion(on, first_day_of_report(since, on), by, caller_of(request).branches)


def _page(
    request: Request, kind: str, question: ReportQuestion, week: date | None = None
) -> Response:
    """Show the page around a report, which loads its part."""
    words = {"by": question.by, "since": question.since, "as_of": question.as_of}
    return show(
        request,
        "reports/report.html",
        kind=kind,
        report=REPORTS[kind],
        query=urlencode({name: str(value) for name, value in words.items() if value is not None}),
        by=question.by,
        since=question.since,
        as_of=question.as_of,
        offices=OFFICES,
        week=week,
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
    lake: Lake = request.app.state.service.lake
    return show(
        request,
        "reports/part.html",
        report=report.text,
        conditions=chinese_of(lake, _conditions(report.text)),
        begun_at=report.text.begun_at,
        text=cell_text,
    )


def _conditions(text: ReportText) -> Iterator[str]:
    """Iterate over the conditions in a report by which its numbers open as lists."""
    for section in text.sections:
        for heading, column in zip(section.headings, zip(*section.rows, strict=True), strict=False):
            if heading == CONDITION:
                yield from (cell for cell in column if isinstance(cell, str))


def _read_or_make(
    request: Request, kind: str, question: ReportQuestion, patience: float | None = None
) -> KeptReport | None:
    """Read a report that is kept, or have it made; None: that takes longer than the patience."""
    served: Lake = request.app.state.service.lake
    lake = Lake(served.settings, served.day)
    records: Records = request.app.state.records
    return ask_for_kind(lake, records, ReportChoice(kind, question), patience)
