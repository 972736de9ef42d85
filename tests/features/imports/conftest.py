"""What the tests of imports share: a folder of exports, and a home to import into."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from planned_exports import plan_once

from features.imports.mapping_text import mapping_text
from features.imports.plan import Plan
from features.imports.run import Delivery, run
from features.lake import Lake
from features.settings import Settings

DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)

CUSTOMERS = (
    "客户编号,客户姓名,手机号码,建档时间\n"
    "C1,甲一,13800000001,2022-01-05 10:00:00\n"
    "C2,乙二,13800000002,2022-03-05 10:00:00\n"
)
POLICIES = (
    "保单号,客户编号,车架号,险种名称,使用性质,签单时间,保险起期,保险止期,签单保费\n"
    "P1,C1,V1,商业险,家庭自用,2024-07-01 09:00:00,2024-07-01,2025-07-01,3000.00\n"
    "P2,C2,V2,交强险,家庭自用,2024-08-01 09:00:00,2024-08-01,2025-08-01,950.00\n"
)
CLAIMS = (
    "报案号,保单号,出险时间,报案时间,结案时间,已决赔款,未决赔款\n"
    "K1,P1,2024-09-01 08:00:00,2024-09-01 09:00:00,2024-10-01 09:00:00,900.00,0\n"
    'K2,P2,2024-09-02 08:00:00,2024-09-02 09:00:00,,"1,200.00",300\n'
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path / "home"))


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A folder with customers, policies and claims as an insurer exports them."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in (("客户", CUSTOMERS), ("保单", POLICIES), ("理赔", CLAIMS)):
        (folder / f"{name}.csv").write_text(text, encoding="gb18030")
    return folder


@pytest.fixture
def planned(lake: Lake) -> Callable[[Path], Plan]:
    """Plan an import and write the mapping beside the files."""

    def plan(folder: Path, encoding: str | None = None) -> Plan:
        made = plan_once(lake, folder, encoding)
        text = mapping_text(made.mapping, "mapping.toml", made.evidence, made.described.notes)
        (folder / "mapping.toml").write_text(text, encoding="utf-8")
        return made

    return plan


@pytest.fixture
def imported(lake: Lake, planned: Callable[[Path], Plan]) -> Callable[[Path], Delivery]:
    """Plan and run a folder."""

    def run_folder(folder: Path) -> Delivery:
        planned(folder)
        return run(lake, folder / "mapping.toml", DELIVERED)

    return run_folder


@pytest.fixture
def rows(lake: Lake) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a raw table, by key."""

    def read(table: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = pq.read_table(lake.raw(table) / "part-0.parquet").to_pylist()
        return listed

    return read
