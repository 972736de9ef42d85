"""Check before a campaign whether it can be judged: which effect it sees, and which it must see.

The share that is left alone is a result of this check and no habit: without shares in the plan the
smallest one is taken that sees the effect that is planned for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from serving.campaigns.members import Member
from serving.campaigns.plan import LEAST_POWER, CampaignPlan, PlanFaultError, parse_plan
from training.experiments.looks import LookPlan, inflation
from training.experiments.power import (
    POWER,
    Design,
    PowerCheck,
    check_power,
    needed_units,
    rate_deviation,
)

UNKNOWN_RATE = 0.5
"""Where no member has a probability: the rate of which least can be seen."""


class WeakCampaignError(PlanFaultError):
    """A campaign can hardly be judged, and nobody said why it is launched all the same."""


@dataclass(frozen=True)
class CampaignCheck:
    """What a campaign can see.

    Attributes
    ----------
    members, units : int
        Customers, and households or single customers that are drawn.
    compared : int
        Units of the two arms of the primary claim.
    control_share : float
        Share of them in the arm that is compared with.
    rate : float
        Renewal rate to expect without the campaign.
    explained : float
        Share of the variance of renewals that the probabilities explain.
    worth : float
        Yuan a renewal gained is worth.
    standard_error : float
        Of the effect at maturity, for one look.
    relevant_gain : float
        Least net gain that would matter, yuan a member treated.
    visible_effect, visible_yuan : float
        Smallest effect seen four times in five: as a share, and in yuan a member.
    break_even_effect : float
        Effect that pays the contact.
    effect, power : float
        The effect that is planned for, and the probability of seeing it.
    needed_share : float or None
        Smallest share of the compared that must be left alone to see it; None: half is not enough.
    needed_members : int
        Compared units that see it at this share.
    pooled_campaigns : int
        Campaigns of this size that see it together.
    advice : Mapping[str, str]
        What to do, by language: "zh", "en".
    """

    members: int
    units: int
    compared: int
    control_share: float
    rate: float
    explained: float
    worth: float
    standard_error: float
    relevant_gain: float
    visible_effect: float
    visible_yuan: float
    break_even_effect: float
    effect: float
    power: float
    needed_share: float | None
    needed_members: int
    pooled_campaigns: int
    advice: Mapping[str, str]

    @property
    def is_weak(self) -> bool:
        """True if the campaign sees its effect less than half of the time."""
        return self.power < LEAST_POWER

    def document(self) -> dict[str, Any]:
        """Return the check for the record of the campaign."""
        return asdict(self)


def check_campaign(plan: CampaignPlan, members: Sequence[Member]) -> CampaignCheck:
    """Check what a campaign can see of the effect that it is planned for.

    Parameters
    ----------
    plan : CampaignPlan
        The plan.
    members : sequence of Member
        Whom it draws.

    Raises
    ------
    PlanFaultError
        If there are fewer than two units, or nothing says what a renewal is worth.
    """
    units = len({member.unit for member in members})
    treated, against = (plan.arm(name).share for name in plan.primary)
    compared = round(units * (treated + against))
    if compared < 4:
        raise PlanFaultError(
            f"campaign {plan.campaign}",
            f"draws {units} households, which no measurement compares",
            "take a longer list",
            chinese=(f"活动 {plan.campaign}", f"只有 {units} 户，无法比较", "请换更长的名单"),
        )
    rate, explained = _expected(members)
    worth = _worth(plan, members)
    looks = LookPlan(plan.looks, plan.spending)
    design = Design(
        units=compared,
        holdout=against / (treated + against),
        deviation=rate_deviation(rate),
        explained=explained,
        inflation=inflation(looks),
    )
    power = check_power(design, plan.contact_cost, worth, plan.effect)
    needed = needed_units(design, plan.effect)
    return CampaignCheck(
        members=len(members),
        units=units,
        compared=compared,
        control_share=design.holdout,
        rate=rate,
        explained=explained,
        worth=worth,
        standard_error=design.standard_error / design.inflation,
        relevant_gain=_relevant_gain(plan, worth),
        visible_effect=power.visible_effect,
        visible_yuan=power.visible_yuan,
        break_even_effect=power.break_even_effect,
        effect=plan.effect,
        power=power.power,
        needed_share=power.needed_holdout,
        needed_members=needed,
        pooled_campaigns=power.pooled_campaigns,
        advice=_advice(power),
    )


def propose_shares(fields: Mapping[str, Any], members: Sequence[Member]) -> dict[str, Any]:
    """Fill in the shares of arms that state none: the smallest control that sees the effect.

    Arms that are compared with the treatments get the same share each; if no share is enough, all
    arms get the same, of which most is seen.

    Parameters
    ----------
    fields : mapping of str to object
        Fields of a plan, as in JSON or TOML.
    members : sequence of Member
        Whom it draws.

    Raises
    ------
    PlanFaultError
        If only some arms state a share, or the plan has another fault.
    """
    arms = [dict(arm) for arm in fields.get("arms", ())]
    stated = ["share" in arm for arm in arms]
    if not arms or all(stated):
        return dict(fields)
    if any(stated):
        name = fields.get("campaign", "")
        raise PlanFaultError(
            f"campaign {name}",
            "states the share of some arms only",
            "state all of them, or none",
            chinese=(f"活动 {name}", "只写了部分分组的比例", "请全部写上，或全部不写"),
        )
    treatments = sum(arm.get("kind") == "treatment" for arm in arms)
    controls = len(arms) - treatments
    proposed: dict[str, Any] = {}
    for percent in range(1, 100 // len(arms) + 1):
        share = percent / 100 if percent < 100 // len(arms) else 1 / len(arms)
        rest = (1 - share * controls) / max(treatments, 1)
        shares = [rest if arm.get("kind") == "treatment" else share for arm in arms]
        filled = [arm | {"share": part} for arm, part in zip(arms, shares, strict=True)]
        proposed = {**fields, "arms": filled}
        if check_campaign(parse_plan(proposed), members).power >= POWER:
            break
    return proposed


def require_power(plan: CampaignPlan, check: CampaignCheck, weak_because: str | None) -> None:
    """Refuse a campaign that can hardly be judged, unless somebody says why.

    Parameters
    ----------
    plan : CampaignPlan
        The plan.
    check : CampaignCheck
        What it can see.
    weak_because : str or None
        Why it is launched all the same.

    Raises
    ------
    WeakCampaignError
        If its power is below one half and no reason is given.
    """
    if not check.is_weak or (weak_because or "").strip():
        return
    fault = (
        f"would see an effect of {check.effect * 100:.1f} points only {check.power:.0%} of the "
        f"time; the smallest it sees is {check.visible_effect * 100:.1f} points"
    )
    cure = f"{check.advice['en']}; or say why it is launched all the same"
    chinese = (
        f"活动 {plan.campaign}",
        f"{check.effect * 100:.1f} 个百分点的效果只有 {check.power:.0%} 的机会看出来，"
        f"能看出的最小效果是 {check.visible_effect * 100:.1f} 个百分点",
        f"{check.advice['zh']}；或写明为什么仍要启动",
    )
    raise WeakCampaignError(f"campaign {plan.campaign}", fault, cure, chinese=chinese)


def _expected(members: Sequence[Member]) -> tuple[float, float]:
    """Return the rate to expect, and the share of its variance that the probabilities explain."""
    known = [member.probability for member in members if member.probability is not None]
    if not known:
        return UNKNOWN_RATE, 0.0
    rate = sum(known) / len(known)
    rate = min(max(rate, 0.001), 0.999)
    spread = sum((value - rate) ** 2 for value in known) / len(known)
    return rate, min(spread / (rate * (1 - rate)), 0.99) * len(known) / len(members)


def _worth(plan: CampaignPlan, members: Sequence[Member]) -> float:
    if plan.worth is not None:
        return plan.worth
    known = [member.margin for member in members if member.margin is not None]
    if not known:
        raise PlanFaultError(
            f"campaign {plan.campaign}",
            "does not say what a renewal is worth",
            "state worth in the plan, in yuan",
            chinese=(
                f"活动 {plan.campaign}",
                "不知道一次续保值多少钱",
                "请换带有期望边际的名单，或在方案里写明价值（元）",
            ),
        )
    return sum(known) / len(known)


def _relevant_gain(plan: CampaignPlan, worth: float) -> float:
    if plan.relevant_gain is not None:
        return plan.relevant_gain
    planned = plan.effect * worth - plan.contact_cost
    return planned if planned > 0 else max(plan.contact_cost, 0.01)


def _advice(power: PowerCheck) -> dict[str, str]:
    if power.power >= POWER:
        return {
            "zh": f"对照比例{power.design.holdout:.0%}足够",
            "en": f"a control of {power.design.holdout:.0%} is enough",
        }
    more = power.pooled_campaigns - 1
    chinese = f"与后续{more}个同规模活动合并评估"
    english = f"pool it with the next {more} campaigns"
    if power.needed_holdout is not None and power.needed_holdout > power.design.holdout:
        share = f"{power.needed_holdout:.0%}"
        return {
            "zh": f"对照比例提高到{share}，或{chinese}",
            "en": f"hold out {share}, or {english}",
        }
    return {
        "zh": f"名单太小，对照比例再高也不够；可{chinese}",
        "en": f"no holdout of this list is enough: {english}",
    }
