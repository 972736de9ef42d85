"""Services granted with a term, and their use, which follows taste and is confounded by it."""

import numpy as np
from scipy.special import expit, logit

from features.sources.simulation import calibration as c
from features.sources.simulation.people import People
from features.sources.simulation.random import Bools, Draws, Floats, Ints


def granted(draws: Draws, key: Ints) -> Ints:
    """Draw the bit mask of services granted with a term: roadside, car wash, and one other."""
    return 0b11 | (1 << (2 + draws.pick((0.4, 0.45, 0.15), "granted", key)))


def use_probabilities(who: People, owner: Ints) -> Floats:
    """Calculate the probability of using each service if it is granted, shape (terms, services)."""
    taste = 0.8 * who.service_sensitivity[owner] + 0.35 * who.loyalty[owner] - 0.35
    return np.column_stack([expit(logit(share) + taste) for share in c.SERVICE_USE])


def used_services(draws: Draws, who: People, key: Ints, owner: Ints) -> tuple[Ints, Bools]:
    """Draw the bit mask of the services used within each term, and whether any was.

    Parameters
    ----------
    draws : Draws
        Random numbers of the seed.
    who : People
        The customers.
    key : numpy.ndarray of int64, shape (terms,)
        Global numbers of the terms.
    owner : numpy.ndarray of int, shape (terms,)
        Row of each term's customer.
    """
    used = np.zeros(len(key), np.int64)
    for bit, probability in enumerate(use_probabilities(who, owner).T):
        used |= np.where(draws.uniform("use", key, bit) < probability, 1 << bit, 0)
    used &= granted(draws, key)
    return used, used > 0
