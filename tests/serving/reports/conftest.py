"""A literal insurer of a few terms, whose report is worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from due_terms import Row, at, quote, term

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.known_at import checked_types
from features.settings import Settings

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def lake_of(tmp_path: Path) -> Callable[..., Lake]:
    """Write checked tables of partial rows: `lake_of(policies=[...], quotes=[...])`."""

    def make(**tables: list[Row]) -> Lake:
        lake = Lake(Settings(home=tmp_path / "insurer", memory_limit="1GB"))
        for name, rows in tables.items():
            types = checked_types(CONTRACTS[name])
            schema = pa.schema([(column, kind.to_pyarrow()) for column, kind in types.items()])
            blank = dict.fromkeys(types) | {"recorded_at": LONG_AGO}
            path = lake.checked(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            full = [_exact(blank | row, schema) for row in rows]
            pq.write_table(pa.Table.from_pylist(full, schema), path)
        return lake

    return make


def _exact(row: Row, schema: pa.Schema) -> Row:
    return {
        name: Decimal(str(value)) if pa.types.is_decimal(schema.field(name).type)
        and value is not None else value
        for name, value in row.items()
    }  # fmt: skip


@pytest.fixture
def insurer(lake_of: Callable[..., Lake]) -> Lake:
    """Two branches in June 2026, as of the 14th.

    B1: P1 renewed, P2 lost without a quote, P3 lost to price, P4 open and viewed.
    B2: P5 renewed late (on the 12th), P6 lost unseen, P7 lost unreached, P8 open without a quote;
    P9 was cancelled long before, P10 is of July and enters the pool on the 10th.
    """
    customers = [
        {"customer_id": f"C{number}", "branch": "B1" if number < 5 else "B2",
         "account_manager_id": "M1" if number < 5 else ("M2" if number < 8 else None)}
        for number in range(1, 11)
    ]  # fmt: skip
    return lake_of(
        customers=customers,
        policies=[
            term("P1", "C1", "2026-06-05"),
            term("P1N", "C1", "2027-06-05", signed="2026-06-01"),
            term("P2", "C2", "2026-06-06"),
            term("P3", "C3", "2026-06-07"),
            term("P4", "C4", "2026-06-20"),
            term("P5", "C5", "2026-06-10"),
            term("P5N", "C5", "2027-06-12", signed="2026-06-12"),
            term("P6", "C6", "2026-06-11"),
            # Renewed after the report: on the 14th nobody knows.
            term("P6N", "C6", "2027-06-16", signed="2026-06-16"),
            term("P7", "C7", "2026-06-14"),
            term("P8", "C8", "2026-06-30"),
            term("P9", "C9", "2026-06-09", cancelled_on=date(2026, 2, 1)),
            term("P10", "C10", "2026-07-10"),
        ],
        quotes=[
            quote("P1", "C1", "2026-05-20", 900.0, reached="2026-05-20", viewed="2026-05-21"),
            quote("P3", "C3", "2026-05-20", 900.0, reached="2026-05-20", viewed="2026-05-21"),
            quote("P3", "C3", "2026-05-25", 1200.0, reached="2026-05-25"),
            quote("P4", "C4", "2026-05-21", 1000.0, reached="2026-05-22", viewed="2026-05-23"),
            quote("P5", "C5", "2026-06-01", 1000.0, reached="2026-06-01", viewed="2026-06-20"),
            quote("P6", "C6", "2026-06-01", 1000.0, reached="2026-06-02"),
            quote("P7", "C7", "2026-06-01", 1000.0, reached="2026-06-15"),
            quote("P10", "C10", "2026-06-10", 1000.0),
        ],
        claims=[
            {"claim_id": "L1", "customer_id": "C3", "policy_id": "P3",
             "occurred_at": at("2026-01-05"), "reported_at": at("2026-01-05")},
        ],
    )  # fmt: skip
