"""Shares of drawn campaigns, with their bounds, for `campaign_coverage.py`."""

from measuring import Measured
from scipy.stats import beta

TERMS = 3000
LOOKS = 5


def share(
    what: str,
    hits: int,
    rounds: int,
    at_least: float | None = None,
    at_most: float | None = None,
    of_bound: bool = True,
) -> Measured:
    """A share of campaigns with its bounds; a sole "at most" is of the upper bound."""
    low = float(beta.ppf(0.025, hits, rounds - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, rounds - hits)) if hits < rounds else 1.0
    limited = high if of_bound and at_most is not None and at_least is None else hits / rounds
    return Measured(
        what, "share", hits / rounds, None, limited, low, high, at_most=at_most, at_least=at_least
    )


def covers(low: float, high: float, truth: float) -> bool:
    """Whether an interval holds the truth."""
    return low <= truth <= high
