"""Declare the reports: what each is called, which days it may be asked for, and how it is made.

API, console and command line make them from here, so that all three say and refuse the same.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from features.errors import GuanjiaError
from features.lake import Lake
from features.snapshots.snapshots import snapshot_dates
from serving import clock
from serving.records.database import LONG_SECONDS, Records
from serving.reports.monday import report_funnel, report_monday
from serving.reports.months import eve_of_week, months_back
from serving.reports.output.files import ReportText
from serving.reports.output.monday_sections import monday_sections
from serving.reports.output.sections import funnel_sections
from serving.reports.relationship import report_stages, stage_sections
from serving.reports.service_quality import report_service, service_sections
from serving.reports.settings import Level
from serving.reports.star_movement import report_stars, star_sections
from serving.touchpoints.catalogue import load_touchpoints

EARLIEST = date(1900, 1, 1)
"""No term of today's insurers is older; a report looks back years from its day."""
ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "html": "text/html; charset=utf-8",
        "txt": "text/plain; charset=utf-8",
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
"""How the file of a report may end, with its media type."""


_one_at_a_time = threading.Lock()
"""A report takes seconds of both processors: the next one waits, and decisions go on."""


class ReportDayError(GuanjiaError):
    """A report is asked for a day that it cannot be made of."""


@dataclass(frozen=True)
class ReportQuestion:
    """What a report is asked for.

    Attributes
    ----------
    as_of : date
        What was known by then is in it.
    since : date or None
        First day of its period; None: a month before `as_of`.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    branches : frozenset of str or None
        Branches whose customers are in it; None: all.
    """

    as_of: date
    since: date | None = None
    by: Level = "branch"
    branches: frozenset[str] | None = None


@dataclass(frozen=True)
class MadeReport:
    """A report that was made.

    Attributes
    ----------
    figures : object
        Its figures, as JSON has them.
    text : ReportText
        What people read.
    customers : tuple of str
        Customers whom its numbers name.
    """

    figures: Any
    text: ReportText
    customers: tuple[str, ...] = ()


Make = Callable[[Lake, ReportQuestion, datetime, Connection | None], MadeReport]


@dataclass(frozen=True)
class ReportKind:
    """A report that can be asked for.

    Attributes
    ----------
    label, english : str
        Its name.
    make : callable
        Makes it of a home, what is asked, the time now, and a connection to the records.
    reads_records : bool
        Whether it needs that connection.
    """

    label: str
    english: str
    make: Make
    reads_records: bool = False

    def make_at(
        self, lake: Lake, question: ReportQuestion, at: datetime, records: Connection | None
    ) -> MadeReport:
        """Make it, and say in it when that began.

        Parameters
        ----------
        lake : Lake
            The home.
        question : ReportQuestion
            What is asked.
        at : datetime
            Now.
        records : Connection or None
            A connection to the records, if it reads them.
        """
        report = self.make(lake, question, at, records)
        begun_at = at.astimezone(ZoneInfo(lake.settings.timezone))
        return replace(report, text=replace(report.text, begun_at=begun_at))


def day_of_report(lake: Lake, as_of: date | None = None, week: date | None = None) -> date:
    """Choose the day of a report: as it is asked for, or the last whose data are shown.

    Parameters
    ----------
    lake : Lake
        The home; a published day bounds what may be asked for, else the latest day with tags.
    as_of : date, optional
        The day.
    week : date, optional
        A day of the week that it is made for, in place of `as_of`: known by the Sunday before.

    Raises
    ------
    ReportDayError
        If both are given, or the day lies before `EARLIEST` or after the last one.
    GuanjiaError
        If no day is named, and there are tags of none.
    """
    if week is not None and as_of is not None:
        chinese = "周与日期", "都写了", "请只写一个"
        fault = "both name a day"
        raise ReportDayError("week and as_of", fault, "give one of them", chinese=chinese)
    name, question = ("week", week) if week is not None else ("as_of", as_of)
    if question is not None and question < EARLIEST:
        chinese = "日期", f"早于 {EARLIEST}", "请选晚一些的日期"
        raise ReportDayError(name, f"lies before {EARLIEST}", "give a later one", chinese=chinese)
    on = as_of if week is None else eve_of_week(week)
    days = [lake.day.as_of] if lake.day is not None else snapshot_dates(lake)
    latest = max(days, default=None)
    if on is not None and latest is not None and on > latest:
        fault = f"is after {latest}, the day whose data are shown"
        chinese = "日期", f"晚于 {latest}，而数据只到这一天", "请选早一些的日期"
        raise ReportDayError(name, fault, "give an earlier one", chinese=chinese)
    day = on or latest
    if day is None:
        cure = "run `guanjia daily`, or name a day"
        chinese = "报表", "没有数据：还没有任何一天的标签", "请运行人员先完成日批（guanjia daily）"
        fault = "has no data: there are no tags of any day"
        raise GuanjiaError("report", fault, cure, chinese=chinese)
    return day


def first_day_of_report(since: date | None, as_of: date) -> date | None:
    """Check the first day of the period of a report; None: its own default.

    Parameters
    ----------
    since, as_of : date
        First and last day.

    Raises
    ------
    ReportDayError
        If it lies before `EARLIEST`, or not before the last day.
    """
    if since is not None and since < EARLIEST:
        chinese = "起始日", f"早于 {EARLIEST}", "请选晚一些的日期"
        raise ReportDayError("from", f"lies before {EARLIEST}", "give a later day", chinese=chinese)
    if since is not None and since >= as_of:
        chinese = "起始日", f"不早于 {as_of}", "请选早一些的日期"
        raise ReportDayError(
            "from", f"is not before {as_of}", "give an earlier day", chinese=chinese
        )
    return since


def _funnel(
    lake: Lake, question: ReportQuestion, _at: datetime, _records: Connection | None
) -> MadeReport:
    done = report_funnel(lake, question.as_of, question.by, question.branches)
    title = f"{question.as_of.year}年{question.as_of.month}月续保漏斗"
    return MadeReport(done, ReportText(title, question.as_of, funnel_sections(done), question.by))


def _monday(
    lake: Lake, question: ReportQuestion, at: datetime, records: Connection | None
) -> MadeReport:
    done = report_monday(
        lake, question.as_of, question.by, at=at, connection=records, branches=question.branches
    )
    rows = done.calls.rows if done.calls is not None else []
    title = f"{question.as_of.year}年{question.as_of.month}月续保周报"
    return MadeReport(
        done,
        ReportText(title, question.as_of, monday_sections(done), question.by),
        tuple(number for row in rows for number in row.customers),
    )


def _experience(
    lake: Lake, question: ReportQuestion, _at: datetime, _records: Connection | None
) -> MadeReport:
    first = question.since or months_back(question.as_of, 1).day + timedelta(days=1)
    done = report_service(lake, first, question.as_of, question.branches)
    touchpoints = load_touchpoints(lake.home).touchpoints_for(None, None)
    labels = {name: point.label for name, point in touchpoints.items()}
    return MadeReport(
        done, _of_period("experience", question, first, service_sections(done, labels))
    )


def _stars(
    lake: Lake, question: ReportQuestion, _at: datetime, _records: Connection | None
) -> MadeReport:
    first = question.since or months_back(question.as_of, 1).day
    done = report_stars(lake, first, question.as_of, question.branches)
    return MadeReport(done, _of_period("stars", question, first, star_sections(done)))


def _relationship(
    lake: Lake, question: ReportQuestion, _at: datetime, _records: Connection | None
) -> MadeReport:
    first = question.since or months_back(question.as_of, 1).day
    done = report_stages(lake, first, question.as_of, question.branches)
    return MadeReport(done, _of_period("relationship", question, first, stage_sections(done)))


def _of_period(name: str, question: ReportQuestion, first: date, sections: Any) -> ReportText:
    return ReportText(
        f"{REPORTS[name].label} {first} 至 {question.as_of}", question.as_of, sections
    )


REPORTS: Mapping[str, ReportKind] = MappingProxyType(
    {
        "funnel": ReportKind("续保漏斗", "Renewal funnel", _funnel),
        "monday": ReportKind("续保周报", "Monday report", _monday, reads_records=True),
        "experience": ReportKind("客户体验", "Experience", _experience),
        "stars": ReportKind("星级变动", "Stars", _stars),
        "relationship": ReportKind("客户关系阶段", "Relationship", _relationship),
    }
)
"""Reports by name."""


def make_of_day(served: Lake, records: Records, name: str, question: ReportQuestion) -> MadeReport:
    """Make a report of the published day, with an engine of its own; one at a time in a process.

    Parameters
    ----------
    served : Lake
        The lake of the service.
    records : Records
        Operational records.
    name : str
        Name of the report.
    question : ReportQuestion
        Its days, offices and branches.
    """
    kind = REPORTS[name]
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        # Temporary tables of reports have names.
        lake = Lake(served.settings, served.day)
        stack.callback(lake.con.close)
        connection = None
        if kind.reads_records:
            connection = stack.enter_context(records.reading(LONG_SECONDS))
        return kind.make_at(lake, question, clock.now(lake.settings), connection)
