"""Show reports: Monday, experience, stars, relationship; each part loads by itself and is kept.

A report of a day is made once for each choice of offices and branches, and read again from
memory: a page that was mailed opens at once.
"""

import threading
from collections import OrderedDict
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import Response

from features.lake import Lake
from serving.api.marketing.reports import make_report, report_file
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.reports.kinds import (
    ENDINGS,
    REPORTS,
    MadeReport,
    ReportQuestion,
    day_of_report,
    first_day_of_report,
)
from serving.reports.output.page import cell_text
from serving.reports.settings import LEVELS as OFFICES
from serving.reports.settings import Level

router = console_router()
By = Annotated[Level, Query()]
MaybeDay = Annotated[date | None, Query()]
MOST_KEPT = 64
Kind = Literal["monday", "experience", "stars", "relationship"]
Form = Literal["xlsx", "csv", "html", "txt"]
_memory: OrderedDict[tuple[str, ReportQuestion, str], MadeReport] = OrderedDict()
"""Reports by kind, what was asked, and generation of the published data; the last used last."""
_lock = threading.Lock()


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
    report = _report(request, kind, _question(request, by, since, as_of))
    return show(request, "reports/part.html", report=report.text, text=cell_text)


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
    report = _report(request, kind, _question(request, by, since, as_of))
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


def _report(request: Request, kind: str, question: ReportQuestion) -> MadeReport:
    """Make a report, or find it among those that are kept; note whose numbers it names."""
    served: Lake = request.app.state.service.lake
    choice = (kind, question, served.day.generation if served.day else "")
    with _lock:
        report = _memory.get(choice)
        if report is None:
            report = _memory[choice] = make_report(request, kind, question)
            while len(_memory) > MOST_KEPT:
                _memory.popitem(last=False)
        _memory.move_to_end(choice)
    if report.customers:
        note_seen(request, report.customers)
    return report
