"""How often a token may be used: a bucket a subject that fills at a rate, in this process."""

from collections import OrderedDict

MOST_SUBJECTS = 10_000


class Allowances:
    """Token buckets; the event loop alone asks them.

    Parameters
    ----------
    per_second, burst : float
        Requests a second in the long run, and at once.

    Examples
    --------
    >>> one = Allowances(per_second=1, burst=2)
    >>> [one.take("a", at) for at in (0.0, 0.0, 0.0, 1.0, 1.5, 2.0)]
    [True, True, False, True, False, True]
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate, self._burst = per_second, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, subject: str, at: float) -> bool:
        """Whether there is room for a request now; if so it is taken.

        Parameters
        ----------
        at : float
            Seconds of a clock that never goes back.
        """
        left, since = self._left.pop(subject, (self._burst, at))
        left = min(self._burst, left + (at - since) * self._rate)
        granted = left >= 1
        self._left[subject] = (left - 1 if granted else left, at)
        if len(self._left) > MOST_SUBJECTS:
            # The one that asked longest ago; his bucket has filled since.
            self._left.popitem(last=False)
        return granted
