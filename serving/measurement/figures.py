"""Estimate the effects of a campaign: the primary claim by its look, everything else beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serving.campaigns.store import Campaign
from serving.measurement.all_terms import AllTerms, estimate_all_terms
from serving.measurement.campaign_rows import CampaignRows, Flags, Floats
from serving.measurement.looks_taken import TakenLook
from training.experiments.always_valid import always_valid_interval
from training.experiments.compliers import ComplierEffect, complier_effect
from training.experiments.corrections import chance_best_by_luck, holm, joint_factor
from training.experiments.effects import Effect, Total, average_effect, total
from training.experiments.interim import LookResult, information_fraction, result_at_look
from training.experiments.looks import LookPlan
from training.experiments.sample import Sample

LEAST_ROWS = 30
"""Ripe members that each arm of a level must have for an effect of its own."""


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
    all_terms : AllTerms or None
        The effect on all terms that expired while the arms held; None where it has no noise.
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
    all_terms: AllTerms | None
    compliers: ComplierEffect
    explained: float
    others: Mapping[str, Effect]
    other_p_values: Mapping[str, float]
    levels: list[LevelEffect]
    best_by_luck: Mapping[str, float]


def estimate_figures(
    campaign: Campaign,
    rows: CampaignRows,
    looks: LookPlan,
    before: Sequence[TakenLook],
    *,
    unplanned: bool = False,
) -> Figures | None:
    """Estimate the effects of a campaign from its ripe members.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    rows : CampaignRows
        Its members.
    looks : LookPlan
        The planned looks.
    before : sequence of TakenLook
        Planned looks taken before this one.
    unplanned : bool
        Whether this one lies between two planned looks.

    Returns
    -------
    Figures or None
        None where an arm of the primary claim has too few ripe members.
    """
    plan = campaign.plan
    treatment, against = plan.primary
    sample, marked = _sample(campaign, rows, treatment, against)
    if sample is None:
        return None
    renewed = rows.renewed.astype(float)
    effect = average_effect(renewed[marked], sample)
    if not 0 < effect.deviation < np.inf:
        return None
    planned = float(campaign.check["standard_error"])
    earlier = [look.information for look in before]
    if earlier and (planned / effect.deviation) ** 2 <= max(earlier) + 1e-6:
        # Nothing has ripened since: it is the look before, and spends nothing.
        earlier = earlier[:-1]
    if unplanned:
        look = _unplanned_look(effect, looks, len(earlier) + 1, planned)
    else:
        look = result_at_look(effect, looks, earlier, planned)
    money = {
        name: average_effect(values[marked], sample).bounded(look.factor)
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
    levels, luck = _levels(campaign, rows, treatment, against)
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
        all_terms=estimate_all_terms(rows, sample, marked, look.factor),
        compliers=complier_effect(renewed[marked], rows.received[marked], sample, most=1.0),
        explained=effect.explained,
        others=others,
        other_p_values=p_values,
        levels=levels,
        best_by_luck=luck,
    )


def primary_effect(campaign: Campaign, rows: CampaignRows) -> Effect | None:
    """Estimate the effect on renewal of the primary claim, with an interval for one look.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    rows : CampaignRows
        Its members.

    Returns
    -------
    Effect or None
        None where an arm has too few ripe members.
    """
    sample, marked = _sample(campaign, rows, *campaign.plan.primary)
    return None if sample is None else average_effect(rows.renewed[marked].astype(float), sample)


def _unplanned_look(effect: Effect, looks: LookPlan, number: int, planned: float) -> LookResult:
    """Give an effect the interval that holds at any time."""
    low, _ = always_valid_interval(effect.value, effect.deviation, planned, looks.error)
    factor = (effect.value - low) / effect.deviation
    return LookResult(
        number=number,
        planned=looks.looks,
        fraction=information_fraction(effect.deviation, planned),
        kind="always_valid",
        factor=factor,
        effect=effect.bounded(factor),
        last=False,
    )


def _sample(
    campaign: Campaign,
    rows: CampaignRows,
    treatment: str,
    against: str,
    among: Flags | None = None,
) -> tuple[Sample | None, Flags]:
    """Take the ripe members of two arms; None where one of them has too few."""
    marked = rows.ripe & (rows.of_arm(treatment) | rows.of_arm(against))
    if among is not None:
        marked &= among
    treated = rows.of_arm(treatment)[marked]
    if min(int(treated.sum()), int((~treated).sum())) < 2:
        return None, marked
    shares = campaign.plan.arm(treatment).share, campaign.plan.arm(against).share
    probability: Floats = rows.probability[marked]
    sample = Sample(
        treated=treated,
        probability=shares[0] / sum(shares),
        clusters=rows.cluster[marked],
        covariates=probability if np.ptp(probability) > 0 else None,
    )
    return sample, marked


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
    treatment, against = campaign.plan.primary
    effects_found: dict[str, Effect] = {}
    for arm in campaign.plan.arms:
        if arm.name not in (treatment, against):
            for first, second in ((treatment, arm.name), (arm.name, against)):
                sample, marked = _sample(campaign, rows, first, second)
                if sample is not None:
                    renewed = rows.renewed[marked].astype(float)
                    effects_found[f"{first} / {second}"] = average_effect(renewed, sample)
    corrected = holm({name: effect.p_value for name, effect in effects_found.items()})
    factor = joint_factor(len(effects_found))
    return {name: effect.bounded(factor) for name, effect in effects_found.items()}, corrected


def _levels(
    campaign: Campaign, rows: CampaignRows, treatment: str, against: str
) -> tuple[list[LevelEffect], dict[str, float]]:
    """Estimate the effect in each level of the declared breakdowns, corrected for their number."""
    effects_found: dict[tuple[str, str], Effect] = {}
    for breakdown in campaign.plan.breakdowns:
        values = np.array(rows.levels[breakdown])
        for level in sorted({*rows.levels[breakdown]} - {""}):
            sample, marked = _sample(campaign, rows, treatment, against, values == level)
            if sample is None:
                continue
            treated = int(sample.treated.sum())
            if min(treated, sample.rows - treated) >= LEAST_ROWS:
                renewed = rows.renewed[marked].astype(float)
                effects_found[breakdown, level] = average_effect(renewed, sample)
    corrected = holm({"\x1f".join(key): effect.p_value for key, effect in effects_found.items()})
    factor = joint_factor(len(effects_found))
    levels = [
        LevelEffect(*key, effect.bounded(factor), corrected["\x1f".join(key)])
        for key, effect in effects_found.items()
    ]
    luck = {}
    for breakdown in campaign.plan.breakdowns:
        effects = [effect for key, effect in effects_found.items() if key[0] == breakdown]
        noisy = [effect for effect in effects if 0 < effect.deviation < np.inf]
        if noisy:
            luck[breakdown] = chance_best_by_luck(
                [effect.value for effect in noisy], [effect.deviation for effect in noisy]
            )
    return levels, luck
