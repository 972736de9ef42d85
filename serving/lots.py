"""Draw lots that can be reproduced: a hash of words gives a number in [0, 1)."""

import hashlib

SCALE = 2**64


def draw_lot(*words: str) -> float:
    """Hash words to a number in [0, 1), the same for the same words.

    Parameters
    ----------
    *words : str
        What the lot is about: a salt, a purpose, a customer.

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
