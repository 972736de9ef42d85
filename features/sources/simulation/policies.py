"""Simulate the raw tables `policies` and `quotes`."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from features.sources.simulation import calibration as c
from features.sources.simulation.people import (
    BRANCHES,
    Cars,
    People,
    customer_id,
    manager_id,
    vehicle_id,
)
from features.sources.simulation.random import Bools, Draws, Ints
from features.sources.simulation.terms import Terms
from features.sources.simulation.writing import DAY_US, NULL, ids, instant, typed

INSURERS = ("PICC", "Ping An", "CPIC", "China Life P&C", "Other")


def policy_id(key: Ints, line: str) -> pa.Array:
    """Make policy ids: P, customer, car, step, then J (compulsory 交强) or S (commercial 商业)."""
    car = key // 8
    joined = ids("P", (car // 4 + 1, 8), (car % 4 + 1, 1), (key % 8 + 1, 1))
    return pc.binary_join_element_wise(joined, line, "")


def signature(draws: Draws, t: Terms) -> Ints:
    """Draw the instant of signature of each term."""
    return instant(t.signed, draws.between(9 * 3600, 20 * 3600, "sign-second", t.key))


def motor_tables(draws: Draws, who: People, park: Cars, t: Terms) -> list[pa.Table]:
    """Make the rows of both motor lines; a cancellation is a later version of its row.

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
    parts = []
    for line in ("motor_compulsory", "motor_commercial"):
        chosen = t if line == "motor_compulsory" else t.rows(t.commercial)
        parts.append(_motor(draws, who, park, chosen, line, False))
        gone = chosen.rows(chosen.cancelled >= 0)
        parts.append(_motor(draws, who, park, gone, line, True))
    return parts


def _motor(draws: Draws, who: People, park: Cars, t: Terms, line: str, cancelled: bool) -> pa.Table:
    commercial = line == "motor_commercial"
    rows, owner = len(t.key), park.owner[t.car]
    premium = t.commercial_premium if commercial else t.compulsory_premium
    signed = signature(draws, t)
    late = draws.uniform("policy-late", t.key) < c.LATE_RECORDED
    recorded = signed + np.where(
        late, draws.between(1, 20, "late-days", t.key) * DAY_US, 600 * 10**6
    )
    if cancelled:
        left = (t.expiry - t.cancelled) / (t.expiry - t.inception)
        premium = premium - np.round(premium * left).astype(np.int64)
        recorded = np.maximum(recorded + 60 * 10**6, instant(t.cancelled, 15 * 3600))
    columns: dict[str, Any] = {
        "policy_id": policy_id(t.key, "S" if commercial else "J"),
        "customer_id": customer_id(who.index[owner]),
        "vehicle_id": vehicle_id(park.key[t.car]),
        "line": ((line,), np.zeros(rows, np.int64)),
        "private_car": True,
        "signed_at": signed,
        "inception": t.inception,
        "expiry": t.expiry,
        "cancelled_on": t.cancelled if cancelled else NULL,
        "written_premium": premium,
        "sum_insured": (park.price[t.car] * 100).astype(np.int64) if commercial else 200_000 * 100,
        "third_party_limit": t.limit * 100 if commercial else NULL,
        "ncd_level": t.ncd,
        "pricing_factor": t.factor if commercial else np.nan,
        "channel": (c.CHANNEL_LABELS, who.channel[owner]),
        "branch": (BRANCHES, who.branch[owner]),
        "account_manager_id": manager_id(who, owner),
        "business_type": (("new", "transfer", "renewal"), t.kind),
        "previous_insurer": (
            INSURERS,
            np.where(t.kind == 1, draws.between(0, 4, "previous", t.key), -1),
        ),
        "second_driver": draws.uniform("second-driver", park.key[t.car]) < 0.35,
        "contract_start": _first_inception(t),
        "recorded_at": recorded,
    }
    if commercial:
        columns["driver_accident_cover"] = t.driver_cover
    return typed("policies", columns, rows)


def _first_inception(t: Terms) -> Ints:
    return t.inception - ((t.tenure - 1) * 365.25).astype(np.int64)


def quotes(draws: Draws, who: People, park: Cars, t: Terms, end_us: int) -> pa.Table:
    """Make the table of renewal quotes: one a term that was not cancelled, and those asked for.

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
    n = draws
    quoted = (n.uniform("quoted", t.key) < 0.92) & (t.cancelled < 0)
    t = t.rows(quoted & (t.next_commercial + t.next_compulsory > 0))
    band = n.pick((0.42, 0.27, 0.31), "quote-band", t.key)
    low, high = np.array([30, 24, 8])[band], np.array([44, 29, 23])[band]
    lead = (low + n.uniform("quote-lead", t.key) * (high - low + 1)).astype(np.int64)
    # Who signs before that day is quoted on the day of signature, in the morning. So of those who
    # have not signed by the end of a day, all were quoted by then by one law, renew or not.
    hurried = t.renewed & (t.next_signed >= lead)
    lead = np.where(hurried, t.next_signed, lead)
    second = n.between(9 * 3600, 18 * 3600, "quote-second", t.key)
    early = n.between(8 * 3600, 8 * 3600 + 1800, "quote-second-early", t.key)
    at = instant(t.expiry - lead, np.where(hurried, early, second))
    delivered = n.uniform("delivered", t.key) < 0.88
    seconds = np.where(hurried, 60, 60 + 7200 * n.uniform("delivery", t.key))
    delivery = at + (10**6 * seconds).astype(np.int64)
    eager = 0.2 + 1.6 * t.intention / c.TERM_NOISE * 0.6 + 0.3 * who.loyalty[park.owner[t.car]]
    viewed = delivered & (n.uniform("viewed", t.key) < expit(eager))
    hours = np.where(hurried, 0.1, 0.1 + 60 * n.uniform("view", t.key) ** 2)
    view = delivery + (10**6 * 3600 * hours).astype(np.int64)
    premium = np.where(t.next_commercial > 0, t.next_commercial, t.next_compulsory)
    number = ids("Q", (t.key // 32 + 1, 8), (t.key % 32, 2))
    channel = who.channel[park.owner[t.car]]
    delivery, view = np.where(delivered, delivery, NULL), np.where(viewed, view, NULL)
    first = _renewal_quotes(who, park, t, number, channel, at, premium, delivery, view, end_us)
    further = _asked_again(n, who, park, t, lead, premium, delivered, viewed, end_us)
    return pa.concat_tables([first, further])


def _asked_again(
    n: Draws,
    who: People,
    park: Cars,
    t: Terms,
    lead: Ints,
    premium: Ints,
    delivered: Bools,
    viewed: Bools,
    end_us: int,
) -> pa.Table:
    # On a clock of their own, until the next term is signed: whatever is seen of those who have not
    # signed yet then has the same law for who will and who will not.
    owner = park.owner[t.car]
    offered, paid = (
        t.next_compulsory + t.next_commercial,
        t.compulsory_premium + t.commercial_premium,
    )
    taste = c.ASKS_BY_TASTE * n.normal("haggling", who.index[owner])
    level = taste + c.ASKS_BY_SENSITIVITY * who.price_sensitivity[owner]
    rate = c.ASKS * np.exp(level + c.ASKS_BY_RISE * np.log(offered / paid))
    draw, part, below = n.uniform("ask-again", t.key), np.exp(-rate), np.zeros(len(rate))
    parts = []
    for again in range(c.ASKS_AT_MOST):
        below = below + part
        part = part * rate / (again + 1)
        asks_on = lead - n.between(1, c.ASKS_WITHIN_DAYS, "ask-again-day", t.key, again)
        open_until = np.where(t.renewed, t.next_signed, 0)
        rows = np.flatnonzero(delivered & (draw > below) & (asks_on >= open_until))
        x, by = t.rows(rows), owner[rows]
        # In the morning, so that it is before a signature of the same day.
        day = x.expiry - asks_on[rows]
        at = instant(day, n.between(8 * 3600, 9 * 3600 - 1, "ask-again-second", x.key, again))
        other = n.uniform("ask-again-elsewhere", x.key, again) < c.ASKS_ELSEWHERE
        channel_asked = n.between(0, len(c.CHANNEL_LABELS) - 1, "ask-again-channel", x.key, again)
        cheaper = 1 - c.ASKS_CHEAPER * n.uniform("ask-again-premium", x.key, again)
        seen = viewed[rows] & (n.uniform("ask-again-viewed", x.key, again) < 0.8)
        delivery = at + 60 * 10**6
        parts.append(
            _renewal_quotes(
                who,
                park,
                x,
                ids("Q", (x.key // 32 + 1, 8), (x.key % 32, 2), (x.key * 0 + 3 + again, 1)),
                np.where(other, channel_asked, who.channel[by]),
                at,
                np.round(premium[rows] * cheaper).astype(np.int64),
                delivery,
                np.where(seen, delivery + 10**9, NULL),
                end_us,
            )
        )
    return pa.concat_tables(parts)


def _renewal_quotes(
    who: People,
    park: Cars,
    t: Terms,
    number: pa.Array,
    channel: Ints,
    at: Ints,
    premium: Ints,
    delivery: Ints,
    view: Ints,
    end_us: int,
) -> pa.Table:
    policy = pc.if_else(pa.array(t.commercial), policy_id(t.key, "S"), policy_id(t.key, "J"))
    line = (t.next_commercial > 0).astype(np.int64)
    return typed(
        "quotes",
        {
            "quote_id": number,
            "customer_id": customer_id(who.index[park.owner[t.car]]),
            "policy_id": policy,
            "vehicle_id": vehicle_id(park.key[t.car]),
            "line": (("motor_compulsory", "motor_commercial"), line),
            "channel": (c.CHANNEL_LABELS, channel),
            "quoted_at": at,
            "premium": premium,
            "delivered_at": np.where(delivery < end_us, delivery, NULL),
            "viewed_at": np.where(view < end_us, view, NULL),
            "recorded_at": at + 10**6,
        },
        len(t.key),
    )


def non_motor_quotes(draws: Draws, who: People, park: Cars, t: Terms, end_us: int) -> pa.Table:
    """Make quotes for non-motor cover, at most one a line and year of the first car.

    Customers with more need ask for more quotes.

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
    n, parts = draws, []
    t = t.rows(park.number[t.car] == 0)
    for number, line in enumerate(c.NON_MOTOR):
        need = who.need[park.owner[t.car], number]
        rate = c.NON_MOTOR_QUOTES * np.exp(c.NEED_SD * need - c.NEED_SD**2 / 2)
        day = t.inception + n.between(1, 360, "ask-quote-day", t.key, number)
        asks = n.uniform("ask-quote", t.key, number) < 1 - np.exp(-rate)
        asks &= (t.cancelled < 0) | (day < t.cancelled)
        x, on = t.rows(asks), day[asks]
        at = instant(on, n.between(9 * 3600, 21 * 3600, "ask-quote-second", x.key, number))
        delivered = at + 60 * 10**6
        viewed = n.uniform("ask-quote-viewed", x.key, number) < 0.8
        spread = 0.3 * n.normal("non-motor-premium", who.index[park.owner[x.car]], number)
        premium = c.NON_MOTOR_PREMIUM[number] * np.exp(spread)
        parts.append(
            typed(
                "quotes",
                {
                    "quote_id": ids(
                        "Q", (x.key // 32 + 1, 8), (x.key % 32, 2), (x.key * 0 + number, 1)
                    ),
                    "customer_id": customer_id(who.index[park.owner[x.car]]),
                    "line": ((line,), np.zeros(len(x.key), np.int64)),
                    "channel": (c.CHANNEL_LABELS, who.channel[park.owner[x.car]]),
                    "quoted_at": at,
                    "premium": np.round(premium * 100).astype(np.int64),
                    "delivered_at": np.where(delivered < end_us, delivered, NULL),
                    "viewed_at": np.where(
                        viewed & (delivered + 10**9 < end_us), delivered + 10**9, NULL
                    ),
                    "recorded_at": at + 10**6,
                },
                len(x.key),
            )
        )
    return pa.concat_tables(parts)
