"""Reminders of the simulated insurer, drawn in memory, for `campaign_coverage.py`."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import expit, logit

from features.sources.simulation import calibration as c
from features.sources.simulation.people import cars, people
from features.sources.simulation.random import Draws
from features.sources.simulation.reminders import (
    CLASSES,
    class_bits,
    class_use,
    reminded_use,
    reminder_arms,
)
from features.sources.simulation.terms import terms
from training.experiments.sample import Array, Flags, Ints

LAST_DAY = (date(2026, 6, 30) - date(1970, 1, 1)).days
GRACE_DAYS = 30


@dataclass(frozen=True)
class Reminders:
    """Terms and classes of services; arrays of shape (rows,).

    Attributes
    ----------
    reminded, used, renewed, drawn : numpy.ndarray of bool
        The arm, use and renewal, and whether a lot decided.
    customers : numpy.ndarray of int
        Whose term it is.
    moved, effect : numpy.ndarray of float
        What a reminder adds to the probability of use, and use to that of renewal.
    """

    reminded: Flags
    used: Flags
    renewed: Flags
    drawn: Flags
    customers: Ints
    moved: Array
    effect: Array


def draw_reminders(seed: int, customers: int) -> Reminders:
    """Draw the commercial terms of a simulated insurer whose renewal is ripe.

    Parameters
    ----------
    seed, customers : int
        Of the insurer.
    """
    draws = Draws(seed)
    who = people(draws, np.arange(customers), LAST_DAY)
    park = cars(draws, who)
    t = terms(draws, who, park, LAST_DAY, None)
    t = t.rows(t.commercial & (t.cancelled < 0) & (t.expiry < LAST_DAY - GRACE_DAYS))
    owner = park.owner[t.car]
    parts = []
    for number, name in enumerate(CLASSES):
        drawn, reminded = reminder_arms(draws, who, owner, t, number)
        owns, probability = class_use(draws, who, owner, t, number)
        with_it, without = reminded_use(probability)
        bits = class_bits(name)
        level = logit(t.p) - c.USE_EFFECT * (t.used > 0)
        alone = (t.used & ~bits) == 0
        effect = np.where(alone, expit(level + c.USE_EFFECT) - expit(level), 0.0)
        columns = (
            reminded,
            (t.used & bits) > 0,
            t.renewed,
            drawn,
            owner,
            with_it - without,
            effect,
        )
        parts.append([column[owns] for column in columns])
    return Reminders(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
