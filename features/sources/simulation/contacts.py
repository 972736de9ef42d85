"""Simulate interactions, assignments by lot, entitlements, trips and costs."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources.simulation import calibration as c
from features.sources.simulation.consents import PURPOSES, general_consent
from features.sources.simulation.effects import ARM_SHARES, ARMS, contact_day, drawn_arm
from features.sources.simulation.people import BRANCHES, Cars, People, customer_id, vehicle_id
from features.sources.simulation.policies import policy_id, signature
from features.sources.simulation.random import Draws, Ints
from features.sources.simulation.terms import Terms
from features.sources.simulation.usage import granted
from features.sources.simulation.writing import DAY_US, NULL, ids, instant, typed

CHANNELS = ("sms", "wecom", "phone", "wechat")
RESULTS = ("delivered", "clicked", "replied", "connected", "no_answer", "read")
COSTS = np.array([5, 20, 350, 2])  # cents
TOUCHPOINTS = ("renewal_60d", "service_reminder", "holiday", "birthday", "enquiry")


def interactions(draws: Draws, who: People, park: Cars, t: Terms) -> pa.Table:
    """Make the table of interactions: renewal contacts, care messages and enquiries.

    Part of the renewal contacts is drawn by lot; their probability is recorded.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    """
    n, owner = draws, park.owner[t.car]
    day = contact_day(n, t.key, t.expiry)
    parts = [_contact(n, who, owner, t, t.contacted, 0, day)]
    for point in (1, 2, 3):
        when = t.inception + n.between(5, 360, "care-day", t.key, point)
        parts.append(
            _contact(n, who, owner, t, n.uniform("care", t.key, point) < 0.35, point, when)
        )
    asks = 0.12 * np.exp(0.5 * who.service_sensitivity[owner])
    when = t.inception + n.between(5, 360, "ask-day", t.key)
    parts.append(_contact(n, who, owner, t, n.uniform("ask", t.key) < asks, 4, when))
    return pa.concat_tables(parts)


def _contact(
    n: Draws, who: People, owner: Ints, t: Terms, mask: Any, point: int, day: Ints
) -> pa.Table:
    live = mask & ((t.cancelled < 0) | (day < t.cancelled))
    t, owner, day = t.rows(live), owner[live], day[live]
    at = instant(day, n.between(9 * 3600, 19 * 3600, "contact-second", t.key, point))
    channel = n.pick((0.5, 0.2, 0.3), "contact-channel", t.key, point)
    wecom = (who.wecom[owner] != NULL) & (who.wecom[owner] < at)
    channel = np.where((channel == 1) & ~wecom, 0, channel)
    draw = n.uniform("result", t.key, point)
    # Whom contacts move answers them more often; on average as often as ever.
    warm = np.exp(
        c.REACTS_BY_LOYALTY * who.loyalty[owner]
        + c.REACTS_BY_RESPONSE * who.response[owner]
        - (c.REACTS_BY_RESPONSE**2 - c.REACTS_BY_LOYALTY**2) / 2
    )
    result = np.select(
        [channel == 0, channel == 1],
        [np.where(draw < 0.03 * warm, 1, 0), np.where(draw < 0.15 * warm, 2, 5)],
        np.where(draw < 0.35 * warm, 3, 4),
    )
    inward = point == 4
    by_lot = t.randomised if point == 0 else np.zeros(len(t.key), bool)
    return typed(
        "interactions",
        {
            "interaction_id": ids("I", (t.key // 32 + 1, 8), (t.key % 32, 2), (day * 0 + point, 1)),
            "customer_id": customer_id(who.index[owner]),
            "touchpoint": (TOUCHPOINTS, np.full(len(t.key), point)),
            "channel": (CHANNELS, np.where(inward, 2, channel)),
            "direction": (("out", "in"), np.full(len(t.key), int(inward))),
            "occurred_at": at,
            "result": (RESULTS, np.where(inward, 3, result)),
            "cost": np.where(inward, 0, COSTS[channel]),
            "policy_id": policy_id(t.key, "J"),
            "randomised": by_lot,
            "probability": np.where(by_lot, c.CONTACTED_BY_LOT, np.nan),
            "recorded_at": at + 10**6,
        },
        len(t.key),
    )


def assignments(draws: Draws, who: People, park: Cars, t: Terms) -> pa.Table:
    """Make the table of assignments: the arm of every term drawn by lot, contacted or not.

    The lot is drawn on the morning of the day of the contact.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    """
    day = contact_day(draws, t.key, t.expiry)
    live = t.randomised & ((t.cancelled < 0) | (day < t.cancelled))
    t, day = t.rows(live), day[live]
    arm, at = drawn_arm(draws, t.key), instant(day, 8 * 3600)
    return typed(
        "assignments",
        {
            "assignment_id": ids("R", (t.key // 32 + 1, 8), (t.key % 32, 2)),
            "customer_id": customer_id(who.index[park.owner[t.car]]),
            "policy_id": pc.if_else(
                pa.array(t.commercial), policy_id(t.key, "S"), policy_id(t.key, "J")
            ),
            "trial": (("renewal_contact",), np.zeros(len(t.key), np.int64)),
            "arm": (ARMS, arm),
            "probability": np.asarray(ARM_SHARES)[arm],
            "assigned_at": at,
            "recorded_at": at + 10**6,
        },
        len(t.key),
    )


def entitlements(draws: Draws, who: People, park: Cars, t: Terms, end_us: int) -> pa.Table:
    """Make the table of entitlements: three services a term.

    Use follows taste (confounded), and itself helps renewal a little.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    end_us : int
        End of the history, microseconds UTC; what comes later is left null.
    """
    n, owned, parts = draws, granted(draws, t.key), []
    for bit, service in enumerate(c.SERVICES):
        mask = (owned >> bit & 1) == 1
        x = t.rows(mask)
        at = instant(x.inception, 8 * 3600)
        day = x.inception + n.between(5, 300, "use-day", x.key, bit)
        use = instant(day, n.between(8 * 3600, 20 * 3600, "use-second", x.key, bit))
        used = (x.used >> bit & 1) == 1
        used &= (use < end_us) & ((x.cancelled < 0) | (day < x.cancelled))
        notified = at + 10**6 * 3600
        active = used | (n.uniform("active", x.key, bit) < 0.25)
        switched = np.minimum(use, at + 3 * DAY_US)
        columns: dict[str, Any] = {
            "entitlement_id": ids("E", (x.key // 32 + 1, 8), (x.key % 32, 2), (x.key * 0 + bit, 1)),
            "customer_id": customer_id(who.index[park.owner[x.car]]),
            "service": ((service,), np.zeros(len(x.key), np.int64)),
            "service_class": ((c.SERVICE_CLASSES[bit],), np.zeros(len(x.key), np.int64)),
            "granted_at": at,
            "notified_at": np.where(notified < end_us, notified, NULL),
            "activated_at": np.where(active & (switched < end_us), switched, NULL),
            "used_at": np.where(used, use, NULL),
            "expires_on": x.expiry,
            "unit_cost": int(c.SERVICE_COST[bit] * 100),
            "recorded_at": at + 10**6,
        }
        parts.append(typed("entitlements", columns, len(x.key)))
    return pa.concat_tables(parts)


def trips(draws: Draws, who: People, park: Cars, t: Terms, last_day: int) -> pa.Table:
    """Make the table of trips: one row a day driven in the last 365 days.

    Only for cars under cover whose owner consents to the use of locations.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    last_day : int
        Last day of the history, days since 1970.
    """
    n, first = draws, last_day - 364
    owner = park.owner[t.car]
    agreed, withdrawn = general_consent(n, who, PURPOSES.index("location"))
    agreed &= ~withdrawn
    stop = np.where(t.cancelled >= 0, t.cancelled, t.expiry)
    begin, stop = np.maximum(t.inception, first), np.minimum(stop, last_day + 1)
    days = np.where(agreed[owner], np.maximum(stop - begin, 0), 0)
    term = np.repeat(np.arange(len(t.key)), days)
    day = np.arange(len(term)) - np.repeat(np.cumsum(days) - days, days) + begin[term]
    car = park.key[t.car[term]]
    driven = n.uniform("drives", car, day) < 0.8
    term, day, car = term[driven], day[driven], car[driven]
    risk = who.risk[owner[term]]
    metres = 30_000 * np.exp(0.25 * risk + 0.7 * n.normal("distance", car, day))
    night = metres * np.minimum(0.16 * n.uniform("night", car, day) * np.exp(0.3 * risk), 1)
    harsh = metres / 100_000 * np.exp(0.6 * risk + 0.5 * n.normal("harsh", car, day))

    def count(name: str) -> Ints:
        return np.floor(harsh + n.uniform(name, car, day)).astype(np.int64)

    at = instant(day, 21 * 3600)
    return typed(
        "trips",
        {
            "trip_id": ids("T", (car // 4 + 1, 8), (car % 4, 1), (day, 5)),
            "customer_id": customer_id(who.index[owner[term]]),
            "vehicle_id": vehicle_id(car),
            "ended_at": at,
            "distance_m": metres.astype(np.int64),
            "night_distance_m": night.astype(np.int64),
            "harsh_accelerations": count("accelerations"),
            "harsh_brakings": count("brakings"),
            "harsh_cornerings": count("cornerings"),
            "speeding_seconds": (harsh * 60).astype(np.int64),
            "recorded_at": at + 10**6,
        },
        len(term),
    )


def costs(draws: Draws, who: People, park: Cars, t: Terms) -> pa.Table:
    """Make the table of costs: commission or acquisition cost, booked on signature.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    park : Cars
        Their cars.
    t : Terms
        Terms of the cars, one row a car and policy year.
    """
    owner = park.owner[t.car]
    premium = t.compulsory_premium + t.commercial_premium
    rate = np.asarray([0.05, 0.07, 0.06, 0.14, 0.15, 0.18])[who.channel[owner]]
    at = signature(draws, t) + 10**6
    return typed(
        "costs",
        {
            "cost_id": ids("F", (t.key // 32 + 1, 8), (t.key % 32, 2)),
            "customer_id": customer_id(who.index[owner]),
            "policy_id": policy_id(t.key, "J"),
            "branch": (BRANCHES, who.branch[owner]),
            "kind": (("acquisition", "commission"), (who.channel[owner] >= 3).astype(np.int64)),
            "incurred_at": at,
            "amount": np.round(premium * rate).astype(np.int64),
            "recorded_at": at + 10**6,
        },
        len(t.key),
    )
