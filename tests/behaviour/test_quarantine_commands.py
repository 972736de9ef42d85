"""The commands of the quarantine and of the raw tables, as a person types them."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import xlsxwriter
import yaml

from features.imports.reading.workbooks import read_sheets

Command = Callable[..., CompletedProcess[str]]
AT = "2024-07-01T01:00:00Z"
CUSTOMERS = f"customer_id,registered_at,name,phone,recorded_at\nC1,{AT},甲一,13800000001,{AT}\n"
POLICIES = (
    "policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,recorded_at\n"
    f"P1,C1,V1,motor_commercial,true,{AT},2024-07-01,2025-07-01,{AT}\n"
    f"P2,C1,V1,motor_commercial,true,{AT},2024-07-01,2023-07-01,{AT}\n"
)
CLAIMS = (
    f"claim_id,customer_id,policy_id,occurred_at,reported_at,recorded_at\nK1,C1,P1,{AT},{AT},{AT}\n"
)


@pytest.fixture
def delivered(home: Path) -> Path:
    """A home with a policy that ends before it begins."""
    for table, text in (("customers", CUSTOMERS), ("policies", POLICIES), ("claims", CLAIMS)):
        folder = home / "raw" / table
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text(text, encoding="utf-8")
    return home


def correct(path: Path, out: Path) -> None:
    """Mend the day at which the second policy ends."""
    with xlsxwriter.Workbook(str(out)) as book:
        for sheet in read_sheets(path):
            target = book.add_worksheet(sheet.name)
            for number, cells in enumerate(sheet.rows):
                for place, text in enumerate(cells):
                    mended = "2025-07-01" if text == "2023-07-01" else text
                    target.write_string(number, place, mended)


def test_show_export_correct_replay(delivered: Path, guanjia: Command, tmp_path: Path) -> None:
    assert guanjia("check").returncode == 0
    shown = guanjia("quarantine").stdout
    assert "cover ends after it begins" in shown
    assert "1 rows wait. Next: guanjia quarantine export --to waiting.xlsx" in shown
    workbook, corrected = tmp_path / "waiting.xlsx", tmp_path / "corrected.xlsx"
    assert guanjia("quarantine", "export", "--to", str(workbook)).returncode == 0
    assert workbook.stat().st_mode & 0o077 == 0
    again = guanjia("quarantine", "export", "--to", str(workbook))
    assert (again.returncode, "is there, perhaps with corrections" in again.stderr) == (2, True)
    correct(workbook, corrected)
    replayed = json.loads(guanjia("quarantine", "replay", str(corrected), "--json").stdout)
    (table,) = replayed["tables"]
    assert (table["table"], table["accepted"], table["still_wrong"]) == ("policies", 1, 0)
    assert "Nothing changed." in guanjia("quarantine", "replay", str(corrected)).stdout
    payload = json.loads(guanjia("quarantine", "--json").stdout)
    assert (payload["rows"], payload["settled"]) == ({}, {"corrected": 1})
    assert "settled" in guanjia("check").stdout
    empty = guanjia("quarantine", "export", "--to", str(tmp_path / "more.xlsx"))
    assert (empty.returncode, "the quarantine: is empty" in empty.stderr) == (2, True)


def test_a_workbook_is_an_xlsx_file(delivered: Path, guanjia: Command, tmp_path: Path) -> None:
    done = guanjia("quarantine", "export", "--to", str(tmp_path / "waiting.csv"))
    assert (done.returncode, "is no .xlsx file" in done.stderr) == (2, True)
    missing = guanjia("quarantine", "replay", str(tmp_path / "waiting.xlsx"))
    assert (missing.returncode, "does not exist" in missing.stderr) == (2, True)


def test_tables_templates_and_the_contract(guanjia: Command, tmp_path: Path) -> None:
    assert "保单年度" in guanjia("tables").stdout
    assert "not cancelled" in guanjia("tables", "policies").stdout
    unknown = guanjia("tables", "policy")
    assert (unknown.returncode, "policies" in unknown.stderr) == (2, True)
    done = guanjia("tables", "--template", str(tmp_path / "t"), "--odcs", str(tmp_path / "o.yaml"))
    assert done.returncode == 0
    assert len(list((tmp_path / "t").glob("*.xlsx"))) == 14
    assert yaml.safe_load((tmp_path / "o.yaml").read_text("utf-8"))["kind"] == "DataContract"
