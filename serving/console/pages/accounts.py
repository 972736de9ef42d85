"""Show accounts: premium, claims, cost, profit by branch, manager, household, customer."""

from datetime import date
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from features.accounts.items import LEVELS, Level
from features.lake import Lake
from serving.api.refusals import ForbiddenError
from serving.console.pages.reports import patience_of, show_part
from serving.console.render import show
from serving.console.route import caller_of, console_router
from serving.reports.accounts import ask_for_accounts

router = console_router()
By = Annotated[Level, Query()]


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
        chinese = "这种账户汇总", "跨越您看不到的机构", "请按机构查看"
        fault = "go across branches that you do not see"
        raise ForbiddenError(f"accounts by {by}", fault, cure, chinese=chinese)
    as_of: date = served.day.as_of if served.day else request.app.state.tags_date.as_of
    # The part may be asked for on while another day is published.
    lake = Lake(served.settings, served.day)
    report = ask_for_accounts(lake, as_of, by, branches, patience_of(request))
    return show_part(request, report)
