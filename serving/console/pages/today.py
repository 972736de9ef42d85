"""Show today: which day answers, what became of the last run, what is due, what waits."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from features.lake import Lake
from features.quarantine.waiting import waiting_tables
from serving.auth.access import Caller
from serving.console.day_history import OUTCOMES, WHOM, latest_day
from serving.console.render import show
from serving.console.route import caller_of, console_router, now_of
from serving.console.touchpoint_counts import count_due
from serving.records.database import Records
from serving.records.people.reviews import list_reviews

router = console_router()
MOST_REVIEWS = 100


@router.get("/console/today")
def today(request: Request) -> Response:
    """Show the state of the day, and what waits for the user."""
    lake: Lake = request.app.state.service.lake
    caller = caller_of(request)
    now = now_of(request)
    as_of = request.app.state.tags_date.as_of
    records: Records = request.app.state.records
    with records.reading() as connection:
        reviews = (
            len(list_reviews(connection, MOST_REVIEWS, branches=caller.branches))
            if "reviews:read" in caller.scopes
            else None
        )
    return show(
        request,
        "today.html",
        day=lake.day,
        as_of=as_of,
        age=None if as_of is None else (now.date() - as_of).days,
        now=now,
        run=latest_day(lake.home),
        outcomes=OUTCOMES,
        whom=WHOM,
        due=_due(request, lake, caller),
        reviews=reviews,
        most_reviews=MOST_REVIEWS,
        waiting=waiting_tables(lake),
    )


def _due(request: Request, lake: Lake, caller: Caller) -> list[dict[str, Any]]:
    """Count who is due by touchpoint, of the branches that the user sees."""
    touchpoints = request.app.state.touchpoints.touchpoints_for()
    return [
        {
            "name": name,
            "label": touchpoints[name].label if name in touchpoints else name,
            "english": touchpoints[name].english if name in touchpoints else name,
            "kind": kind,
            "customers": number,
        }
        for name, kind, number in count_due(lake, caller.branches)
    ]
