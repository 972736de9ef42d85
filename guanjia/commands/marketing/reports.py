"""Commands that report: the renewal funnel, Monday's page, service, stars and relationships."""

import getpass
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import GuanjiaError
from guanjia.terminal.options import (
    Json,
    MaybeAsOf,
    latest_date,
    open_published,
    open_records,
    parse_day,
)
from guanjia.terminal.output import cell, emit, short_path, table

SHOWN = 12


def funnel(
    by: Annotated[str, typer.Option(help="branch, team, manager, channel or star")] = "branch",
    as_of: MaybeAsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html (A4), .txt (WeCom), .csv or .xlsx.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the renewal funnel of a month: due, renewed, quoted, reached, viewed, lost and why."""
    from serving.reports.settings import require_level

    level = require_level(by)
    lake, on = _open(as_of, out)
    from serving.reports.monday import report_funnel
    from serving.reports.output.files import ReportText
    from serving.reports.output.sections import funnel_sections

    done = report_funnel(lake, on, level)
    title = f"{done.month.first.year}年{done.month.first.month}月续保漏斗"
    _show(ReportText(title, on, funnel_sections(done), level), done, out, json)


def report(
    by: Annotated[str, typer.Option(help="branch, team, manager, channel or star")] = "branch",
    week: Annotated[
        date | None,
        typer.Option(
            "--week", parser=parse_day, metavar="YYYY-MM-DD", help="Known by the Sunday before it."
        ),
    ] = None,
    as_of: MaybeAsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html (A4), .txt (WeCom), .csv or .xlsx.")
    ] = None,
    json: Json = False,
) -> None:
    """Make the report that a manager reads on Monday.

    Renewals against expectation, the gap by office and reason, price, whom to call, margin, holes.
    """
    from serving.reports.settings import require_level

    level = require_level(by)
    if week is not None and as_of is not None:
        raise GuanjiaError("--week and --as-of", "both name a day", "give one of them")
    from serving.reports.months import eve_of_week

    lake, on = _open(eve_of_week(week) if week else as_of, out)
    from serving import clock
    from serving.records.database import LONG_SECONDS
    from serving.records.people.audit import note_export
    from serving.reports.monday import report_monday
    from serving.reports.output.files import ReportText
    from serving.reports.output.monday_sections import monday_sections

    at = clock.now(lake.settings)
    with open_records(lake) as records, records.reading(LONG_SECONDS) as connection:
        done = report_monday(lake, on, level, at=at, connection=connection)
    if out is not None and done.calls is not None:
        customers = [number for row in done.calls.rows for number in row.customers]
        with open_records(lake) as records, records.writing(durable=True) as connection:
            who, columns = getpass.getuser(), ["客户号"]
            note_export(connection, who, "report", columns, customers, at, "report")
    title = f"{on.year}年{on.month}月续保周报"
    _show(ReportText(title, on, monday_sections(done), level), done, out, json)


def service_quality(
    since: Annotated[
        date | None,
        typer.Option(
            "--from", parser=parse_day, metavar="YYYY-MM-DD", help="Default: a month before."
        ),
    ] = None,
    as_of: MaybeAsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html (A4), .txt (WeCom), .csv or .xlsx.")
    ] = None,
    json: Json = False,
) -> None:
    """Report the claims chain against its standards, satisfaction and complaints of a period."""
    lake, on = _open(as_of, out)
    from serving.reports.months import months_back
    from serving.reports.output.files import ReportText
    from serving.reports.service_quality import report_service, service_sections
    from serving.touchpoints.catalogue import load_touchpoints

    first = since or months_back(on, 1).day + timedelta(days=1)
    done = report_service(lake, first, on)
    touchpoints = load_touchpoints(lake.home).touchpoints_for(None, None)
    labels = {name: point.label for name, point in touchpoints.items()}
    sections = service_sections(done, labels)
    _show(ReportText(f"服务质量 {first} 至 {on}", on, sections), done, out, json)


def star_movement(
    since: Annotated[
        date | None,
        typer.Option(
            "--from", parser=parse_day, metavar="YYYY-MM-DD", help="Default: a month before."
        ),
    ] = None,
    as_of: MaybeAsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html (A4), .txt (WeCom), .csv or .xlsx.")
    ] = None,
    json: Json = False,
) -> None:
    """Report how stars moved between two dates, what they cost, and who is near the next."""
    from serving.reports.star_movement import report_stars, star_sections

    _between(report_stars, star_sections, "星级变动", since, as_of, out, json)


def relationship(
    since: Annotated[
        date | None,
        typer.Option(
            "--from", parser=parse_day, metavar="YYYY-MM-DD", help="Default: a month before."
        ),
    ] = None,
    as_of: MaybeAsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .html (A4), .txt (WeCom), .csv or .xlsx.")
    ] = None,
    json: Json = False,
) -> None:
    """Report how customers moved along entry, stickiness and trust, and what winning them cost."""
    from serving.reports.relationship import report_stages, stage_sections

    _between(report_stages, stage_sections, "客户关系阶段", since, as_of, out, json)


def _between(
    make: Callable[..., Any],
    arrange: Callable[..., Any],
    title: str,
    since: date | None,
    as_of: date | None,
    out: Path | None,
    json: bool,
) -> None:
    from serving.reports.months import months_back
    from serving.reports.output.files import ReportText

    lake, on = _open(as_of, out)
    first = since or months_back(on, 1).day
    done = make(lake, first, on)
    _show(ReportText(f"{title} {first} 至 {on}", on, arrange(done)), done, out, json)


def _open(as_of: date | None, out: Path | None) -> tuple[Any, date]:
    if out is not None:
        from serving.reports.output.files import refuse_ending

        refuse_ending(out)
    lake = open_published()
    on = as_of or latest_date(lake, "snapshots", "give --as-of DATE")
    if lake.day is not None and on > lake.day.as_of:
        raise GuanjiaError(
            f"day {on}", f"is after the published day {lake.day.as_of}", "give an earlier one"
        )
    return lake, on


def _show(report: Any, payload: Any, out: Path | None, json: bool) -> None:
    shown: list[Any] = [f"{report.title}, as of {report.as_of}"]
    for section in report.sections:
        shown += [f"\n{section.title}", *section.sentences]
        if section.rows:
            rows = section.rows[:SHOWN]
            if len(section.rows) > SHOWN:
                rows = [*section.rows[: SHOWN - 1], section.rows[-1]]
            lines = [
                {
                    heading: value if isinstance(value, int | float) else cell(value)
                    for heading, value in zip(section.headings, row, strict=True)
                    if heading != "名单条件"
                }
                for row in rows
            ]
            shown.append(table("", lines))
    if out is not None:
        from serving.reports.output.files import write_file

        write_file(report, out)
        shown.append(f"Written to {short_path(out)}")
    emit(payload, json, *shown)
