"""Everything delivered is used or named: files, columns, lines; a wrong line costs itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as law
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.checking.csv_lines import CELLS, ENCODING, HEADING, QUOTES, read_batches, read_heading
from features.checking.folders import find_files
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake

Check = Callable[..., dict[str, Any]]
HEAD = "customer_id,registered_at,name,recorded_at\n"
DAY = "2024-01-01T08:00:00Z"


def customer(number: int, name: str = "甲") -> str:
    return f"C{number},{DAY},{name},{DAY}\n"


def test_an_excel_file_in_gbk_is_refused_with_its_line(check: Check, base: dict[str, str]) -> None:
    with pytest.raises(GuanjiaError, match=r"a\.csv: is not UTF-8 text: line 2 .*Save it as CSV"):
        check(customers=base["customers"].encode("gbk"))


def test_utf_16_and_a_workbook_named_csv_are_refused(check: Check, base: dict[str, str]) -> None:
    with pytest.raises(GuanjiaError, match=r"a\.csv: is UTF-16 text, not UTF-8"):
        check(customers=base["customers"].encode("utf-16"))
    with pytest.raises(GuanjiaError, match=r"a\.csv: is no text file, not UTF-8"):
        check(customers=b"PK\x03\x04\x00\x00")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_named(check: Check, base: dict[str, str], separator: str) -> None:
    with pytest.raises(GuanjiaError, match=r"line 1 is separated by (semicolons|tabs|bars)"):
        check(policies=base["policies"].replace(",", separator))


def test_two_layouts_in_one_file_are_refused(check: Check) -> None:
    """Until now the rows of the first layout vanished without a word."""
    second = "customer_id,registered_at,name,recorded_at,gender\n"
    text = HEAD + customer(1) + customer(2) + second + f"C3,{DAY},丙,{DAY},F\n"
    with pytest.raises(GuanjiaError, match=r"second heading in line 4, .*columns \(gender\)"):
        check(customers=text)


def test_the_same_heading_again_is_no_row(check: Check) -> None:
    found = check(customers=HEAD + customer(1) + HEAD + customer(2))["customers"]
    assert (found.rows, found.good, found.bad) == (3, 2, 1)
    assert found.reasons == {HEADING: 1}
    assert found.examples == {HEADING: "a.csv, line 3"}


def test_heading_and_rows_may_end_differently(check: Check, base: dict[str, str]) -> None:
    heading, rows = base["customers"].split("\n", 1)
    assert check(customers=f"\ufeff{heading}\r\n{rows}")["customers"].good == 2
    assert check(customers=f"{heading}\n" + rows.replace("\n", "\r\n"))["customers"].good == 2
    assert check(customers=base["customers"].replace("\n", "\r"))["customers"].good == 2


def test_a_wrong_line_costs_itself(check: Check, rows_of: Callable[..., Any]) -> None:
    text = (
        HEAD
        + customer(1)
        + "共2条\n"
        + f"C2,{DAY},乙,{DAY},more\n"
        + f'C3,{DAY},"丙\n'
        + customer(4, '"丁,""D"""')
        + customer(5)
        + "\n"
        + "# exported\n"
    ).encode()
    text += f"C6,{DAY},".encode() + b"\xb1\xfb," + f"{DAY}\n".encode()
    found = check(customers=text)["customers"]
    assert (found.rows, found.good, found.bad) == (8, 3, 5)
    assert found.reasons == {CELLS: 3, QUOTES: 1, ENCODING: 1}
    assert found.examples == {
        CELLS: "a.csv, line 3", QUOTES: "a.csv, line 5", ENCODING: "a.csv, line 10",
    }  # fmt: skip
    assert [row["name"] for row in rows_of("customers")] == ["甲", '丁,"D"', "甲"]


def test_a_cell_may_hold_lines(check: Check, rows_of: Callable[..., Any]) -> None:
    found = check(customers=HEAD + customer(1, '"甲\n一"') + customer(2) + "C3\n")["customers"]
    assert found.examples == {CELLS: "a.csv, line 5"}
    assert [row["name"] for row in rows_of("customers")] == ["甲\n一", "甲"]


LINES = st.lists(
    st.text(alphabet='C1,"甲\n\r ', max_size=12).map(lambda text: text.encode())
    | st.sampled_from([customer(1).encode(), b"\xb1\xfb\n", b'"', b"\n"]),
    max_size=12,
)


def lines_of(path: Path, heading: list[str], size: int) -> list[tuple[int, list[str], str | None]]:
    batches = list(read_batches(path, CONTRACTS["customers"], heading, size))
    return [
        (number, [cell.as_py() or "" for cell in cells], fault)
        for batch in batches
        for number, *cells, fault in zip(batch.numbers, *batch.columns, batch.faults, strict=True)
    ]


@law(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=LINES, size=st.integers(1, 5))
def test_no_line_is_lost_whatever_it_holds(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], size: int
) -> None:
    """Every line that is not blank lies in exactly one row, however many are read at once."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(HEAD.encode() + b"".join(parts) + b"\n" + customer(9, "末").encode())
    try:
        heading = read_heading(path, CONTRACTS["customers"])
    except GuanjiaError as error:
        event(error.fault)
        return
    lines = lines_of(path, heading, 1_000)
    assert lines_of(path, heading, size) == lines
    text = path.read_text(encoding="utf-8", errors="replace").split("\n")
    starts = [number for number, _, _ in lines]
    assert starts == sorted(set(starts))
    assert starts[-1] == len(text) - 1
    covered = set()
    for (number, cells, fault), following in zip(lines, [*starts[1:], len(text)], strict=True):
        assert len(cells) == len(heading)
        more = "".join(cells).count("\n") if fault is None else 0
        covered |= {*range(number, number + more + 1)}
        assert number + more < following
    blank = {number for number, line in enumerate(text, 1) if not line}
    assert {*range(2, len(text))} <= covered | blank


def test_columns_of_every_table_are_asked_for_at_once(check: Check) -> None:
    with pytest.raises(GuanjiaError) as refused:
        check(
            customers="customer_id,driver_age\nC1,49\n",
            policies="policy_id,customer_id,policy_start\nP1,C1,2024-03-20\n",
            claims="claim_id,policy_id,customer_id,claim_date\nK1,P1,C1,2024-09-02\n",
        )
    assert refused.value.fault == (
        "table customers has no column registered_at, recorded_at; table policies has no column"
        " line, signed_at, inception, expiry, recorded_at; table claims has no column occurred_at,"
        " reported_at, recorded_at"
    )


def test_a_file_of_another_layout_is_named(check: Check, lake: Lake, base: dict[str, str]) -> None:
    check()
    more = (
        base["policies"]
        .replace(",channel", "")
        .replace(",agent", "")
        .replace("P", "R")
        .replace("Q", "S")
    )
    (lake.raw("policies") / "b.csv").write_text(more)
    (found,) = (one for one in check_tables(lake) if one.table == "policies")
    assert (found.rows, found.good) == (8, 8)
    assert found.partly_absent == {"channel": ["b.csv"]}
    (lake.raw("policies") / "b.csv").write_text(more.replace("expiry", "expires"))
    with pytest.raises(GuanjiaError, match=r"file policies/b\.csv: has no column expiry"):
        check_tables(lake)


def test_a_heading_that_names_a_column_twice_is_refused(check: Check) -> None:
    with pytest.raises(GuanjiaError, match="names recorded_at twice in its heading"):
        check(customers=HEAD.strip() + ",recorded_at\n")


def test_files_of_windows_are_read_and_all_others_named(check: Check, lake: Lake) -> None:
    check()
    policies = lake.raw("policies")
    (policies / "a.csv").rename(policies / "A.CSV")
    for name in ("~$A.CSV", "old.csv.gz", "sheet.xlsx", "list.txt", ".hidden"):
        (policies / name).write_bytes(b"\x00\x01")
    (policies / "empty.csv").touch()
    (policies / "dt=2026-06-30").mkdir()
    (lake.home / "raw" / "claim").mkdir()
    (lake.home / "raw" / "readme.md").touch()
    checks = {one.table: one for one in check_tables(lake)}
    assert checks["policies"].good == 4
    _, unused = find_files(lake)
    assert {file.path: file.cure for file in unused} == {
        "claim/": "did you mean claims, claim_movements?",
        "policies/dt=2026-06-30/": "move its files into raw/policies/",
        "policies/empty.csv": "deliver it again if it should have rows",
        "policies/list.txt": "if it is comma-separated UTF-8 text, name it .csv",
        "policies/old.csv.gz": "unpack it",
        "policies/sheet.xlsx": "save each sheet as CSV UTF-8 (comma delimited)",
        "policies/~$A.CSV": "close the file in the spreadsheet, so that it is delivered whole",
        "readme.md": "move it into the folder of its table, such as raw/policies/",
    }


def test_a_cut_off_parquet_file_is_refused(check: Check, lake: Lake) -> None:
    check()
    (lake.raw("vehicles") / "a.csv").unlink()
    path: Path = lake.raw("vehicles") / "a.parquet"
    pq.write_table(pa.table({"vehicle_id": ["V1"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(GuanjiaError, match=r"a\.parquet: cannot be read as Parquet: it is cut off"):
        check_tables(lake)
