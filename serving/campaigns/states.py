"""Launch, stop and end campaigns.

planned -> running -> stopped (by a person or a guard, with a reason)
                   -> ended   (its days are over)
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from serving.campaigns.membership import taken_customers
from serving.campaigns.store import (
    BATCH_ROWS,
    STATE_LABELS,
    Campaign,
    CampaignStateError,
    State,
    count_names,
    find_campaign,
    list_campaigns,
    read_drawn,
)
from serving.records.campaign_tables import campaign_members, campaigns
from serving.records.database import advisory_lock

ALL_CAMPAIGNS = "campaigns"
"""Name of the lock under which campaigns are planned and launched, one at a time."""
_c, _m = campaigns.c, campaign_members.c
_SET = update(campaigns).where(_c.campaign == bindparam("name"))


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
    elsewhere = taken_customers(
        connection,
        drawn,
        plan.starts_on,
        plan.ends_on,
        plan.priority + 1,
        besides=plan.campaign,
    )
    gone = sorted(elsewhere)
    for start in range(0, len(gone), BATCH_ROWS):
        part = gone[start : start + BATCH_ROWS]
        condition = (_m.campaign == plan.campaign) & _m.customer_id.in_(part)
        connection.execute(delete(campaign_members).where(condition))
    left_out = Counter(campaign.draw["left_out"])
    left_out.update(f"campaign {other}" for other in elsewhere.values())
    stay = count_names(arm for customer, arm in drawn.items() if customer not in elsewhere)
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
        arms = "、".join(empty)
        chinese = f"活动 {campaign.plan.campaign}", f"分组 {arms} 没有客户", "请换更长的名单"
        raise CampaignStateError(f"campaign {campaign.plan.campaign}", fault, cure, chinese=chinese)
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
    over = [
        campaign
        for campaign in list_campaigns(connection, ("running",))
        if campaign.plan.ends_on < day
    ]
    for campaign in over:
        close(connection, campaign, by, at)
    return [campaign.plan.campaign for campaign in over]


def lock_campaigns(connection: Connection) -> None:
    """Wait until no other transaction plans or launches: two would draw the same customer."""
    advisory_lock(connection, ALL_CAMPAIGNS)


def _require(campaign: Campaign, state: State) -> None:
    if campaign.state != state:
        fault = f"is {campaign.state}, not {state}"
        over = campaign.state in ("stopped", "ended")
        cure = "plan another one" if over else "launch it first"
        chinese = (
            f"活动 {campaign.plan.campaign}",
            f"{STATE_LABELS[campaign.state]}，不是{STATE_LABELS[state]}",
            "请另外制定一个活动" if over else "请先启动",
        )
        raise CampaignStateError(f"campaign {campaign.plan.campaign}", fault, cure, chinese=chinese)


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
