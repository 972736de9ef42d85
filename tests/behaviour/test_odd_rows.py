"""What is odd about delivered rows, and how they count, is shown by `guanjia check`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guanjia.cli import app

TABLES = {
    "customers": "customer_id,registered_at,recorded_at\nC1,2024-01-01,2024-01-01\n"
    "C2,2024-01-01,2024-01-01\n",
    "policies": "policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,"
    "recorded_at\nP1,C1,V1,motor_commercial,true,2024-01-01,2024-01-02,2025-01-02,2024-01-01\n",
    "claims": "claim_id,customer_id,policy_id,occurred_at,reported_at,surveyed_at,recorded_at\n"
    "K1,C2,P1,2024-03-01,2024-03-02,2024-03-01,2024-03-03\n"
    "K2,C1,P9,2024-03-01,2024-03-02,,2024-03-03\n",
}


def test_check_shows_what_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANJIA_HOME", str(tmp_path))
    for table, text in TABLES.items():
        folder = tmp_path / "raw" / table
        folder.mkdir(parents=True)
        (folder / "part.csv").write_text(text, encoding="utf-8")
    shown = CliRunner().invoke(app, ["check"])
    assert shown.exit_code == 0, shown.output
    assert "Odd rows (they lie under checked/)" in shown.output
    checks = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)["tables"]
    (notes,) = [check["notes"] for check in checks if check["table"] == "claims"]
    assert notes == {
        "surveyed_at is left out: a claim is surveyed after its report": 1,
        "policy_id is not a known policy: the star counts the claim by its car": 1,
        "the policy is another customer's: the claim counts for the policy's customer": 1,
    }
