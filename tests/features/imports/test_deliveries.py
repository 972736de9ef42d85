"""Day after day: what a delivery adds, and what it leaves as it is."""

import gzip
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from delivered_days import CUSTOMERS, HEAD, MAPPING, P1, P2, QUOTES

from features.erased import Erased, erasure_key, pseudonym
from features.errors import GuanjiaError
from features.imports.deliveries.ledger import LEDGER
from features.imports.deliveries.lock import sole_import
from features.imports.reading import readers
from features.imports.run import Delivery, check_delivery, run
from features.lake import Lake

Rows = Callable[[str], list[dict[str, Any]]]


def day(number: int) -> datetime:
    """The end of a day of June 2026 in China."""
    return datetime(2026, 6, number, 15, 59, 59, tzinfo=UTC)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """A mapping, and a first delivery of one policy beside it."""
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, "utf-8")
    (tmp_path / "days").mkdir()
    put(path, {"客户": CUSTOMERS, "保单": HEAD + P1, "报价1": f"{QUOTES}Q1,P1,2026-06-01,2900\n"})
    return path


def put(mapping: Path, files: dict[str, str]) -> None:
    """Write files of a delivery, and take away what was there."""
    folder = mapping.parent / "days"
    for path in folder.iterdir():
        path.unlink()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")


def say(mapping: Path, before: str, after: str) -> None:
    """Change the mapping."""
    text = mapping.read_text("utf-8")
    assert before in text
    mapping.write_text(text.replace(before, after), "utf-8")


def counts(delivery: Delivery, table: str) -> dict[str, int]:
    """What became of the rows of a table, without zeros."""
    (added,) = [versions for versions in delivery.versions if versions.table == table]
    names = ("new", "changed", "unchanged", "overtaken", "vanished", "ended")
    return {name: getattr(added, name) for name in names if getattr(added, name)}


def raw_bytes(lake: Lake) -> dict[str, bytes]:
    raw = lake.home / "raw"
    return {str(path.relative_to(raw)): path.read_bytes() for path in raw.rglob("*.parquet")}


def versions_of(rows: Rows, key: str, *columns: str) -> list[tuple[Any, ...]]:
    """The versions of a policy."""
    return [tuple(r[c] for c in columns) for r in rows("policies") if r["policy_id"] == key]


def test_the_same_delivery_twice_changes_nothing(mapping: Path, lake: Lake) -> None:
    assert run(lake, mapping, day(1)).written
    before, ledger = raw_bytes(lake), (lake.home / "raw" / LEDGER).read_bytes()
    again = run(lake, mapping, day(2))
    assert not again.written
    assert counts(again, "policies") == {"unchanged": 1}
    assert again.unused_files["报价1.csv"].startswith("delivered before, on 2026-06-01")
    assert raw_bytes(lake) == before
    assert (lake.home / "raw" / LEDGER).read_bytes() == ledger


def test_an_increment_adds_to_what_is_known_and_looks_it_up(
    mapping: Path, lake: Lake, rows: Rows
) -> None:
    run(lake, mapping, day(1))
    put(mapping, {"客户": CUSTOMERS, "报价2": f"{QUOTES}Q2,P1,2026-06-02,2800\n"})
    say(mapping, 'name = "policies"', 'name = "policies"\ndrift = "take"')
    delivery = run(lake, mapping, day(2))
    assert counts(delivery, "quotes") == {"new": 1}
    # The policy was not delivered today: its customer is known.
    assert [(r["quote_id"], r["customer_id"]) for r in rows("quotes")] == [
        ("Q1", "C1"),
        ("Q2", "C1"),
    ]
    assert [drift.kind for drift in delivery.drifts] == ["no_file"]


def test_a_later_file_of_an_increment_counts(mapping: Path, lake: Lake, rows: Rows) -> None:
    first, second = "Q1,P1,2026-06-01,2900\n", "Q1,P1,2026-06-01,2700\n"
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1, "报价1": QUOTES + first,
                  "报价2": QUOTES + second})  # fmt: skip
    delivery = run(lake, mapping, day(2))
    assert [row["premium"] for row in rows("quotes")] == [2700]
    (quotes,) = [table for table in delivery.tables if table.table == "quotes"]
    assert (quotes.rows, quotes.good, quotes.overtaken) == (2, 1, 1)


def test_a_vanished_policy_is_a_finding(mapping: Path, lake: Lake) -> None:
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1 + P2, "报价1": QUOTES})
    run(lake, mapping, day(1))
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1, "报价1": QUOTES})
    before = raw_bytes(lake)
    delivery = run(lake, mapping, day(2))
    assert counts(delivery, "policies") == {"unchanged": 1, "vanished": 1}
    (finding,) = delivery.findings
    assert (finding.fault, finding.examples) == ("is known, and not in this dump", ("P2",))
    assert raw_bytes(lake) == before


def test_a_vanished_policy_ends_where_the_mapping_says_so_and_comes_back(
    mapping: Path, lake: Lake, rows: Rows
) -> None:
    say(mapping, 'vanished = "report"', 'vanished = "end"')
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1 + P2, "报价1": QUOTES})
    run(lake, mapping, day(1))
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1, "报价1": QUOTES})
    assert counts(run(lake, mapping, day(2)), "policies") == {
        "unchanged": 1, "vanished": 1, "ended": 1,
    }  # fmt: skip
    assert not run(lake, mapping, day(3)).written
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1 + P2 + "\n", "报价1": QUOTES})
    run(lake, mapping, day(4))
    assert versions_of(rows, "P2", "recorded_at", "cancelled_on") == [
        (datetime(2026, 5, 3, 1, tzinfo=UTC), None),
        (day(2), date(2026, 6, 2)),
        (day(4), None),
    ]


def test_nothing_ends_while_a_row_cannot_be_told(mapping: Path, lake: Lake) -> None:
    say(mapping, 'vanished = "report"', 'vanished = "end"')
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1 + P2, "报价1": QUOTES})
    run(lake, mapping, day(1))
    put(
        mapping,
        {"客户": CUSTOMERS, "保单": HEAD + P1 + P2.replace("P2", "6.2E+17"), "报价1": QUOTES},
    )
    assert counts(run(lake, mapping, day(2)), "policies") == {"unchanged": 1, "vanished": 1}


def test_a_late_increment_is_known_when_it_came_and_overtakes_nothing(
    mapping: Path, lake: Lake, rows: Rows
) -> None:
    dumps = {"客户": CUSTOMERS, "保单": HEAD + P1}
    run(lake, mapping, day(1))
    put(mapping, {**dumps, "报价3": f"{QUOTES}Q1,P1,2026-06-01,2300\n"})
    run(lake, mapping, day(3))
    put(mapping, {**dumps, "报价2": f"{QUOTES}Q1,P1,2026-06-01,2200\nQ2,P1,2026-06-02,2500\n"})
    delivery = run(lake, mapping, day(2))
    assert counts(delivery, "quotes") == {"new": 1, "overtaken": 1}
    assert [(r["quote_id"], r["premium"], r["recorded_at"]) for r in rows("quotes")] == [
        ("Q1", 2900, datetime(2026, 6, 1, 4, tzinfo=UTC)),
        ("Q1", 2300, day(3)),
        ("Q2", 2500, day(3) + timedelta(seconds=1)),
    ]
    assert "that of 2026-06-02 came after it" in delivery.versions[-1].recorded


def test_a_late_dump_changes_nothing_that_a_later_one_said(
    mapping: Path, lake: Lake, rows: Rows
) -> None:
    rest = {"客户": CUSTOMERS, "报价1": QUOTES}
    run(lake, mapping, day(1))
    put(mapping, {**rest, "保单3": HEAD + P1})
    run(lake, mapping, day(3))
    put(mapping, {**rest, "保单2": HEAD + P1.replace("3000", "2000") + P2})
    delivery = run(lake, mapping, day(2))
    assert counts(delivery, "policies") == {"new": 1, "overtaken": 1}
    assert versions_of(rows, "P1", "written_premium") == [(3000,)]
    assert versions_of(rows, "P2", "recorded_at") == [(day(3) + timedelta(seconds=1),)]


def test_an_older_dump_delivered_again_changes_nothing(mapping: Path, lake: Lake) -> None:
    rest = {"客户": CUSTOMERS, "报价1": QUOTES}
    put(mapping, {**rest, "保单": HEAD + P1})
    run(lake, mapping, day(1))
    put(mapping, {**rest, "保单": HEAD + P1.replace("3000", "2000")})
    run(lake, mapping, day(2))
    before = raw_bytes(lake)
    put(mapping, {**rest, "保单": HEAD + P1})
    delivery = run(lake, mapping, day(3))
    assert delivery.unused_files["保单.csv"].startswith("delivered before, on 2026-06-01")
    assert not [table for table in delivery.tables if table.table == "policies"]
    assert raw_bytes(lake) == before
    say(mapping, 'delivery = "dump"\n\n[sources."报价"]',
        'delivery = "dump"\nearlier_files = "read"\n\n[sources."报价"]')  # fmt: skip
    assert counts(run(lake, mapping, day(4)), "policies") == {"changed": 1}


def test_old_dumps_beside_a_new_one_are_asked_about(mapping: Path, lake: Lake) -> None:
    rest = {"客户": CUSTOMERS, "报价1": QUOTES}
    put(mapping, {**rest, "保单1": HEAD + P1})
    run(lake, mapping, day(1))
    put(mapping, {**rest, "保单1": HEAD + P1, "保单2": HEAD + P1.replace("3000", "2000")})
    delivery = run(lake, mapping, day(2))
    assert delivery.verdict.stopped
    (drift,) = delivery.drifts
    assert (drift.kind, drift.line.partition("  #")[0]) == (
        "earlier_files",
        'earlier_files = "skip"',
    )
    say(mapping, 'delivery = "dump"\n\n[sources."报价"]',
        'delivery = "dump"\nearlier_files = "skip"\n\n[sources."报价"]')  # fmt: skip
    assert counts(run(lake, mapping, day(2)), "policies") == {"changed": 1}


def test_what_a_source_tells_changes_no_day_that_is_past(
    mapping: Path, lake: Lake, rows: Rows
) -> None:
    say(mapping, '"退保", "保费"]', '"退保", "保费", "更新"]')
    say(mapping, 'from = "保费"}\n\n[[tables]]\nname = "quotes"',
        'from = "保费"}\nrecorded_at = {from = "更新"}\n\n[[tables]]\nname = "quotes"')  # fmt: skip
    rest = {"客户": CUSTOMERS, "报价1": QUOTES}
    head = HEAD.replace("\n", ",更新\n")

    def told(premium: str, time: str) -> str:
        return P1.replace("3000.00\n", f"{premium},{time}\n")

    put(mapping, {**rest, "保单": head + told("3000", "2026-05-20 08:00:00")})
    run(lake, mapping, day(1))
    # Changed at noon of the first day, and not in that day's dump; then in the morning of today.
    late, today = told("2900", "2026-06-01 12:00:00"), told("2800", "2026-06-02 07:00:00")
    put(mapping, {**rest, "保单": head + late})
    run(lake, mapping, day(2))
    put(mapping, {**rest, "保单": head + late + today})
    delivery = run(lake, mapping, day(3))
    assert counts(delivery, "policies") == {"unchanged": 1, "changed": 1}
    assert versions_of(rows, "P1", "written_premium", "recorded_at") == [
        (3000, datetime(2026, 5, 20, tzinfo=UTC)),
        (2900, day(1) + timedelta(seconds=1)),
        (2800, day(2) + timedelta(seconds=1)),
    ]


def test_a_file_without_its_end_is_refused(mapping: Path, lake: Lake) -> None:
    text = HEAD + P1 + P2[:20]
    put(mapping, {"客户": CUSTOMERS, "保单": text, "报价1": QUOTES})
    with pytest.raises(GuanjiaError, match="ends in the middle of line 3: its end is missing"):
        run(lake, mapping, day(1))
    assert not (lake.home / "raw").exists()
    # A whole line of too few cells waits; so does a footer, which has no line end either.
    put(mapping, {"客户": CUSTOMERS, "保单": text + "\n共2条", "报价1": QUOTES})
    assert run(lake, mapping, day(1)).written


def test_a_compressed_file_that_is_cut_off_is_refused(mapping: Path, lake: Lake) -> None:
    whole = gzip.compress((HEAD + P1 * 50).encode())
    (mapping.parent / "days" / "保单.csv").unlink()
    (mapping.parent / "days" / "保单.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GuanjiaError, match="is cut off"):
        run(lake, mapping, day(1))


def test_a_file_that_grows_is_refused(
    mapping: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = readers.read_source

    def read_and_grow(*arguments: Any) -> Any:
        with (mapping.parent / "days" / "保单.csv").open("a") as stream:
            stream.write(P2)
        return read(*arguments)

    monkeypatch.setattr("features.imports.deliveries.intake.read_source", read_and_grow)
    with pytest.raises(GuanjiaError, match="it is still being delivered"):
        run(lake, mapping, day(1))


def test_rows_of_an_increment_wait_until_they_come_again(mapping: Path, lake: Lake) -> None:
    dumps = {"客户": CUSTOMERS, "保单": HEAD + P1}
    path = lake.home / "quarantine" / "import" / "quotes.parquet"
    put(mapping, {**dumps, "报价1": f"{QUOTES}Q1,P1,?,2900\n"})
    run(lake, mapping, day(1))
    put(mapping, {**dumps, "报价2": f"{QUOTES}Q2,P9,2026-06-02,2900\n"})
    run(lake, mapping, day(2))
    assert sorted(pq.read_table(path)["quote_id"].to_pylist()) == ["Q1", "Q2"]
    put(mapping, {**dumps, "报价3": f"{QUOTES}Q1,P1,2026-06-03,2900\nQ2,P1,2026-06-02,2900\n"})
    run(lake, mapping, day(3))
    assert not path.exists()


def test_an_erased_customer_does_not_come_back(mapping: Path, lake: Lake, rows: Rows) -> None:
    erased = Erased(lake.settings)
    with erased.changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), "C2")] = None
    bad = "C2,13800000002,?\n"
    put(mapping, {"客户": CUSTOMERS + bad, "报价1": QUOTES,
                  "保单": HEAD + P1 + P2.replace("C1", "C2")})  # fmt: skip
    delivery = run(lake, mapping, day(1))
    tables = {t.table: (t.rows, t.good, t.waiting, t.erased) for t in delivery.tables}
    assert tables == {"customers": (2, 1, 0, 1), "policies": (2, 1, 0, 1), "quotes": (0, 0, 0, 0)}
    assert [row["policy_id"] for row in rows("policies")] == ["P1"]
    assert not (lake.home / "quarantine" / "import" / "customers.parquet").exists()


def test_a_second_run_says_who_is_importing(mapping: Path, lake: Lake) -> None:
    with (
        sole_import(lake.home, Path("other.toml")),
        pytest.raises(GuanjiaError, match=rf"process {os.getpid()} on .* \(other.toml\)"),
    ):
        run(lake, mapping, day(1))
    assert run(lake, mapping, day(1)).written


def test_a_table_that_was_taken_away_is_read_again(mapping: Path, lake: Lake) -> None:
    run(lake, mapping, day(1))
    for path in lake.raw("quotes").iterdir():
        path.unlink()
    assert counts(run(lake, mapping, day(2)), "quotes") == {"new": 1}


def test_a_trial_counts_as_a_run_does(mapping: Path, lake: Lake) -> None:
    run(lake, mapping, day(1))
    put(mapping, {"客户": CUSTOMERS, "保单": HEAD + P1.replace("3000", "2000") + P2})
    tried = check_delivery(lake, mapping, day(2))
    before = raw_bytes(lake)
    assert counts(tried, "policies") == {"new": 1, "changed": 1}
    assert raw_bytes(lake) == before
    assert run(lake, mapping, day(2)).versions == tried.versions
