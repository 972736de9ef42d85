"""Guard running campaigns against harm: opt-outs, refusals, complaints, at any time and every day.

The bounds hold however often one looks (`training.experiments.always_valid`), so the guard needs no
plan of looks: once harm is above its bound for certain, sending stops within the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from features.lake import Lake
from serving.campaigns.states import close, end_finished
from serving.campaigns.store import Campaign, find_campaign, list_campaigns
from serving.measurement.campaign_rows import (
    HARMS,
    CampaignRows,
    NoMembersError,
    gather_rows,
)
from serving.records.database import LONG_SECONDS, Records
from training.experiments.always_valid import Evidence, excess_evidence, harm_evidence

GUARD = "guard of harm"
"""Who stops a campaign that does harm."""


@dataclass(frozen=True)
class Guarded:
    """What the guard did with a campaign.

    Attributes
    ----------
    campaign, label : str
        The campaign.
    action : {"runs", "stopped", "ended"}
        "ended": its last day is over.
    chinese, english : str
        What was found, in a sentence.
    """

    campaign: str
    label: str
    action: str
    chinese: str
    english: str


def weigh_harm(campaign: Campaign, rows: CampaignRows) -> dict[str, Evidence]:
    """Weigh the harm among the treated against the bounds of the plan.

    Refusals and opt-outs can only come of contact, so their share of the contacted counts.
    Complaints happen to everybody: the treated's part of them is weighed against the treated's part
    of the members, once there are more of them than the plan's bound.

    Parameters
    ----------
    campaign : Campaign
        The campaign with its bounds.
    rows : CampaignRows
        Its members.

    Returns
    -------
    dict of str to Evidence
        By the harms of `HARMS`.
    """
    bounds = campaign.plan.harm
    treatments = [arm.name for arm in campaign.plan.arms if arm.kind == "treatment"]
    treated = np.isin(rows.arm, treatments)
    reached = treated & rows.contacted
    weighed: dict[str, Evidence] = {}
    for name, limit in (("opted_out", bounds.opted_out), ("refused", bounds.refused)):
        events = int((rows.harms[name] & reached).sum())
        weighed[name] = harm_evidence(events, int(reached.sum()), limit)
    complained = rows.harms["complained"]
    ours, theirs = int((complained & treated).sum()), int((complained & ~treated).sum())
    # An arm whose members were all erased leaves nothing to compare with.
    share = min(max(float(treated.mean()), 1e-6), 1 - 1e-6)
    excess = excess_evidence(ours, theirs, share)
    beyond = bool(treated.any()) and ours / treated.sum() > bounds.complained
    weighed["complained"] = Evidence(
        events=ours,
        trials=int(treated.sum()),
        limit=bounds.complained,
        rate=ours / max(int(treated.sum()), 1),
        strength=excess.strength,
        proven=excess.proven and beyond,
    )
    return weighed


def guard_campaigns(lake: Lake, records: Records, as_of: date, at: datetime) -> list[Guarded]:
    """Stop the running campaigns that do harm, and end those whose days are over.

    Parameters
    ----------
    lake : Lake
        The home.
    records : Records
        Campaigns, contacts and outcomes.
    as_of : date
        Last day whose records are read.
    at : datetime
        Now.
    """
    with records.reading(LONG_SECONDS) as connection:
        running = list_campaigns(connection, ("running",))
    done = [
        _guard(lake, records, campaign, as_of, at)
        for campaign in running
        if campaign.launched_at is not None and campaign.launched_at.date() <= as_of
    ]
    with records.writing(LONG_SECONDS, durable=True) as connection:
        over = end_finished(connection, as_of, GUARD, at)
    labels = {campaign.plan.campaign: campaign.plan.label for campaign in running}
    return done + [
        Guarded(name, labels[name], "ended", "活动期已满，结束", "its last day is over")
        for name in over
    ]


def _guard(lake: Lake, records: Records, campaign: Campaign, as_of: date, at: datetime) -> Guarded:
    plan = campaign.plan
    try:
        _, rows = gather_rows(lake, records, plan.campaign, as_of, with_terms=False)
    except NoMembersError as error:
        return Guarded(plan.campaign, plan.label, "runs", "活动已无成员", str(error))
    harms = weigh_harm(campaign, rows)
    proven = {name: evidence for name, evidence in harms.items() if evidence.proven}
    if not proven:
        return Guarded(plan.campaign, plan.label, "runs", "未见危害", "no harm is proven")
    chinese, english = words_of_harm(proven)
    with records.writing(LONG_SECONDS, durable=True) as connection:
        now = find_campaign(connection, plan.campaign)
        if now.state == "running":
            close(connection, now, GUARD, at, reason=f"{chinese} {english}")
    return Guarded(plan.campaign, plan.label, "stopped", chinese, english)


def words_of_harm(harms: Mapping[str, Evidence]) -> tuple[str, str]:
    """Say in Chinese and English which harms are proven."""
    chinese = "; ".join(
        f"{HARMS[name]}{evidence.events:,}/{evidence.trials:,}({evidence.rate:.1%}), "
        f"高于上限{evidence.limit:.1%}"
        for name, evidence in harms.items()
    )
    english = "; ".join(
        f"{name} {evidence.events:,} of {evidence.trials:,} ({evidence.rate:.1%}), "
        f"above {evidence.limit:.1%}"
        for name, evidence in harms.items()
    )
    return chinese, english
