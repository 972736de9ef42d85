"""Order customers for contact by predictions, and estimate the profit by the share contacted.

Costs are measured, outcomes are observed, the effect of a contact is declared
(`training.evaluation.economics`). This is propensity, not uplift: a contact is assumed to turn a
declared share of the events, the same for everybody. Only randomised contacts can show whom a
contact moves.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from training.estimators.encoding import Array
from training.estimators.losses import Kind, Outcomes
from training.evaluation.economics import Economics
from training.evaluation.intervals import Customers, Interval, wilson_interval
from training.model_spec import Purpose

WORKING_SHARE = 0.2
"""Share of the eligible customers that a touchpoint contacts, unless stated otherwise (A)."""
SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
MARGIN = 0.05
"""Share of rows to either side of the last one contacted that are near it."""


@dataclass(frozen=True)
class Curve:
    """Profit of one channel by share contacted, in yuan per 1,000 eligible rows.

    Attributes
    ----------
    channel, chinese : str
        The channel, and its Chinese name.
    cost : float
        Yuan for one contact.
    table : pandas.DataFrame
        One row per share: `share`, `profit` (by observed outcomes), `low`, `high` (its interval),
        `told` (by predictions), `at_random` (the same share of rows, drawn at random).
    best_share, best_profit : float
        The share of highest profit by predictions, and its profit by outcomes; 0 if none pays. It
        is chosen by predictions, since nobody knows the outcome when contacts are made.
    best_interval : tuple of float
        95% interval of `best_profit`.
    """

    channel: str
    chinese: str
    cost: float
    table: pd.DataFrame
    best_share: float
    best_profit: float
    best_interval: Interval


def orient_for_contact(
    label: Outcomes, predicted: Array, purpose: Purpose | None, kind: Kind = "probability"
) -> tuple[Array, Array]:
    """Turn outcomes and predictions so that a high value means "contact first".

    Parameters
    ----------
    label : numpy.ndarray
        Outcomes, shape (rows,).
    predicted : numpy.ndarray
        Predictions for the same rows, shape (rows,).
    purpose : Purpose or None
        What the contact works on; None leaves both as they are.
    kind : {"probability", "count", "amount"}
        Only probabilities are flipped.

    Returns
    -------
    event, priority : numpy.ndarray
        Shape (rows,): whether the outcome is the one that the contact works on (1 or 0; of a count
        or an amount the outcome itself), and its prediction.
    """
    event = np.asarray(label, dtype=np.float64)
    if kind != "probability" or purpose is None or purpose.outcome_label:
        return event, predicted
    return 1 - event, 1 - predicted


def mark_contacted(priority: Array, share: float = WORKING_SHARE) -> Array:
    """Mark the share of rows of highest priority with 1, the others with 0, shape (rows,).

    The count is rounded, at least one if there are rows; rows of equal priority count in their
    order.
    """
    chosen = np.zeros(len(priority))
    count = max(1, round(share * len(priority))) if len(priority) else 0
    chosen[np.argsort(-priority, kind="stable")[:count]] = 1.0
    return chosen


def profit_curves(
    label: Outcomes, predicted: Array, purpose: Purpose, money: Economics, people: Customers
) -> list[Curve]:
    """Draw the profit curve of every channel, highest profit first.

    Parameters
    ----------
    label, predicted : numpy.ndarray
        Shape (rows,): outcomes and predicted probabilities.
    purpose : Purpose
        Decides who is contacted first.
    money : Economics
        Cost of a contact, and what an event turned is worth.
    people : Customers
        Customers of the rows, for the intervals.
    """
    event, priority = orient_for_contact(label, predicted, purpose)
    rates = _hit_rates(event, priority, people)
    rate = float(event.mean())
    curves = []
    for channel, cost in money.costs.items():
        worth = money.benefit * money.turned_shares[channel]
        earned, low, high, expected = (
            1000 * rates["contacted"].to_numpy() * (rates[name].to_numpy() * worth - cost)
            for name in ("hit_rate", "low", "high", "expected")
        )
        table = pd.DataFrame(
            {
                "share": SHARES,
                "profit": earned,
                "low": low,
                "high": high,
                "told": expected,
                "at_random": [1000 * share * (rate * worth - cost) for share in SHARES],
            }
        )
        best = int(np.argmax(expected))
        pays = bool(expected[best] > 0)
        curves.append(
            Curve(
                channel=channel,
                chinese=CONTACT_CHANNEL_LABELS[channel],
                cost=cost,
                table=table,
                best_share=SHARES[best] if pays else 0.0,
                best_profit=float(earned[best]) if pays else 0.0,
                best_interval=(float(low[best]), float(high[best])) if pays else (0.0, 0.0),
            )
        )
    return sorted(curves, key=lambda curve: -curve.best_profit)


def _hit_rates(event: Array, priority: Array, people: Customers) -> pd.DataFrame:
    """Measure whom a contact of each share reaches: the share with the event, with its interval.

    Which row is the last one contacted is uncertain too: where more of a sample rank high, fewer of
    each kind are contacted. It is worth the event rate of the rows ranked near it.

    Returns
    -------
    pandas.DataFrame
        One row per share: `contacted`, `hit_rate`, `low`, `high`, and `expected`, the hit rate by
        predictions.
    """
    rank = np.empty(len(priority), dtype=np.int64)
    rank[np.argsort(-priority, kind="stable")] = np.arange(len(priority))
    rows = []
    for share in SHARES:
        count = max(1, round(share * len(rank)))
        reached, contacted = rank < count, count / len(rank)
        borderline = np.abs(rank - count) <= MARGIN * len(rank)
        hit_rate = float(event[reached].mean())
        last = float(event[borderline].mean()) if borderline.any() else hit_rate
        noise = reached * (event - last) / contacted + last - hit_rate
        (deviation,) = people.deviations(noise[:, None] / len(rank))
        customers = len(np.unique(people.codes[reached]))
        bounds = wilson_interval(hit_rate, float(deviation), customers)
        rows.append((contacted, hit_rate, *bounds, float(priority[reached].mean())))
    return pd.DataFrame(rows, columns=["contacted", "hit_rate", "low", "high", "expected"])
