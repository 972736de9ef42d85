"""Draw lots that can be reproduced: a hash of words gives a number in [0, 1).

Holdout and exploration depend on the customer, the period and a salt alone, so they are the same
at every touchpoint and in every replay.
"""

import hashlib
from datetime import date

SCALE = 2**64


def draw_lot(*words: str) -> float:
    """Hash words to a number in [0, 1), the same for the same words.

    Examples
    --------
    >>> draw_lot("holdout", "C1", "2026") == draw_lot("holdout", "C1", "2026")
    True
    >>> 0 <= draw_lot("holdout", "C2", "2026") < 1
    True
    """
    # A separator that no word contains, or ("ab", "c") would draw with ("a", "bc").
    text = "\x1f".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / SCALE


def in_holdout(salt: str, customer_id: str, cycle: str, share: float) -> bool:
    """Check whether a customer is in the holdout: without marketing in a cycle, of any campaign.

    Parameters
    ----------
    salt : str
        Salt of the policy; another salt draws other customers.
    customer_id : str
        The customer.
    cycle : str
        The holdout cycle (`Policy.cycle`).
    share : float
        Part of the customers in the holdout, in [0, 1].
    """
    return draw_lot(salt, "holdout", customer_id, cycle) < share


def explores(salt: str, customer_id: str, day: date, share: float) -> bool:
    """Check whether a customer's decisions are drawn by lot in the month of a day.

    Parameters
    ----------
    salt : str
        Salt of the policy; another salt draws other customers.
    customer_id : str
        The customer.
    day : date
        Civil day of the decision.
    share : float
        Part of the customers who explore, in [0, 1].
    """
    return draw_lot(salt, "explore", customer_id, month_of(day)) < share


def month_of(day: date) -> str:
    """Format the month of a day as a text.

    Examples
    --------
    >>> month_of(date(2026, 6, 30))
    '2026-06'
    """
    return f"{day:%Y-%m}"
