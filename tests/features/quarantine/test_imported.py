"""Rows that an import held back: they wait with their cells as delivered, and come back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from planned_exports import plan_once

from features.checking.check import check_tables
from features.erased import Erased, erasure_key, pseudonym
from features.erasure.erase import erase_from_files
from features.imports.mapping_text import mapping_text
from features.imports.run import run
from features.imports.waiting_rows import lines_file, waiting_file
from features.lake import Lake
from features.quarantine.replay import Replayed
from features.quarantine.summary import summarise

FIRST = datetime(2026, 6, 28, 15, 59, 59, tzinfo=UTC)
SECOND = datetime(2026, 6, 29, 15, 59, 59, tzinfo=UTC)
CUSTOMERS = """\
客户编号,客户姓名,手机号码,建档时间
C1,甲一,13800000001,2022-01-05 10:00:00
C2,乙二,13800000002,2022-03-05 10:00:00
"""
POLICIES = """\
保单号,客户编号,车架号,险种名称,使用性质,签单时间,保险起期,保险止期,签单保费
P1,C1,V1,商业险,家庭自用,2024-07-01 09:00:00,2024-07-01,2025-07-01,3000.00
6.2E+17,C2,V2,交强险,家庭自用,2024-08-01 09:00:00,2024-08-01,2025-08-01,950.00
P3,C2,V2,交强险,家庭自用,2025-08-01 09:00:00,2025-08-01,2026-08-01,950.00,多余
"""
CLAIMS = """\
报案号,保单号,出险时间,报案时间,结案时间,已决赔款,未决赔款
K1,P1,2024-09-01 08:00:00,2024-09-01 09:00:00,2024-10-01 09:00:00,900.00,0
"""
Replay = Callable[..., Replayed]


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in (("客户", CUSTOMERS), ("保单", POLICIES), ("理赔", CLAIMS)):
        (folder / f"{name}.csv").write_text(text, encoding="gb18030")
    return folder


@pytest.fixture
def deliver_exports(lake: Lake, exports: Path) -> Callable[[datetime], None]:
    """Plan once, and run the folder as it is."""

    def deliver(at: datetime) -> None:
        mapping = exports / "mapping.toml"
        if not mapping.exists():
            plan = plan_once(lake, exports)
            text = mapping_text(plan.mapping, "mapping.toml", plan.evidence, plan.described.notes)
            mapping.write_text(text, encoding="utf-8")
        run(lake, mapping, at)

    return deliver


def policies_of(lake: Lake) -> dict[str, Any]:
    return {row["policy_id"]: row for row in pq.read_table(lake.checked("policies")).to_pylist()}


def test_a_row_waits_with_the_cell_that_was_delivered(
    lake: Lake, deliver_exports: Callable[[datetime], None]
) -> None:
    deliver_exports(FIRST)
    (row,) = pq.read_table(waiting_file(lake, "policies")).to_pylist()
    assert dict(row["_cells"]) == {"policy_id": "6.2E+17"}
    assert (row["_name"], row["_line"], row["customer_id"]) == ("保单.csv", 3, "C2")
    summary = summarise(lake)
    assert summary.rows == {"policies": 1}
    (rule,) = summary.rules
    assert (rule.held_by, rule.examples) == ("import", ("保单.csv, line 3: 6.2E+17",))
    (line,) = summary.lines
    assert (line.rule, line.examples) == ("the line has too many cells", ("保单.csv, line 4",))


def test_a_corrected_row_is_a_row_of_the_import(
    lake: Lake,
    deliver_exports: Callable[[datetime], None],
    exported: Callable[[], Path],
    edit: Callable[..., Path],
    replayed: Replay,
) -> None:
    deliver_exports(FIRST)
    fix = {"6.2E+17": {"policy_id": "620000000000000123"}}
    result = replayed(edit(exported(), "保单年度", fix))
    assert {table.table: table.accepted for table in result.tables} == {"policies": 1, "lines": 0}
    row = policies_of(lake)["620000000000000123"]
    assert (row["line"], str(row["written_premium"])) == ("motor_compulsory", "950.00")
    assert not waiting_file(lake, "policies").exists()
    # The core system delivers the same damage again: it is settled.
    deliver_exports(SECOND)
    assert summarise(lake).rows == {}
    assert set(policies_of(lake)) == {"P1", "620000000000000123"}


TORN = "P3,C2,V2,交强险,家庭自用,2025-08-01 09:00:00,2025-08-01,2026-08-01,950.00"


@pytest.mark.parametrize(
    ("change", "count", "known"),
    [
        ({"整行内容": TORN}, "accepted", {"P1", "P3"}),
        # The width is right, a required cell is not: now it is a row, and waits as one.
        ({"整行内容": TORN.replace("2026-08-01", "某日")}, "still_wrong", {"P1"}),
        ({"整行内容": f"{TORN},,"}, "still_wrong", {"P1"}),
        ({"处理": "丢弃"}, "discarded", {"P1"}),
        ({}, "untouched", {"P1"}),
    ],
)
def test_a_line_that_is_no_row_is_corrected_as_a_text(
    lake: Lake,
    exports: Path,
    deliver_exports: Callable[[datetime], None],
    exported: Callable[[], Path],
    edit: Callable[..., Path],
    replayed: Replay,
    change: dict[str, str],
    count: str,
    known: set[str],
) -> None:
    deliver_exports(FIRST)
    workbook = edit(exported(), "无法拆分的行", {"4": change})
    counts = {table.table: vars(table) for table in replayed(workbook).tables}["lines"]
    assert {name: number for name, number in counts.items() if number and name != "table"} == {
        count: 1
    }
    check_tables(lake)
    assert set(policies_of(lake)) == known
    settled = count in {"accepted", "discarded"} or "某日" in change.get("整行内容", "")
    if settled:
        # The same workbook and the same damage again change nothing.
        again = {table.table: table for table in replayed(workbook, 1).tables}["lines"]
        assert again.gone == 1
        text = (exports / "保单.csv").read_text("gb18030")
        more = "P9,C1,V1,商业险,家庭自用,2025-07-01 09:00:00,2025-07-01,2026-07-01,1.00\n"
        (exports / "保单.csv").write_text(text + more, encoding="gb18030")
        deliver_exports(SECOND)
        check_tables(lake)
        assert set(policies_of(lake)) == {*known, "P9"}
    assert len(summarise(lake).lines) == (not settled)


def test_a_line_of_an_erased_customer_is_not_delivered(
    lake: Lake,
    deliver_exports: Callable[[datetime], None],
    exported: Callable[[], Path],
    edit: Callable[..., Path],
    replayed: Replay,
) -> None:
    deliver_exports(FIRST)
    workbook = edit(exported(), "无法拆分的行", {"4": {"整行内容": TORN}})
    with Erased(lake.settings).changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), "C2")] = None
    (lines,) = [table for table in replayed(workbook).tables if table.table == "lines"]
    assert (lines.accepted, lines.erased) == (0, 1)
    check_tables(lake)
    assert "P3" not in policies_of(lake)


@pytest.mark.parametrize(("delivery", "waiting"), [("increment", {"policies": 1}), ("dump", {})])
def test_a_row_waits_until_its_key_is_delivered_rightly_or_a_dump_takes_its_place(
    lake: Lake,
    exports: Path,
    deliver_exports: Callable[[datetime], None],
    delivery: str,
    waiting: dict[str, int],
) -> None:
    head, first, *_ = POLICIES.splitlines()
    second = first.replace("P1", "P2")
    wrong = POLICIES + second.replace("2024-07-01 09:00:00", "某日") + "\n"
    (exports / "保单.csv").write_text(wrong, encoding="gb18030")
    deliver_exports(FIRST)
    assert summarise(lake).rows == {"policies": 2}
    mapping = exports / "mapping.toml"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace('delivery = "dump"', f'delivery = "{delivery}"'), "utf-8")
    right = "\n".join([head, first, second]) + "\n"
    (exports / "保单.csv").write_text(right, encoding="gb18030")
    deliver_exports(SECOND)
    assert summarise(lake).rows == waiting


def test_an_erasure_reaches_rows_and_lines_that_wait(
    lake: Lake, deliver_exports: Callable[[datetime], None]
) -> None:
    deliver_exports(FIRST)
    (line,) = map(json.loads, lines_file(lake).read_text("utf-8").splitlines())
    assert line["text"].startswith("P3,C2,")
    with Erased(lake.settings).changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), "C2")] = None
    gone: dict[str, int] = {}
    erase_from_files(lake, ["C2"], lambda place, rows: gone.update({place: rows["C2"]}))
    assert gone["quarantine/import"] == 1
    assert pq.read_metadata(waiting_file(lake, "policies")).num_rows == 0
    (line,) = map(json.loads, lines_file(lake).read_text("utf-8").splitlines())
    assert (line["file"], line["line"], line["text"]) == ("保单.csv", 4, None)
    # Delivered again, neither the row nor the line is kept.
    deliver_exports(SECOND)
    assert summarise(lake).rows == {}
    (line,) = map(json.loads, lines_file(lake).read_text("utf-8").splitlines())
    assert line["text"] is None


def test_a_discarded_line_does_not_wait_again_when_texts_are_forgotten(
    lake: Lake,
    deliver_exports: Callable[[datetime], None],
    exported: Callable[[], Path],
    edit: Callable[..., Path],
    replayed: Replay,
) -> None:
    deliver_exports(FIRST)
    replayed(edit(exported(), "无法拆分的行", {"4": {"处理": "丢弃"}}))
    erase_from_files(lake, ["C1"], lambda place, rows: None)
    assert summarise(lake).lines == []
