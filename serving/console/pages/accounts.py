"""Show accounts: premium, claims, cost, profit by branch, manager, household, customer."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from features.accounts.account import Accounts, accounts
from features.accounts.items import COSTS, LEVELS, Level
from features.lake import Lake
from serving.api.refusals import ForbiddenError
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.reports.output.page import cell_text
from serving.reports.output.sections import Cell, Section

router = console_router()
By = Annotated[Level, Query()]
MOST_ROWS, DAYS = 100, 365
OF_PEOPLE = ("customer", "household")
HEADINGS = ("客户数", "签单保费", "赔款", "费用", "车险利润", "非车利润", "利润合计")


@router.get("/console/accounts")
def page(request: Request, by: By = "branch") -> Response:
    """Show the page around the accounts, which load by themselves."""
    return show(request, "reports/accounts.html", by=by, levels=LEVELS)


@router.get("/console/accounts/part")
def part(request: Request, by: By = "branch") -> Response:
    """Show the accounts of the year up to the published day: a part of the page.

    Raises
    ------
    ForbiddenError
        If the user sees some branches only, and the level goes across branches.
    """
    served: Lake = request.app.state.service.lake
    branches = caller_of(request).branches
    if branches is not None and by != "branch":
        cure = "choose accounts by branch"
        raise ForbiddenError(f"accounts by {by}", "go across branches that you do not see", cure)
    as_of: date = served.day.as_of if served.day else request.app.state.tags_date.as_of
    # A lake of its own: its queries set variables, which two requests may not share.
    lake = Lake(served.settings, served.day)
    try:
        summed = accounts(lake, as_of - timedelta(days=DAYS - 1), as_of, by)
    finally:
        lake.con.close()
    rows = list(_rows(summed, branches))
    if by in OF_PEOPLE:
        note_seen(request, [str(row[0]) for row in rows])
    section = Section(
        f"按{LEVELS[by]}",
        (f"{summed.since} 至 {summed.as_of}, 利润从高到低, 单位: 元",),
        (LEVELS[by], *HEADINGS),
        rows,
        ("利润 = 已赚保费 - 赔款 - 费用; 口径见 docs/account.md",),
    )
    report = {"title": "客户账户", "as_of": as_of, "sections": [section]}
    return show(request, "reports/part.html", report=report, text=cell_text)


def _rows(summed: Accounts, branches: frozenset[str] | None) -> Iterator[list[Cell]]:
    """List the accounts with the highest profit that the user may see, and the total of all."""
    for row in summed.rows.slice(0, MOST_ROWS if branches is None else None).to_pylist():
        if branches is None or row["key"] in branches:
            yield [row["key"] or "(无)", *_figures(row)]
    if branches is None:
        yield ["合计", *_figures(summed.total)]


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
