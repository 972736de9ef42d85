"""Non-motor purchases, and the truth that only the simulation knows."""

import numpy as np
import pyarrow as pa

from features.sources.simulation import calibration as c
from features.sources.simulation.effects import ARMS
from features.sources.simulation.people import BRANCHES, Cars, People, customer_id
from features.sources.simulation.policies import policy_id
from features.sources.simulation.random import Draws, Floats, Ints
from features.sources.simulation.terms import Terms, unsigned
from features.sources.simulation.writing import ids, instant, typed

GRID_MONTHS = 54  # as far back as models ask, their outcomes ripe
LEADS = (60, 30, 15, 7)


def purchase_days(draws: Draws, who: People, t: Terms, park: Cars) -> tuple[Ints, Floats]:
    """Draw the day of the first purchase of each line (-1: none) and the hazard a year.

    Both have the shape (customers, 3). A purchase happens only while the customer's first car is
    under cover.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    t : Terms
        Terms of the cars, one row a car and policy year.
    park : Cars
        Their cars.
    """
    lines = np.arange(3)[None, :]
    hazard = np.asarray(c.HAZARDS)[None, :] * np.exp(c.NEED_SD * who.need - c.NEED_SD**2 / 2)
    wait = -np.log(draws.uniform("purchase", who.index[:, None], lines)) / hazard * 365.25
    day = who.arrival[:, None] + np.minimum(wait, 20_000).astype(np.int64)
    covered = np.zeros(day.shape, bool)
    main = t.rows(park.number[t.car] == 0)
    owner = park.owner[main.car]
    stop = np.where(main.cancelled >= 0, main.cancelled, main.expiry)
    for step in range(8):
        rows = main.step == step
        who_row = owner[rows]
        inside = (day[who_row] >= main.inception[rows, None]) & (day[who_row] < stop[rows, None])
        covered[who_row] |= inside
    return np.where(covered, day, -1), hazard


def non_motor(draws: Draws, who: People, bought: Ints) -> pa.Table:
    """Make annual non-motor terms from the day after purchase.

    Each is renewed with probability .7, up to three times.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    bought : numpy.ndarray of int64, shape (customers, 3)
        Day of the first purchase of each non-motor line, days since 1970; -1: none.
    """
    parts = []
    for number, line in enumerate(c.NON_MOTOR):
        years = draws.pick((0.3, 0.21, 0.147, 0.343), "years", who.index, number) + 1
        for year in range(4):
            rows = np.flatnonzero((bought[:, number] >= 0) & (year < years))
            index = who.index[rows]
            day = bought[rows, number] + 365 * year - (10 if year else 0)
            start = bought[rows, number] + 1 + 365 * year
            at = instant(day, draws.between(9 * 3600, 20 * 3600, "bought-at", index, number, year))
            spread = 0.3 * draws.normal("non-motor-premium", index, number)
            premium = c.NON_MOTOR_PREMIUM[number] * np.exp(spread)
            columns = {
                "policy_id": ids(
                    "N", (index + 1, 8), (index * 0 + number, 1), (index * 0 + year, 1)
                ),
                "customer_id": customer_id(index),
                "line": ((line,), index * 0),
                "private_car": False,
                "signed_at": at,
                "inception": start,
                "expiry": start + 365,
                "written_premium": np.round(premium * 100).astype(np.int64),
                "sum_insured": c.NON_MOTOR_SUM[number] * 100,
                "channel": (c.CHANNEL_LABELS, who.channel[rows]),
                "branch": (BRANCHES, who.branch[rows]),
                "business_type": (("new", "renewal"), index * 0 + min(year, 1)),
                "recorded_at": at + 600 * 10**6,
            }
            parts.append(typed("policies", columns, len(index)))
    return pa.concat_tables(parts)


def truths(
    who: People, park: Cars, t: Terms, bought: Ints, hazard: Floats, last_day: int
) -> dict[str, pa.Table]:
    """Collect latent traits and true probabilities; no tag or model may read them.

    Parameters
    ----------
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    bought : numpy.ndarray of int64, shape (customers, 3)
        Day of the first purchase of each non-motor line, days since 1970; -1: none.
    hazard : numpy.ndarray of float64, shape (customers, 3)
        True rate of purchase a year of each line.
    last_day : int
        Last day of the history, days since 1970.
    """
    return {
        "customers": pa.table(
            {
                "customer_id": customer_id(who.index),
                "risk": who.risk,
                "price_sensitivity": who.price_sensitivity,
                "service_sensitivity": who.service_sensitivity,
                "loyalty": who.loyalty,
                "response": who.response,
                **{f"need_{name}": who.need[:, i] for i, name in enumerate(c.NON_MOTOR)},
            }
        ),
        "renewals": _renewals(who, park, t.rows(t.commercial & (t.cancelled < 0))),
        **_by_quarter(who, park, t, bought, hazard, last_day),
    }


def _renewals(who: People, park: Cars, t: Terms) -> pa.Table:
    return pa.table(
        {
            "policy_id": policy_id(t.key, "S"),
            "customer_id": customer_id(who.index[park.owner[t.car]]),
            "expiry": pa.array(t.expiry.astype(np.int32)).cast(pa.date32()),
            "p_renew": t.p_renew,
            **{
                f"p_renew_{'contacted' if arm == 'contact' else arm}": t.p_renew_treated[:, place]
                for place, arm in enumerate(ARMS[1:])
            },
            "p": t.p,
            **{f"p_{days}d": unsigned(t.p, days) for days in LEADS},
            **_unseen(t),
        }
    )


def _unseen(t: Terms) -> dict[str, object]:
    """What decides a renewal and no table shows in time: the year's intention, price, contact."""
    paid = t.compulsory_premium + t.commercial_premium
    return {
        "intention": t.intention,
        "price_change": np.log((t.next_compulsory + t.next_commercial) / paid),
        "contacted": t.contacted,
    }


def _by_quarter(
    who: People, park: Cars, t: Terms, bought: Ints, hazard: Floats, last_day: int
) -> dict[str, pa.Table]:
    # First days of quarters, when the models ask, of customers whose first car is then covered.
    last = np.datetime64(int(last_day), "D").astype("datetime64[M]")
    starts = last - np.arange(GRID_MONTHS)[::-1]
    starts = starts[starts.astype(np.int64) % 3 == 0]
    days = starts.astype("datetime64[D]").astype(np.int64)
    two_cars = np.zeros(len(who.index), bool)
    two_cars[park.owner[park.number == 1]] = True
    main = t.rows((park.number[t.car] == 0) & (t.expiry > days[0]))
    owner = park.owner[main.car]
    stop = np.where(main.cancelled >= 0, main.cancelled, main.expiry)
    sells, leaves = [], []
    for day in days:
        rows = np.flatnonzero((main.inception <= day) & (stop > day))
        person, left = owner[rows], main.expiry[rows] - day
        quarter_days = np.full(len(rows), day, np.int32)
        # Whoever has signed the next term stays; of the others it is what is left of the chance.
        signed = main.renewed[rows] & (main.next_signed[rows] >= left)
        stay = np.where(signed, 1.0, unsigned(main.p[rows], left))
        # A term is cancelled on some day of its year: the next one has few of them by then.
        goes = np.where(left <= 180, 1 - stay * (1 - c.CANCELLED * (180 - left) / 365), 0.0)
        stays = c.CANCELLED * np.minimum(left, 180) / 365
        alone = ~two_cars[person]
        leaves.append(
            pa.table(
                {
                    "customer_id": customer_id(who.index[person[alone]]),
                    "as_of": pa.array(quarter_days[alone]).cast(pa.date32()),
                    "p": (goes + (1 - goes) * stays)[alone],
                    **_unseen(main.rows(rows[alone])),
                }
            )
        )
        exposed = np.minimum(left, 90) + main.p[rows] * np.maximum(90 - left, 0)
        for number, line in enumerate(c.NON_MOTOR):
            free = (bought[person, number] < 0) | (bought[person, number] > day)
            rate = hazard[person, number] / 365.25
            sells.append(
                pa.table(
                    {
                        "customer_id": customer_id(who.index[person[free]]),
                        "line": pa.array([line] * int(free.sum()), pa.string()),
                        "as_of": pa.array(quarter_days[free]).cast(pa.date32()),
                        "p": (1 - np.exp(-rate * exposed))[free],
                    }
                )
            )
    return {"cross_sell": pa.concat_tables(sells), "churn": pa.concat_tables(leaves)}
