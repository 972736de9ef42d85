"""Tell what all contact added, by the customers of the standing holdout, who had none.

The effect of all contact stands beside the sum of what single campaigns added: sums overstate,
since campaigns take renewals from each other, and the one that looks best is lucky as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text
from serving.campaigns.store import list_campaigns
from serving.decision.lots import in_holdout
from serving.decision.worth.policy import Policy
from serving.measurement.campaign_rows import gather_rows
from serving.measurement.figures import primary_effect
from serving.records.database import LONG_SECONDS, Records
from training.experiments.effects import Effect, Total, average_effect, total
from training.experiments.sample import Sample


@dataclass(frozen=True)
class StandingEffect:
    """What all contact of a span of time added.

    Attributes
    ----------
    first, last : date
        First and last expiry of the terms.
    effect : Effect
        On the renewal rate: customers in reach of contact, less those of the holdout.
    renewals : Total
        The same in renewals of all in reach.
    campaigns : Mapping[str, Total]
        Renewals that single campaigns added, launched in these days.
    summed : float
        Sum of them.
    ratio : float or None
        The sum over the effect of all contact; None where that is not above 0.
    """

    first: date
    last: date
    effect: Effect
    renewals: Total
    campaigns: Mapping[str, Total]
    summed: float
    ratio: float | None


def measure_standing(
    lake: Lake, records: Records, policy: Policy, as_of: date, since: date | None = None
) -> StandingEffect:
    """Measure the effect of all contact in a holdout cycle.

    Salt and share of the policy must have been the same in all of it.

    Parameters
    ----------
    lake : Lake
        The home with the checked policies.
    records : Records
        Campaigns and what came of them.
    policy : Policy
        Draws the holdout.
    as_of : date
        Last day whose records are used; only terms that are ripe by then count.
    since : date, optional
        First expiry. Default: the first day of the holdout cycle of `as_of`.

    Raises
    ------
    GuanjiaError
        If no term is ripe, or nobody is in the holdout.
    """
    from training.labels.renewals import RENEWAL_GRACE_DAYS

    first = since or _first_day(policy, as_of)
    last = as_of - timedelta(days=RENEWAL_GRACE_DAYS)
    rows = _ripe_terms(lake, first, last, as_of)
    lots: dict[tuple[str, str], bool] = {}
    for customer, expiry, _ in rows:
        cycle = policy.cycle(expiry)
        if (customer, cycle) not in lots:
            lots[customer, cycle] = in_holdout(policy.salt, customer, cycle, policy.holdout_share)
    treated = np.array([not lots[customer, policy.cycle(day)] for customer, day, _ in rows], bool)
    if not rows or treated.all() or not treated.any():
        fault = f"has no ripe terms in reach and in the holdout, expiring {first} to {last}"
        raise GuanjiaError("standing holdout", fault, "wait, or give an earlier --since")
    _, cluster = np.unique([customer for customer, _, _ in rows], return_inverse=True)
    sample = Sample(treated=treated, clusters=cluster.astype(np.int64))
    effect = average_effect(np.array([label for *_, label in rows], float), sample)
    renewals = total(effect, int(treated.sum()))
    singles = _single_campaigns(lake, records, first, as_of)
    summed = sum(item.value for item in singles.values())
    ratio = summed / renewals.value if renewals.value > 0 and singles else None
    return StandingEffect(first, last, effect, renewals, singles, summed, ratio)


def _first_day(policy: Policy, as_of: date) -> date:
    """Return the first day of the holdout cycle of a date."""
    day = date(as_of.year, 7, 1)
    second_half = policy.holdout_cycle == "half_year" and as_of >= day
    return day if second_half else date(as_of.year, 1, 1)


def _ripe_terms(lake: Lake, first: date, last: date, as_of: date) -> list[tuple[str, date, bool]]:
    """Read the commercial terms that expired in a span of time, with their labels."""
    from training.labels.renewals import renewed_terms

    labels = {row["policy_id"]: row["label"] for row in lake.rows(renewed_terms(lake, as_of))}
    query = (
        "SELECT policy_id, customer_id, expiry FROM "
        f"read_parquet({sql_text(lake.require('policies'))}) "
        f"WHERE line = 'motor_commercial' AND {known_sql(cutoff(as_of, lake.settings.timezone))} "
        f"AND cancelled_on IS NULL AND expiry BETWEEN DATE '{first}' AND DATE '{last}' "
        "ORDER BY policy_id"
    )
    rows = lake.con.execute(query).fetchall()
    return [(customer, expiry, labels[policy]) for policy, customer, expiry in rows
            if policy in labels]  # fmt: skip


def _single_campaigns(lake: Lake, records: Records, first: date, as_of: date) -> dict[str, Total]:
    """Estimate the renewals that each campaign of a span of time added."""
    with records.reading(LONG_SECONDS) as connection:
        campaigns = list_campaigns(connection, ("running", "stopped", "ended"))
    end = cutoff(as_of, lake.settings.timezone)
    singles: dict[str, Total] = {}
    for item in campaigns:
        launched = item.launched_at
        if launched is None or launched >= end or launched.date() < first:
            continue
        campaign, rows = gather_rows(lake, records, item.plan.campaign, as_of)
        effect = primary_effect(campaign, rows)
        if effect is not None:
            singles[item.plan.campaign] = total(effect, effect.treated)
    return singles
