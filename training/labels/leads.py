"""Days before the expiry of a term at which its renewal is asked about: the rule, written once."""

from typing import Any

LEAD_DAYS = "lead_days"
"""The column of labels, and the feature of models, that says how many days they were."""
LEADS = (60, 30, 15, 7)
"""What models learn from; nearer to the expiry or farther from it nothing is known of them."""
SHORTEST_LEAD, LONGEST_LEAD = min(LEADS), max(LEADS)


def lead_asked(days: float) -> float:
    """Hold the days to an expiry between the shortest and the longest lead time learned from.

    Examples
    --------
    >>> lead_asked(3), lead_asked(20), lead_asked(300)
    (7, 20, 60)
    """
    return min(max(days, SHORTEST_LEAD), LONGEST_LEAD)


def leads_asked(days: Any) -> Any:
    """Hold many days as `lead_asked` holds one.

    Parameters
    ----------
    days : pandas.Series or numpy.ndarray
        Days to the expiry; NaN stays.

    Returns
    -------
    pandas.Series or numpy.ndarray
        As given, of the same shape.
    """
    return days.clip(SHORTEST_LEAD, LONGEST_LEAD)
