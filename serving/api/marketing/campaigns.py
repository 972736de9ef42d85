"""`/v1/campaigns`: plan, launch, stop and measure campaigns; the arms of a customer."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Query, Request

from features.jsonable import jsonable
from features.settings import Settings, cutoff
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.marketing.campaign_messages import (
    ArmsResponse,
    ArmTold,
    CampaignsResponse,
    CampaignTold,
    LaunchRequest,
    MeasurementResponse,
    PlanRequest,
    StopRequest,
)
from serving.api.marketing.opened_lists import opened
from serving.api.refusals import ForbiddenError, refusal_schemas
from serving.campaigns.membership import past_memberships
from serving.campaigns.planning import drawn_members, launch_campaign, plan_campaign
from serving.campaigns.states import close
from serving.campaigns.store import Campaign, find_campaign, list_campaigns
from serving.decision.lots import in_holdout
from serving.lists.released.reading import released_members
from serving.measurement.campaign import measure_campaign
from serving.measurement.released_lists import campaign_of_release
from serving.predictions.service import PredictionService
from serving.records.database import Records
from serving.schemas import NO_NUL

router = guarded()
CampaignName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,59}$")]
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL, examples=["C00000001"])]


@router.get("/v1/campaigns", response_model=CampaignsResponse)
def campaigns(request: Request) -> CampaignsResponse:
    """List campaigns, those planned last at the head."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        stored = list_campaigns(connection)
    return CampaignsResponse(campaigns=[_describe(arm) for arm in stored])


@router.post(
    "/v1/campaigns", response_model=CampaignTold, responses=refusal_schemas(404, 409, 413, 422)
)
def plan(request: Request, body: PlanRequest) -> CampaignTold:
    """Plan a campaign: its members are drawn, and its power decides or refuses."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    policy = request.app.state.decider.gatherer.policy
    at = clock.now(service.lake.settings)
    fields, rows = _read_rows(request, body)
    customers = [str(row["customer_id"]) for row in rows]
    cycle = policy.cycle(at.astimezone(ZoneInfo(service.lake.settings.timezone)).date())
    planned = plan_campaign(
        service.lake,
        records,
        fields,
        rows,
        caller(request).subject,
        at,
        salt=policy.salt,
        in_holdout=lambda customer: in_holdout(policy.salt, customer, cycle, policy.holdout_share),
    )
    note(request, customers)
    return _describe(planned)


@router.get("/v1/campaigns/{name}", response_model=CampaignTold, responses=refusal_schemas(404))
def campaign(request: Request, name: CampaignName) -> CampaignTold:
    """Show a campaign."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        return _describe(find_campaign(connection, name))


@router.post(
    "/v1/campaigns/{name}/launch",
    response_model=CampaignTold,
    responses=refusal_schemas(404, 409, 413, 422),
)
def launch(request: Request, name: CampaignName, body: LaunchRequest) -> CampaignTold:
    """Start a planned campaign: decisions keep its members in their arms from now on.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    body : LaunchRequest
        The reason.
    """
    records: Records = request.app.state.records
    _require_whole(request, name)
    at = clock.now(request.app.state.service.lake.settings)
    return _describe(launch_campaign(records, name, caller(request).subject, at, body.weak_because))


@router.post(
    "/v1/campaigns/{name}/stop",
    response_model=CampaignTold,
    responses=refusal_schemas(404, 409, 413, 422),
)
def stop(request: Request, name: CampaignName, body: StopRequest) -> CampaignTold:
    """Stop a running campaign.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    body : StopRequest
        The reason.
    """
    records: Records = request.app.state.records
    _require_whole(request, name)
    at = clock.now(request.app.state.service.lake.settings)
    with records.writing(durable=True) as connection:
        stored = find_campaign(connection, name)
        return _describe(close(connection, stored, caller(request).subject, at, body.reason))


@router.get(
    "/v1/campaigns/{name}/measurement",
    response_model=MeasurementResponse,
    responses=refusal_schemas(404, 409, 422),
)
def measurement(
    request: Request,
    name: CampaignName,
    as_of: Annotated[date, Query(description="Last day whose records are used. 数据日期")],
    peek: Annotated[
        bool, Query(description="Look between two planned looks, with a wider interval.")
    ] = False,
) -> MeasurementResponse:
    """Measure a campaign; a planned look is taken by the first request that finds it due.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The campaign.
    as_of : date
        Last day whose records are used.
    peek : bool
        Look between two planned looks.
    """
    _require_whole(request, name)
    lake = request.app.state.service.lake
    measured = measure_campaign(
        lake,
        request.app.state.records,
        name,
        _not_ahead(as_of, lake.settings),
        clock.now(lake.settings),
        caller(request).subject,
        peek=peek,
    )
    fields: Mapping[str, Any] = jsonable(measured)
    verdict = measured.verdict
    sentences = {
        "verdict": verdict.code,
        "chinese": f"{verdict.label}：{verdict.reason}",
        "english": fields["verdict_english"],
        "harms": fields["harms"],
    }
    others = {
        key: value for key, value in fields.items() if key not in ("verdict_english", *sentences)
    }
    return MeasurementResponse(**others, **sentences)


@router.get(
    "/v1/customers/{customer_id}/campaigns",
    response_model=ArmsResponse,
    responses=refusal_schemas(404, 422),
)
def arms(
    request: Request,
    customer_id: Customer,
    as_of: Annotated[
        date, Query(description="The date that is asked about. 日期", examples=["2026-06-30"])
    ],
) -> ArmsResponse:
    """Tell in which arms a customer was on a date.

    \f
    Parameters
    ----------
    request : Request
        The request.
    customer_id : str
        The customer.
    as_of : date
        The date.
    """
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    service.tags([customer_id], [], caller(request).branches)
    as_of = _not_ahead(as_of, service.lake.settings)
    at = cutoff(as_of, service.lake.settings.timezone)
    with records.reading() as connection:
        stored = past_memberships(connection, customer_id, at, as_of)
    note(request, [customer_id])
    return ArmsResponse(
        customer_id=customer_id, as_of=as_of, arms=[ArmTold(**vars(arm)) for arm in stored]
    )


def _not_ahead(as_of: date, settings: Settings) -> date:
    """Take a day that lies ahead for today: nothing more is known."""
    return min(as_of, clock.now(settings).astimezone(ZoneInfo(settings.timezone)).date())


def _read_rows(request: Request, body: PlanRequest) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the members of a plan: of its release, or of the request; the caller sees them all."""
    service: PredictionService = request.app.state.service
    branches = caller(request).branches
    if body.members is not None:
        service.tags([member.customer_id for member in body.members], [], branches)
        return dict(body.plan), [member.model_dump() for member in body.members]
    assert body.release is not None  # one of the two is there
    with opened(request) as (lists, _, _):
        release = lists.find(body.release.name, body.release.release_id)
        members = list(released_members(lists.lake, release))
    if branches is not None and any(member.branch not in branches for member in members):
        fault = "has members of branches that you do not see, and is drawn as a whole"
        cure = "release a list of your branches, or ask with a token for all"
        chinese = (
            f"发布 {release.release_id}",
            "含有您看不到的机构的客户，而活动须整体抽取",
            "请发布本机构的名单，或请总部同事制定",
        )
        raise ForbiddenError(f"release {release.release_id}", fault, cure, chinese=chinese)
    return campaign_of_release(body.plan, release, members)


def _require_whole(request: Request, name: str) -> None:
    """Refuse a caller who does not see all members: a campaign is launched and judged whole."""
    branches = caller(request).branches
    if branches is None:
        return
    records: Records = request.app.state.records
    with records.reading() as connection:
        find_campaign(connection, name)
        members = drawn_members(connection, name)
    if any(member.branch not in branches for member in members):
        fault = "has members of branches that you do not see, and is judged as a whole"
        chinese = (
            f"活动 {name}",
            "含有您看不到的机构的客户，而活动须整体评估",
            "请总部同事操作",
        )
        cure = "ask with a token for all branches"
        raise ForbiddenError(f"campaign {name}", fault, cure, chinese=chinese)


def _describe(stored: Campaign) -> CampaignTold:
    fields = {name: value for name, value in vars(stored).items() if name != "plan"}
    plan_fields = stored.plan.model_dump(mode="json")
    return CampaignTold(
        campaign=stored.plan.campaign,
        label=stored.plan.label,
        plan=plan_fields,
        **{**fields, "draw": dict(stored.draw), "check": dict(stored.check)},
    )
