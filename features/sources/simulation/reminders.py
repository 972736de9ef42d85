"""Reminders to use the services granted with a term, drawn by lot.

Whether a service is used was drawn before reminders existed, and everything later hangs on it. So
the lot is drawn last, from its probability given the use (Bayes), out of a stream of its own: the
joint law is that of a reminder drawn first, by nothing but chance, that moves the use, and all
other tables stay as they are.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit, logit

from features.sources.simulation import calibration as c
from features.sources.simulation.people import Cars, People, customer_id
from features.sources.simulation.policies import policy_id
from features.sources.simulation.random import Bools, Draws, Floats, Ints
from features.sources.simulation.terms import Terms
from features.sources.simulation.usage import granted, use_probabilities
from features.sources.simulation.writing import ids, instant, typed

CLASSES = ("A", "B", "C")
ARMS = ("control", "reminder")
LOT_DAY = 3
"""Days after inception on which the lot is drawn and the reminder shown; use begins later."""


def class_bits(service_class: str) -> int:
    """Return the bit mask of the services of a class."""
    return sum(1 << bit for bit, name in enumerate(c.SERVICE_CLASSES) if name == service_class)


def class_use(
    draws: Draws, who: People, owner: Ints, t: Terms, number: int
) -> tuple[Bools, Floats]:
    """Return whether a term grants services of a class, and the probability that any is used.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    owner : numpy.ndarray of int
        Row of each term's customer.
    t : Terms
        Terms of the cars, one row a car and policy year.
    number : int
        Place of the class in `CLASSES`.
    """
    owned = granted(draws, t.key) & class_bits(CLASSES[number])
    unused = np.ones(len(t.key))
    for bit, probability in enumerate(use_probabilities(who, owner).T):
        unused *= np.where(owned >> bit & 1, 1 - probability, 1.0)
    return owned > 0, 1 - unused


def reminded_use(probability: Floats) -> tuple[Floats, Floats]:
    """Return the probabilities of use with and without a reminder, given that of either."""
    moved = c.REMINDER_EFFECT * probability * (1 - probability)
    return probability + (1 - c.REMINDED) * moved, probability - c.REMINDED * moved


def reminder_lots(draws: Draws, who: People, park: Cars, t: Terms) -> pa.Table:
    """Make the rows of `assignments` for reminders: one trial for each class of services.

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
    owner, parts = park.owner[t.car], []
    for number, name in enumerate(CLASSES):
        owns, probability = class_use(draws, who, owner, t, number)
        probability = np.where(owns, probability, 0.5)  # of no matter, and no division by 0
        with_it, _ = reminded_use(probability)
        used = (t.used & class_bits(name)) > 0
        given_use = c.REMINDED * with_it / probability
        given_none = c.REMINDED * (1 - with_it) / (1 - probability)
        chance = np.where(used, given_use, given_none)
        drawn = owns & (draws.uniform("reminder-trial", t.key, number) < c.REMINDED_BY_LOT)
        arm = (draws.uniform("reminder", t.key, number) < chance).astype(np.int64)[drawn]
        x = t.rows(drawn)
        at = instant(x.inception + LOT_DAY, 8 * 3600)
        columns = {
            "assignment_id": ids(
                "Q", (x.key // 32 + 1, 8), (x.key % 32, 2), (x.key * 0 + number, 1)
            ),
            "customer_id": customer_id(who.index[park.owner[x.car]]),
            "policy_id": pc.if_else(
                pa.array(x.commercial), policy_id(x.key, "S"), policy_id(x.key, "J")
            ),
            "trial": ((f"use_reminder_{name}",), x.key * 0),
            "arm": (ARMS, arm),
            "probability": np.where(arm == 1, c.REMINDED, 1 - c.REMINDED),
            "assigned_at": at,
            "recorded_at": at + 10**6,
        }
        parts.append(typed("assignments", columns, len(x.key)))
    return pa.concat_tables(parts)


def true_use(draws: Draws, who: People, park: Cars, t: Terms) -> pa.Table:
    """Make the truth of service use: one row per commercial term not cancelled, and class granted.

    `p_use` is the probability of using the class, `p_use_reminded` and `p_use_silent` that with and
    without a reminder, `renewal_effect` what its use adds to the probability of renewal, the use
    of the other classes being as it was.

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
    t = t.rows(t.commercial & (t.cancelled < 0))
    owner, parts = park.owner[t.car], []
    for number, name in enumerate(CLASSES):
        owns, probability = class_use(draws, who, owner, t, number)
        with_it, without = reminded_use(probability)
        # Use moves renewal once, whichever service it is.
        other = (t.used & ~class_bits(name)) > 0
        level = logit(t.p) - c.USE_EFFECT * (t.used > 0)
        effect = np.where(other, 0.0, expit(level + c.USE_EFFECT) - expit(level))
        columns = {
            "policy_id": policy_id(t.key[owns], "S"),
            "customer_id": customer_id(who.index[owner[owns]]),
            "service_class": pa.array([name] * int(owns.sum()), pa.string()),
            "p_use": probability[owns],
            "p_use_reminded": with_it[owns],
            "p_use_silent": without[owns],
            "renewal_effect": effect[owns],
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)
