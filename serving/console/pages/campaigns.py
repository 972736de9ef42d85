"""Show campaigns: what they can see before launch, their arms, what they are known to have done."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from features.errors import GuanjiaError, not_a_number
from serving.api.marketing import campaigns as api
from serving.api.marketing.campaign_messages import (
    LaunchRequest,
    PlanRequest,
    ReleaseNamed,
    StopRequest,
)
from serving.api.marketing.opened_lists import opened
from serving.campaigns.plan import ARM_LABELS, BREAKDOWNS, LABELS, NAME
from serving.campaigns.store import STATE_LABELS, list_campaigns
from serving.console.render import show
from serving.console.route import console_router, now_of
from serving.records.database import Records

router = console_router()
VERDICTS = {
    "pays": "good",
    "does_not_pay": "bad",
    "harms": "bad",
    "mismatch": "bad",
    "too_early": "look",
    "too_small": "look",
}
"""Verdict -> how it is marked."""
HARMS_IN_ENGLISH = {"退订": "opt-outs", "拒绝": "refusals", "投诉": "complaints"}
"""Harms as a measurement names them -> in English."""
MOST_LOOKS, DAYS = 6, 90


@router.get("/console/campaigns")
def campaigns(request: Request) -> Response:
    """List campaigns, those planned last at the head."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        listed = list_campaigns(connection)
    return show(
        request,
        "campaigns/all.html",
        campaigns=listed,
        states=STATE_LABELS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
    )


@router.get("/console/campaign-plan")
def plan_form(
    request: Request,
    list_name: Annotated[str, Query(pattern=NAME)],
    release_id: Annotated[str, Query(pattern="^[0-9a-f]{15,64}$")],
) -> Response:
    """Show the form that plans a campaign of a released list.

    Parameters
    ----------
    request : Request
        The request.
    list_name, release_id : str
        The list and its release, whose members are drawn.
    """
    with opened(request) as (service, _, at):
        release = service.find(list_name, release_id)
    today = at.date()
    kinds = request.app.state.touchpoints.touchpoints_for()
    return show(
        request,
        "campaigns/plan.html",
        release=release,
        touchpoints={
            name: touchpoint for name, touchpoint in kinds.items() if touchpoint.kind == "marketing"
        },
        breakdowns=BREAKDOWNS,
        starts_on=today + timedelta(days=1),
        ends_on=today + timedelta(days=DAYS),
        most_looks=MOST_LOOKS,
    )


@router.post("/console/campaign-plan")
async def plan(request: Request) -> Response:
    """Plan the campaign: its members are drawn, and its power decides or refuses."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_plan, request, form)


def _plan(request: Request, form: Mapping[str, str]) -> Response:
    fields: dict[str, Any] = {
        "campaign": form.get("campaign", "").strip(),
        "label": form.get("label", "").strip(),
        "touchpoint": form.get("touchpoint", ""),
        "arms": [
            {"name": "contacted", "kind": "treatment"},
            {"name": "left_alone", "kind": form.get("against", "silence")},
        ],
        "primary": ["contacted", "left_alone"],
        "starts_on": form.get("starts_on", ""),
        "ends_on": form.get("ends_on", ""),
        "looks": int(_number(form, "looks", 3)),
        "effect": _number(form, "effect", 2.0) / 100,
        "contact_cost": _number(form, "contact_cost", 0.0),
        "priority": int(_number(form, "priority", 50)),
        "breakdowns": [name for name in BREAKDOWNS if f"by_{name}" in form],
        "weak_because": form.get("weak_because", "").strip() or None,
    }
    if form.get("share", "").strip():
        share = _number(form, "share", 0.0) / 100
        fields["arms"][0]["share"], fields["arms"][1]["share"] = 1 - share, share
    planned = api.plan(
        request,
        PlanRequest(
            plan=fields,
            release=ReleaseNamed(name=form.get("list_name", ""), release_id=form.get("release_id")),
        ),
    )
    return RedirectResponse(f"/console/campaigns/{planned.campaign}", 303)


@router.get("/console/campaigns/{name}")
def one_campaign(request: Request, name: api.CampaignName) -> Response:
    """Show a campaign: plan, draw, power; the measurement of a launched one loads by itself."""
    return show(
        request,
        "campaigns/campaign.html",
        campaign=api.campaign(request, name),
        states=STATE_LABELS,
        kinds=ARM_LABELS,
        breakdowns=BREAKDOWNS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
        today=_known_until(request),
    )


@router.post("/console/campaigns/{name}/launch")
def launch(
    request: Request,
    name: api.CampaignName,
    weak_because: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Start a planned campaign.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    weak_because : str
        Why it is launched though its power is below one half.
    """
    api.launch(request, name, LaunchRequest(weak_because=weak_because.strip() or None))
    return RedirectResponse(f"/console/campaigns/{name}", 303)


@router.post("/console/campaigns/{name}/stop")
def stop(
    request: Request,
    name: api.CampaignName,
    reason: Annotated[str, Form(min_length=1, max_length=500)],
) -> Response:
    """Stop a running campaign.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    reason : str
        Why; kept with it.
    """
    api.stop(request, name, StopRequest(reason=reason))
    return RedirectResponse(f"/console/campaigns/{name}", 303)


@router.get("/console/campaigns/{name}/measurement")
def measurement(
    request: Request, name: api.CampaignName, as_of: date | None = None, peek: bool = False
) -> Response:
    """Show what a campaign is known to have done: a part of its page.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    as_of : datetime.date, optional
        Last day whose records are used; default: the day before today.
    peek : bool
        Look between two planned looks, with a wider interval.
    """
    on = as_of or _known_until(request)
    try:
        measured = api.measurement(request, name, on, peek)
    except GuanjiaError as error:
        return show(request, "campaigns/measured.html", measured=None, fault=error, marks=VERDICTS)
    return show(
        request, "campaigns/measured.html", measured=measured, fault=None, marks=VERDICTS,
        kinds=ARM_LABELS, breakdowns=BREAKDOWNS, harms=HARMS_IN_ENGLISH,
    )  # fmt: skip


def _known_until(request: Request) -> date:
    """Return the last day that is over."""
    return now_of(request).date() - timedelta(days=1)


def _number(form: Mapping[str, str], name: str, default: float) -> float:
    text = form.get(name, "").strip().replace(",", "")
    try:
        return float(text) if text else default
    except ValueError:
        raise not_a_number(name, text, LABELS.get(name, "对照比例")) from None
