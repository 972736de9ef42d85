"""The tags of a date are the same however and whenever its rows arrived.

Streams of rows that are late, corrected, reversed, repeated and dated ahead are cut into deliveries
in any order; after each the snapshot of the date is brought up to date. What comes out in the end
must be what one delivery of everything gives, and one of the rows known by then alone.
"""

import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.checking.check import TableCheck, check_tables
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.settings import Settings, cutoff
from features.snapshots.compute import write_snapshot

DAY = date(2025, 6, 30)
END = cutoff(DAY, "Asia/Shanghai")
START = datetime(2024, 6, 1, tzinfo=UTC)
CUSTOMERS = tuple(f"C{number}" for number in range(1, 9))
"""A stream each: a snapshot of eight takes as long as one of three."""
PREMIUMS = st.integers(500_00, 9_999_99)
"""In fen; a check refuses a delivery whose premiums look like another unit."""
Row = dict[str, Any]
Delivery = list[tuple[str, Row]]
FEW = settings(
    max_examples=2,  # the simplest, and eight customers of one drawn
    deadline=None,
    # An example takes seconds: what is found is reported as found.
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@st.composite
def streams(draw: st.DrawFn) -> list[Delivery]:
    """Rows of eight customers over 14 months, some recorded after the date, in deliveries."""
    rows: Delivery = [
        ("customers", {"customer_id": c, "registered_at": START, "recorded_at": START})
        for c in CUSTOMERS
    ]
    for c in CUSTOMERS:
        rows += _cover(draw, c)
        for number in range(draw(st.integers(1, 3))):
            rows += _claim(draw, c, number)
    # Some rows come twice: delivered again, as they were.
    rows += draw(st.lists(st.sampled_from(rows), max_size=4))
    parts = draw(st.integers(2, 3))
    placed = [draw(st.integers(0, parts - 1)) for _ in rows]
    deliveries = [
        [row for row, at in zip(rows, placed, strict=True) if at == n] for n in range(parts)
    ]
    # The first brings who the customers are: rows of somebody unknown are held back till then.
    people = [row for row in rows if row[0] == "customers"]
    return [[*people, *_anchor()], *deliveries]


def _anchor() -> Delivery:
    """A customer whose cover and claim are known from the first delivery on: tables that are
    required have a row, and the middle of the premiums is one in yuan."""
    known = {"customer_id": "C0", "policy_id": "PC0", "recorded_at": START}
    begins = START.date()
    return [
        ("customers", {"customer_id": "C0", "registered_at": START, "recorded_at": START}),
        ("policies", known | {
            "vehicle_id": "VC0", "line": "motor_commercial", "private_car": True,
            "signed_at": START - timedelta(days=10), "inception": begins,
            "expiry": begins + timedelta(365), "written_premium": Decimal(5000)}),
        ("claims", known | {
            "claim_id": "LC0", "occurred_at": START - timedelta(hours=2),
            "reported_at": START - timedelta(hours=1), "injury": False, "at_fault": False}),
    ]  # fmt: skip


def _later(draw: st.DrawFn, at: datetime) -> datetime:
    """When a row became known: at once, late, or very late; perhaps after the date."""
    delay = draw(st.sampled_from([0, 0, 1, 40, 200]))
    return at + timedelta(days=delay, seconds=draw(st.integers(0, 86_399)))


def _cover(draw: st.DrawFn, customer: str) -> Delivery:
    """A term, and perhaps its correction or cancellation as a later version."""
    begins = date(2024, 7, 1) + timedelta(draw(st.integers(0, 300)))
    signed = datetime(begins.year, begins.month, begins.day, tzinfo=UTC) - timedelta(days=10)
    row = {
        "policy_id": f"P{customer}", "customer_id": customer, "vehicle_id": f"V{customer}",
        "line": "motor_commercial", "private_car": True, "signed_at": signed,
        "inception": begins, "expiry": begins + timedelta(365),
        "written_premium": Decimal(draw(PREMIUMS)) / 100,
        "recorded_at": _later(draw, signed),
    }  # fmt: skip
    found = [row]
    for days in draw(st.sets(st.integers(1, 300), max_size=2)):
        changed = {**row, "recorded_at": row["recorded_at"] + timedelta(days=days, seconds=1)}
        if draw(st.booleans()):
            changed["cancelled_on"] = begins + timedelta(draw(st.integers(0, 365)))
        changed["written_premium"] = Decimal(draw(st.integers(-9_999, 0) | PREMIUMS)) / 100
        found.append(changed)
    return [("policies", row) for row in found]


def _claim(draw: st.DrawFn, customer: str, number: int) -> Delivery:
    """A claim with reserves set, paid and reversed, each known on a day of its own."""
    occurred = START + timedelta(
        days=draw(st.integers(30, 420)), seconds=draw(st.integers(0, 86_399))
    )
    claim = {
        "claim_id": f"L{customer}{number}", "customer_id": customer, "policy_id": f"P{customer}",
        "occurred_at": occurred, "reported_at": occurred + timedelta(days=1),
        "closed_at": occurred + timedelta(days=draw(st.integers(1, 90))),
        "injury": draw(st.booleans()), "at_fault": draw(st.booleans()),
        "recorded_at": _later(draw, occurred + timedelta(days=1)),
    }  # fmt: skip
    found: Delivery = [("claims", claim)]
    for step, amount in enumerate(draw(st.lists(st.integers(-500_000, 900_000), max_size=3))):
        moved = occurred + timedelta(days=1 + 20 * step)
        row = {
            "movement_id": f"M{customer}{number}{step}", "claim_id": claim["claim_id"],
            "customer_id": customer, "moved_at": moved, "paid_change": Decimal(amount) / 100,
            "outstanding_change": Decimal(-amount // 2) / 100, "recorded_at": _later(draw, moved),
        }  # fmt: skip
        found.append(("claim_movements", row))
    return found


def deliver(lake: Lake, number: int, delivery: Delivery) -> list[TableCheck]:
    """Lay a delivery beside the earlier ones and check them all."""
    for table in ("customers", "policies", "claims", "claim_movements"):
        rows = [row for name, row in delivery if name == table]
        schema = ibis.schema(CONTRACTS[table].columns).to_pyarrow()
        full = [{field.name: row.get(field.name) for field in schema} for row in rows]
        lake.raw(table).mkdir(parents=True, exist_ok=True)
        path = lake.raw(table) / f"part-{number}.parquet"
        pq.write_table(pa.Table.from_pylist(full, schema=schema), path)
    return check_tables(lake)


@pytest.mark.slow
@FEW
@given(streams())
def test_arrival_decides_nothing(deliveries: list[Delivery]) -> None:
    def lake_in(folder: str) -> Lake:
        # Amounts are drawn: half of a few payments may be less than any insurer's.
        (Path(folder) / "check.toml").write_text("claim_payment_median_min = 0\n")
        return Lake(Settings(home=Path(folder)))

    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
        tempfile.TemporaryDirectory() as three,
    ):
        step_by_step, at_once, known_only = lake_in(one), lake_in(two), lake_in(three)
        for number, delivery in enumerate(deliveries):
            checks = deliver(step_by_step, number, delivery)
            (last,) = write_snapshot(step_by_step, [DAY])
        assert last.base == str(DAY)
        everything = [row for delivery in deliveries for row in delivery]
        deliver(at_once, 0, everything)
        (whole,) = write_snapshot(at_once, [DAY])
        assert whole.base is None
        assert last.snapshot_id == whole.snapshot_id
        deliver(known_only, 0, [row for row in everything if row[1]["recorded_at"] < END])
        assert write_snapshot(known_only, [DAY])[0].snapshot_id == whole.snapshot_id
        # Nothing is lost: each row delivered went on, or waits with its reason.
        assert sum(check.rows for check in checks) == len(everything)
        assert all(check.rows == check.good + check.bad + check.repeated for check in checks)
        for lake in (step_by_step, at_once, known_only):
            lake.engine.disconnect()
