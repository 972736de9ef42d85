"""A small insurer as CSV texts: every row is good, and a test replaces what it is about."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.checking.table_check import TableCheck
from features.lake import Lake
from features.settings import Settings

BASE = {
    "customers": """\
customer_id,registered_at,name,phone,birth_date,gender,branch,recorded_at
C1,2022-01-05T02:00:00Z,甲一,13800000001,1980-02-03,M,B1,2022-01-05T02:00:00Z
C2,2022-03-05T02:00:00Z,乙二,13800000002,1990-12-31,F,B1,2022-03-05T02:00:00Z
""",
    "vehicles": """\
vehicle_id,customer_id,acquired_at,kind,energy,recorded_at
V1,C1,2022-01-05T02:00:00Z,car,petrol,2022-01-05T02:00:00Z
V2,C2,2022-03-05T02:00:00Z,car,petrol,2022-03-05T02:00:00Z
""",
    "policies": """\
policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,cancelled_on,written_premium,channel,recorded_at
P1,C1,V1,motor_commercial,true,2023-07-01T01:00:00Z,2023-07-01,2024-07-01,,3000.00,agent,2023-07-01T01:00:00Z
P2,C1,V1,motor_commercial,true,2024-07-01T01:00:00Z,2024-07-01,2025-07-01,,3000.00,agent,2024-07-01T01:00:00Z
P3,C1,V1,motor_commercial,true,2025-07-01T01:00:00Z,2025-07-01,2026-07-01,,3000.00,agent,2025-07-01T01:00:00Z
Q1,C2,V2,motor_commercial,true,2025-01-10T01:00:00Z,2025-01-10,2026-01-10,,3000.00,agent,2025-01-10T01:00:00Z
""",
    "claims": """\
claim_id,customer_id,policy_id,vehicle_id,kind,occurred_at,reported_at,recorded_at
K1,C1,P3,V1,collision,2026-01-02T03:00:00Z,2026-01-02T05:00:00Z,2026-01-02T05:00:00Z
""",
    "claim_movements": """\
movement_id,claim_id,customer_id,moved_at,paid_change,outstanding_change,recorded_at
M1,K1,C1,2026-01-03T05:00:00Z,0.00,1000.00,2026-01-03T05:00:00Z
M2,K1,C1,2026-02-03T05:00:00Z,900.00,-1000.00,2026-02-03T05:00:00Z
""",
}  # fmt: skip

Check = Callable[..., dict[str, TableCheck]]


@pytest.fixture
def base() -> dict[str, str]:
    """The texts of the small insurer, by table."""
    return dict(BASE)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty home."""
    return Lake(Settings(home=tmp_path))


@pytest.fixture
def deliver(lake: Lake) -> Callable[..., None]:
    """Write tables as `raw/<table>/a.csv`; those that are not given are those of the base."""

    def write(**texts: str | bytes) -> None:
        for table, text in {**BASE, **texts}.items():
            folder = lake.raw(table)
            folder.mkdir(parents=True, exist_ok=True)
            content = text if isinstance(text, bytes) else text.encode()
            (folder / "a.csv").write_bytes(content)

    return write


@pytest.fixture
def check(lake: Lake, deliver: Callable[..., None]) -> Check:
    """Deliver tables and check them; a bound on the share in quarantine does not hold."""

    def run(**texts: str | bytes) -> dict[str, TableCheck]:
        deliver(**texts)
        (lake.home / "check.toml").write_text("quarantined_share_max = 1\n")
        return {checked.table: checked for checked in check_tables(lake)}

    return run


@pytest.fixture
def rows_of(lake: Lake) -> Callable[..., list[dict[str, object]]]:
    """Read the good rows of a table, or its rows in quarantine."""

    def read(table: str, *, bad: bool = False) -> list[dict[str, object]]:
        path = lake.quarantine(table) if bad else lake.checked(table)
        rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
        return rows

    return read
