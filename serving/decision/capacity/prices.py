"""Prices of the coming day from the decisions of the days before: what `guanjia capacity` does."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import cutoff
from serving.decision.capacity.demand import Demand, demand_of
from serving.decision.capacity.settings import load_capacity
from serving.decision.capacity.shadow_prices import shadow_prices
from serving.records.contacts.capacity import CapacityPrice, set_prices
from serving.records.database import Records

DAYS = 7


@dataclass(frozen=True)
class Priced:
    """A channel of a branch on a coming day.

    Attributes
    ----------
    capacity : int
        Contacts a day.
    wanted : float
        Contacts a day that would be made if capacity cost nothing.
    taken : float
        Of them, those that are made whatever they are worth.
    price : float
        Yuan that one more contact is worth.
    """

    branch: str
    channel: str
    capacity: int
    wanted: float
    taken: float
    price: float


def fit_prices(lake: Lake, records: Records, as_of: date, now: datetime) -> list[Priced]:
    """Fit and keep the prices of the day after `as_of`, from decisions of the seven days up to it.

    Raises
    ------
    GuanjiaError
        If no capacity is declared, or nothing was decided on these days.
    """
    declared = load_capacity(lake.home)
    zone = lake.settings.timezone
    begin, end = cutoff(as_of - timedelta(DAYS), zone), cutoff(as_of, zone)
    demands, days = demand_of(records, begin, end, ZoneInfo(zone))
    if not days:
        raise GuanjiaError(
            f"decisions of the {DAYS} days to {as_of}", "are none", "ask /decide first"
        )
    branches = sorted({*demands, *declared.branches})
    found = [
        one
        for branch in branches
        for one in price(branch, demands.get(branch, Demand()), declared.of(branch), days)
    ]
    if not found:
        cure = "write channels and contacts a day into capacity.toml of the home folder"
        raise GuanjiaError("capacity.toml", "limits no channel of any branch", cure)
    with records.writing() as connection:
        kept = [CapacityPrice(one.branch, one.channel, one.capacity, one.price) for one in found]
        set_prices(connection, as_of + timedelta(1), kept, now)
    return found


def price(branch: str, demand: Demand, limits: dict[str, int], days: int) -> list[Priced]:
    """A branch's prices, from what was wanted on so many days.

    The days count together, as one long day with so many times the places: one price for all of
    them, at which a day has as many contacts as places on average.
    """
    if not limits:
        return []
    channels = sorted(limits)
    rows = list(demand.worth.values())
    values = np.array([[row.get(one, -np.inf) for one in channels] for row in rows])
    values = values.reshape(len(rows), len(channels))
    others = [
        max((worth for channel, worth in row.items() if channel not in limits), default=-np.inf)
        for row in rows
    ]
    taken = np.array([demand.taken.get(one, 0) for one in channels])
    places = np.maximum(days * np.array([limits[one] for one in channels]) - taken, 0)
    prices = shadow_prices(values, places, np.array(others))
    best = np.maximum(values.max(axis=1, initial=-np.inf), np.maximum(others, 0.0))
    # Of two channels that are worth the same, the first by name, as `settle` takes them.
    first = np.cumsum(values == best[:, None], axis=1) == 1
    asked = ((values == best[:, None]) & first & (values > 0)).sum(axis=0)
    return [
        Priced(
            branch=branch,
            channel=one,
            capacity=limits[one],
            wanted=float(asked[place] + taken[place]) / days,
            taken=float(taken[place]) / days,
            price=float(prices[place]),
        )
        for place, one in enumerate(channels)
    ]
