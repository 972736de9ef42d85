"""The French motor portfolio by its mapping (`docs/mappings/fremotor.toml`): small, and whole."""

import os
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.checking.check import check_tables
from features.imports.mapping import load_mapping
from features.imports.run import run
from features.lake import Lake

MAPPING = Path(__file__).parents[3] / "docs" / "mappings" / "fremotor.toml"
END = datetime(2004, 12, 31, 22, 59, 59, tzinfo=UTC)
WHOLE = Path(os.environ.get("GUANJIA_FREMOTOR", "nowhere"))
"""A folder with the four files of CASdatasets as Parquet; see docs/import.md."""


def policy(number: str, year: int, premium: float, **more: Any) -> dict[str, Any]:
    """A row of premiums: a policy and a year."""
    headings = load_mapping(MAPPING).sources["prem"].columns
    row = dict.fromkeys(headings, 0.0) | {
        "IDpol": number, "Year": float(year), "PremTot": premium, "DrivGender": "F",
        "VehGas": "Regular", "VehUsage": "Private+trip to office", "Channel": "A",
    }  # fmt: skip
    return row | more


def test_a_number_and_a_year_are_a_term(lake: Lake, tmp_path: Path) -> None:
    shutil.copy(MAPPING, tmp_path)
    pd.DataFrame(
        [policy("10.a", 2003, 300.5), policy("10.a", 2004, 310.0), policy("20.b", 2004, 200.0,
         VehUsage="Professional", VehGas="Diesel", Channel="L")]
    ).to_parquet(tmp_path / "prem0304a.parquet")  # fmt: skip
    pd.DataFrame(
        [("10.a", "2003-05-01", 900, "7", "TPL"), ("10.a", "2004-02-01", 50, "8", "Windscreen"),
         ("20.b", "2003-02-01", 70, "9", "TPL")],
        columns=["IDpol", "OccurDate", "Payment", "IDclaim", "Guarantee"],
    ).to_parquet(tmp_path / "sev0304a.parquet")  # fmt: skip
    delivery = run(lake, tmp_path / MAPPING.name, END)
    assert {row.table: (row.good, row.waiting) for row in delivery.tables} == {
        "customers": (2, 0), "vehicles": (2, 0), "policies": (3, 0), "claims": (2, 1),
        "claim_movements": (3, 0),
    }  # fmt: skip
    rows = {
        name: pd.read_parquet(lake.raw(name)).sort_values(key).to_dict("records")
        for name, key in (("policies", "policy_id"), ("claims", "claim_id"))
    }
    first, _, third = rows["policies"]
    assert (first["policy_id"], first["customer_id"]) == ("10.a-2003", "10.a")
    assert (first["inception"], first["expiry"]) == (date(2003, 1, 1), date(2004, 1, 1))
    assert (str(first["written_premium"]), first["channel"]) == ("300.50", "agent")
    assert (bool(first["private_car"]), bool(third["private_car"])) == (True, False)
    assert third["channel"] is None
    # A claim names no year: its term is the one that covers its day. The third has none: it waits.
    assert [(row["claim_id"], row["policy_id"]) for row in rows["claims"]] == [
        ("7-10.a", "10.a-2003"), ("8-10.a", "10.a-2004"),
    ]  # fmt: skip


@pytest.mark.skipif(not WHOLE.is_dir(), reason="GUANJIA_FREMOTOR names no folder with the files")
def test_the_whole_portfolio(lake: Lake, tmp_path: Path) -> None:
    for path in [MAPPING, *WHOLE.glob("*.parquet")]:
        shutil.copy(path, tmp_path)
    delivery = run(lake, tmp_path / MAPPING.name, END)
    assert {row.table: (row.good, row.waiting) for row in delivery.tables} == {
        "customers": (32_117, 0), "vehicles": (32_117, 0), "policies": (51_937, 12),
        "claims": (7_932, 1_314), "claim_movements": (9_246, 0),
    }  # fmt: skip
    assert {check.table: check.bad for check in check_tables(lake)} == dict.fromkeys(
        ("customers", "vehicles", "policies", "claims", "claim_movements"), 0
    )
