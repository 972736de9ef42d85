"""Nothing is lost: delivered = good + quarantined + repeated + settled + of erased customers.

So it is after a check, and after whatever people did with the rows that waited.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.checking.table_check import TableCheck
from features.erased import Erased, erasure_key, pseudonym
from features.imports.reading.workbooks import read_sheets
from features.lake import Lake
from features.quarantine.replay import replay
from features.quarantine.summary import summarise
from features.quarantine.waiting import waiting_tables
from features.quarantine.workbook import export_workbook
from features.settings import Settings

DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)
HEAD = {
    "customers": "customer_id,registered_at,recorded_at",
    "policies": "policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,"
    "recorded_at",
    "claims": "claim_id,customer_id,policy_id,occurred_at,reported_at,recorded_at",
}  # fmt: skip
SIGNED = "2024-07-01T01:00:00Z"
ROWS = {
    "good": "P{n},C1,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at}",
    "ends too early": "P{n},C1,V1,motor_commercial,true,{at},2024-07-01,2023-07-01,{at}",
    "unknown customer": "P{n},C9,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at}",
    "damaged": "6.{n}E+17,C1,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at}",
    "torn": "P{n},C1,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at},more",
    "twice": "P0,C1,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at}",
    "erased": "P{n},C0,V1,motor_commercial,true,{at},2024-07-01,2025-07-01,{at}",
}
ACTIONS = ("leave", "correct", "mark", "spoil", "make unreadable", "discard", "erased", "same")


def write(lake: Lake, kinds: list[str]) -> int:
    """Deliver the small insurer; return the policies that were delivered."""
    at = SIGNED
    lines = {
        "customers": [f"C1,{at},{at}", f"C0,{at},{at}"],
        "policies": [ROWS["twice"].format(at=at)]
        + [ROWS[kind].format(n=number, at=at) for number, kind in enumerate(kinds, 1)],
        "claims": [f"K1,C1,P0,{at},{at},{at}"],
    }
    for table, rows in lines.items():
        lake.raw(table).mkdir(parents=True, exist_ok=True)
        text = "\n".join([HEAD[table], *rows]) + "\n"
        (lake.raw(table) / "a.csv").write_text(text, encoding="utf-8")
    (lake.home / "check.toml").write_text("quarantined_share_max = 1\n")
    with Erased(lake.settings).changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), "C0")] = None
    return len(lines["policies"])


def act(path: Path, out: Path, actions: list[str]) -> None:
    """Do something with each row of a workbook, in their order."""
    with xlsxwriter.Workbook(str(out)) as book:
        for sheet in read_sheets(path):
            target = book.add_worksheet(sheet.name)
            names = [heading.rpartition("/")[2] for heading in sheet.rows[0]]
            for number, cells in enumerate(sheet.rows):
                row = dict(zip(names, cells, strict=False)) if sheet.name == "保单年度" else {}
                if number and row:
                    change(row, number, actions[(number - 1) % len(actions)])
                for place, text in enumerate(row.values() if row else cells):
                    target.write_string(number, place, text)


def change(row: dict[str, str], number: int, action: str) -> None:
    right = {
        "policy_id": f"N{number}", "customer_id": "C1", "vehicle_id": "V1", "private_car": "是",
        "line": "商业险", "signed_at": "2024-07-01 09:00:00", "inception": "2024/7/1",
        "expiry": "2025年7月1日",
    }  # fmt: skip
    changes = {
        "leave": {},
        "correct": right,
        "mark": {"处理": "已改"},
        "spoil": right | {"expiry": "2020-01-01"},
        "make unreadable": right | {"signed_at": "?"},
        "discard": {"处理": "丢弃"},
        "erased": right | {"customer_id": "C0"},
        "same": right | {"policy_id": "N0"},
    }
    row.update(changes[action])


def policies(checks: list[TableCheck]) -> TableCheck:
    (checked,) = [checked for checked in checks if checked.table == "policies"]
    return checked


@pytest.mark.slow
@settings(max_examples=6, deadline=None)  # each takes seconds, and has rows of several kinds
@given(
    st.lists(st.sampled_from(list(ROWS)), min_size=3, max_size=8),
    st.lists(st.sampled_from(ACTIONS), min_size=3, max_size=8),
)
def test_nothing_is_lost(kinds: list[str], actions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Settings(home=Path(folder) / "home"))
        lake.home.mkdir()
        delivered = write(lake, kinds)
        first = policies(check_tables(lake))
        assert first.settled == 0
        assert delivered == first.good + first.bad + first.repeated + first.erased
        assert first.erased == kinds.count("erased")
        assert first.bad == summarise(lake).rows.get("policies", 0)
        assert ("policies" in waiting_tables(lake)) == bool(first.bad)
        if not first.bad:
            return
        workbook, corrected = Path(folder) / "waiting.xlsx", Path(folder) / "corrected.xlsx"
        export_workbook(lake, workbook)
        act(workbook, corrected, actions)
        (done,) = replay(lake, corrected, DELIVERED).tables
        settled = done.accepted + done.still_wrong + done.repeated + done.discarded
        settled += done.superseded + done.erased
        assert first.bad == settled + done.untouched
        assert summarise(lake).rows.get("policies", 0) == done.untouched + done.still_wrong
        second = policies(check_tables(lake))
        files = list(lake.raw("policies").iterdir())
        lines = sum(len(path.read_text("utf-8").splitlines()) - 1 for path in files)
        assert lines == second.good + second.bad + second.repeated + second.settled + second.erased
        assert second.good == first.good + done.accepted
        assert second.settled == settled
        again = replay(lake, corrected, DELIVERED)
        assert [table.gone for table in again.tables] == [settled]
        assert again.checks == []
        lake.con.close()
