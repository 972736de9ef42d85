"""What the tests of the quarantine share: a small insurer with wrong rows, and a spreadsheet."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xlsxwriter

from features.checking.check import check_tables
from features.checking.table_check import TableCheck
from features.imports.reading.workbooks import read_sheets
from features.lake import Lake
from features.quarantine.replay import Replayed, replay
from features.quarantine.workbook import export_workbook
from features.settings import Settings

DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)
BASE = {
    "customers": """\
customer_id,registered_at,name,phone,recorded_at
C1,2022-01-05T02:00:00Z,甲一,13800000001,2022-01-05T02:00:00Z
C2,2022-03-05T02:00:00Z,乙二,13800000002,2022-03-05T02:00:00Z
""",
    "policies": """\
policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,written_premium,recorded_at
P1,C1,V1,motor_commercial,true,2024-07-01T01:00:00Z,2024-07-01,2025-07-01,3000.00,2024-07-01T01:00:00Z
P2,C2,V2,motor_commercial,true,2024-08-01T01:00:00Z,2024-08-01,2025-08-01,950.00,2024-08-01T01:00:00Z
P3,C2,V2,motor_commercial,true,2025-08-01T01:00:00Z,2025-08-01,2024-08-01,950.00,2025-08-01T01:00:00Z
6.2E+17,C2,V2,motor_compulsory,true,2025-08-01T01:00:00Z,2025-08-01,2026-08-01,950.00,2025-08-01T01:00:00Z
P5,C9,V9,motor_commercial,true,2025-08-01T01:00:00Z,2025-08-01,2026-08-01,950.00,2025-08-01T01:00:00Z
""",
    "claims": """\
claim_id,customer_id,policy_id,vehicle_id,kind,occurred_at,reported_at,recorded_at
K1,C1,P1,V1,collision,2024-09-02T03:00:00Z,2024-09-02T05:00:00Z,2024-09-02T05:00:00Z
""",
}  # fmt: skip
"""P3 ends before it begins, the fourth policy has lost its number, nobody knows C9."""

Change = Mapping[str, Any]
Edit = Callable[..., Path]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty home in which half a table may wait."""
    made = Lake(Settings(home=tmp_path / "home"))
    made.home.mkdir()
    (made.home / "check.toml").write_text("quarantined_share_max = 1\n")
    return made


@pytest.fixture
def deliver(lake: Lake) -> Callable[..., None]:
    """Write tables as CSV, those that are not given as the base has them."""

    def write(**texts: str) -> None:
        for table, text in {**BASE, **texts}.items():
            lake.raw(table).mkdir(parents=True, exist_ok=True)
            (lake.raw(table) / "a.csv").write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def as_parquet(lake: Lake) -> Callable[[str], None]:
    """Write a query's rows as the Parquet file of a raw table, in place of its CSV."""

    def write(table: str) -> None:
        file = lake.raw(table) / "a.csv"
        lake.con.execute(
            f"COPY (FROM read_csv('{file}')) TO '{lake.raw(table)}/a.parquet' (FORMAT parquet)"
        )
        file.unlink()

    return write


@pytest.fixture
def check(lake: Lake) -> Callable[[], dict[str, TableCheck]]:
    return lambda: {checked.table: checked for checked in check_tables(lake)}


@pytest.fixture
def exported(lake: Lake, tmp_path: Path) -> Callable[[], Path]:
    """Write the workbook of what waits."""

    def export() -> Path:
        export_workbook(lake, tmp_path / "waiting.xlsx")
        return tmp_path / "waiting.xlsx"

    return export


@pytest.fixture
def replayed(lake: Lake) -> Callable[..., Replayed]:
    """Take a workbook back, so many hours after the first one."""
    return lambda path, hours=0: replay(lake, path, DELIVERED + timedelta(hours=hours))


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Change cells of a workbook as a person does, and save it under another name.

    Rows are named by a cell of theirs; columns by their names. A number stays one.
    """

    def change(path: Path, sheet_name: str, changes: Mapping[str, Change]) -> Path:
        out = tmp_path / f"corrected-{len(list(tmp_path.iterdir()))}.xlsx"
        with xlsxwriter.Workbook(str(out)) as book:
            for sheet in read_sheets(path):
                written = book.add_worksheet(sheet.name)
                head = sheet.rows[0]
                for number, row in enumerate(sheet.rows):
                    named = [key for key in changes if key in row and sheet.name == sheet_name]
                    new = dict(changes[named[0]]) if named and number else {}
                    for place, cell in enumerate(row):
                        name = head[place].rpartition("/")[2]
                        value = new.get(name, cell)
                        (written.write_number if isinstance(value, float)
                         else written.write_string)(number, place, value)  # fmt: skip
        return out

    return change


@pytest.fixture
def checked(lake: Lake) -> Callable[[str], list[dict[str, Any]]]:
    """Read the good rows of a table."""

    def read(table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(lake.checked(table)).to_pylist()
        return rows

    return read
