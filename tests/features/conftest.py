"""Builders that the tests of tags share: tiny tables written, computed, compared.

Test modules cannot import each other, so the builders are given out as fixtures.
"""

import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of
from features.settings import Settings, cutoff
from features.snapshots.compute import compute_group
from features.tags.catalogue import catalogue, groups

Row = dict[str, Any]

ZONE = "Asia/Shanghai"
REQUIRED = ("customers", "policies", "claims")


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def exact(value: Any, type_: pa.DataType) -> Any:
    """Money, written as a float in the tests, as the decimal it is in the tables."""
    return Decimal(str(value)) if isinstance(value, float) and pa.types.is_decimal(type_) else value


def put_rows(lake: Lake, table: str, rows: list[Row]) -> None:
    """A checked table of these rows; what a row leaves out is null, or known since 2019."""
    instant = 'timestamp("UTC", 6)'
    contract = CONTRACTS[table]
    civil = {
        **dict.fromkeys(contract.civil_days, "date"),
        **dict.fromkeys(contract.civil_hours, "int64"),
    }
    schema = ibis.schema({**contract.columns, **civil, "superseded_at": instant}).to_pyarrow()
    known = {"recorded_at": at("2019-01-01"), "registered_at": at("2019-01-01"), "line": None}
    full = [
        {
            field.name: exact({**known, **row, **in_zone(table, row)}.get(field.name), field.type)
            for field in schema
        }
        for row in rows
    ]
    lake.checked(table).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(full, schema=schema), lake.checked(table))


def in_zone(table: str, row: Row) -> Row:
    """The civil days and hours that a check would write beside the instants."""
    zone, contract = ZoneInfo(ZONE), CONTRACTS[table]
    local = {
        name: value.astimezone(zone) for name, value in row.items() if isinstance(value, datetime)
    }
    days = {day: local[name].date() for day, name in contract.civil_days.items() if name in local}
    hours = {hour: local[name].hour for hour, name in contract.civil_hours.items() if name in local}
    return days | hours


@pytest.fixture(scope="session")
def put() -> Callable[[Lake, str, list[Row]], None]:
    """Write a checked table of literal rows."""
    return put_rows


@pytest.fixture(scope="session")
def pairs_of() -> Callable[[dict[str, date]], Any]:
    """The spine's table for customers, each with his date."""
    return spine


@pytest.fixture
def lake_of(tmp_path: Path) -> Callable[..., Lake]:
    """A lake of its own for each call, with these rows in its checked tables."""

    def write(**tables: list[Row]) -> Lake:
        lake = Lake(Settings(home=Path(tempfile.mkdtemp(dir=tmp_path)), timezone=ZONE))
        for table in {*REQUIRED, *tables}:
            put_rows(lake, table, tables.get(table, []))
        return lake

    return write


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., dict[tuple[str, date], Row]]:
    """Tags of one group for several customers and dates in one pass; rows name their customer, or
    are those of C1. A table that is not given is left out, unless it is required."""

    def compute(
        group: str, pairs: list[tuple[str, date]], **tables: list[Row]
    ) -> dict[tuple[str, date], Row]:
        lake = Lake(Settings(home=tmp_path))
        tables.setdefault("customers", [{"customer_id": name} for name in dict(pairs)])
        for table in {*REQUIRED, *tables}:
            put_rows(lake, table, [{"customer_id": "C1", **row} for row in tables.get(table, [])])
        found = compute_group(lake, spine_of(spine_of_pairs(pairs)), group)
        return {(row["customer_id"], row["as_of"]): row for row in found.to_pylist()}

    return compute


@pytest.fixture
def answer(answers: Callable[..., dict[tuple[str, date], Row]]) -> Callable[..., Row]:
    """Tags of one group for customer C1."""

    def compute(group: str, as_of: date = date(2026, 6, 30), **tables: list[Row]) -> Row:
        return answers(group, [("C1", as_of)], **tables)["C1", as_of]

    return compute


@pytest.fixture
def few_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """One group stands for all in snapshots, where the tags are not what is tested."""
    few = {name: group for name, group in groups().items() if name == "underwriting"}
    monkeypatch.setattr("features.snapshots.compute.groups", lambda: few)
    monkeypatch.setattr("features.snapshots.tag_queries.groups", lambda: few)


@pytest.fixture
def term() -> Callable[..., Row]:
    """A commercial motor term of vehicle V1, signed ten days before it begins."""
    return motor_term


@pytest.fixture
def terms() -> list[Row]:
    """Two terms of a car, its compulsory cover, and its next term, signed but not begun."""
    return [
        motor_term("P1", "2024-07-10", "2025-07-10", 2000, ncd_level=1, channel="agent",
                   third_party_limit=2_000_000),
        motor_term("P2", "2025-07-10", "2026-07-10", 2300, ncd_level=2, channel="online",
                   third_party_limit=1_000_000, business_type="renewal", pricing_factor=0.95,
                   driver_accident_cover=True),
        motor_term("Q2", "2025-09-01", "2026-09-01", 950, line="motor_compulsory"),
        motor_term("P3", "2026-07-10", "2027-07-10", 2100, channel="online"),
    ]  # fmt: skip


def motor_term(
    policy_id: str, inception: str, expiry: str, premium: float | None, **more: Any
) -> Row:
    begins = date.fromisoformat(inception)
    signed = datetime(begins.year, begins.month, begins.day, tzinfo=UTC).timestamp() - 10 * 86_400
    row = {
        "policy_id": policy_id,
        "vehicle_id": "V1",
        "line": "motor_commercial",
        "private_car": True,
        "signed_at": datetime.fromtimestamp(signed, UTC),
        "inception": begins,
        "expiry": date.fromisoformat(expiry),
        "written_premium": premium,
    }
    return {**row, **more}


@pytest.fixture
def expect() -> Callable[..., None]:
    """Assert that the tags named have these values, of these types."""

    def compare(found: Row, **tags: Any) -> None:
        got = {name: found[name] for name in tags}
        assert got == {n: pytest.approx(v) if isinstance(v, float) else v for n, v in tags.items()}
        types = {"int64": int, "float64": float, "string": str, "boolean": bool}
        for name, value in tags.items():
            assert value is None or type(got[name]) is types[catalogue()[name].type], name

    return compare


def spine(dates: dict[str, date]) -> Any:
    """Customers, each with the date to look at."""
    return spine_of_pairs(list(dates.items()))


def spine_of_pairs(pairs: list[tuple[str, date]]) -> Any:
    """Customers with the dates to look at."""
    columns = {
        "customer_id": pa.array([customer for customer, _ in pairs], pa.string()),
        "as_of": pa.array([day for _, day in pairs], pa.date32()),
        "cutoff": pa.array([cutoff(d, ZONE) for _, d in pairs], pa.timestamp("us", "UTC")),
    }
    return ibis.memtable(pa.table(columns))
