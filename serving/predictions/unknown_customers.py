"""Refuse requests about customers whom nobody knows, or the caller may not see."""

from collections.abc import Sequence

from features.errors import UnknownNameError


class UnknownCustomerError(UnknownNameError):
    """Customers of a request that have no tags, were erased, or are hidden from the caller.

    Attributes
    ----------
    customers : int
        How many.
    """

    customers = 1


def unknown_customers(customer_ids: Sequence[str]) -> UnknownCustomerError:
    """Build the error for customers that we, or the caller, do not know."""
    ids = list(dict.fromkeys(customer_ids))
    named = ", ".join(ids[:5]) + (" and others" if len(ids) > 5 else "")
    cure = "check the number, or run `guanjia tags` and `guanjia materialize`"
    error = UnknownCustomerError(f"customer {named}", "is not known", cure)
    error.customers = len(ids)
    return error
