"""`GET /v1/reports/...`: the renewal funnel, Monday's report, service, stars and relationships.

A caller of some branches gets figures of their customers alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from features.jsonable import jsonable
from features.lake import Lake
from features.snapshots.snapshots import snapshot_dates
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import refusal_schemas
from serving.records.database import LONG_SECONDS
from serving.reports.monday import Funnel, MondayReport, report_funnel, report_monday
from serving.reports.months import eve_of_week, months_back
from serving.reports.output.files import ReportText, write_file
from serving.reports.output.monday_sections import monday_sections
from serving.reports.output.sections import funnel_sections
from serving.reports.relationship import StageMovement, report_stages, stage_sections
from serving.reports.service_quality import (
    ServiceQuality,
    report_service,
    service_sections,
)
from serving.reports.settings import Level
from serving.reports.star_movement import StarMovement, report_stars, star_sections

router = guarded()
AsOf = Annotated[
    date | None,
    Query(description="What was known by then. Default: the published day. 截止日"),
]
Since = Annotated[date | None, Query(alias="from", description="Default: a month before. 起始日")]
By = Annotated[Level, Query(description="What an office is. 按机构、团队、客户经理、渠道或星级")]
Form = Literal["json", "html", "text", "csv", "xlsx"]
AsForm = Annotated[Form, Query(alias="format", description="Form of the answer. 格式")]
ENDINGS: dict[str, str] = {"html": ".html", "text": ".txt", "csv": ".csv", "xlsx": ".xlsx"}
MEDIA = {
    "html": "text/html; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    **refusal_schemas(503),
    200: {
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in MEDIA.values()
        },
        "description": "The report, in the form that was asked for",
    },
}
EARLIEST = date(1900, 1, 1)
"""No term of today's insurers is older; a report looks back years from its day."""
_one_at_a_time = threading.Lock()
"""A report takes seconds of both processors: the next one waits, and decisions go on."""


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
    with _own_lake(request) as lake:
        on = _day(lake, as_of)
        done = report_funnel(lake, on, by, caller(request).branches)
    title = f"{on.year}年{on.month}月续保漏斗"
    return _answer(done, ReportText(title, on, funnel_sections(done), by), form)


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

    Raises
    ------
    RequestValidationError
        If both a week and a day are named.
    """
    if week is not None and as_of is not None:
        raise _invalid("week", "names a day, and so does as_of; give one of them")
    branches = caller(request).branches
    if week is not None and week < EARLIEST:
        raise _invalid("week", f"lies before {EARLIEST}; give a later one")
    with _own_lake(request) as lake:
        on = _day(lake, eve_of_week(week) if week else as_of)
        at = clock.now(lake.settings)
        with request.app.state.records.reading(LONG_SECONDS) as connection:
            done = report_monday(lake, on, by, at=at, connection=connection, branches=branches)
    report = ReportText(f"{on.year}年{on.month}月续保周报", on, monday_sections(done), by)
    answer = _answer(done, report, form)
    if done.calls is not None and done.calls.rows:
        note(request, [number for row in done.calls.rows for number in row.customers])
    return answer


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
    with _own_lake(request) as lake:
        on = _day(lake, as_of)
        first = _earlier(since, months_back(on, 1).day + timedelta(days=1), on)
        done = report_service(lake, first, on, caller(request).branches)
    touchpoints = request.app.state.touchpoints.touchpoints_for(None, None)
    labels = {name: point.label for name, point in touchpoints.items()}
    report = ReportText(f"服务质量 {first} 至 {on}", on, service_sections(done, labels))
    return _answer(done, report, form)


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
    with _own_lake(request) as lake:
        on = _day(lake, as_of)
        first = _earlier(since, months_back(on, 1).day, on)
        done = report_stars(lake, first, on, caller(request).branches)
    return _answer(done, ReportText(f"星级变动 {first} 至 {on}", on, star_sections(done)), form)


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
    with _own_lake(request) as lake:
        on = _day(lake, as_of)
        first = _earlier(since, months_back(on, 1).day, on)
        done = report_stages(lake, first, on, caller(request).branches)
    report = ReportText(f"客户关系阶段 {first} 至 {on}", on, stage_sections(done))
    return _answer(done, report, form)


@contextmanager
def _own_lake(request: Request) -> Iterator[Lake]:
    """Open the published day with an engine of its own: temporary tables of reports have names."""
    served: Lake = request.app.state.service.lake
    with _one_at_a_time:
        lake = Lake(served.settings, served.day)
        try:
            yield lake
        finally:
            lake.con.close()


def _day(lake: Lake, as_of: date | None) -> date:
    days = [lake.day.as_of] if lake.day is not None else snapshot_dates(lake)
    latest = max(days, default=None)
    if as_of is not None and latest is not None and as_of > latest:
        raise _invalid(
            "as_of", f"is after {latest}, the day whose data are shown; give an earlier one"
        )
    on = as_of or latest
    if on is None:
        raise _invalid("as_of", "is missing, and there are no tags of any day; give one")
    if on < EARLIEST:
        raise _invalid("as_of", f"lies before {EARLIEST}; give a later one")
    return on


def _earlier(since: date | None, usual: date, on: date) -> date:
    """Return the first day of a period: the stated one, which must lie before the last."""
    if since is not None and since < EARLIEST:
        raise _invalid("from", f"lies before {EARLIEST}; give a later day")
    if since is not None and since >= on:
        raise _invalid("from", f"is not before {on}; give an earlier day")
    return since or usual


def _invalid(name: str, why: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": why}])


def _answer(payload: Any, report: ReportText, form: Form) -> Response:
    if form == "json":
        return JSONResponse(jsonable(payload))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"report{ENDINGS[form]}"
        write_file(report, path)
        body = path.read_bytes()
    headers = {}
    if form in ("csv", "xlsx"):
        headers["Content-Disposition"] = f'attachment; filename="report{ENDINGS[form]}"'
    return Response(body, media_type=MEDIA[form], headers=headers)
