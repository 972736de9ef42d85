"""Terms of an insurer whose truth a test knows: a first one each, a second one for who renews."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TYPES = {
    "policy_id": pa.string(),
    "customer_id": pa.string(),
    "vehicle_id": pa.string(),
    "line": pa.string(),
    "signed_at": pa.timestamp("us", "UTC"),
    "inception": pa.date32(),
    "expiry": pa.date32(),
    "cancelled_on": pa.date32(),
    "written_premium": pa.decimal128(14, 2),
    "recorded_at": pa.timestamp("us", "UTC"),
    "superseded_at": pa.timestamp("us", "UTC"),
}


def term(policy: str, customer: str, expiry: date, *, renewed: bool = False) -> dict[str, Any]:
    """A commercial term of a year, signed three days before; of 2,800 yuan, renewed of 3,000."""
    inception = expiry - timedelta(days=365)
    signed = datetime.combine(inception - timedelta(days=3), datetime.min.time(), UTC)
    return {
        "policy_id": policy, "customer_id": customer, "vehicle_id": f"V{customer}",
        "line": "motor_commercial", "signed_at": signed, "inception": inception,
        "expiry": expiry, "cancelled_on": None, "written_premium": 3000 if renewed else 2800,
        "recorded_at": signed, "superseded_at": None,
    }  # fmt: skip


def write_terms(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the checked policies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), pa.schema(list(TYPES.items()))), path)


def both_terms(number: int, customer: str, expiry: date, *, renews: bool) -> list[dict[str, Any]]:
    """The term that expires, and the next one if it is renewed."""
    rows = [term(f"A{number}", customer, expiry)]
    if renews:
        rows.append(term(f"B{number}", customer, expiry + timedelta(days=365), renewed=True))
    return rows
