"""Make the report that a manager reads on Monday: the month's renewals in seven parts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from features.errors import GuanjiaError
from features.lake import Lake
from serving.reports.calls import Calls, count_calls
from serving.reports.expected import SOURCES, Expectations, expected_table
from serving.reports.funnel import DEFINITIONS, FunnelRow, count_funnel, window_of
from serving.reports.gap import round_parts, split_gap
from serving.reports.holes import Hole, count_holes
from serving.reports.margins import DEFINITIONS as MARGIN_DEFINITIONS
from serving.reports.margins import MarginRow, kept_and_lost
from serving.reports.months import Period, month_of, months_back
from serving.reports.prices import PriceRow, RiskRow, renewal_by_price, rises_against_risk
from serving.reports.settings import Level, ReportSettings, load_report_settings
from serving.reports.standing import (
    Comparisons,
    MonthEnd,
    compare_with_expected,
    forecast_month,
)
from serving.reports.terms import REASONS, terms_table

RIPE_MONTHS = 2
"""From so many months back on, all terms of a month are ripe."""


@dataclass(frozen=True)
class GapLine:
    """An office's part of the gap, in shares of all terms due; parts add up exactly.

    Attributes
    ----------
    key, name : str
        The office.
    lost : int
        Terms lost.
    impact : float
        `lost` over all expired terms, rounded so that the rows add up to the gap.
    reasons : dict of str to int
        Terms lost by reason.
    """

    key: str
    name: str
    lost: int
    impact: float
    reasons: dict[str, int]


@dataclass(frozen=True)
class Funnel:
    """The renewal funnel of a month, by office.

    Attributes
    ----------
    as_of : date
        What was known by then.
    month, last_month, last_year : Period
        The month, and those that it is compared with.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    total : FunnelRow
        All offices together.
    offices : list of FunnelRow
        Each office.
    target : Decimal or None
        Renewal rate to reach in the month.
    targets : dict of str to Decimal
        Of the branches that have one; empty for other levels.
    gap : float or None
        Share of the expired terms that was lost.
    gap_lines : list of GapLine
        The gap by office, largest first.
    definitions : dict of str to tuple of (str, str)
        Figure -> label; numerator and denominator.
    """

    as_of: date
    month: Period
    last_month: Period
    last_year: Period
    by: Level
    total: FunnelRow
    offices: list[FunnelRow]
    target: Decimal | None
    targets: dict[str, Decimal]
    gap: float | None
    gap_lines: list[GapLine]
    definitions: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class MondayReport:
    """All that a manager reads on Monday.

    Attributes
    ----------
    funnel : Funnel
        Parts 1 to 3.
    comparisons : Comparisons or None
        Part 1: against expectation; None without a champion or expired terms.
    expectations : Expectations
        Where the expectations come from.
    forecast : MonthEnd or None
        Part 1: the month's end.
    prices, risks : list of PriceRow, list of RiskRow
        Part 4.
    calls : Calls or None
        Part 5; None without scores of the date.
    margins : list of MarginRow
        Part 6.
    holes : list of Hole
        Part 7.
    """

    funnel: Funnel
    comparisons: Comparisons | None
    expectations: Expectations
    forecast: MonthEnd | None
    prices: list[PriceRow]
    risks: list[RiskRow]
    calls: Calls | None
    margins: list[MarginRow]
    holes: list[Hole]


def report_funnel(
    lake: Lake, as_of: date, by: Level = "branch", branches: Collection[str] | None = None
) -> Funnel:
    """Report the renewal funnel of the month of a date.

    Parameters
    ----------
    lake : Lake
        The home with checked tables.
    as_of : date
        What was known by the end of this day counts.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If the settings are wrong, or a table is missing.
    """
    settings = load_report_settings(lake.home)
    month, others = month_of(as_of), (months_back(as_of, 1), months_back(as_of, 12))
    first, last = window_of(month, others[1], settings.pool_days, [])
    with terms_table(
        lake, as_of, first, last, settings, branches, stars_on=_stars_on(month, settings, by)
    ):
        return _funnel(lake, month, others, settings, by)


def report_monday(
    lake: Lake,
    as_of: date,
    by: Level = "branch",
    *,
    at: datetime,
    connection: Connection | None = None,
    branches: Collection[str] | None = None,
) -> MondayReport:
    """Report the month of a date in the seven parts that a manager reads on Monday.

    Parameters
    ----------
    lake : Lake
        The home with checked tables; champions and scores of the date may be missing.
    as_of : date
        What was known by the end of this day counts: the Sunday before.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    at : datetime
        Now: whom to call is asked by refusals and contacts up to then.
    connection : Connection, optional
        Of the records. Default: nothing is on record.
    branches : collection of str, optional
        Only customers of these branches; default: all.

    Raises
    ------
    GuanjiaError
        If the settings are wrong, or a table is missing.
    """
    settings = load_report_settings(lake.home)
    month, others = month_of(as_of), (months_back(as_of, 1), months_back(as_of, 12))
    past = [
        months_back(as_of, back)
        for back in range(RIPE_MONTHS, RIPE_MONTHS + settings.forecast_months)
    ]
    first, last = window_of(month, others[1], settings.pool_days, past)
    days = [(period.day, period.first, period.last) for period in past]
    with (
        terms_table(
            lake, as_of, first, last, settings, branches, stars_on=_stars_on(month, settings, by)
        ),
        expected_table(lake, as_of, month.first, month.last, days) as expectations,
    ):
        ready = expectations.available or bool(expectations.sources)
        return MondayReport(
            funnel=_funnel(lake, month, others, settings, by),
            comparisons=compare_with_expected(lake, month, by) if ready else None,
            expectations=expectations,
            forecast=forecast_month(lake, month, past) if ready else None,
            prices=renewal_by_price(lake, month),
            risks=rises_against_risk(lake, as_of, month, settings.price_rise),
            calls=_calls(lake, as_of, settings, at, connection, branches),
            margins=kept_and_lost(lake, as_of, month),
            holes=count_holes(lake, month, settings, expectations),
        )


def _stars_on(month: Period, settings: ReportSettings, by: Level) -> date | None:
    """Return the last day before any term of the month enters the pool, if stars are asked for."""
    return month.first - timedelta(days=settings.pool_days + 1) if by == "star" else None


def _calls(
    lake: Lake,
    as_of: date,
    settings: ReportSettings,
    at: datetime,
    connection: Connection | None,
    branches: Collection[str] | None,
) -> Calls | None:
    try:
        return count_calls(lake, as_of, settings, at=at, connection=connection, branches=branches)
    except GuanjiaError:
        # Scores of an earlier release or without their snapshot: there is no list to open either.
        return None


def _funnel(
    lake: Lake,
    month: Period,
    others: tuple[Period, Period],
    settings: ReportSettings,
    by: Level,
) -> Funnel:
    total, offices = count_funnel(lake, month, *others, by)
    names = {row.key: row.name for row in offices}
    lost = {row.key: row.lost for row in offices if any(row.lost.values())}
    rows = split_gap(lost, total.expired)
    impacts = round_parts([row.lost for row in rows], total.expired)
    targets = {}
    if by == "branch":
        own = {row.key: settings.targets.target_for(month.first, row.key) for row in offices}
        targets = {key: target for key, target in own.items() if target is not None}
    return Funnel(
        as_of=month.day,
        month=month,
        last_month=others[0],
        last_year=others[1],
        by=by,
        total=total,
        offices=offices,
        target=settings.targets.target_for(month.first),
        targets=targets,
        gap=1 - total.renewed.share if total.renewed.share is not None else None,
        gap_lines=[
            GapLine(row.key, names[row.key], row.lost, impact, lost[row.key])
            for row, impact in zip(rows, impacts, strict=True)
        ],
        definitions={**DEFINITIONS, **MARGIN_DEFINITIONS},
    )


__all__ = ["REASONS", "SOURCES", "Funnel", "MondayReport", "report_funnel", "report_monday"]
