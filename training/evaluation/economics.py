"""Estimate what a contact costs, and what it earns to turn an event.

Costs and premiums are measured from the lake; the share of events that a contact turns is declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from features.accounts.account import accounts
from features.accounts.entries import known_table
from features.contracts.contract import Instant
from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS, MOTOR_LINES
from features.lake import Lake
from features.settings import cutoff
from training.model_spec import Purpose

YEAR = timedelta(days=364)


@dataclass(frozen=True)
class Assumption:
    """A number the profit rests on that does not come from the model, with its grade and source.

    Attributes
    ----------
    name, chinese, english : str
        Name in files; description for readers.
    value : float
        The number.
    unit : {"yuan", "share"}
        Its unit.
    grade : {"S", "M", "A"}
        S: published, and we have read it; M: measured from the lake; A: our assumption.
    source : str
        Where it comes from.
    """

    name: str
    chinese: str
    english: str
    value: float
    unit: str
    grade: str
    source: str


TURNED_SHARES: Mapping[str, Mapping[str, float]] = {
    "motor": {
        "sms": 0.01,
        "wechat": 0.01,
        "app": 0.01,
        "mail": 0.01,
        "wecom": 0.02,
        "phone": 0.04,
        "branch": 0.04,
    },
    "non_motor": {
        "sms": 0.05,
        "wechat": 0.05,
        "app": 0.05,
        "mail": 0.05,
        "wecom": 0.10,
        "phone": 0.25,
        "branch": 0.25,
    },
}
"""Share of the leaving customers whom a contact keeps, and of the buyers who buy because of it (A),
until an uplift is measured."""
MOTOR_MARGIN_SHARE = 0.0101
"""Underwriting margin of Chinese motor insurance in 2020 (S: Wang Jingwei et al.), where the lake
has no claim movements to measure one."""
NON_MOTOR_MARGIN_SHARE = 0.15
"""Commission and margin of a non-motor product as a share of its premium (A)."""


@dataclass(frozen=True)
class Economics:
    """What a contact costs, and what it earns to turn an event.

    Attributes
    ----------
    costs : dict[str, float]
        Mean cost of an outbound contact in yuan by channel, as recorded.
    benefit : float
        Yuan for each event turned.
    turned_shares : dict[str, float]
        Share of the events that a contact turns, by channel.
    assumptions : tuple of Assumption
        All numbers above.
    """

    costs: dict[str, float]
    benefit: float
    turned_shares: dict[str, float]
    assumptions: tuple[Assumption, ...]


def economics(lake: Lake, known_by: date, purpose: Purpose) -> Economics | None:
    """Compute costs and benefit of contacts from what was recorded by a date.

    Parameters
    ----------
    lake : Lake
        The home with interactions, policies and costs.
    known_by : date
        Nothing recorded later is used.
    purpose : Purpose
        What the contact works on.

    Returns
    -------
    Economics or None
        None if no contact has a cost or no premium was written.
    """
    costs, contacts = _contact_costs(lake, known_by)
    worth = _benefit(lake, known_by, purpose) if costs else None
    if worth is None:
        return None
    benefit, assumptions = worth
    shares = {channel: TURNED_SHARES[purpose.benefit][channel] for channel in costs}
    declared = [
        Assumption(
            f"contact_cost_{channel}",
            f"{CONTACT_CHANNEL_LABELS[channel]}触达成本",
            f"cost of a contact by {channel}",
            cost,
            "yuan",
            "M",
            f"mean of {contacts[channel]:,} outbound interactions known by {known_by}",
        )
        for channel, cost in costs.items()
    ]
    declared += [
        Assumption(
            f"turned_share_{channel}",
            f"{CONTACT_CHANNEL_LABELS[channel]}触达改变结果的比例",
            f"share of events that a contact by {channel} turns",
            share,
            "share",
            "A",
            "declared; replace it by the measured uplift",
        )
        for channel, share in shares.items()
    ]
    return Economics(costs, benefit, shares, (*assumptions, *declared))


def _contact_costs(lake: Lake, known_by: date) -> tuple[dict[str, float], dict[str, int]]:
    """Compute mean cost and number of the year's outbound contacts by channel, cheapest first."""
    if not lake.has("interactions"):
        return {}, {}
    rows = known_table(lake, "interactions", _end_of(known_by, lake))
    since = _end_of(known_by - YEAR - timedelta(days=1), lake)
    rows = rows.filter(rows.direction == "out", rows.cost.notnull(), rows.occurred_at >= since)
    grouped = rows.group_by("channel").aggregate(total=rows.cost.sum(), contacts=rows.count())
    channels = lake.rows(grouped)
    channels = sorted(channels, key=lambda row: (row["total"] / row["contacts"], row["channel"]))
    costs = {row["channel"]: float(row["total"] / row["contacts"]) for row in channels}
    return costs, {row["channel"]: int(row["contacts"]) for row in channels}


def _benefit(
    lake: Lake, known_by: date, purpose: Purpose
) -> tuple[float, tuple[Assumption, ...]] | None:
    """Compute the yuan an event turned earns: the year's mean premium times its margin."""
    lines = MOTOR_LINES if purpose.benefit == "motor" else (purpose.line,)
    mean = _mean_premium(lake, known_by, lines, "vehicle_id" if purpose.benefit == "motor" else "")
    if mean is None:
        return None
    premium = Assumption(
        "premium",
        "年均签单保费",
        "mean written premium of a year"
        + (" of a vehicle, both covers" if purpose.benefit == "motor" else f", {purpose.line}"),
        mean,
        "yuan",
        "M",
        f"terms incepting in the 365 days to {known_by}",
    )
    if purpose.benefit == "motor":
        margin = _motor_margin(lake, known_by)
    else:
        margin = Assumption(
            "margin_share",
            "非车险边际",
            "commission and margin of a product sold, share of its premium",
            NON_MOTOR_MARGIN_SHARE,
            "share",
            "A",
            "declared",
        )
    return mean * margin.value, (premium, margin)


def _motor_margin(lake: Lake, known_by: date) -> Assumption:
    """Measure the margin of motor: earned premium less claims and costs, by premium; at least 0."""
    total = accounts(lake, known_by - YEAR, known_by, "branch").total
    earned: Decimal | None = total["earned_premium_motor"]
    profit: Decimal | None = total["earned_profit_motor"]
    if not earned or profit is None:
        return Assumption(
            "margin_share",
            "车险边际",
            "margin of motor, share of the premium",
            MOTOR_MARGIN_SHARE,
            "share",
            "S",
            "Wang Jingwei et al.: underwriting margin of the market in 2020",
        )
    return Assumption(
        "margin_share",
        "车险边际",
        "earned premium less claims and costs of motor, share of the premium",
        max(0.0, float(profit / earned)),
        "share",
        "M",
        f"customer account of the 365 days to {known_by}; claims not yet reported are not in it",
    )


def _mean_premium(lake: Lake, known_by: date, lines: tuple[str, ...], by: str) -> float | None:
    rows = known_table(lake, "policies", _end_of(known_by, lake))
    rows = rows.filter(
        rows.line.isin(lines),
        rows.written_premium > 0,
        rows.inception.between(known_by - YEAR, known_by),
    )
    key = rows[by] if by else rows.policy_id
    (sums,) = lake.rows(rows.aggregate(total=rows.written_premium.sum(), units=key.nunique()))
    return float(sums["total"] / sums["units"]) if sums["units"] else None


def _end_of(day: date, lake: Lake) -> ir.Value:
    """Return the instant (UTC) at which a civil day of the insurer ends."""
    return ibis.literal(cutoff(day, lake.settings.timezone), Instant)
