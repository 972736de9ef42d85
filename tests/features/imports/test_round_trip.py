"""The simulated insurer, exported as other systems export, comes back as it was."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from exports import (
    CHINESE,
    Style,
    latest_rows,
    oracle_style,
    raw_rows,
    workbook_style,
    write_export,
)

from features.contracts.tables import CONTRACTS
from features.imports.mapping_text import mapping_text
from features.imports.plan import Plan, plan_import
from features.imports.run import run
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

KEYS = {name: contract.key for name, contract in CONTRACTS.items()}
DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("insurer")
    lake = Lake(Settings(home=home))
    simulate(lake, 60, 1)
    lake.con.close()
    return home


def bring_back(insurer: Path, folder: Path, style: Style, close: Any = None) -> tuple[Plan, Path]:
    """Export in a style, plan and run; return the plan and the home it went to."""
    write_export(insurer, folder / "exports", style, KEYS)
    if close is not None:
        close()
    lake = Lake(Settings(home=folder / "home"))
    plan = plan_import(lake, folder / "exports", ".")
    path = folder / "exports" / "mapping.toml"
    text = mapping_text(plan.mapping, path.name, plan.evidence, plan.described.notes)
    path.write_text(text, encoding="utf-8")
    assert run(lake, path, DELIVERED).written
    assert not run(lake, path, DELIVERED).written
    lake.con.close()
    return plan, folder / "home"


def wrong_columns(plan: Plan, style: Style) -> list[tuple[str, str, str | None]]:
    """Columns that were not taken from their heading."""
    mapped = {table.name: table.columns for table in plan.mapping.tables}
    return [
        (table, column, heading)
        for table, headings in style.headings.items()
        for column, heading in headings.items()
        if column not in mapped.get(table, {}) or mapped[table][column].heading != heading
    ]


def cells(rows: list[dict[str, Any]], columns: list[str], *, seconds: bool) -> list[Any]:
    """The cells of rows in one order; instants to the second if the style writes no fraction."""

    def shown(value: Any) -> str:
        whole = seconds and isinstance(value, datetime)
        return str(value.replace(microsecond=0) if whole else value)

    return sorted([shown(row[column]) for column in columns] for row in rows)


def test_every_version_comes_back_to_the_microsecond(insurer: Path, tmp_path: Path) -> None:
    plan, home = bring_back(insurer, tmp_path, CHINESE)
    assert wrong_columns(plan, CHINESE) == []
    for table, headings in CHINESE.headings.items():
        before, after = raw_rows(insurer, table), raw_rows(home, table)
        assert len(before) > 20
        columns = list(headings)
        assert cells(after, columns, seconds=False) == cells(before, columns, seconds=False)


def test_a_workbook_comes_back_to_the_second(insurer: Path, tmp_path: Path) -> None:
    style, book = workbook_style()
    plan, home = bring_back(insurer, tmp_path, style, book.close)
    assert wrong_columns(plan, style) == []
    for table, headings in style.headings.items():
        columns = [name for name in headings if name != "recorded_at"]
        before = latest_rows(raw_rows(insurer, table), KEYS[table])
        after = latest_rows(raw_rows(home, table), KEYS[table])
        assert cells(after, columns, seconds=True) == cells(before, columns, seconds=True)
    (part, *_) = plan.parts["保单"]
    assert part.left_out == {"titles and headings": 2, "rows of totals": 1}


def test_a_dump_of_a_database_asks_for_the_code_it_does_not_know(
    insurer: Path, tmp_path: Path
) -> None:
    style = oracle_style()
    plan, home = bring_back(insurer, tmp_path, style)
    assert wrong_columns(plan, style) == []
    (policies,) = [table for table in plan.mapping.tables if table.name == "policies"]
    codes = policies.columns["line"].codes
    assert codes is not None
    assert codes["0507"] == "motor_compulsory"
    assert codes["9999"] == "?"
    assert policies.columns["line"].confidence == "look"
    before = latest_rows(raw_rows(insurer, "policies"), "policy_id")
    motor = {row["policy_id"] for row in before if row["line"].startswith("motor_")}
    assert {row["policy_id"] for row in raw_rows(home, "policies")} == motor
