"""A delivery becomes raw tables: all together, each row once, known since when it says."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.imports.plan import Plan
from features.imports.run import Delivery, check_delivery, run
from features.lake import Lake
from features.sources.raw_source import prepare_raw_for

DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)
LATER = datetime(2026, 7, 1, 15, 59, 59, tzinfo=UTC)
Imported = Callable[[Path], Delivery]
Planned = Callable[[Path], Plan]
Rows = Callable[[str], list[dict[str, Any]]]


def change(exports: Path, name: str, before: str, after: str) -> None:
    path = exports / f"{name}.csv"
    text = path.read_text("gb18030")
    assert before in text
    path.write_text(text.replace(before, after), encoding="gb18030")


def test_exports_become_tables_that_the_check_takes(
    exports: Path, lake: Lake, imported: Imported, rows: Rows
) -> None:
    delivery = imported(exports)
    assert delivery.written
    assert {check.table: (check.good, check.bad) for check in check_tables(lake)} == {
        "customers": (2, 0),
        "vehicles": (2, 0),
        "policies": (2, 0),
        "claims": (2, 0),
        "claim_movements": (2, 0),
    }
    first, second = rows("policies")
    assert first["inception"] == date(2024, 7, 1)
    assert first["written_premium"] == Decimal("3000.00")
    assert (first["line"], second["line"]) == ("motor_commercial", "motor_compulsory")
    # 09:00 in China.
    assert first["signed_at"] == first["recorded_at"] == datetime(2024, 7, 1, 1, tzinfo=UTC)


def test_a_claim_finds_its_customer_and_its_sums_are_one_movement(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    imported(exports)
    assert [claim["customer_id"] for claim in rows("claims")] == ["C1", "C2"]
    closed, still_open = rows("claim_movements")
    assert (closed["paid_change"], closed["outstanding_change"]) == (900, 0)
    assert (still_open["paid_change"], still_open["outstanding_change"]) == (1200, 300)
    # At the latest of its steps: closed in October; reported in September.
    assert closed["moved_at"] == datetime(2024, 10, 1, 1, tzinfo=UTC)
    assert still_open["moved_at"] == datetime(2024, 9, 2, 1, tzinfo=UTC)


def test_the_same_files_again_change_nothing(exports: Path, lake: Lake, imported: Imported) -> None:
    imported(exports)
    before = {path: path.read_bytes() for path in (lake.home / "raw").rglob("*.parquet")}
    again = run(lake, exports / "mapping.toml", LATER)
    assert not again.written
    assert {(v.new, v.changed, v.unchanged) for v in again.versions} == {(0, 0, 2)}
    after = {path: path.read_bytes() for path in (lake.home / "raw").rglob("*.parquet")}
    assert after == before


def test_a_change_is_a_version_known_since_its_delivery(
    exports: Path, lake: Lake, imported: Imported, rows: Rows
) -> None:
    imported(exports)
    change(exports, "保单", "3000.00", "2800.00")
    change(exports, "客户", "C2,乙二,13800000002,2022-03-05 10:00:00\n", "")
    delivery = run(lake, exports / "mapping.toml", LATER)
    versions = {v.table: (v.new, v.changed, v.unchanged, v.vanished) for v in delivery.versions}
    assert versions["policies"] == (0, 1, 1, 0)
    assert versions["customers"] == (0, 0, 1, 1)
    premiums = [
        (row["recorded_at"], row["written_premium"])
        for row in rows("policies")
        if row["policy_id"] == "P1"
    ]
    assert premiums == [
        (datetime(2024, 7, 1, 1, tzinfo=UTC), Decimal("3000.00")),
        (LATER, Decimal("2800.00")),
    ]


def test_a_cancellation_is_not_known_before_its_day(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    change(exports, "保单", "签单保费\n", "签单保费,退保日期\n")
    change(exports, "保单", "3000.00\n", "3000.00,2025-01-15\n")
    change(exports, "保单", "950.00\n", "950.00,\n")
    imported(exports)
    versions = [
        (row["recorded_at"], row["cancelled_on"])
        for row in rows("policies")
        if row["policy_id"] == "P1"
    ]
    assert versions == [
        (datetime(2024, 7, 1, 1, tzinfo=UTC), None),
        (datetime(2025, 1, 15, 4, tzinfo=UTC), date(2025, 1, 15)),
    ]


def test_a_dry_run_writes_nothing_and_says_what_the_check_will_say(
    exports: Path, lake: Lake, planned: Planned
) -> None:
    change(exports, "理赔", "K2,P2", "K2,P9")
    planned(exports)
    delivery = check_delivery(lake, exports / "mapping.toml", DELIVERED)
    assert not (lake.home / "raw").exists()
    assert not list((lake.home / "tmp").glob("import-*"))
    claims = next(table for table in delivery.tables if table.table == "claims")
    assert (claims.rows, claims.good, claims.waiting) == (2, 1, 1)
    assert [check.bad for check in delivery.checks] == [0, 0, 0, 0, 0]
    (finding,) = [f for f in delivery.findings if f.table == "claims"]
    assert (finding.column, finding.fault, finding.rows) == ("customer_id", "is missing", 1)


def test_rows_that_wait_lie_in_quarantine_with_place_and_reason(
    exports: Path, lake: Lake, imported: Imported
) -> None:
    change(exports, "保单", "P2,C2", "6.2E+17,C2")
    imported(exports)
    path = lake.home / "quarantine" / "import" / "policies.parquet"
    (row,) = lake.con.execute(
        f"SELECT _source, _line, _reasons, customer_id FROM '{path}'"
    ).fetchall()
    assert row == ("保单", 3, ["policy_id cannot be read"], "C2")


def test_tables_of_the_simulation_are_never_replaced(
    exports: Path, lake: Lake, planned: Planned
) -> None:
    planned(exports)
    prepare_raw_for(lake, "simulated")
    with pytest.raises(GuanjiaError, match="holds the tables of the source simulated"):
        run(lake, exports / "mapping.toml", DELIVERED)


def test_a_consent_that_cannot_be_read_stops_the_run(
    exports: Path, lake: Lake, planned: Planned
) -> None:
    (exports / "授权.csv").write_text(
        "授权号,客户编号,授权用途,授权状态,授权时间\nA1,C1,营销,撤销了,2025-01-01 10:00:00\n"
    )
    planned(exports)
    path = exports / "mapping.toml"
    with pytest.raises(GuanjiaError, match="may be a withdrawal of consent"):
        run(lake, path, DELIVERED)
    assert not (lake.home / "raw").exists()
    text = path.read_text("utf-8")
    path.write_text(text.replace('"撤销了" = "?"', '"撤销了" = false'), encoding="utf-8")
    assert run(lake, path, DELIVERED).written


def test_consents_by_channel_are_read_and_an_unknown_channel_stops_the_run(
    exports: Path, lake: Lake, planned: Planned, rows: Rows
) -> None:
    (exports / "授权.csv").write_text(
        "授权号,客户编号,授权用途,授权渠道,授权状态,授权时间\n"
        "A1,C1,营销,全部,同意,2025-01-01 10:00:00\n"
        "A2,C1,营销,电话,不同意,2025-02-01 10:00:00\n"
        "A3,C1,营销,短信,同意,2025-02-01 10:00:00\n"
        "A4,C2,营销,座机,不同意,2025-02-01 10:00:00\n"
    )
    planned(exports)
    path = exports / "mapping.toml"
    with pytest.raises(GuanjiaError, match="table consents, column channel: cannot be read"):
        run(lake, path, DELIVERED)
    text = path.read_text("utf-8")
    path.write_text(text.replace('"座机" = "?"', '"座机" = "phone"'), encoding="utf-8")
    assert run(lake, path, DELIVERED).written
    words = [(row["channel"], row["granted"]) for row in rows("consents")]
    assert words == [(None, True), ("phone", False), ("sms", True), ("phone", False)]


def test_a_placeholder_birthday_and_an_unknown_code_cost_their_cells(
    exports: Path, lake: Lake, imported: Imported, rows: Rows
) -> None:
    change(exports, "客户", "建档时间\n", "建档时间,出生日期,性别\n")
    change(exports, "客户", "2022-01-05 10:00:00\n", "2022-01-05 10:00:00,1900-01-01,男\n")
    change(exports, "客户", "2022-03-05 10:00:00\n", "2022-03-05 10:00:00,1990-12-31,X\n")
    delivery = imported(exports)
    cells = [(row["birth_date"], row["gender"]) for row in rows("customers")]
    assert cells == [(None, "M"), (date(1990, 12, 31), None)]
    said = {(f.table, f.column): (f.fault, f.effect, f.rows) for f in delivery.findings}
    assert said[("customers", "gender")] == ("cannot be read", "the cell is empty", 1)


def test_near_copies_of_an_identifier_are_one(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    change(exports, "保单", "P1,C1,", "P1,Ｃ１\u3000,")
    change(exports, "保单", "P2,C2,", "P2, C2\t,")
    imported(exports)
    assert [row["customer_id"] for row in rows("policies")] == ["C1", "C2"]


def test_a_row_that_disagrees_with_its_copy_waits_and_an_equal_one_is_no_fault(
    exports: Path, imported: Imported, rows: Rows
) -> None:
    text = (exports / "保单.csv").read_text("gb18030")
    line = text.splitlines()[1]
    (exports / "保单.csv").write_text(f"{text}{line}\n", encoding="gb18030")
    delivery = imported(exports)
    policies = next(table for table in delivery.tables if table.table == "policies")
    assert (policies.rows, policies.good, policies.repeated, policies.waiting) == (3, 2, 1, 0)
    (exports / "保单.csv").write_text(
        f"{text}{line.replace('3000.00', '2900.00')}\n", encoding="gb18030"
    )
    delivery = imported(exports)
    policies = next(table for table in delivery.tables if table.table == "policies")
    assert (policies.rows, policies.good, policies.repeated, policies.waiting) == (3, 1, 0, 2)


def test_claims_of_another_customer_than_their_policy_are_counted_with_an_example(
    exports: Path, imported: Imported
) -> None:
    change(exports, "理赔", "报案号,保单号,", "报案号,客户编号,保单号,")
    change(exports, "理赔", "K1,P1,", "K1,C1,P1,")
    change(exports, "理赔", "K2,P2,", "K2,C1,P2,")
    (theirs,) = [join for join in imported(exports).joins if "another customer" in join.sentence]
    assert (theirs.rows, theirs.of, theirs.good, theirs.example) == (1, 2, False, "K2")


@pytest.mark.parametrize(("words", "flags"), [
    (("true", "false"), [True, False]), (("True", "FALSE"), [True, False]),
    (("y", "No"), [True, False]), (("是", "否"), [True, False]), (("1", "0"), [True, False]),
])  # fmt: skip
def test_a_flag_needs_no_list_of_codes(
    words: tuple[str, str], flags: list[bool], exports: Path, lake: Lake, planned: Planned,
    rows: Rows,
) -> None:  # fmt: skip
    for vehicle, word in zip(("V1,商业险", "V2,交强险"), words, strict=True):
        change(exports, "保单", f"{vehicle},家庭自用", f"{vehicle},{word}")
    planned(exports)
    path = exports / "mapping.toml"
    plain = 'private_car = {from = "使用性质"}'
    path.write_text(re.sub(r"private_car = .*", plain, path.read_text("utf-8")), "utf-8")
    assert run(lake, path, DELIVERED).written
    assert [row["private_car"] for row in rows("policies")] == flags
