"""Rows of terms that come up for renewal, and of quotes for them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]


def at(text: str) -> datetime:
    """Ten in the morning of a day in Shanghai."""
    return datetime.fromisoformat(f"{text}T02:00").replace(tzinfo=UTC)


def term(policy: str, customer: str, expiry: str, **more: Any) -> Row:
    """A commercial term of a year that ends on a day, signed on the day it begins."""
    ends = date.fromisoformat(expiry)
    begins = ends.replace(year=ends.year - 1)
    row: Row = {"policy_id": policy, "customer_id": customer, "vehicle_id": f"V{customer}"}
    row |= {"line": "motor_commercial", "inception": begins, "expiry": ends}
    row |= {"written_premium": 1000.0, "channel": "agent"}
    signed = more.pop("signed", begins.isoformat())
    row |= {"signed_at": at(signed), "signed_on": date.fromisoformat(signed)}
    return {**row, "recorded_at": at(signed), **more}


def quote(policy: str, customer: str, quoted: str, premium: float, **more: Any) -> Row:
    """A quote for the renewal of a term; `reached` and `viewed` name days."""
    row: Row = {"quote_id": f"Q{policy}{quoted}", "customer_id": customer, "policy_id": policy}
    row |= {"line": "motor_commercial", "premium": premium, "quoted_at": at(quoted)}
    row |= {"quoted_on": date.fromisoformat(quoted), "recorded_at": at(quoted)}
    for name, column in (("reached", "delivered"), ("viewed", "viewed")):
        if name in more:
            row |= {f"{column}_at": at(more[name]) + timedelta(minutes=5),
                    f"{column}_on": date.fromisoformat(more[name])}  # fmt: skip
    return row
