"""`GET /v1/reports/...`: the renewal funnel, Monday's report, service, stars and relationships.

A caller of some branches gets figures of their customers alone.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from features.jsonable import jsonable
from features.lake import Lake
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.reports.kinds import (
    ENDINGS,
    ReportQuestion,
    day_of_report,
    first_day_of_report,
    make_of_day,
)
from serving.reports.monday import Funnel, MondayReport
from serving.reports.output.files import ReportText, write_file
from serving.reports.relationship import StageMovement
from serving.reports.service_quality import ServiceQuality
from serving.reports.settings import Level
from serving.reports.star_movement import StarMovement

router = guarded()
AsOf = Annotated[
    date | None,
    Query(description="What was known by then. Default: the published day. 截止日"),
]
Since = Annotated[date | None, Query(alias="from", description="Default: a month before. 起始日")]
By = Annotated[Level, Query(description="What an office is. 按机构、团队、客户经理、渠道或星级")]
Form = Literal["json", "html", "text", "csv", "xlsx"]
AsForm = Annotated[Form, Query(alias="format", description="Form of the answer. 格式")]
ANSWERS: dict[int | str, dict[str, Any]] = {
    **refusal_schemas(503),
    200: {
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in ENDINGS.values()
        },
        "description": "The report, in the form that was asked for",
    },
}


@router.get("/v1/reports/funnel", response_model=Funnel, responses=ANSWERS)
def read_funnel(
    request: Request, by: By = "branch", as_of: AsOf = None, form: AsForm = "json"
) -> Response:
    """Report the renewal funnel of a month: due, renewed, quoted, reached, viewed, lost and why.

    \f
    Parameters
    ----------
    request : Request
        The request.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    as_of : date, optional
        What was known by then.
    form : {"json", "html", "text", "csv", "xlsx"}
        Form of the answer.
    """
    return _answer(request, "funnel", form, as_of, by=by)


@router.get("/v1/reports/monday", response_model=MondayReport, responses=ANSWERS)
def read_monday(
    request: Request,
    by: By = "branch",
    week: Annotated[
        date | None, Query(description="A day of the week; known by the Sunday before. 周")
    ] = None,
    as_of: AsOf = None,
    form: AsForm = "json",
) -> Response:
    """Report what a manager reads on Monday: the month's renewals in seven parts.

    \f
    Parameters
    ----------
    request : Request
        The request.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    week : date, optional
        A day of the week, in place of `as_of`.
    as_of : date, optional
        What was known by then.
    form : {"json", "html", "text", "csv", "xlsx"}
        Form of the answer.
    """
    return _answer(request, "monday", form, as_of, week=week, by=by)


@router.get("/v1/reports/service", response_model=ServiceQuality, responses=ANSWERS)
def read_service(
    request: Request, since: Since = None, as_of: AsOf = None, form: AsForm = "json"
) -> Response:
    """Report the claims chain against its standards, satisfaction and complaints of a period.

    \f
    Parameters
    ----------
    request : Request
        The request.
    since, as_of : date, optional
        First and last day.
    form : {"json", "html", "text", "csv", "xlsx"}
        Form of the answer.
    """
    return _answer(request, "experience", form, as_of, since=since)


@router.get("/v1/reports/stars", response_model=StarMovement, responses=ANSWERS)
def read_stars(
    request: Request, since: Since = None, as_of: AsOf = None, form: AsForm = "json"
) -> Response:
    """Report how stars moved between two dates, what they cost, and who is near the next.

    \f
    Parameters
    ----------
    request : Request
        The request.
    since, as_of : date, optional
        The two dates.
    form : {"json", "html", "text", "csv", "xlsx"}
        Form of the answer.
    """
    return _answer(request, "stars", form, as_of, since=since)


@router.get("/v1/reports/stages", response_model=StageMovement, responses=ANSWERS)
def read_stages(
    request: Request, since: Since = None, as_of: AsOf = None, form: AsForm = "json"
) -> Response:
    """Report how customers moved along entry, stickiness and trust, and what winning them cost.

    \f
    Parameters
    ----------
    request : Request
        The request.
    since, as_of : date, optional
        The two dates.
    form : {"json", "html", "text", "csv", "xlsx"}
        Form of the answer.
    """
    return _answer(request, "relationship", form, as_of, since=since)


def report_file(report: ReportText, ending: str) -> bytes:
    """Write a report as a file that ends so: html, txt, csv or xlsx."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"report.{ending}"
        write_file(report, path)
        return path.read_bytes()


def _answer(
    request: Request,
    name: str,
    form: Form,
    as_of: date | None,
    *,
    week: date | None = None,
    since: date | None = None,
    by: Level = "branch",
) -> Response:
    lake: Lake = request.app.state.service.lake
    on = day_of_report(lake, as_of, week)
    question = ReportQuestion(on, first_day_of_report(since, on), by, caller(request).branches)
    report = make_of_day(lake, request.app.state.records, name, question)
    ending = {"text": "txt"}.get(form, form)
    if form == "json":
        answer: Response = JSONResponse(jsonable(report.figures))
    else:
        answer = Response(report_file(report.text, ending), media_type=ENDINGS[ending])
    if form in ("csv", "xlsx"):
        answer.headers["Content-Disposition"] = f'attachment; filename="report.{ending}"'
    if report.customers:
        note(request, report.customers)
    return answer
