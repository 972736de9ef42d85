"""Say who is in the holdout and who explores, by lots that can be reproduced.

Both depend on the customer, the period and a salt alone, so they are the same at every touchpoint
and in every replay.
"""

from datetime import date

from serving.lots import draw_lot


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
