"""Keep campaigns in the records: plan, launch, stop and end; who was drawn stays for good.

planned -> running -> stopped (by a person or a guard, with a reason)
                   -> ended   (its days are over)
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from features.errors import GuanjiaError
from serving.campaigns.draw import draw_members
from serving.campaigns.members import Member
from serving.campaigns.membership import taken_customers
from serving.campaigns.plan import CampaignPlan, parse_plan
from serving.records.campaign_tables import campaign_members, campaigns
from serving.records.database import advisory_lock

State = Literal["planned", "running", "stopped", "ended"]
STATE_LABELS: Mapping[State, str] = {
    "planned": "待启动",
    "running": "进行中",
    "stopped": "已停止",
    "ended": "已结束",
}
BATCH_ROWS = 1_000
ALL_CAMPAIGNS = "campaigns"
"""Name of the lock under which campaigns are planned and launched, one at a time."""
_c, _m = campaigns.c, campaign_members.c
_SET = update(campaigns).where(_c.campaign == bindparam("name"))


class UnknownCampaignError(GuanjiaError):
    """No campaign has this name."""


class CampaignStateError(GuanjiaError):
    """A campaign is in a state in which this cannot be done."""


@dataclass(frozen=True)
class Campaign:
    """A campaign as it is kept.

    Attributes
    ----------
    plan : CampaignPlan
        What was planned.
    state : {"planned", "running", "stopped", "ended"}
        How it stands.
    draw : Mapping[str, object]
        The salt, members drawn by arm, and members left out by reason, as of the plan or launch.
    check : Mapping[str, object]
        The power check as it was when it was planned or launched.
    planned_at, planned_by
        When and by whom it was planned; so of the launch and of the close.
    close_reason : str or None
        Why it was stopped.
    """

    plan: CampaignPlan
    state: State
    draw: Mapping[str, Any]
    check: Mapping[str, Any]
    planned_at: datetime
    planned_by: str
    launched_at: datetime | None = None
    launched_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    close_reason: str | None = None


def write_plan(
    connection: Connection,
    plan: CampaignPlan,
    members: Sequence[Member],
    salt: str,
    by: str,
    at: datetime,
    *,
    left_out: Mapping[str, int],
    check: Mapping[str, Any],
) -> Campaign:
    """Keep a plan with its members, drawn into their arms.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`, after `lock_campaigns`.
    plan : CampaignPlan
        The plan.
    members : sequence of Member
        Whom it draws; those of the holdout and of other campaigns are left out already.
    salt : str
        Salt of the policy.
    by : str
        Who planned it.
    at : datetime
        Now.
    left_out : mapping of str to int
        Members of the list that are not drawn, by reason.
    check : mapping of str to object
        The power check, for the record.

    Raises
    ------
    CampaignStateError
        If there is a campaign of that name already.
    """
    if connection.execute(select(_c.campaign).where(_c.campaign == plan.campaign)).first():
        cure = "give it another name; a plan never changes"
        raise CampaignStateError(f"campaign {plan.campaign}", "was planned already", cure)
    drawn = draw_members(salt, plan.campaign, members, plan.arms)
    rows = [
        {
            **vars(member),
            "campaign": plan.campaign,
            "arm": drawn[member.customer_id].name,
            "share": drawn[member.customer_id].share,
        }
        for member in members
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        connection.execute(insert(campaign_members), rows[start : start + BATCH_ROWS])
    document = plan.model_dump(mode="json") | {
        "draw": {
            "salt": salt,
            "arms": _count(arm.name for arm in drawn.values()),
            "left_out": dict(left_out),
        },
        "check": dict(check),
    }
    connection.execute(
        insert(campaigns),
        {
            "campaign": plan.campaign,
            "state": "planned",
            "priority": plan.priority,
            "starts_on": plan.starts_on,
            "ends_on": plan.ends_on,
            "plan": document,
            "planned_at": at,
            "planned_by": by,
        },
    )
    return find_campaign(connection, plan.campaign)


def find_campaign(connection: Connection, name: str) -> Campaign:
    """Find a campaign by its name.

    Raises
    ------
    UnknownCampaignError
        If there is none.
    """
    row = connection.execute(select(campaigns).where(_c.campaign == name)).mappings().first()
    if row is None:
        cure = "name one that `guanjia campaign list` shows"
        raise UnknownCampaignError(f"campaign {name}", "is not known", cure)
    return _campaign(row)


def list_campaigns(
    connection: Connection, states: Collection[State] | None = None
) -> list[Campaign]:
    """List campaigns, those planned last at the head.

    Parameters
    ----------
    connection : Connection
        Of the records.
    states : collection of str, optional
        Only campaigns in these states. Default: all.
    """
    query = select(campaigns).order_by(_c.planned_at.desc(), _c.campaign)
    if states is not None:
        query = query.where(_c.state.in_(list(states)))
    return [_campaign(row) for row in connection.execute(query).mappings()]


def read_drawn(
    connection: Connection, name: str, branches: Collection[str] | None = None
) -> Iterator[RowMapping]:
    """Read the drawn members of a campaign, in the order of the list.

    Parameters
    ----------
    connection : Connection
        Of the records.
    name : str
        The campaign.
    branches : collection of str, optional
        Only customers of these branches. Default: all.
    """
    query = select(campaign_members).where(_m.campaign == name)
    if branches is not None:
        query = query.where(_m.branch.in_(list(branches)))
    query = query.order_by(_m.place, _m.customer_id)
    yield from connection.execute(query.execution_options(yield_per=BATCH_ROWS)).mappings()


def leave_to_others(connection: Connection, campaign: Campaign) -> Campaign:
    """Drop the members of a planned campaign whom another one has by now.

    Nobody was contacted yet and the lot has no part in it, so the arms stay comparable.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`, after `lock_campaigns`.
    campaign : Campaign
        A planned campaign.
    """
    plan = campaign.plan
    drawn = {
        str(row["customer_id"]): str(row["arm"]) for row in read_drawn(connection, plan.campaign)
    }
    taken = taken_customers(
        connection,
        drawn,
        plan.starts_on,
        plan.ends_on,
        plan.priority + 1,
        besides=plan.campaign,
    )
    gone = sorted(taken)
    for start in range(0, len(gone), BATCH_ROWS):
        part = gone[start : start + BATCH_ROWS]
        condition = (_m.campaign == plan.campaign) & _m.customer_id.in_(part)
        connection.execute(delete(campaign_members).where(condition))
    left_out = Counter(campaign.draw["left_out"])
    left_out.update(f"campaign {other}" for other in taken.values())
    stay = _count(arm for customer, arm in drawn.items() if customer not in taken)
    draw = {**campaign.draw, "arms": stay, "left_out": dict(left_out)}
    _update(connection, campaign, plan_part={"draw": draw})
    return find_campaign(connection, plan.campaign)


def launch(
    connection: Connection,
    campaign: Campaign,
    by: str,
    at: datetime,
    *,
    check: Mapping[str, Any],
    weak_because: str | None,
) -> Campaign:
    """Start a planned campaign: from now on `/decide` holds its members in their arms.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`, after `lock_campaigns`.
    campaign : Campaign
        The campaign.
    by : str
        Who starts it.
    at : datetime
        Now.
    check : mapping of str to object
        The power check of the members that are left, for the record.
    weak_because : str or None
        Why it starts with a power below one half.

    Raises
    ------
    CampaignStateError
        If it is not planned, or has no member in some arm.
    """
    _require(campaign, "planned")
    empty = [arm.name for arm in campaign.plan.arms if not campaign.draw["arms"].get(arm.name)]
    if empty:
        fault, cure = f"has no member in {', '.join(empty)}", "plan it with a longer list"
        raise CampaignStateError(f"campaign {campaign.plan.campaign}", fault, cure)
    _update(
        connection,
        campaign,
        plan_part={"check": dict(check), "weak_because": weak_because},
        state="running",
        launched_at=at,
        launched_by=by,
    )
    return find_campaign(connection, campaign.plan.campaign)


def close(
    connection: Connection,
    campaign: Campaign,
    by: str,
    at: datetime,
    reason: str | None = None,
) -> Campaign:
    """Stop a running campaign for a reason, or end it without one.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    campaign : Campaign
        The campaign.
    by : str
        Who closes it; a guard of harm has a name of its own.
    at : datetime
        Now.
    reason : str, optional
        Why it is stopped. Default: it has ended.

    Raises
    ------
    CampaignStateError
        If it does not run.
    """
    _require(campaign, "running")
    _update(
        connection,
        campaign,
        state="stopped" if reason else "ended",
        closed_at=at,
        closed_by=by,
        close_reason=reason,
    )
    return find_campaign(connection, campaign.plan.campaign)


def end_finished(connection: Connection, day: date, by: str, at: datetime) -> list[str]:
    """End the running campaigns whose last day is over; return their names.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    day : date
        The civil day of `at`.
    by : str
        Who ends them.
    at : datetime
        Now.
    """
    over = [each for each in list_campaigns(connection, ("running",)) if each.plan.ends_on < day]
    for each in over:
        close(connection, each, by, at)
    return [each.plan.campaign for each in over]


def lock_campaigns(connection: Connection) -> None:
    """Let one transaction at a time plan and launch: two would draw the same customer."""
    advisory_lock(connection, ALL_CAMPAIGNS)


def _require(campaign: Campaign, state: State) -> None:
    if campaign.state != state:
        fault = f"is {campaign.state}, not {state}"
        cure = "plan another one" if campaign.state in ("stopped", "ended") else "launch it first"
        raise CampaignStateError(f"campaign {campaign.plan.campaign}", fault, cure)


def _update(
    connection: Connection,
    campaign: Campaign,
    plan_part: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    if plan_part is not None:
        name = campaign.plan.campaign
        stored = connection.execute(select(_c.plan).where(_c.campaign == name)).scalar_one()
        columns["plan"] = {**stored, **plan_part}
    connection.execute(_SET.values(**columns), {"name": campaign.plan.campaign})


def _count(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _campaign(row: RowMapping) -> Campaign:
    stored = dict(row["plan"])
    draw, check = stored.pop("draw"), stored.pop("check")
    others = {
        name: row[name]
        for name in (
            *("state", "planned_at", "planned_by", "launched_at", "launched_by"),
            *("closed_at", "closed_by", "close_reason"),
        )
    }
    return Campaign(plan=parse_plan(stored), draw=draw, check=check, **others)
