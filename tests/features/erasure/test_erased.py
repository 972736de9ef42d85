"""The list of the erased: it names nobody, and nothing brings back who is on it."""

import contextlib
import gzip
import json
import re
import sqlite3
import stat
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import TableCheck, check_tables
from features.erased import Erased, UnfinishedErasure, pseudonym
from features.erasure.stray_files import stray_files_naming
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.sqlite import connect, scrub

T0 = "2024-01-01 08:00:00+00"
KEY = "k" * 32
Rows = list[dict[str, str | None]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path / "home", erasure_key=KEY))  # type: ignore[arg-type]


def listed(lake: Lake, *customers: str) -> Erased:
    found = Erased(lake.settings)
    with found.changing() as marks:
        marks.update({pseudonym(KEY.encode(), one): None for one in customers})
    return found


def test_nobody_is_erased_where_nobody_was(lake: Lake) -> None:
    found = Erased(lake.settings)
    assert not found
    assert (found.among(["C1"]), found.mark("C1")) == (set(), None)
    assert not lake.home.exists()  # asking makes no key


def test_the_list_of_erased_customers_holds_no_number_and_knows_each(lake: Lake) -> None:
    reader = Erased(lake.settings)
    assert reader.among(["C1", "C10"]) == set()
    listed(lake, "C1", "张伟")
    assert reader.among(["C1", "C10", "张伟"]) == {"C1", "张伟"}  # at once, in every process
    assert reader.mark("C1") == pseudonym(KEY.encode(), "C1")
    text = reader.path.read_text("utf-8")
    assert "C1" not in text
    assert "张伟" not in text
    assert stat.S_IMODE(reader.path.stat().st_mode) == 0o600
    other = Erased(lake.settings.model_copy(update={"erasure_key": None}))
    assert other.among(["C1"]) == set()  # another key knows nobody


def test_what_is_left_to_do_is_kept(lake: Lake) -> None:
    found = listed(lake, "C1")
    mark = str(found.mark("C1"))
    with found.changing() as marks:
        marks[mark] = UnfinishedErasure("r1", {"scores": 2})
    assert Erased(lake.settings).all() == {mark: UnfinishedErasure("r1", {"scores": 2})}
    assert json.loads(found.path.read_text())[mark] == {"receipt_id": "r1", "rows": {"scores": 2}}
    with contextlib.suppress(KeyboardInterrupt), found.changing() as marks:
        marks.clear()
        raise KeyboardInterrupt
    assert found.mark("C1") == mark


def test_writers_at_once_lose_nothing(lake: Lake) -> None:
    numbers = [f"C{n}" for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: listed(lake, one), numbers))
    assert Erased(lake.settings).among(numbers) == set(numbers)


def deliver(lake: Lake, suffix: str) -> dict[str, TableCheck]:
    """C1 and C2, and what the core system tells of them; some of it without a customer."""
    term = {
        "line": "motor_commercial", "private_car": "true", "signed_at": T0,
        "inception": "2024-01-02", "expiry": "2025-01-02", "written_premium": "2779.10",
        "recorded_at": T0,
    }  # fmt: skip
    cost = {"kind": "service", "incurred_at": T0, "amount": "5.00", "recorded_at": T0}
    claim = {"occurred_at": T0, "reported_at": T0, "recorded_at": T0}
    tables: dict[str, Rows] = {
        "customers": [
            {"customer_id": one, "registered_at": T0, "gender": "F", "recorded_at": T0}
            for one in ("C1", "C2")
        ],
        "policies": [
            {"policy_id": "P1", "customer_id": "C1", "vehicle_id": "V1", **term},
            {"policy_id": "P2", "customer_id": "C2", "vehicle_id": "V2", **term},
            {"policy_id": "P3", "customer_id": " C1 ", "vehicle_id": "V1", **term},  # a bad row
            {"policy_id": "P4", "customer_id": "C9", "vehicle_id": "V1", **term},  # of nobody
        ],
        "claims": [
            {"claim_id": "K1", "customer_id": "C1", "policy_id": "P1", **claim},
            {"claim_id": "K2", "customer_id": "C2", "policy_id": "P2", **claim},
        ],
        "costs": [
            {"cost_id": "1", "customer_id": None, "policy_id": "P1", **cost},
            {"cost_id": "2", "customer_id": None, "policy_id": "P2", **cost},
            {"cost_id": "3", "customer_id": "C2", "policy_id": "P1", **cost},
            {"cost_id": "4", "customer_id": None, "policy_id": None, **cost},
        ],
    }  # fmt: skip
    for table, rows in tables.items():
        lake.raw(table).mkdir(parents=True, exist_ok=True)
        names = list(rows[0])
        frame = pa.table(
            {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
        )
        if suffix == "parquet":
            pq.write_table(frame, lake.raw(table) / "part.parquet")
        else:
            frame.to_pandas().to_csv(lake.raw(table) / "part.csv", index=False)
    return {one.table: one for one in check_tables(lake)}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_check_leaves_out_who_was_erased(lake: Lake, suffix: str) -> None:
    before = deliver(lake, suffix)
    assert {(one.erased, one.rows == one.good + one.bad) for one in before.values()} == {(0, True)}
    assert before["policies"].bad == 1  # C9; the blank in an id is no other customer
    listed(lake, "C1")
    found = deliver(lake, suffix)
    told = {name: (one.erased, one.good, one.bad) for name, one in found.items()}
    assert told == {
        "customers": (1, 1, 0), "policies": (2, 1, 1), "claims": (1, 1, 0), "costs": (1, 3, 0),
    }  # fmt: skip
    costs = pq.read_table(lake.checked("costs"))["cost_id"].to_pylist()
    assert sorted(costs) == ["2", "3", "4"]
    for table in found:
        for path in (lake.checked(table), lake.quarantine(table)):
            rows = pq.read_table(path)
            numbers = {str(one).strip() for one in rows["customer_id"].to_pylist()}
            assert "C1" not in numbers, path
    assert pq.read_table(lake.quarantine("policies"))["customer_id"].to_pylist() == ["C9"]


def test_check_forgets_who_it_was(lake: Lake) -> None:
    """Whoever is known to be erased by his policies alone is not held back either."""
    listed(lake, "C9")
    found = deliver(lake, "parquet")
    assert (found["policies"].erased, found["policies"].bad) == (1, 0)
    assert lake.engine.raw_sql("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_split_pages_keep_no_trace(tmp_path: Path) -> None:
    """`secure_delete` alone leaves some numbers behind: pages are split as rows come and grow."""
    path = tmp_path / "t.db"
    numbers = [f"C{n * 7919 % 20_000:08d}" for n in range(20_000)]
    with closing(connect(path, 1, "NORMAL")) as connection:
        connection.execute("CREATE TABLE t (one TEXT PRIMARY KEY, more TEXT) WITHOUT ROWID")
        for start in range(0, len(numbers), 1_000):
            rows = [(one, "x" * (ord(one[-1]) * 9)) for one in numbers[start : start + 1_000]]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        gone = numbers[::40]
        connection.executemany("DELETE FROM t WHERE one = ?", [(one,) for one in gone])
    assert not numbers_in([path]).isdisjoint(gone)
    scrub(path, "the table", 1)
    left = numbers_in(tmp_path.glob("t.db*"))
    assert left.isdisjoint(gone)
    assert numbers[1] in left


def numbers_in(paths: Iterable[Path]) -> set[str]:
    """The numbers of customers anywhere in the bytes of files: one pass, not one for each."""
    return {
        number.decode() for path in paths for number in re.findall(rb"C\d{8}", path.read_bytes())
    }


def test_a_database_that_is_in_use_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with closing(connect(path, 1, "NORMAL")) as writer:
        writer.execute("CREATE TABLE t (one TEXT)")
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(GuanjiaError, match=r"the table: cannot be rewritten .*locked"):
            scrub(path, "the table", 0.1)
        writer.execute("COMMIT")
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(GuanjiaError, match="the table: is in use, so that its log"):
            scrub(path, "the table", 0.1)
    scrub(path, "the table", 0.1)
    scrub(tmp_path / "none.db", "nothing", 0.1)


def test_strays_are_found_however_they_are_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "list.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/sharedStrings.xml", "<si><t>C1</t></si>")
    (tmp_path / "mail.txt.gz").write_bytes(gzip.compress(b"re: C1."))
    (tmp_path / "old.txt").write_text("客户 C1", encoding="utf-16")
    (tmp_path / "gbk.txt").write_bytes("客户C1张".encode("gb18030"))
    (tmp_path / "other.txt").write_text("C10 XC1 1C1")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "spec.json").write_text("C1")
    found = stray_files_naming(tmp_path, ["C1"])
    assert [path.name for path in found] == ["gbk.txt", "list.xlsx", "mail.txt.gz", "old.txt"]


def test_nobody_comes_back_by_another_way_to_write_their_id(lake: Lake) -> None:
    listed(lake, "C1")
    deliver(lake, "csv")
    customers = lake.raw("customers") / "part.csv"
    for written in ("Ｃ１", "C1\u200b", "C1\u3000"):
        customers.write_text(customers.read_text().replace("C1", written))
        checks = {one.table: one for one in check_tables(lake)}
        assert checks["customers"].erased == 1
        assert pq.read_table(lake.checked("customers"))["customer_id"].to_pylist() == ["C2"]
        customers.write_text(customers.read_text().replace(written, "C1"))
