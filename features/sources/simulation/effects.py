"""What a renewal contact and an offer do to a renewal, and who is drawn to get which.

Both differ by customer, and for some they are worse than silence: a contact can wake who renews by
habit (Ascarza, Iyengar and Schleicher 2016, "The Perils of Proactive Churn Prevention", for
telephone plans). That it does so here, and how much, is our assumption.
"""

import numpy as np

from features.sources.simulation import calibration as c
from features.sources.simulation.people import People
from features.sources.simulation.random import Bools, Draws, Floats, Ints

ARMS = ("control", "contact", *c.OFFERS)
ARM_SHARES = (1 - c.CONTACTED_BY_LOT, *(c.CONTACTED_BY_LOT * share for share in c.OFFER_SHARES))
CONTROL, CONTACT = 0, 1


def by_lot(n: Draws, key: Ints) -> Bools:
    """Select the terms drawn by lot: nobody chooses whether their customer is contacted."""
    return np.asarray(n.uniform("randomised", key) < c.RANDOMISED)


def drawn_arm(n: Draws, key: Ints) -> Ints:
    """Draw the arm of each term (`ARMS`): nothing, a contact, or a contact with an offer."""
    offer = n.pick(c.OFFER_SHARES, "offer", key)
    return np.where(n.uniform("contact", key) < c.CONTACTED_BY_LOT, CONTACT + offer, CONTROL)


def contact_day(n: Draws, key: Ints, expiry: Ints) -> Ints:
    """Draw the day of the renewal contact and of the lot, before any next term is signed.

    Parameters
    ----------
    n : Draws
        Random numbers of the seed.
    key : numpy.ndarray of int64, shape (terms,)
        Global numbers of the terms.
    expiry : numpy.ndarray of int64, shape (terms,)
        Day on which each term ends, days since 1970.
    """
    return np.asarray(expiry - n.between(41, 58, "contact-day", key))


def lifts(who: People, owner: Ints, tenure: Ints) -> Floats:
    """Change of the log-odds of renewal by each arm but control, shape (terms, arms - 1).

    Parameters
    ----------
    who, owner : People, numpy.ndarray
        Customers, and the row of each term's.
    tenure : numpy.ndarray of int
        Policy year with us: habit.
    """
    contact = (
        np.asarray(c.CONTACT_BY_CHANNEL)[who.channel[owner]]
        + np.asarray(c.CONTACT_BY_TENURE)[np.clip(tenure, 1, 5) - 1]
        + c.CONTACT_BY_RESPONSE * who.response[owner]
    )
    offers = [
        level
        + by_service * who.service_sensitivity[owner]
        + by_price * who.price_sensitivity[owner]
        for level, by_service, by_price in c.OFFER_EFFECTS
    ]
    return np.column_stack([contact, *(contact + offer for offer in offers)])
