"""Bound a share of independent yes and no."""

import math

from scipy.special import ndtri

CONFIDENCE = 0.95


def bound_share(yes: int, of: int) -> tuple[float, float] | None:
    """Return the 95% interval of a share (Wilson 1927); None of nothing.

    Parameters
    ----------
    yes : int
        How many of them.
    of : int
        Of how many.

    Examples
    --------
    >>> [round(bound, 4) for bound in bound_share(15, 20)]
    [0.5313, 0.8881]
    >>> bound_share(0, 0) is None
    True
    """
    if not of:
        return None
    z = float(ndtri((1 + CONFIDENCE) / 2))
    share, spread = yes / of, z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / of / 4)
    return max(0.0, middle - half), min(1.0, middle + half)
