"""Shadow prices 影子价格: what one more contact by a channel would be worth where some are lacking.

Each customer takes the one contact of the greatest value less its price, or none. The prices sought
are those at which no channel is wanted by more customers than it has places for. They are the dual
of assigning customers to channels so that the total value is greatest, and so lose none of it.

Where several prices would do, the lowest are taken: with one place and customers to whom it is
worth 10, 6 and 3 yuan, any price from 6 to 10 gives it to the first, and it is 6.
"""

from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-9


def shadow_prices(values: Array, places: Array, unlimited: Array | None = None) -> Array:
    """The lowest prices at which what is wanted has its place.

    Parameters
    ----------
    values : array of float, shape (customers, channels)
        Yuan that a contact is worth, price aside; -inf: it cannot be made. At most 7 channels.
    places : array of int, shape (channels,)
    unlimited : array of float, shape (customers,), optional
        The best contact by a channel that has places for all.

    Returns
    -------
    array of float, shape (channels,)
        0 where a channel has places to spare.

    Notes
    -----
    The prices minimise sum_i max(0, max_c(v_ic - p_c)) + sum_c (K_c + e) p_c over p >= 0, for a
    small e > 0 that has the lowest of several. That function is L-natural convex (Murota, Discrete
    convex analysis, 2003): where no set of channels can raise or lower its prices together and
    gain, nothing can. Along such a set the best step is an order statistic, so each is exact.

    Examples
    --------
    >>> shadow_prices(np.array([[10.0], [6.0], [3.0]]), np.array([1])).tolist()
    [6.0]
    >>> shadow_prices(np.array([[10.0, 9.0], [6.0, 5.0], [3.0, 2.0]]), np.array([1, 1])).tolist()
    [3.0, 2.0]
    """
    customers, channels = values.shape
    prices = np.zeros(channels)
    silence = np.zeros(customers)
    least = silence if unlimited is None else np.maximum(silence, unlimited)
    sets = [
        np.isin(np.arange(channels), some)
        for size in range(1, channels + 1)
        for some in combinations(range(channels), size)
    ]
    moved = True
    while moved:
        moved = False
        for some in sets:
            step = _step(values - prices, least, some, int(places[some].sum()))
            step = max(step, -float(prices[some].min()))
            if abs(step) > TOLERANCE:
                prices[some] += step
                moved = True
    return prices


def _step(net: Array, least: Array, some: Array, places: int) -> float:
    """How far a set's prices rise until no more customers prefer it than it has places for."""
    if len(net) <= places:
        return -np.inf
    rest = net[:, ~some].max(axis=1, initial=-np.inf)
    gain = net[:, some].max(axis=1) - np.maximum(least, rest)
    return float(np.partition(gain, len(gain) - 1 - places)[len(gain) - 1 - places])
