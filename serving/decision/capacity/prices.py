"""Fit the capacity prices of the coming day from the decisions before it: `guanjia capacity`."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import cutoff
from serving.decision.capacity.demand import Demand, measure_demand
from serving.decision.capacity.settings import load_capacity
from serving.decision.capacity.shadow_prices import shadow_prices
from serving.records.contacts.capacity import CapacityPrice, set_prices
from serving.records.database import Records

DAYS = 7
KEYS = {"demanded": "wanted", "committed": "taken"}
"""Field of a price -> its key in the output of `guanjia capacity --json`."""


@dataclass(frozen=True)
class ChannelPrice:
    """Capacity, demand and price of a channel of a branch on a coming day.

    Attributes
    ----------
    branch, channel : str
        Branch and contact channel.
    capacity : int
        Contacts a day.
    demanded : float
        Contacts a day that would be made if capacity cost nothing.
    committed : float
        Part of `demanded`: contacts a day that are made whatever they are worth.
    price : float
        Yuan that one more contact is worth.
    """

    branch: str
    channel: str
    capacity: int
    demanded: float
    committed: float
    price: float

    def document(self) -> dict[str, Any]:
        """Return the fields by the keys of the command's output."""
        return {KEYS.get(name, name): value for name, value in asdict(self).items()}


def fit_prices(lake: Lake, records: Records, as_of: date, now: datetime) -> list[ChannelPrice]:
    """Fit and store the prices of the day after `as_of`.

    Parameters
    ----------
    lake : Lake
        The home with its `capacity.toml`.
    records : Records
        Where decisions are read and prices are stored.
    as_of : date
        Decisions of the seven civil days up to this date count.
    now : datetime
        When the prices were made, with a time zone.

    Returns
    -------
    list of ChannelPrice
        By branch and channel; channels without a limit are left out.

    Raises
    ------
    GuanjiaError
        If no capacity is declared, or nothing was decided on these days.
    """
    declared = load_capacity(lake.home)
    zone = lake.settings.timezone
    begin, end = cutoff(as_of - timedelta(DAYS), zone), cutoff(as_of, zone)
    demands, days = measure_demand(records, begin, end, ZoneInfo(zone))
    if not days:
        raise GuanjiaError(
            f"decisions of the {DAYS} days to {as_of}",
            "do not exist, so no price can be fitted",
            "ask /decide first, or give the date of days with decisions",
        )
    branches = sorted({*demands, *declared.branches})
    prices = [
        price
        for branch in branches
        for price in price_branch(
            branch, demands.get(branch, Demand()), declared.limits_for(branch), days
        )
    ]
    if not prices:
        cure = "write channels and contacts a day into capacity.toml of the home folder"
        raise GuanjiaError("capacity.toml", "limits no channel of any branch", cure)
    with records.writing() as connection:
        rows = [
            CapacityPrice(price.branch, price.channel, price.capacity, price.price)
            for price in prices
        ]
        set_prices(connection, as_of + timedelta(1), rows, now)
    return prices


def price_branch(
    branch: str, demand: Demand, limits: dict[str, int], days: int
) -> list[ChannelPrice]:
    """Price the limited channels of a branch by its demand.

    The days count together, as one long day with `days` times the capacity: one price for all of
    them, at which a day has as many contacts as its capacity on average.

    Parameters
    ----------
    branch : str
        The branch.
    demand : Demand
        Its demand on all the days.
    limits : dict of str to int
        Contacts a day by channel; other channels are unlimited.
    days : int
        Number of days that the demand comes from.
    """
    if not limits:
        return []
    channels = sorted(limits)
    rows = list(demand.worth.values())
    values = np.array([[row.get(channel, -np.inf) for channel in channels] for row in rows])
    values = values.reshape(len(rows), len(channels))
    others = [
        max((worth for channel, worth in row.items() if channel not in limits), default=-np.inf)
        for row in rows
    ]
    committed = np.array([demand.committed.get(channel, 0) for channel in channels])
    capacity = days * np.array([limits[channel] for channel in channels])
    places = np.maximum(capacity - committed, 0)
    prices = shadow_prices(values, places, np.array(others))
    best = np.maximum(values.max(axis=1, initial=-np.inf), np.maximum(others, 0.0))
    # Of two channels that are worth the same, the first by name, as `settle` takes them.
    first = np.cumsum(values == best[:, None], axis=1) == 1
    preferred = ((values == best[:, None]) & first & (values > 0)).sum(axis=0)
    return [
        ChannelPrice(
            branch=branch,
            channel=channel,
            capacity=limits[channel],
            demanded=float(preferred[place] + committed[place]) / days,
            committed=float(committed[place]) / days,
            price=float(prices[place]),
        )
        for place, channel in enumerate(channels)
    ]
