"""Lots that anybody can draw again: a hash of words is a number from 0 up to 1.

Who is in the holdout and who explores is decided by nothing but the customer, the period and a
salt, so that it is the same at every touchpoint and in every replay.
"""

import hashlib
from datetime import date

SCALE = 2**64


def lot(*words: str) -> float:
    """A number in [0, 1), the same for the same words.

    Examples
    --------
    >>> lot("holdout", "C1", "2026") == lot("holdout", "C1", "2026")
    True
    >>> 0 <= lot("holdout", "C2", "2026") < 1
    True
    """
    # A separator that no word contains, or ("ab", "c") would draw with ("a", "bc").
    text = "\x1f".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / SCALE


def in_holdout(salt: str, customer_id: str, cycle: str, share: float) -> bool:
    """Whether a customer gets no marketing in a cycle, whatever the campaign."""
    return lot(salt, "holdout", customer_id, cycle) < share


def explores(salt: str, customer_id: str, day: date, share: float) -> bool:
    """Whether a customer's contacts are drawn by lot in the month of a day."""
    return lot(salt, "explore", customer_id, month_of(day)) < share


def month_of(day: date) -> str:
    """The month as a word.

    Examples
    --------
    >>> month_of(date(2026, 6, 30))
    '2026-06'
    """
    return f"{day:%Y-%m}"
