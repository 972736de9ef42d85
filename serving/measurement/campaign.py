"""Measure a campaign: what it added for all who were drawn, and whether it pays.

Intention to treat: members count in the arm they were drawn into, delivered or not, once their term
is ripe. The one primary claim is judged at planned looks; everything else is shown beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from features.lake import Lake
from serving.campaigns.store import Campaign
from serving.measurement.campaign_rows import HARMS, CampaignRows, Flags, gather_rows
from serving.measurement.figures import Figures, estimate_figures
from serving.measurement.harm import weigh_harm
from serving.measurement.looks_taken import TakenLook, next_share, read_looks, write_look
from serving.measurement.words import english_verdict
from serving.records.database import LONG_SECONDS, Records
from training.experiments.always_valid import Evidence
from training.experiments.looks import LookPlan
from training.experiments.sample_ratio import RatioCheck, check_ratio
from training.experiments.verdict import Verdict, judge


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
    lake: Lake,
    records: Records,
    name: str,
    as_of: date,
    at: datetime,
    by: str,
    *,
    peek: bool = False,
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
    peek : bool
        Look also between two planned looks: then with the always-valid interval.

    Raises
    ------
    GuanjiaError
        If there is no such campaign, or it was not launched by then.
    """
    campaign, rows = gather_rows(lake, records, name, as_of)
    plan = campaign.plan
    looks = LookPlan(plan.looks, plan.spending)
    with records.reading() as connection:
        looks_taken = read_looks(connection, name)
    ratio = _check_arms(campaign, rows)
    harms = {HARMS[harm]: evidence for harm, evidence in weigh_harm(campaign, rows).items()}
    ripe_share = float(rows.ripe.sum() / max(int(rows.has_term.sum()), 1))
    due = next_share(looks, looks_taken, as_of)
    early = due is not None and ripe_share < due
    figures = None
    if (peek or not early) and not ratio.mismatch:
        before = [look for look in looks_taken if look.as_of < as_of and look.number is not None]
        figures = estimate_figures(campaign, rows, looks, before, unplanned=early)
    if figures is not None:
        look = figures.look
        number = look.number if look.kind == "planned" else None
        look_taken = TakenLook(as_of, number, look.fraction, look.gains)
        if not any(x.as_of >= as_of for x in looks_taken):
            with records.writing(LONG_SECONDS, durable=True) as connection:
                write_look(connection, name, look_taken, by, at)
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
        verdict_english=english_verdict(verdict, figures.net if figures else None, ripe_share, due),
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
        return f"{terms:,} 张到期保单中 {ripe:,} 张已成熟，两组中至少一组过少，尚不能比较"
    return f"{terms:,} 张到期保单中 {ripe:,} 张已成熟（{ripe_share:.0%}），下次计划查看在 {due:.0%}"
