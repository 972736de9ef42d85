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
    listed = "、".join(ids[:5]) + (" 等" if len(ids) > 5 else "")
    chinese = f"客户 {listed}", "查不到", "请核对客户号；刚入库的客户要到下一次日批之后才能查到"
    error = UnknownCustomerError(f"customer {named}", "is not known", cure, chinese=chinese)
    error.customers = len(ids)
    return error
