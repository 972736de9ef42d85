"""Simulate customers, their latent traits and their cars."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources.simulation import calibration as c
from features.sources.simulation.random import Bools, Draws, Floats, Ints
from features.sources.simulation.writing import NULL, ids, instant, typed

BRANCHES = tuple(f"B{n:02d}" for n in range(1, 31))
MANAGERS = 20
_PROVINCES = "京津沪渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云陕甘青宁新"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静磊强洋艳勇杰涛明超霞平刚桂英华玉兰红丽军建文"


@dataclass(frozen=True)
class People:
    """One row a customer: what can be observed and, from `risk` on, what cannot."""

    index: Ints
    arrival: Ints
    existing: Bools
    birth: Ints
    female: Bools
    city: Ints
    branch: Ints
    channel: Ints
    wecom: Ints
    mini: Ints
    risk: Floats
    price_sensitivity: Floats
    service_sensitivity: Floats
    loyalty: Floats
    response: Floats
    need: Floats

    @property
    def registered(self) -> Ints:
        """Instant at which the customer was entered, before any signature."""
        return instant(self.arrival - 45, 9 * 3600)


@dataclass(frozen=True)
class Cars:
    """One row a car; `owner` is the row of `People`, `key` a global number."""

    owner: Ints
    key: Ints
    number: Ints
    brand_new: Bools
    transfer: Bools
    first_registered: Ints
    new_energy: Bools
    plug_in: Bools
    price: Floats
    seats: Ints
    first_inception: Ints


def people(draws: Draws, index: Ints, last_day: int) -> People:
    """Draw the customers with these global indices.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    index : numpy.ndarray of int64, shape (customers,)
        Global indices of the customers.
    last_day : int
        Last day of the history, days since 1970.
    """
    n = draws
    years = np.arange(1, 7)
    weights = c.COHORT_GROWTH**years
    shares = np.concatenate([[c.FIRST_COHORT], (1 - c.FIRST_COHORT) * weights / weights.sum()])
    cohort = n.pick(shares, "cohort", index)
    span = last_day - c.FIRST_DAY
    step = span / 7
    arrival = c.FIRST_DAY + ((cohort + n.uniform("arrival", index)) * step).astype(np.int64)
    age = np.clip(39 + 10.5 * n.normal("age", index), 20, 78)
    city = n.pick(c.CITY_SHARES, "city", index)
    loyalty = n.normal("loyalty", index)
    service = 0.45 * loyalty + 0.893 * n.normal("service", index)
    price = 0.25 * (city - 2) - 0.2 * loyalty + 0.95 * n.normal("price", index)
    risk = n.normal("risk", index) - 0.012 * (age - 39)
    base = 0.3 * service[:, None] + 0.02 * (age - 39)[:, None]
    need = base + 0.9 * n.normal("need", index[:, None], np.arange(3)[None, :])
    need[:, 2] += 0.25 * (1.5 - city)
    joined = [
        _joined(n, name, index, arrival, c_range, loyalty)
        for name, c_range in (("wecom", c.WECOM), ("mini", c.MINI_PROGRAM))
    ]
    return People(
        index=index,
        arrival=arrival,
        existing=cohort == 0,
        birth=(arrival - age * 365.25).astype(np.int64),
        female=n.uniform("gender", index) < 1 / 3,
        city=city,
        branch=n.between(0, len(BRANCHES) - 1, "branch", index),
        channel=n.pick(c.CHANNEL_SHARES, "channel", index),
        wecom=joined[0],
        mini=joined[1],
        risk=risk,
        price_sensitivity=price,
        service_sensitivity=service,
        loyalty=loyalty,
        response=n.normal("response", index),
        need=need,
    )


def _joined(
    n: Draws, name: str, index: Ints, arrival: Ints, shares: tuple[float, float], loyalty: Floats
) -> Ints:
    # The share of all customers rises in a straight line from 2020 to 2025: a customer joins on
    # the day it passes their quantile, or soon after arriving if it passed before.
    quantile = n.uniform(name, index) - 0.05 * loyalty
    start = (date(2020, 7, 1) - date(1970, 1, 1)).days
    pace = (shares[1] - shares[0]) / (5 * 365.25)
    day = start + ((quantile - shares[0]) / pace)
    wait = 1 + 40 * n.uniform(name + "-wait", index)
    day = np.maximum(day, arrival + wait).astype(np.int64)
    seconds = n.between(8 * 3600, 22 * 3600, name + "-second", index)
    return np.where(quantile < shares[1], instant(day, seconds), NULL)


def cars(draws: Draws, who: People) -> Cars:
    """Draw the cars: one for each customer, and a second one for some."""
    n = draws
    second = np.flatnonzero(n.uniform("second-car", who.index) < c.SECOND_CAR)
    owner = np.concatenate([np.arange(len(who.index)), second])
    number = np.concatenate([np.zeros(len(who.index), np.int64), np.ones(len(second), np.int64)])
    key = who.index[owner] * 4 + number
    kind = n.uniform("car-type", key)
    brand_new = np.where(who.existing[owner], kind < c.MIX[2], kind > c.TRANSFER_IN_ARRIVALS)
    transfer = ~brand_new & (~who.existing[owner] | (kind > 1 - c.MIX[1]))
    inception = who.arrival[owner] + np.where(number == 1, n.between(20, 500, "later", key), 0)
    age = np.where(brand_new, 0.02, 1 + 5.6 * -np.log(n.uniform("car-age", key)).clip(0, 3))
    registered = (inception - age * 365.25).astype(np.int64) - 3
    year = np.clip((registered / 365.25 + 1970).astype(np.int64) - 2019, -1, 7)
    share = np.where(year < 0, 0.01, np.asarray(c.NEW_ENERGY_SHARE)[np.maximum(year, 0)])
    band = n.pick(c.PRICE_SHARES, "band", key)
    price = np.asarray(c.PRICES)[band] * np.exp(0.15 * n.normal("price-in-band", key))
    return Cars(
        owner=owner,
        key=key,
        number=number,
        brand_new=brand_new,
        transfer=transfer,
        first_registered=registered,
        new_energy=n.uniform("energy", key) < share,
        plug_in=n.uniform("plug-in", key) < 0.35,
        price=np.round(price, -2),
        seats=np.where(n.uniform("seats", key) < 0.06, 7, 5),
        first_inception=inception,
    )


def customer_id(index: Ints) -> pa.Array:
    """Make customer ids: C00000001 is the customer of index 0."""
    return ids("C", (index + 1, 8))


def vehicle_id(key: Ints) -> pa.Array:
    """Make vehicle ids: V, the customer's number, the car's number."""
    return ids("V", (key // 4 + 1, 8), (key % 4 + 1, 1))


def manager_id(who: People, rows: Ints) -> pa.Array:
    """Assign account managers, `MANAGERS` a branch."""
    return ids("M", (who.branch[rows] + 1, 2), (who.index[rows] % MANAGERS, 2))


def plates(who: People, park: Cars) -> pa.Array:
    """Number the cars by province and city of their branch; no plate with an I is ever issued."""
    cities = [f"{province}{letter}I" for province in _PROVINCES for letter in "ABCD"]
    city = who.branch[park.owner] % len(_PROVINCES) * 4 + park.key // 10**4 % 4
    place = pa.array(cities).take(pa.array(city))
    return pc.binary_join_element_wise(place, ids("", (park.key % 10**4, 4)), "")


def household_id(draws: Draws, index: Ints) -> pa.Array:
    """Pair customers 1 and 2, 3 and 4, ... into a household where they are a couple; else null."""
    pair = index // 2
    couple = draws.uniform("couple", pair) < c.COUPLES
    return pc.if_else(pa.array(couple), ids("H", (pair + 1, 8)), pa.scalar(None, pa.string()))


def people_table(draws: Draws, who: People, end_us: int) -> pa.Table:
    """Make the raw table `customers`.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    end_us : int
        End of the history, microseconds UTC; what comes later is left null.
    """
    n, rows = draws, len(who.index)
    names = [a + b for a in _SURNAMES for b in _GIVEN]
    manager = who.branch * MANAGERS + who.index % MANAGERS
    licence = who.birth + (365.25 * (19 + 8 * n.uniform("licence", who.index))).astype(np.int64)
    return typed(
        "customers",
        {
            "customer_id": customer_id(who.index),
            "registered_at": who.registered,
            "name": (names, n.between(0, len(names) - 1, "name", who.index)),
            # 100 is no mobile prefix: no number can be somebody's.
            "phone": ids("100", (n.between(0, 10**8 - 1, "phone", who.index), 8)),
            "birth_date": who.birth,
            "gender": (("M", "F"), who.female.astype(np.int64)),
            "licence_date": np.minimum(licence, who.arrival - 60),
            "city_tier": (c.CITY_TIERS, who.city),
            "branch": (BRANCHES, who.branch),
            "account_manager_id": manager_id(who, np.arange(rows)),
            "account_manager_name": (names, manager * 37 % len(names)),
            "account_manager_phone": ids("1009", (manager, 7)),
            "household_id": household_id(n, who.index),
            "mini_program_bound_at": np.where(who.mini < end_us, who.mini, NULL),
            "wecom_added_at": np.where(who.wecom < end_us, who.wecom, NULL),
            "recorded_at": who.registered,
        },
        rows,
    )


def car_table(draws: Draws, who: People, park: Cars) -> pa.Table:
    """Make the raw table `vehicles`.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    """
    electric = np.where(park.plug_in, 3, 4)
    acquired = instant(np.maximum(park.first_inception - 42, who.arrival[park.owner] - 44), 36_000)
    size = np.log(park.price / 120_000)
    return typed(
        "vehicles",
        {
            "vehicle_id": vehicle_id(park.key),
            "customer_id": customer_id(who.index[park.owner]),
            "acquired_at": acquired,
            "kind": (("car",), np.zeros(len(park.key), np.int64)),
            "energy": (
                ("petrol", "diesel", "hybrid", "plug_in", "electric"),
                np.where(
                    park.new_energy,
                    electric,
                    np.where(draws.uniform("hybrid", park.key) < 0.04, 2, 0),
                ),
            ),
            "first_registered": park.first_registered,
            "list_price": (park.price * 100).astype(np.int64),
            "seats": park.seats,
            "power_kw": np.round(90 * np.exp(0.4 * size), 0),
            "weight_kg": np.round(1400 * np.exp(0.2 * size), 0),
            "plate": plates(who, park),
            # No frame number has a Q in it.
            "vin": ids("LQQ", (park.key, 14)),
            "recorded_at": acquired,
        },
        len(park.key),
    )
