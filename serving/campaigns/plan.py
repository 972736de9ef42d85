"""State what a campaign is: one touchpoint, two or three arms, looks and bounds of harm.

A plan is complete before the first contact: what is compared with what, how often it is looked at,
which breakdowns are judged, and at which harm sending stops. None of it changes afterwards.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.declared import Declared, one_of, parse_fields, refusal
from features.errors import GuanjiaError

NAME = r"^[a-z][a-z0-9_]{0,59}$"
ArmKind = Literal["treatment", "as_before", "silence"]
ARM_LABELS: Mapping[str, str] = {
    "treatment": "活动组",
    "as_before": "照旧组",
    "silence": "静默对照组",
}
BREAKDOWNS: Mapping[str, str] = {"star": "星级", "segment": "分群", "branch": "机构"}
"""Column of the members by which a measurement may break down -> Chinese label."""
MOST_ARMS = 3
LEAST_POWER = 0.5
"""Below it a campaign is not launched unless a reason is given."""


class PlanFaultError(GuanjiaError):
    """A plan, or the list that it draws from, has a fault."""


class Arm(Declared):
    """An arm of a campaign, into which members are drawn.

    Attributes
    ----------
    name : str
        Unique in the campaign.
    kind : {"treatment", "as_before", "silence"}
        "treatment": the campaign's touchpoint and no other marketing. "as_before": all marketing
        but the campaign's. "silence": no marketing.
    share : float
        Probability of being drawn into it.
    channel, offer : str or None
        The only channel and offer of a treatment; None: as the touchpoint has them.
    """

    name: str = Field(pattern=NAME)
    kind: ArmKind
    share: float = Field(gt=0, lt=1)
    channel: Annotated[str, one_of(CONTACT_CHANNELS)] | None = None
    offer: str | None = None


class HarmBounds(Declared):
    """Most harm that a campaign may do, as a share of members beyond the comparison.

    Once harm is above its bound for certain (always-valid), sending stops.
    """

    opted_out: float = Field(default=0.01, ge=0, le=1)
    complained: float = Field(default=0.005, ge=0, le=1)
    refused: float = Field(default=0.10, ge=0, le=1)


LABELS: Mapping[str, str] = {
    "campaign": "代号",
    "label": "活动名称",
    "touchpoint": "触点",
    "arms": "分组",
    "primary": "主要比较",
    "starts_on": "开始",
    "ends_on": "结束",
    "priority": "优先级",
    "looks": "计划查看次数",
    "effect": "预计提升",
    "contact_cost": "每人触达成本",
    "worth": "续保价值",
    "breakdowns": "事先声明的分组",
    "weak_because": "把握不到一半仍要做的理由",
}
"""Field of a plan -> what the form calls it."""


class CampaignPlan(Declared):
    """The plan of a campaign.

    Attributes
    ----------
    campaign, label : str
        Name and Chinese label.
    touchpoint : str
        The touchpoint of its treatments.
    arms : tuple of Arm
        Two or three, with shares that add up to 1.
    primary : tuple of str
        The arm that is judged and the arm it is compared with; the one claim that is made.
    starts_on, ends_on : datetime.date
        Days on which the arms hold.
    priority : int
        Of two campaigns that want the same customer the higher one has them.
    looks : int
        How often the primary claim is judged, at even shares of ripe members.
    spending : {"obrien_fleming", "pocock"}
        How the looks spend the 5% of false claims.
    effect : float
        Change of the renewal rate that is planned for, as a share: 0.02 is two points.
    contact_cost : float
        Yuan of treating a member, offers included.
    worth : float or None
        Yuan a renewal gained is worth; None: the mean expected margin of the members.
    relevant_gain : float or None
        Least net gain that would matter, yuan a member treated; None: what the planned effect is
        worth less the contact, or the contact's cost where that is not above 0.
    breakdowns : tuple of str
        Names of `BREAKDOWNS` that are judged too, declared beforehand and corrected (Holm).
    harm : HarmBounds
        When sending stops.
    weak_because : str or None
        Why it is launched with a power below one half.
    list_name, list_hash : str or None
        The released list that its members come from.
    """

    campaign: str = Field(pattern=NAME)
    label: str = Field(min_length=1, max_length=60)
    touchpoint: str
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=MOST_ARMS)
    primary: tuple[str, str]
    starts_on: date
    ends_on: date
    priority: int = Field(default=50, ge=0, le=100)
    looks: int = Field(default=3, ge=1, le=6)
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"
    effect: float = Field(gt=0, lt=1)
    contact_cost: float = Field(ge=0)
    worth: float | None = Field(default=None, gt=0)
    relevant_gain: float | None = Field(default=None, gt=0)
    breakdowns: tuple[Annotated[str, one_of(BREAKDOWNS)], ...] = ()
    harm: HarmBounds = HarmBounds()
    weak_because: str | None = Field(default=None, min_length=10, max_length=500)
    list_name: str | None = None
    list_hash: str | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise refusal("two arms have the same name", "有两个分组同名")
        if abs(sum(arm.share for arm in self.arms) - 1) > 1e-9:
            total = f"{sum(arm.share for arm in self.arms):g}"
            raise refusal(
                f"shares of arms add up to {total}, not 1", f"各分组比例之和是 {total}，不是 1"
            )
        kinds = {arm.name: arm.kind for arm in self.arms}
        treatment, against = self.primary
        if kinds.get(treatment) != "treatment" or against not in kinds or against == treatment:
            raise refusal(
                "primary names a treatment and another arm it is compared with",
                "主要比较须是一个触达组与另一个分组",
            )
        if any(arm.kind != "treatment" and (arm.channel or arm.offer) for arm in self.arms):
            raise refusal(
                "only a treatment has a channel or an offer", "只有触达组可以写渠道或优惠"
            )
        if all(arm.kind == "treatment" for arm in self.arms) and len(self.arms) > 1:
            raise refusal(
                "no arm is silent or as before: the campaign could not be judged",
                "没有不触达或照旧的分组，活动无法评估",
            )
        if self.ends_on < self.starts_on:
            raise refusal(
                f"it ends on {self.ends_on}, before it starts on {self.starts_on}",
                f"结束日 {self.ends_on} 早于开始日 {self.starts_on}",
            )
        return self

    def arm(self, name: str) -> Arm:
        """Return the arm of a name.

        Raises
        ------
        KeyError
            If there is no such arm.
        """
        return {arm.name: arm for arm in self.arms}[name]


def parse_plan(fields: Mapping[str, Any]) -> CampaignPlan:
    """Read a plan from its fields.

    Parameters
    ----------
    fields : mapping of str to object
        As in JSON or TOML.

    Raises
    ------
    PlanFaultError
        If a field is unknown, missing or out of range.
    """
    thing = f"campaign {fields.get('campaign', '')}".strip()
    try:
        return parse_fields(
            CampaignPlan, fields, thing=thing, manual="docs/campaigns.md", labels=LABELS
        )
    except GuanjiaError as error:
        raise PlanFaultError.of(error) from error


def require_touchpoint(plan: CampaignPlan, kinds: Mapping[str, str]) -> None:
    """Refuse a plan whose touchpoint is unknown or no marketing.

    Parameters
    ----------
    plan : CampaignPlan
        The plan.
    kinds : mapping of str to str
        Touchpoint -> "marketing" or "service".

    Raises
    ------
    PlanFaultError
        If it is not a touchpoint of marketing.
    """
    kind = kinds.get(plan.touchpoint)
    if kind is None:
        cure = "name one that `guanjia touchpoints` lists"
        chinese = f"触点 {plan.touchpoint}", "不存在", "请从触点目录里选一个"
        raise PlanFaultError(f"touchpoint {plan.touchpoint}", "is not known", cure, chinese=chinese)
    if kind != "marketing":
        fault = "is a service message, which everybody gets"
        chinese = f"触点 {plan.touchpoint}", "是服务通知，人人都会收到", "请选营销触点"
        raise PlanFaultError(
            f"touchpoint {plan.touchpoint}", fault, "name one of marketing", chinese=chinese
        )
