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
from serving.reports.accounts import report_accounts
from serving.reports.kept import KeptReport, ReportChoice, ask_for_report

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
        raise ForbiddenError(f"accounts by {by}", "go across branches that you do not see", cure)
    as_of: date = served.day.as_of if served.day else request.app.state.tags_date.as_of
    # A lake of its own: its queries set variables, which two requests may not share.
    own = Lake(served.settings, served.day)

    def make() -> KeptReport:
        try:
            return report_accounts(own, as_of, by, branches)
        finally:
            own.con.close()

    choice = ReportChoice("accounts", as_of, None, by, branches)
    return show_part(request, ask_for_report(own, choice, make, patience_of(request)))
