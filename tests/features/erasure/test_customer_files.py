"""Files without some customers: theirs goes, all else stays as it is and where it is."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st

from features.erasure.belongings import Belongings
from features.erasure.customer_files import columns_of, customers_in, holds, write_without
from features.errors import GuanjiaError

C1 = Belongings(["C1"])
NUMBERS = st.sampled_from(
    ["C1", "C10", "c1", "C2", "C0", " C1 ", "\u3000C1", "C1\t", "张", "", None]
)


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2, compression="snappy")
    return path


def without(path: Path, belongings: Belongings = C1) -> tuple[dict[str, int], list[Any]]:
    """How many rows went, and the rows that are left."""
    draft = path.with_name("draft" + path.suffix)
    gone = write_without(path, draft, belongings)
    return dict(gone), pq.read_table(draft).to_pylist()


def test_his_rows_go_and_the_file_stays_as_it_was(tmp_path: Path) -> None:
    types = {
        "customer_id": pa.string(), "paid": pa.decimal128(14, 2), "at": pa.timestamp("us", "UTC"),
    }  # fmt: skip
    schema = pa.schema(list(types.items()), metadata={"timezone": "Asia/Shanghai"})
    rows = [{"customer_id": one, "paid": None, "at": 0} for one in ("C0", "C1", "C1", "C2", "C3")]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=2, compression="zstd")
    assert holds(path, C1)
    draft = tmp_path / "draft.parquet"
    assert write_without(path, draft, C1) == {"C1": 2}
    assert pq.read_table(draft)["customer_id"].to_pylist() == ["C0", "C2", "C3"]
    about = pq.ParquetFile(draft)
    assert about.schema_arrow.equals(schema, check_metadata=True)
    sizes = [about.metadata.row_group(group).num_rows for group in range(2)]
    assert (sizes, about.metadata.row_group(0).column(0).compression) == ([2, 1], "ZSTD")
    assert b"C1" in path.read_bytes()  # in the statistics too, which is why files are written anew
    assert b"C1" not in draft.read_bytes()
    assert not holds(draft, C1)


def test_a_row_without_a_customer_is_whose_policy_it_names(tmp_path: Path) -> None:
    mine = Belongings(
        ["C1"],
        [
            ("policy_id", "P1", "C1"), ("policy_id", "P2", "C2"), ("vehicle_id", "V1", "C1"),
            ("vehicle_id", "V2", "C1"), ("vehicle_id", "V2", "C2"), ("claim_id", None, "C1"),
        ],
    )  # fmt: skip
    path = parquet(
        tmp_path / "costs.parquet",
        customer_id=[None, None, "C2", None, None, "", None],
        policy_id=["P1", "P2", "P1", None, None, "P1 ", None],
        vehicle_id=[None, None, None, "V2", "V1", None, None],
        cost_id=[1, 2, 3, 4, 5, 6, 7],
    )
    gone, left = without(path, mine)
    # A car that was sold is the next owner's too, and a row that names C2 is his.
    assert (gone, [row["cost_id"] for row in left]) == ({"C1": 3}, [2, 3, 4, 7])


def test_numbers_are_told_apart(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", customer_id=["C10", "c1", "C1", " C1\t", "C11"])
    gone, left = without(path)
    assert gone == {"C1": 2}
    assert [row["customer_id"] for row in left] == ["C10", "c1", "C11"]
    whole = parquet(tmp_path / "n.parquet", customer_id=[1, 11, 2])
    gone, left = without(whole, Belongings(["1"]))
    assert (gone, left) == ({"1": 1}, [{"customer_id": 11}, {"customer_id": 2}])


def test_files_of_nobody_are_passed_over(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", name=["C1"], rows=[1])
    assert (columns_of(path), holds(path, C1), customers_in(path)) == ([], False, set())
    empty = tmp_path / "t.csv"
    empty.touch()
    assert (columns_of(empty), holds(empty, C1)) == ([], False)


@law(deadline=None, max_examples=300)
@given(rows=st.lists(st.tuples(NUMBERS, st.sampled_from(["P1", "P2", None]), st.integers(0, 9))))
def test_what_is_left_is_what_is_not_his(
    rows: list[tuple[str | None, str | None, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("law") / "t.parquet"
    table = pa.table({
        "customer_id": pa.array([row[0] for row in rows], pa.string()),
        "policy_id": pa.array([row[1] for row in rows], pa.string()),
        "n": pa.array([row[2] for row in rows], pa.int64()),
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=3)
    mine = Belongings(["C1"], [("policy_id", "P1", "C1")])

    def his(row: tuple[str | None, str | None, int]) -> bool:
        named = (row[0] or "").strip()
        return named == "C1" or (not named and row[1] == "P1")

    assert holds(path, mine) == any(his(row) for row in rows)
    gone, left = without(path, mine)
    assert [tuple(row.values()) for row in left] == [row for row in rows if not his(row)]
    assert sum(gone.values()) == sum(map(his, rows))


CSV = (
    "\ufeff客户号,姓名,备注\r\n"
    "C1,张伟,\"他说:\r\n\"\"C2\"\"\"\r\n"
    "C10,李娜,C1\r\n"
    "'C1,=1,x\r\n"
    "\r\n"
    "C2,\"王, 芳\",\"多\n行\"\r\n"
)  # fmt: skip


def test_of_a_csv_file_others_keep_their_bytes(tmp_path: Path) -> None:
    path, draft = tmp_path / "list.csv", tmp_path / "draft.csv"
    path.write_bytes(CSV.encode() + b"C3,\xd5\xc5,\xff\n")
    assert columns_of(path) == ["客户号"]
    assert customers_in(path) == {"C1", "C10", "C2", "C3"}
    assert holds(path, C1)
    assert write_without(path, draft, C1) == {"C1": 2}
    kept = CSV.replace('C1,张伟,"他说:\r\n""C2"""\r\n', "").replace("'C1,=1,x\r\n", "")
    assert draft.read_bytes() == kept.encode() + b"C3,\xd5\xc5,\xff\n"
    assert [row[0] for row in csv.reader(io.StringIO(kept)) if row] == ["\ufeff客户号", "C10", "C2"]


def test_a_csv_file_of_raw_rows(tmp_path: Path) -> None:
    path, draft = tmp_path / "costs.csv", tmp_path / "draft.csv"
    path.write_text("cost_id,customer_id,policy_id\nK1,,P1\nK2,C2,P1\nK3,,\nK4\nK5, C1 ,\n")
    mine = Belongings(["C1"], [("policy_id", "P1", "C1")])
    assert write_without(path, draft, mine) == {"C1": 2}
    assert draft.read_text() == "cost_id,customer_id,policy_id\nK2,C2,P1\nK3,,\nK4\n"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(
        GuanjiaError, match=r"t\.parquet: cannot be read .* Repair the file or remove"
    ):
        holds(path, C1)
