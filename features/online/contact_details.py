"""Keep what messages to a customer name: their name, plate, manager, claims and entitlements.

These are personal data and no tags: no snapshot, list or model holds them. They are kept online,
one row a customer beside the tags (`CONTACT_DETAILS`), so that a decision finds them at once, and
are erased with them. `features.online.detail_queries` derives them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from features.lake import Lake
from features.online.store import read_rows

CONTACT_DETAILS = "contact_details"
"""Name of the rows in the online store, beside those of the tag groups."""
CLAIM_STEPS = ("reported", "surveyed", "paid", "closed")
"""Steps of the claims chain that a touchpoint can follow."""
FROM_CUSTOMERS = ("name", "gender", "account_manager_name", "account_manager_phone")
FROM_TERMS = ("plate_to_renew", "plate_signed", "plate_ended", "plate_insured")
FROM_CLAIMS = (*(f"claim_{step}" for step in CLAIM_STEPS), "amount_paid")
COLUMNS = (*FROM_CUSTOMERS, *FROM_TERMS, *FROM_CLAIMS, "entitlements")
"""Columns of a row, in its order."""
TABLES = ("customers", "policies", "vehicles", "claims", "claim_movements", "entitlements")
"""Raw tables from which a row is derived; all but `customers` may be absent."""


def read_details(lake: Lake, customer_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Read the details of customers from the online store; those without a row are left out.

    Raises
    ------
    GuanjiaError
        If no details were loaded yet, or the store does not answer.
    """
    (stored,) = read_rows(lake, [CONTACT_DETAILS], list(dict.fromkeys(customer_ids)))
    return {customer: row.values() for customer, row in stored.items()}
