"""`/v1/campaigns`: plan, launch, stop and measure campaigns; the arms of a customer."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Path, Query, Request
from pydantic import Field, StrictBool

from features.jsonable import jsonable
from features.settings import cutoff
from serving import clock
from serving.api.guard import caller, guarded, note
from serving.api.refusals import ForbiddenError, refusal_schemas
from serving.campaigns.membership import past_memberships
from serving.campaigns.planning import drawn_members, launch_campaign, plan_campaign
from serving.campaigns.states import close
from serving.campaigns.store import Campaign, find_campaign, list_campaigns
from serving.decision.lots import in_holdout
from serving.measurement.campaign import measure_campaign
from serving.predictions.service import PredictionService
from serving.records.database import Records
from serving.schemas import NO_NUL, CustomerId, Message

router = guarded()
MOST_MEMBERS = 10_000
CampaignName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,59}$")]
Reason = Annotated[str, Field(min_length=10, max_length=500, pattern=NO_NUL)]


class MemberTold(Message):
    """A member of the list, as of the draw."""

    customer_id: CustomerId
    household: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = Field(
        default=None, description="What customers of one household share; it is hashed. 家庭标识"
    )
    place: int | None = Field(default=None, ge=1, description="Place on the list. 排位")
    probability: float | None = Field(default=None, ge=0, le=1, description="续保概率")
    margin: float | None = Field(default=None, description="Expected margin, yuan. 预期边际贡献")
    star: int | None = Field(default=None, ge=0, le=9)
    segment: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    branch: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None


class PlanRequest(Message):
    """A plan and its members; longer lists are planned by `guanjia campaign plan`."""

    plan: dict[str, Any] = Field(
        description="Fields of the plan, as docs/campaigns.md lists them. 活动方案"
    )
    members: list[MemberTold] = Field(min_length=1, max_length=MOST_MEMBERS)


class LaunchRequest(Message):
    """The launch of a planned campaign."""

    weak_because: Reason | None = Field(
        default=None, description="Why it is launched though its power is below one half. 理由"
    )


class StopRequest(Message):
    """The stop of a running campaign."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)] = Field(
        description="Why it is stopped. 停止原因"
    )


class CampaignTold(Message):
    """A campaign: its plan, its lot, its power, and how it stands."""

    campaign: str
    label: str
    state: Literal["planned", "running", "stopped", "ended"]
    plan: dict[str, Any]
    draw: dict[str, Any] = Field(description="Members drawn by arm, left out by reason. 抽签")
    check: dict[str, Any] = Field(description="What it can see. 统计功效")
    planned_at: datetime
    planned_by: str
    launched_at: datetime | None
    launched_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


class CampaignsResponse(Message):
    """All campaigns, those planned last at the head."""

    campaigns: list[CampaignTold]


class MeasurementResponse(Message):
    """What a campaign is known to have done by a date."""

    campaign: str
    label: str
    state: str
    as_of: date
    verdict: Literal["harms", "mismatch", "too_early", "too_small", "pays", "does_not_pay"]
    chinese: str = Field(description="The verdict in words. 结论")
    english: str
    arms: list[dict[str, Any]] = Field(description="The arms in numbers. 各组人数")
    ratio: dict[str, Any] = Field(description="Sizes of the arms against the lot. 分组比例")
    harms: dict[str, Any] = Field(description="Guards of harm. 危害监护")
    ripe_share: float = Field(description="Share of the terms that are ripe. 成熟比例")
    next_look: float | None = Field(description="Share at which the next look is due. 下次查看")
    beyond_plan: StrictBool = Field(description="Whether the interval is the always-valid one.")
    figures: dict[str, Any] | None = Field(
        description="Effects with intervals; null before the look. 增量"
    )


class ArmTold(Message):
    """An arm of a campaign that a customer was drawn into."""

    campaign: str
    label: str
    arm: str
    kind: Literal["treatment", "as_before", "silence"]
    launched_at: datetime
    active: bool = Field(description="Whether the arm held on the date.")


class ArmsResponse(Message):
    """The arms of a customer, in the order of launch."""

    customer_id: str
    as_of: date
    arms: list[ArmTold]


@router.get("/v1/campaigns", response_model=CampaignsResponse)
def campaigns(request: Request) -> CampaignsResponse:
    """List campaigns, those planned last at the head."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        stored = list_campaigns(connection)
    return CampaignsResponse(campaigns=[_describe(arm) for arm in stored])


@router.post("/v1/campaigns", response_model=CampaignTold, responses=refusal_schemas(404, 413, 422))
def plan(request: Request, body: PlanRequest) -> CampaignTold:
    """Plan a campaign: its members are drawn, and its power decides or refuses."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    policy = request.app.state.decider.gatherer.policy
    at = clock.now(service.lake.settings)
    customers = [member.customer_id for member in body.members]
    service.tags(customers, [], caller(request).branches)
    cycle = policy.cycle(at.astimezone(ZoneInfo(service.lake.settings.timezone)).date())
    planned = plan_campaign(
        service.lake,
        records,
        body.plan,
        [member.model_dump() for member in body.members],
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
    responses=refusal_schemas(404, 422),
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
        as_of,
        clock.now(lake.settings),
        caller(request).subject,
        peek=peek,
    )
    fields: Mapping[str, Any] = jsonable(measured)
    verdict = measured.verdict
    sentences = {
        "verdict": verdict.code,
        "chinese": f"{verdict.label}: {verdict.reason}",
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
    customer_id: CustomerId,
    as_of: Annotated[date, Query(description="The date that is asked about. 日期")],
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
    at = cutoff(as_of, service.lake.settings.timezone)
    with records.reading() as connection:
        stored = past_memberships(connection, customer_id, at, as_of)
    note(request, [customer_id])
    return ArmsResponse(
        customer_id=customer_id, as_of=as_of, arms=[ArmTold(**vars(arm)) for arm in stored]
    )


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
        raise ForbiddenError(f"campaign {name}", fault, "ask with a token for all branches")


def _describe(stored: Campaign) -> CampaignTold:
    fields = {name: value for name, value in vars(stored).items() if name != "plan"}
    plan_fields = stored.plan.model_dump(mode="json")
    return CampaignTold(
        campaign=stored.plan.campaign,
        label=stored.plan.label,
        plan=plan_fields,
        **{**fields, "draw": dict(stored.draw), "check": dict(stored.check)},
    )
