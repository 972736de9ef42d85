"""Keep campaigns in the records: plan, launch, stop and end; who was drawn stays for good.

planned -> running -> stopped (by a person or a guard, with a reason)
                   -> ended   (its days are over)
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, insert, select

from features.errors import GuanjiaError
from serving.campaigns.draw import draw_members
from serving.campaigns.members import Member
from serving.campaigns.plan import CampaignPlan, parse_plan
from serving.records.campaign_tables import campaign_members, campaigns

State = Literal["planned", "running", "stopped", "ended"]
STATE_LABELS: Mapping[State, str] = {
    "planned": "待启动",
    "running": "进行中",
    "stopped": "已停止",
    "ended": "已结束",
}
BATCH_ROWS = 1_000
_c, _m = campaigns.c, campaign_members.c


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
        Of `Records.writing()`, after `lock_campaigns` and `require_new`.
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
    """
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
            "arms": count_names(arm.name for arm in drawn.values()),
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


def require_new(connection: Connection, name: str) -> None:
    """Refuse a name that a campaign has already.

    Raises
    ------
    CampaignStateError
        If there is a campaign of that name.
    """
    if connection.execute(select(_c.campaign).where(_c.campaign == name)).first():
        cure = "give it another name; a plan never changes"
        chinese = f"活动 {name}", "已经制定过", "请换一个名称；方案定了就不再改"
        raise CampaignStateError(f"campaign {name}", "was planned already", cure, chinese=chinese)


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
        chinese = f"活动 {name}", "不存在", "请从活动页打开"
        raise UnknownCampaignError(f"campaign {name}", "is not known", cure, chinese=chinese)
    return _campaign(row)


def list_campaigns(connection: Connection, states: Collection[str] | None = None) -> list[Campaign]:
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


def count_names(names: Iterable[str]) -> dict[str, int]:
    """Count names, in their order."""
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
