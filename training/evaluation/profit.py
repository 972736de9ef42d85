"""What contacting pays, by the share contacted: measured costs, a declared effect, real outcomes.

This is propensity, not uplift: it assumes that a contact turns a declared share of the events, the
same for everybody. Only randomised contacts can tell whom a contact moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd

from features.accounts.account import accounts
from features.accounts.entries import known_table
from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS, MOTOR_LINES
from features.lake import Lake
from features.settings import cutoff
from training.estimators.encoding import Array
from training.estimators.losses import Outcomes
from training.evaluation.contact import turned
from training.evaluation.resampling import Interval, Resamples, interval
from training.model_spec import Purpose

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
YEAR = timedelta(days=364)


@dataclass(frozen=True)
class Assumption:
    """A number that is not the model's, with its grade and source.

    Grades: S published and seen, M measured from the lake, A our assumption.
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
"""Share of those told to leave whom a contact keeps, and of the buyers who buy because of it (A),
until an uplift is measured."""
MOTOR_MARGIN_SHARE = 0.0101
"""Underwriting margin of Chinese motor insurance in 2020 (S: Wang Jingwei et al.), where the lake
has no claim movements to measure one."""
NON_MOTOR_MARGIN_SHARE = 0.15
"""Commission and margin of a non-motor product as a share of its premium (A)."""


@dataclass(frozen=True)
class Economics:
    """What a contact costs and an event turned is worth.

    Attributes
    ----------
    costs : dict[str, float]
        Mean cost of an outbound contact in yuan by channel, as recorded.
    benefit : float
        Yuan for each event turned.
    turned : dict[str, float]
        Share of the events that a contact turns, by channel.
    assumptions : tuple of Assumption
        All numbers above.
    """

    costs: dict[str, float]
    benefit: float
    turned: dict[str, float]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True)
class Curve:
    """Profit of one channel by share contacted, in yuan for every 1,000 rows asked.

    Attributes
    ----------
    table : pandas.DataFrame
        `share`, `profit` (by observed outcomes), `low`, `high`, `told` (as the model expects it),
        `at_random` (the same share, drawn blindly).
    best_share, best_profit : float
        The share that pays most by what the model tells, and what it then earned; 0 where none
        pays. Chosen by what was told, for at the touchpoint nobody knows the outcome.
    """

    channel: str
    chinese: str
    cost: float
    table: pd.DataFrame
    best_share: float
    best_profit: float
    best_interval: Interval


def economics(lake: Lake, known_by: date, purpose: Purpose) -> Economics | None:
    """Costs and benefit from what was recorded by a date; None without costs or premiums."""
    costs, contacts = _contact_costs(lake, known_by)
    worth = _benefit(lake, known_by, purpose) if costs else None
    if worth is None:
        return None
    benefit, assumptions = worth
    shares = {channel: TURNED_SHARES[purpose.benefit][channel] for channel in costs}
    told = [
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
    told += [
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
    return Economics(costs, benefit, shares, (*assumptions, *told))


def profit_curves(
    label: Outcomes, told: Array, purpose: Purpose, money: Economics, resamples: Resamples
) -> list[Curve]:
    """The profit curve of each channel, that which earns most first.

    Parameters
    ----------
    label, told : numpy.ndarray
        Outcomes and probabilities of the model, shape (rows,).
    """
    event, ahead = turned(label, told, purpose)
    order = np.argsort(-ahead, kind="stable")
    counts = [max(1, round(share * len(order))) for share in SHARES]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.searchsorted(counts, np.arange(len(order)), side="right")
    inside = place[:, None] == np.arange(len(counts))
    # Sums by step of the order, then over the steps: contacts, events, events told.
    columns = np.hstack([inside, inside * event[:, None], inside * ahead[:, None]]).astype(float)
    own = _cumulated(columns.sum(axis=0, keepdims=True))
    drawn = _cumulated(resamples.sums(columns))
    rate = float(event.mean())
    found = []
    for channel, cost in money.costs.items():
        worth = money.benefit * money.turned[channel]
        earned = _earned(own, 1, worth, cost)[0]
        samples = _earned(drawn, 1, worth, cost)
        expected = _earned(own, 2, worth, cost)[0]
        bounds = [interval(column) for column in samples.T]
        table = pd.DataFrame(
            {
                "share": SHARES,
                "profit": earned,
                "low": [low for low, _ in bounds],
                "high": [high for _, high in bounds],
                "told": expected,
                "at_random": [1000 * share * (rate * worth - cost) for share in SHARES],
            }
        )
        best = int(np.argmax(expected))
        pays = bool(expected[best] > 0)
        found.append(
            Curve(
                channel=channel,
                chinese=CONTACT_CHANNEL_LABELS[channel],
                cost=cost,
                table=table,
                best_share=SHARES[best] if pays else 0.0,
                best_profit=float(earned[best]) if pays else 0.0,
                best_interval=bounds[best] if pays else (0.0, 0.0),
            )
        )
    return sorted(found, key=lambda curve: -curve.best_profit)


def _cumulated(sums: Array) -> Array:
    """Contacts, events and events told up to each share, over all rows; (samples, 3, shares)."""
    parts = sums.reshape(len(sums), 3, -1)
    return np.asarray(parts.cumsum(axis=2) / parts[:, :1].sum(axis=2, keepdims=True))


def _earned(sums: Array, what: int, worth: float, cost: float) -> Array:
    return np.asarray(1000 * (sums[:, what] * worth - sums[:, 0] * cost))


def _contact_costs(lake: Lake, known_by: date) -> tuple[dict[str, float], dict[str, int]]:
    """Mean cost and number of outbound contacts of the year by channel, cheapest first."""
    if not lake.has("interactions"):
        return {}, {}
    rows = known_table(lake, "interactions", cutoff(known_by, lake.settings.timezone))
    since = cutoff(known_by - YEAR - timedelta(days=1), lake.settings.timezone)
    rows = rows.filter(
        rows.direction == "out", rows.cost.notnull(), rows.occurred_at >= ibis.literal(since)
    )
    grouped = rows.group_by("channel").aggregate(total=rows.cost.sum(), contacts=rows.count())
    found = lake.rows(grouped)
    found = sorted(found, key=lambda row: (row["total"] / row["contacts"], row["channel"]))
    costs = {row["channel"]: float(row["total"] / row["contacts"]) for row in found}
    return costs, {row["channel"]: int(row["contacts"]) for row in found}


def _benefit(
    lake: Lake, known_by: date, purpose: Purpose
) -> tuple[float, tuple[Assumption, ...]] | None:
    """Yuan for an event turned: the year's mean premium by its margin."""
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
    """Earned premium less claims and all costs of motor, by earned premium; never below 0."""
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
    rows = known_table(lake, "policies", cutoff(known_by, lake.settings.timezone))
    rows = rows.filter(
        rows.line.isin(lines),
        rows.written_premium > 0,
        rows.inception.between(known_by - YEAR, known_by),
    )
    key = rows[by] if by else rows.policy_id
    (found,) = lake.rows(rows.aggregate(total=rows.written_premium.sum(), units=key.nunique()))
    return float(found["total"] / found["units"]) if found["units"] else None
