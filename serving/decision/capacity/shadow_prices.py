"""Find shadow prices 影子价格: what one more contact by a scarce channel would be worth.

Each customer takes the contact of the greatest value less its price, or none. At the shadow prices
no channel is preferred by more customers than it has places. They are the dual of assigning
customers to channels so that the total value is greatest, so none of that value is lost.

If several prices fulfil this, the lowest are chosen: with one place and customers to whom it is
worth 10, 6 and 3 yuan, any price from 6 to 10 gives it to the first, and the price is 6.
"""

from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-9


def shadow_prices(values: Array, places: Array, unlimited: Array | None = None) -> Array:
    """Find the lowest prices at which no channel is overbooked.

    Parameters
    ----------
    values : array of float, shape (customers, channels)
        Yuan that a contact is worth, without its price; -inf: it cannot be made. At most 7
        channels.
    places : array of int, shape (channels,)
        Contacts that each channel can make.
    unlimited : array of float, shape (customers,), optional
        Yuan of the best contact by a channel without a limit; default: there is none.

    Returns
    -------
    array of float, shape (channels,)
        Yuan of one more place; 0 where a channel has places to spare.

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
        np.isin(np.arange(channels), members)
        for size in range(1, channels + 1)
        for members in combinations(range(channels), size)
    ]
    moved = True
    while moved:
        moved = False
        for subset in sets:
            step = _step(values - prices, least, subset, int(places[subset].sum()))
            step = max(step, -float(prices[subset].min()))
            if abs(step) > TOLERANCE:
                prices[subset] += step
                moved = True
    return prices


def _step(net: Array, least: Array, subset: Array, places: int) -> float:
    """Compute how far the prices of a set of channels rise until its customers have places."""
    if len(net) <= places:
        return -np.inf
    rest = net[:, ~subset].max(axis=1, initial=-np.inf)
    gain = net[:, subset].max(axis=1) - np.maximum(least, rest)
    return float(np.partition(gain, len(gain) - 1 - places)[len(gain) - 1 - places])
