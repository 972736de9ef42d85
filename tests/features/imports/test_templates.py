"""A filled template is understood at first sight, and gives the tables that it was filled with."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter
from exports import raw_rows

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.plan import Plan
from features.imports.reading.workbooks import read_sheets
from features.imports.run import run
from features.imports.templates import write_templates
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

ZONE = ZoneInfo("Asia/Shanghai")
DELIVERED = datetime(2027, 6, 30, 15, 59, 59, tzinfo=UTC)
CUSTOMERS = 60


def written(value: Any) -> str:
    """A value as the rules of a template ask for it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(ZONE).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, date | Decimal | int | str):
        return str(value)
    return repr(value)


def fill(template: Path, rows: list[dict[str, Any]], out: Path) -> None:
    """Write the rows below the headings of a template; its other sheets stay."""
    with xlsxwriter.Workbook(str(out)) as book:
        for place, sheet in enumerate(read_sheets(template)):
            cells = [sheet.rows[0]] if place == 0 else sheet.rows
            names = [heading.rpartition("/")[2] for heading in sheet.rows[0]]
            if place == 0:
                cells += [[written(row[name]) for name in names] for row in rows]
            target = book.add_worksheet(sheet.name)
            for number, line in enumerate(cells):
                for column, text in enumerate(line):
                    target.write_string(number, column, text)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a small simulated insurer."""
    home = tmp_path_factory.mktemp("simulated")
    simulate(Lake(Settings(home=home)), CUSTOMERS, 1)
    return home


def as_sets(home: Path) -> dict[str, list[Any]]:
    """The rows of all raw tables, without their order."""
    return {
        name: sorted(map(repr, raw_rows(home, name)))
        for name in CONTRACTS
        if (home / "raw" / name).exists()
    }


def test_a_filled_template_is_understood_and_gives_the_same_tables(
    simulated: Path, tmp_path: Path, lake: Lake, planned: Callable[[Path], Plan]
) -> None:
    templates, filled = tmp_path / "templates", tmp_path / "filled"
    filled.mkdir()
    for path in write_templates(templates):
        (name,) = [name for name, contract in CONTRACTS.items() if contract.label == path.stem]
        rows = raw_rows(simulated, name)
        if rows:
            fill(path, rows, filled / path.name)
    plan = planned(filled)
    doubts = [
        f"{table.name}.{name}"
        for table in plan.mapping.tables
        for name, column in table.columns.items()
        if column.confidence != "sure"
    ]
    assert doubts == []
    assert {table.confidence for table in plan.mapping.tables} == {"sure"}
    assert plan.questions == []
    run(lake, filled / "mapping.toml", DELIVERED)
    imported, simulated_rows = as_sets(lake.home), as_sets(simulated)
    assert set(imported) == set(simulated_rows)
    assert len(imported) > 10
    for name, rows in simulated_rows.items():
        assert imported[name] == rows, name


def test_a_template_has_headings_and_a_sheet_of_rules(tmp_path: Path) -> None:
    paths = write_templates(tmp_path)
    assert [path.stem for path in paths] == [contract.label for contract in CONTRACTS.values()]
    sheets = {sheet.name: sheet.rows for sheet in read_sheets(tmp_path / "保单年度.xlsx")}
    assert list(sheets) == ["保单年度", "规则"]
    assert sheets["保单年度"] == [
        [
            f"{CONTRACTS['policies'].declared[name].label}/{name}"
            for name in CONTRACTS["policies"].columns
        ]
    ]
    rules = {row[1]: row for row in sheets["规则"]}
    assert rules["退保生效日期/cancelled_on"][5:7] == ["是", "未退保"]
    assert "motor_compulsory 交强险" in rules["险类/line"][7]
    assert rules["签单保费（不含税，扣除退费）/written_premium"][2:6] == [
        "金额",
        "2779.10",
        "元",
        "是",
    ]


def test_a_filled_template_is_not_replaced(tmp_path: Path) -> None:
    write_templates(tmp_path)
    with pytest.raises(GuanjiaError, match="perhaps filled in"):
        write_templates(tmp_path)
