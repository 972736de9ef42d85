"""Measure a campaign: what it added for all who were drawn, and whether it pays.

Intention to treat: members count in the arm they were drawn into, delivered or not, once their term
is ripe. The one primary claim is judged at planned looks; everything else is shown beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from serving.campaigns.store import Campaign
from serving.measurement.campaign_rows import HARMS, CampaignRows, Flags, Floats, gather_rows
from serving.measurement.harm import weigh_harm
from serving.measurement.looks_taken import TakenLook, next_share, read_looks, write_look
from serving.measurement.words import english_verdict
from serving.records.database import LONG_SECONDS, Records
from training.experiments.always_valid import Evidence
from training.experiments.compliers import ComplierEffect, complier_effect
from training.experiments.corrections import chance_best_by_luck, holm, joint_factor
from training.experiments.effects import Effect, Sample, Total, average_effect, total
from training.experiments.interim import LookResult, result_at_look
from training.experiments.looks import LookPlan
from training.experiments.sample_ratio import RatioCheck, check_ratio
from training.experiments.verdict import Verdict, judge

LEAST_ROWS = 30
"""Ripe members that each arm of a level must have for an effect of its own."""


@dataclass(frozen=True)
class ArmCount:
    """An arm in numbers.

    Attributes
    ----------
    arm, kind : str
        The arm, and what it gets.
    share : float
        Stated probability of being drawn into it.
    members, households : int
        Customers and what was drawn.
    with_term, ripe, renewed : int
        Members with a term that was to expire; whose renewal can no longer change; who renewed.
    contacted, received : int
        Members with a contact of the campaign that was made, and that reached them.
    other_marketing, service : int
        Contacts that are not the campaign's: what could not be kept from an arm.
    """

    arm: str
    kind: str
    share: float
    members: int
    households: int
    with_term: int
    ripe: int
    renewed: int
    contacted: int
    received: int
    other_marketing: int
    service: int


@dataclass(frozen=True)
class LevelEffect:
    """The effect on renewal in a level of a declared breakdown.

    Attributes
    ----------
    breakdown, level : str
        The breakdown, and its level.
    effect : Effect
        With an interval that holds for all levels together.
    p_value : float
        Corrected for all levels of all breakdowns (Holm).
    """

    breakdown: str
    level: str
    effect: Effect
    p_value: float


@dataclass(frozen=True)
class Figures:
    """The effects of a campaign at a look.

    Attributes
    ----------
    look : LookResult
        Renewals of the primary claim, with the interval of the look.
    net : LookResult
        Yuan a member treated: renewals times their stated worth, less the cost.
    premium, margin, cost : Effect
        Yuan a member drawn, with intervals as wide as the look's; margin is net of cost.
    totals : Mapping[str, Total]
        Renewals, premium, margin and net gain of all ripe members treated.
    compliers : ComplierEffect
        The effect on renewal for those whom the contact reached because of the lot.
    explained : float
        Share of the variance that the probability as of the draw took away.
    others : Mapping[str, Effect]
        The other arms against the arm that is compared with, and their corrected p values.
    other_p_values : Mapping[str, float]
        Corrected (Holm).
    levels : list of LevelEffect
        Declared breakdowns.
    best_by_luck : Mapping[str, float]
        By breakdown, how often the best level would stand out as far if all were alike.
    """

    look: LookResult
    net: LookResult
    premium: Effect
    margin: Effect
    cost: Effect
    totals: Mapping[str, Total]
    compliers: ComplierEffect
    explained: float
    others: Mapping[str, Effect]
    other_p_values: Mapping[str, float]
    levels: list[LevelEffect]
    best_by_luck: Mapping[str, float]


@dataclass(frozen=True)
class CampaignMeasurement:
    """What a campaign is known to have done by a date.

    Attributes
    ----------
    campaign, label, state : str
        The campaign and how it stands.
    as_of : date
        Last day whose records are used.
    verdict : Verdict
        What is proven, in Chinese.
    verdict_english : str
        The same in English.
    ratio : RatioCheck
        Whether the arms have the sizes that the lot stated.
    harms : Mapping[str, Evidence]
        Guards, by Chinese name.
    arms : list of ArmCount
        The arms in numbers.
    ripe_share : float
        Share of the terms whose renewal can no longer change.
    next_look : float or None
        Share at which the next planned look is due; None: this one is a look, or none is left.
    beyond_plan : bool
        Whether this look is beyond the plan and has the always-valid interval for it.
    figures : Figures or None
        None before the next planned look, and where the arms contradict the lot.
    """

    campaign: str
    label: str
    state: str
    as_of: date
    verdict: Verdict
    verdict_english: str
    ratio: RatioCheck
    harms: Mapping[str, Evidence]
    arms: list[ArmCount]
    ripe_share: float
    next_look: float | None
    beyond_plan: bool
    figures: Figures | None


def measure_campaign(
    lake: Lake, records: Records, name: str, as_of: date, at: datetime, by: str
) -> CampaignMeasurement:
    """Measure a campaign by what is known at the end of a date, and keep the look.

    Parameters
    ----------
    lake : Lake
        The home.
    records : Records
        Campaigns, contacts, outcomes and looks.
    name : str
        The campaign.
    as_of : date
        Last day whose records are used.
    at : datetime
        Now.
    by : str
        Who looks.

    Raises
    ------
    GuanjiaError
        If there is no such campaign, or it was not launched by then.
    """
    campaign, rows = gather_rows(lake, records, name, as_of)
    plan = campaign.plan
    looks = LookPlan(plan.looks, plan.spending)
    with records.reading() as connection:
        taken = read_looks(connection, name)
    ratio = _check_arms(campaign, rows)
    harms = {HARMS[each]: found for each, found in weigh_harm(campaign, rows).items()}
    ripe_share = float(rows.ripe.sum() / max(int(rows.has_term.sum()), 1))
    due = next_share(looks, taken, as_of)
    early = due is not None and ripe_share < due
    figures = None
    if not early and not ratio.mismatch:
        figures = _figures(campaign, rows, looks, [x for x in taken if x.as_of < as_of])
    if figures is not None:
        look = figures.look
        number = look.number if look.kind == "planned" else None
        kept = TakenLook(as_of, number, look.fraction, look.gains)
        if not any(x.as_of >= as_of for x in taken):
            with records.writing(LONG_SECONDS, durable=True) as connection:
                write_look(connection, name, kept, by, at)
    gain = float(campaign.check["relevant_gain"])
    verdict = judge(figures.net if figures else None, ratio, harms, gain)
    if figures is None and verdict.code == "too_early":
        verdict = Verdict("too_early", _too_early(rows, ripe_share, due))
    return CampaignMeasurement(
        campaign=name,
        label=plan.label,
        state=campaign.state,
        as_of=as_of,
        verdict=verdict,
        verdict_english=english_verdict(verdict, figures and figures.net, ripe_share, due),
        ratio=ratio,
        harms=harms,
        arms=_count_arms(campaign, rows),
        ripe_share=ripe_share,
        next_look=due if early else None,
        beyond_plan=figures is not None and figures.look.kind == "always_valid",
        figures=figures,
    )


def _check_arms(campaign: Campaign, rows: CampaignRows) -> RatioCheck:
    """Check the sizes of the arms: of all drawn, and of those that are ripe; return the worse."""
    shares = {arm.name: arm.share for arm in campaign.plan.arms}
    checks = []
    for marked in (np.ones(len(rows.arm), bool), rows.ripe):
        units = {name: len(np.unique(rows.cluster[rows.of_arm(name) & marked])) for name in shares}
        if sum(units.values()):
            checks.append(check_ratio(units, shares))
    return next((check for check in checks if check.mismatch), checks[0])


def _figures(
    campaign: Campaign, rows: CampaignRows, looks: LookPlan, before: Sequence[TakenLook]
) -> Figures | None:
    plan = campaign.plan
    judged, against = plan.primary
    sample, kept = _sample(campaign, rows, judged, against)
    if sample is None:
        return None
    renewed = rows.renewed.astype(float)
    effect = average_effect(renewed[kept], sample)
    if not 0 < effect.deviation < np.inf:
        return None
    planned = float(campaign.check["standard_error"])
    earlier = [look.information for look in before]
    if earlier and (planned / effect.deviation) ** 2 <= max(earlier) + 1e-6:
        # Nothing has ripened since: it is the look before, and spends nothing.
        earlier = earlier[:-1]
    look = result_at_look(effect, looks, earlier, planned)
    money = {
        name: average_effect(values[kept], sample).bounded(look.factor)
        for name, values in (
            ("premium", rows.premium),
            ("margin", rows.margin),
            ("cost", rows.cost),
        )
    }
    worth = float(campaign.check["worth"])
    treated = int(sample.treated.sum())
    net = replace(look, effect=_net(look.effect, worth, money["cost"].value))
    others, p_values = _other_arms(campaign, rows)
    levels, luck = _levels(campaign, rows, judged, against)
    return Figures(
        look=look,
        net=net,
        **money,
        totals={
            "renewals": total(look.effect, treated),
            "premium": total(money["premium"], treated),
            "margin": total(money["margin"], treated),
            "net": total(net.effect, treated),
        },
        compliers=complier_effect(renewed[kept], rows.received[kept], sample),
        explained=effect.explained,
        others=others,
        other_p_values=p_values,
        levels=levels,
        best_by_luck=luck,
    )


def _sample(
    campaign: Campaign,
    rows: CampaignRows,
    judged: str,
    against: str,
    among: Flags | None = None,
) -> tuple[Sample | None, Flags]:
    """Take the ripe members of two arms; None where one of them has too few."""
    kept = rows.ripe & (rows.of_arm(judged) | rows.of_arm(against))
    if among is not None:
        kept &= among
    treated = rows.of_arm(judged)[kept]
    if min(int(treated.sum()), int((~treated).sum())) < 2:
        return None, kept
    shares = campaign.plan.arm(judged).share, campaign.plan.arm(against).share
    probability: Floats = rows.probability[kept]
    sample = Sample(
        treated=treated,
        probability=shares[0] / sum(shares),
        clusters=rows.cluster[kept],
        covariates=probability if np.ptp(probability) > 0 else None,
    )
    return sample, kept


def _net(effect: Effect, worth: float, cost: float) -> Effect:
    """Convert renewals a member to yuan a member, less the cost of a member."""
    return replace(
        effect,
        value=effect.value * worth - cost,
        low=effect.low * worth - cost,
        high=effect.high * worth - cost,
        deviation=effect.deviation * worth,
    )


def _other_arms(
    campaign: Campaign, rows: CampaignRows
) -> tuple[dict[str, Effect], dict[str, float]]:
    """Compare the arms that are not in the primary claim, corrected for how many they are."""
    judged, against = campaign.plan.primary
    found: dict[str, Effect] = {}
    for arm in campaign.plan.arms:
        if arm.name not in (judged, against):
            for first, second in ((judged, arm.name), (arm.name, against)):
                sample, kept = _sample(campaign, rows, first, second)
                if sample is not None:
                    renewed = rows.renewed[kept].astype(float)
                    found[f"{first} / {second}"] = average_effect(renewed, sample)
    corrected = holm({name: effect.p_value for name, effect in found.items()})
    factor = joint_factor(len(found))
    return {name: effect.bounded(factor) for name, effect in found.items()}, corrected


def _levels(
    campaign: Campaign, rows: CampaignRows, judged: str, against: str
) -> tuple[list[LevelEffect], dict[str, float]]:
    """Estimate the effect in each level of the declared breakdowns, corrected for their number."""
    found: dict[tuple[str, str], Effect] = {}
    for breakdown in campaign.plan.breakdowns:
        values = np.array(rows.levels[breakdown])
        for level in sorted({*rows.levels[breakdown]} - {""}):
            sample, kept = _sample(campaign, rows, judged, against, values == level)
            if sample is None:
                continue
            treated = int(sample.treated.sum())
            if min(treated, sample.rows - treated) >= LEAST_ROWS:
                renewed = rows.renewed[kept].astype(float)
                found[breakdown, level] = average_effect(renewed, sample)
    corrected = holm({"\x1f".join(key): effect.p_value for key, effect in found.items()})
    factor = joint_factor(len(found))
    levels = [
        LevelEffect(*key, effect.bounded(factor), corrected["\x1f".join(key)])
        for key, effect in found.items()
    ]
    luck = {}
    for breakdown in campaign.plan.breakdowns:
        effects = [effect for key, effect in found.items() if key[0] == breakdown]
        noisy = [effect for effect in effects if 0 < effect.deviation < np.inf]
        if noisy:
            luck[breakdown] = chance_best_by_luck(
                [effect.value for effect in noisy], [effect.deviation for effect in noisy]
            )
    return levels, luck


def _count_arms(campaign: Campaign, rows: CampaignRows) -> list[ArmCount]:
    counted = []
    for arm in campaign.plan.arms:
        own = rows.of_arm(arm.name)

        def count(flags: Any, own: Flags = own) -> int:
            return int(flags[own].sum())

        counted.append(
            ArmCount(
                arm=arm.name,
                kind=arm.kind,
                share=arm.share,
                members=int(own.sum()),
                households=len(np.unique(rows.cluster[own])),
                with_term=count(rows.has_term),
                ripe=count(rows.ripe),
                renewed=count(rows.renewed),
                contacted=count(rows.contacted),
                received=count(rows.received),
                other_marketing=count(rows.others),
                service=count(rows.service),
            )
        )
    return counted


def _too_early(rows: CampaignRows, ripe_share: float, due: float | None) -> str:
    ripe, terms = int(rows.ripe.sum()), int(rows.has_term.sum())
    if due is None:
        return f"{terms:,} 张到期保单中 {ripe:,} 张已成熟, 两组中至少一组过少, 尚不能比较"
    return f"{terms:,} 张到期保单中 {ripe:,} 张已成熟({ripe_share:.0%}), 下次计划查看在 {due:.0%}"


def require_whole(rows_of: int, members: int, name: str) -> None:
    """Refuse a measurement to a caller who sees a part of the members only.

    Parameters
    ----------
    rows_of : int
        Members that the caller sees.
    members : int
        All members.
    name : str
        The campaign.

    Raises
    ------
    GuanjiaError
        If they differ: a look is one of the whole campaign.
    """
    if rows_of != members:
        fault = "has members of branches that you do not see, and is measured as a whole"
        raise GuanjiaError(f"campaign {name}", fault, "ask with a token for all branches")
