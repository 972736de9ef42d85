"""Report accounts of a year: premium, claims, cost, profit by branch, manager or customer."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from features.accounts.account import Accounts, accounts
from features.accounts.items import COSTS, LEVELS, Level
from features.lake import Lake
from serving.reports.kept import KeptReport, ReportChoice, ask_for_report
from serving.reports.kinds import ReportQuestion
from serving.reports.output.files import ReportText
from serving.reports.output.sections import Cell, Section

MOST_ROWS, DAYS = 100, 365
OF_PEOPLE = ("customer", "household")
HEADINGS = ("客户数", "签单保费", "赔款", "费用", "车险利润", "非车利润", "利润合计")
TOTAL = "合计"


def ask_for_accounts(
    lake: Lake,
    as_of: date,
    by: Level,
    branches: Collection[str] | None = None,
    patience: float | None = None,
) -> KeptReport | None:
    """Return accounts that are kept, or have them made; None: they are being made.

    Parameters
    ----------
    lake : Lake
        The published day; without one, the working area.
    as_of, by, branches
        As `report_accounts` takes them.
    patience : float, optional
        Seconds to wait for them; default: until they are there.
    """

    def make() -> KeptReport:
        # A lake of its own: its queries set variables, which two requests may not share.
        own = Lake(lake.settings, lake.day)
        try:
            return report_accounts(own, as_of, by, branches)
        finally:
            own.con.close()

    question = ReportQuestion(as_of, branches=None if branches is None else frozenset(branches))
    return ask_for_report(lake, ReportChoice(f"accounts by {by}", question), make, patience)


def report_accounts(
    lake: Lake, as_of: date, by: Level, branches: Collection[str] | None = None
) -> KeptReport:
    """Report the accounts of the year up to a day, those with the highest profit.

    Parameters
    ----------
    lake : Lake
        The home with checked tables.
    as_of : date
        The last day; what was known by then counts.
    by : {"customer", "household", "manager", "branch"}
        The level.
    branches : collection of str, optional
        Only these branches, without the total of all; default: all.
    """
    summed = accounts(lake, as_of - timedelta(days=DAYS - 1), as_of, by)
    rows = list(_rows(summed, branches))
    section = Section(
        f"按{LEVELS[by]}",
        (f"{summed.since} 至 {summed.as_of}，利润从高到低，单位：元",),
        (LEVELS[by], *HEADINGS),
        rows,
        ("利润 = 已赚保费 - 赔款 - 费用；口径见 docs/account.md",),
    )
    named = [str(row[0]) for row in rows if row[0] != TOTAL] if by in OF_PEOPLE else []
    return KeptReport(ReportText("客户账户", as_of, [section]), tuple(named))


def _rows(summed: Accounts, branches: Collection[str] | None) -> Iterator[list[Cell]]:
    """List the accounts with the highest profit that the user may see, and the total of all."""
    for row in summed.rows.slice(0, MOST_ROWS if branches is None else None).to_pylist():
        if branches is None or row["key"] in branches:
            yield [row["key"] or "（无）", *_figures(row)]
    if branches is None:
        yield [TOTAL, *_figures(summed.total)]


def _figures(row: dict[str, Any]) -> list[Cell]:
    costs = [row[cost] for cost in COSTS]
    cost = None if None in costs else sum(costs, Decimal(0))
    money = (
        row["written_premium"],
        row["claims"],
        cost,
        row["profit_motor"],
        row["profit_non_motor"],
        row["profit"],
    )
    return [row["customers"], *(_yuan(amount) for amount in money)]


def _yuan(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount.quantize(Decimal(1), ROUND_HALF_UP))
