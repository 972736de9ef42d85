"""`guanjia entitlements` and `guanjia account` as a user types them."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from guanjia.cli import app

Command = Callable[..., Any]
DAY = "2026-06-30"


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checked tables of 60 simulated customers."""
    home = tmp_path_factory.mktemp("insurer")
    lake = Lake(Settings(home=home))
    simulate(lake, 60, 1)
    check_tables(lake)
    return home


def said(home: Path, *words: str) -> str:
    """What a command of this process prints; most of a command's time is its imports."""
    done = CliRunner().invoke(app, list(words), env={"GUANJIA_HOME": str(home)})
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_the_ledger_of_a_customer(insurer: Path) -> None:
    words = ("entitlements", "C00000003", "--as-of", DAY)
    ledger = json.loads(said(insurer, *words, "--json"))
    running = [row for row in ledger["balances"] if row["year_start"] == ledger["year_start"]]
    assert [row["service_class"] for row in running] == ["A", "B", "C"]
    lines = [line for line in ledger["lines"] if line["year_start"] == ledger["year_start"]]
    assert len(lines) == sum(row["granted"] for row in running) > 0
    shown = said(insurer, *words)
    assert f"Entitlement year 权益年度 {ledger['year_start']}" in shown
    assert lines[0]["entitlement_id"] in shown


def test_accounts_on_the_screen_in_a_file_and_as_json(insurer: Path, tmp_path: Path) -> None:
    out = tmp_path / "branches.csv"
    words = ("account", "--by", "branch", "--as-of", DAY, "--from", "2019-07-01")
    assert "total 合计" in said(insurer, *words, "--out", str(out))
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    told = json.loads(said(insurer, *words, "--top", "2", "--json"))
    assert len(told["rows"]) == 2
    profit = sum(Decimal(row["利润（签单）"]) for row in rows)
    assert profit == Decimal(told["total"]["profit"])
    assert [row["归属"] for row in rows[:2]] == [row["key"] for row in told["rows"]]
    motor = sum(Decimal(row["签单保费_车险"]) for row in rows)
    assert motor == Decimal(told["total"]["written_premium_motor"]) > 0


def test_the_account_of_a_customer(insurer: Path) -> None:
    words = ("account", "C00000003", "--as-of", DAY, "--from", "2019-07-01")
    shown = said(insurer, *words)
    told = json.loads(said(insurer, *words, "--json"))
    assert f"{Decimal(told['total']['profit']):,}" in shown
    assert told["rows"][0]["key"] == "C00000003"


def test_a_fault_is_one_line(insurer: Path, run: Command) -> None:
    done = run(insurer, "account", "--from", "2026-07-01", "--as-of", DAY)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("period 2026-07-01 to 2026-06-30: ends before it begins.")
