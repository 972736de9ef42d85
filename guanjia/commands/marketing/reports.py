"""Commands that report: the renewal funnel, Monday's page, service, stars and relationships."""

import getpass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, MaybeAsOf, open_published, open_records, parse_day
from guanjia.terminal.output import cell, emit, short_path, table

SHOWN = 12
THOUSAND = 1_000


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

    _make("funnel", as_of, out, json, by=require_level(by))


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

    _make("monday", as_of, out, json, week=week, by=require_level(by))


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
    _make("experience", as_of, out, json, since=since)


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
    _make("stars", as_of, out, json, since=since)


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
    _make("relationship", as_of, out, json, since=since)


def _make(
    name: str,
    as_of: date | None,
    out: Path | None,
    json: bool,
    *,
    week: date | None = None,
    since: date | None = None,
    by: Any = "branch",
) -> None:
    """Make a report as the service does, show it, and write the file that is asked for."""
    from serving import clock
    from serving.records.database import LONG_SECONDS
    from serving.records.people.audit import note_export
    from serving.reports.kinds import REPORTS, ReportQuestion, day_of_report, first_day_of_report
    from serving.reports.output.files import refuse_ending

    if out is not None:
        refuse_ending(out)
    lake = open_published()
    on, kind, at = day_of_report(lake, as_of, week), REPORTS[name], clock.now(lake.settings)
    question = ReportQuestion(on, first_day_of_report(since, on), by)
    if not kind.reads_records:
        report = kind.make_at(lake, question, at, None)
        _show(report.text, report.figures, out, json)
        return
    with open_records(lake) as records:
        with records.reading(LONG_SECONDS) as connection:
            report = kind.make_at(lake, question, at, connection)
        if out is not None and report.customers:
            who, columns = getpass.getuser(), ["客户号"]
            with records.writing(durable=True) as connection:
                note_export(connection, who, "report", columns, report.customers, at, "report")
    _show(report.text, report.figures, out, json)


def _shown_number(value: float) -> int | Decimal:
    """Round to two decimals, as points and means have them; from a thousand on to whole ones."""
    if isinstance(value, int) or abs(value) >= THOUSAND:
        return round(value)
    return Decimal(str(round(value, 2)))


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
                    heading: _shown_number(value) if isinstance(value, int | float) else cell(value)
                    for heading, value in zip(section.headings, row, strict=True)
                    if heading != "名单条件"
                }
                for row in rows
            ]
            shown.append(table("", lines))
            if more := len(section.rows) - len(rows):
                shown.append(f"另有 {more:,} 行，写入文件可见全部 ({more:,} more rows: --out FILE)")
    if out is not None:
        from serving.reports.output.files import write_file

        write_file(report, out)
        shown.append(f"Written to {short_path(out)}")
    emit(payload, json, *shown)
