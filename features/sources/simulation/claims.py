"""Simulate the raw tables `claims` and `claim_movements`, and the cases that arise from claims."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources.simulation import calibration as c
from features.sources.simulation.people import Cars, People, customer_id, vehicle_id
from features.sources.simulation.policies import policy_id
from features.sources.simulation.random import Bools, Draws, Ints
from features.sources.simulation.terms import Terms, accident_day
from features.sources.simulation.writing import DAY_US, NULL, ids, instant, typed


@dataclass(frozen=True)
class Losses:
    """One row a claim: `key` = term key * 16 + accident * 2 + (1 commercial)."""

    term: Ints
    key: Ints
    commercial: Bools
    injury: Bools
    unpaid: Bools
    amount: Ints
    occurred: Ints
    reported: Ints
    surveyed: Ints
    assessed: Ints
    adjusted: Ints
    paid: Ints
    closed: Ints


def losses(draws: Draws, t: Terms) -> Losses:
    """Open the claims of the accidents of these terms, one or two each."""
    n = draws
    term = np.repeat(np.arange(len(t.key)), t.accidents)
    first = np.repeat(np.cumsum(t.accidents) - t.accidents, t.accidents)
    number = np.arange(len(term)) - first
    day = t.inception[term] + accident_day(n, t.key[term], number, t.inception[term])
    keep = (t.cancelled[term] < 0) | (day < t.cancelled[term])
    term, number, day = term[keep], number[keep], day[keep]
    accident = t.key[term] * 8 + number
    own = t.commercial[term] & (n.uniform("on-commercial", accident) < c.ON_COMMERCIAL)
    third = (n.uniform("on-compulsory", accident) < c.ON_COMPULSORY) | ~own
    rows = np.concatenate([np.flatnonzero(third), np.flatnonzero(own)])
    commercial = np.concatenate([np.zeros(third.sum(), bool), np.ones(own.sum(), bool)])
    term, accident, day = term[rows], accident[rows], day[rows]
    key = accident * 2 + commercial
    injury = n.uniform("injury", accident) < c.INJURY
    mean = np.where(injury, c.MEAN_INJURY, c.MEAN_PROPERTY)
    sd = np.where(injury, c.SD_INJURY, c.SD_PROPERTY)
    years = day / 365.25 + 1970 - 2019.5
    size = mean * c.CLAIM_INFLATION**years * np.exp(sd * n.normal("size", key) - sd**2 / 2)
    most = np.where(commercial, 1_500_000, c.COMPULSORY_LIMIT)
    amount = np.round(np.clip(size, 100, most) * 100).astype(np.int64)
    share = np.interp(years, [1, 6], c.CLOSED_UNPAID)
    unpaid = n.uniform("unpaid", key) < share

    def wait(name: str, median: float, by: Ints = accident) -> Ints:
        days = median * np.exp(0.8 * n.normal(name, by))
        return np.asarray((days * DAY_US).astype(np.int64))

    slow = np.where(injury, 9.0, 1.0)
    occurred = instant(day, n.between(6 * 3600, 22 * 3600, "accident-second", accident))
    reported = occurred + wait("report", 0.3)
    surveyed = reported + wait("survey", 1.0, key)
    assessed = surveyed + (wait("assess", 3.0, key) * slow).astype(np.int64)
    adjusted = assessed + (wait("adjust", 1.0, key) * slow).astype(np.int64)
    paid = adjusted + (wait("pay", 0.5, key) * slow).astype(np.int64)
    closed = np.where(unpaid, adjusted, paid) + DAY_US // 24
    return Losses(
        term=term,
        key=key,
        commercial=commercial,
        injury=injury,
        unpaid=unpaid,
        amount=amount,
        occurred=occurred,
        reported=reported,
        surveyed=surveyed,
        assessed=assessed,
        adjusted=adjusted,
        paid=np.where(unpaid, NULL, paid),
        closed=closed,
    )


def claim_id(key: Ints) -> pa.Array:
    """Make claim ids: L, customer, car, and the number of term, accident and cover."""
    return ids("L", (key // 512 + 1, 8), (key % 512, 3))


def claim_tables(
    draws: Draws, who: People, park: Cars, t: Terms, x: Losses, end_us: int
) -> dict[str, pa.Table]:
    """Make the tables of claims, of their movements and of the cases about them.

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
    x : Losses
        The claims, one row each.
    end_us : int
        End of the history, microseconds UTC; what comes later is left null.
    """
    rows, car = len(x.key), t.car[x.term]
    owner = park.owner[car]
    key = t.key[x.term]

    def known(at: Ints) -> Ints:
        return np.where(at < end_us, at, NULL)

    customer = customer_id(who.index[owner])
    claims = typed(
        "claims",
        {
            "claim_id": claim_id(x.key),
            "customer_id": customer,
            "policy_id": pc.if_else(
                pa.array(x.commercial), policy_id(key, "S"), policy_id(key, "J")
            ),
            "vehicle_id": vehicle_id(park.key[car]),
            "kind": (
                ("collision", "scratch", "glass", "theft", "natural"),
                draws.pick((0.7, 0.18, 0.07, 0.01, 0.04), "accident-kind", x.key // 2),
            ),
            "injury": x.injury,
            "at_fault": draws.uniform("fault", x.key // 2) < 0.7,
            "occurred_at": x.occurred,
            "reported_at": x.reported,
            "surveyed_at": known(x.surveyed),
            "assessed_at": known(x.assessed),
            "adjusted_at": known(x.adjusted),
            "paid_at": known(x.paid),
            "closed_at": known(x.closed),
            "recorded_at": x.reported + 5 * 60 * 10**6,
        },
        rows,
    )
    cases = _cases(draws, x, customer, end_us)
    return {
        "claims": claims,
        "claim_movements": _movements(draws, x, customer),
        "surveys_and_complaints": cases,
    }


def _movements(draws: Draws, x: Losses, customer: pa.Array) -> pa.Table:
    # First reserve: what experience says of such a claim, right on average, not in the single case.
    guess = x.amount * np.exp(0.5 * draws.normal("reserve", x.key) - 0.125)
    reserve = np.round(guess / 10_000).astype(np.int64) * 10_000 + 10_000
    assessed = np.where(x.unpaid, 0, x.amount)
    zero = np.zeros(len(x.key), np.int64)
    second = np.where(x.unpaid, x.closed, x.assessed)
    steps = [
        (x.reported + 10 * 60 * 10**6, zero, reserve, np.ones(len(x.key), bool)),
        (second, zero, assessed - reserve, np.ones(len(x.key), bool)),
        (x.paid, assessed, -assessed, ~x.unpaid),
    ]
    parts = []
    for number, (at, paid, outstanding, mask) in enumerate(steps):
        parts.append(
            typed(
                "claim_movements",
                {
                    "movement_id": ids(
                        "K",
                        (x.key[mask] // 512 + 1, 8),
                        (x.key[mask] % 512, 3),
                        (np.full(mask.sum(), number), 1),
                    ),
                    "claim_id": claim_id(x.key[mask]),
                    "customer_id": customer.filter(pa.array(mask)),
                    "moved_at": at[mask],
                    "paid_change": paid[mask],
                    "outstanding_change": outstanding[mask],
                    "recorded_at": at[mask] + 30 * 10**6,
                },
                int(mask.sum()),
            )
        )
    return pa.concat_tables(parts)


def _cases(draws: Draws, x: Losses, customer: pa.Array, end_us: int) -> pa.Table:
    draw = draws.uniform("case", x.key)
    complaint = draw < c.COMPLAINTS_PER_CLAIM
    mask = draw < c.COMPLAINTS_PER_CLAIM + 0.25
    key, angry = x.key[mask], complaint[mask]
    at = np.where(angry, x.assessed[mask], x.closed[mask]) + DAY_US
    solved = at + draws.between(1, 20, "solved", key) * DAY_US
    score = draws.pick((0.04, 0.06, 0.15, 0.35, 0.40), "score", key) + 1
    topic = np.where(angry & (draws.uniform("topic", key) > 0.71), 1, 0)
    columns: dict[str, Any] = {
        "case_id": ids("S", (key // 512 + 1, 8), (key % 512, 3)),
        "customer_id": customer.filter(pa.array(mask)),
        "kind": (("survey", "complaint"), angry.astype(np.int64)),
        "topic": (("claims", "service"), topic),
        "claim_id": claim_id(key),
        "occurred_at": at,
        "score": np.where(angry, NULL, score),
        "resolved_at": np.where(angry & (solved < end_us), solved, NULL),
        "recorded_at": at + 10**6,
    }
    return typed("surveys_and_complaints", columns, len(key))
