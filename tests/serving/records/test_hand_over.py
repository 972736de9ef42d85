"""`guanjia handover`: an account manager's work and customers of every branch, by the names."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.records.database import Records
from serving.records.people.handover import hand_over, managers_of, pass_branch
from serving.records.tables import handovers

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
OLD = NOW - timedelta(days=1)
ROWS = [  # customer, branch, account manager, superseded
    ("C1", "B1", "M0101", None),
    ("C2", "B2", "M0101", None),
    ("C3", None, "M0101", None),
    ("C4", "B1", "M0101", OLD),
    ("C4", "B1", "M0102", None),
    ("C5", "B1", "M0102", None),
    ("C6", "B1", None, None),
]


@pytest.fixture
def lake(home: Path) -> Lake:
    types = {"customer_id": pa.string(), "branch": pa.string(), "account_manager_id": pa.string(),
             "superseded_at": pa.timestamp("us", "UTC")}  # fmt: skip
    found = Lake(Settings(home=home))
    path = found.checked("customers")
    path.parent.mkdir(parents=True)
    rows = [dict(zip(types, row, strict=True)) for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))), path)
    return found


def test_every_branch_passes_in_one_go_and_again_nothing_does(
    lake: Lake, records: Records, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    done = hand_over(lake, records, "M0101", "M0102", "boss", NOW)
    assert [(one.branch, one.contacts, one.customers, one.repeated) for one in done] == [
        ("", 0, 1, False), ("B1", 0, 1, False), ("B2", 0, 1, False),
    ]  # fmt: skip
    with records.reading() as connection:
        found = managers_of(connection, ["C1", "C2", "C3", "C4", "C5"])
    # C4 passed to M0102 by the core system: nothing to pass.
    assert found == dict.fromkeys(("C1", "C2", "C3"), "M0102")
    again = hand_over(lake, records, "M0101", "M0102", "other", NOW + timedelta(1))
    assert [one.repeated for one in again] == [True, True, True]
    assert {row["handed_by"] for row in rows(handovers)} == {"boss"}
    assert len(rows(handovers)) == 3


def test_who_was_given_customers_passes_them_on(lake: Lake, records: Records) -> None:
    hand_over(lake, records, "M0101", "M0199", "boss", NOW, new=True)
    # M0199 is in no customer's row, and known now.
    done = hand_over(lake, records, "M0199", "M0102", "boss", NOW)
    assert [(one.branch, one.customers) for one in done] == [("", 1), ("B1", 1), ("B2", 1)]


def test_a_branch_with_nothing_left_keeps_no_other_back(lake: Lake, records: Records) -> None:
    with records.writing() as connection:
        pass_branch(connection, "B1", "M0101", "M0103", "boss", OLD, customers=["C1"])
    done = hand_over(lake, records, "M0101", "M0102", "boss", NOW)
    assert [one.branch for one in done] == ["", "B2"]


@pytest.mark.parametrize(
    ("leaver", "successor", "fault"),
    [
        ("M0110", "M0102", "account manager M0110: is not known. Did you mean M0102, M0101"),
        ("M0101", "M0120", "account manager M0120: is not known. Did you mean .*Add --new"),
        ("M0101", "M0101", "handover of M0101: goes to the leaver"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(
    lake: Lake, records: Records, leaver: str, successor: str, fault: str,
    rows: Callable[..., list[dict[str, Any]]],
) -> None:  # fmt: skip
    with pytest.raises(GuanjiaError, match=fault):
        hand_over(lake, records, leaver, successor, "boss", NOW)
    with pytest.raises(GuanjiaError, match="ordered by nobody"):
        hand_over(lake, records, "M0101", "M0102", " ", NOW)
    assert rows(handovers) == []


def test_as_it_is_typed(
    lake: Lake, records: Records, guanjia: Callable[..., Any], process: Callable[..., Any]
) -> None:
    words = ("handover", "--from", "M0101", "--to", "M0102", "--who", "boss")
    told = json.loads(process(lake.home, *words, "--json").stdout)
    assert [(one["branch"], one["customers"]) for one in told] == [("", 1), ("B1", 1), ("B2", 1)]
    again = guanjia(*words)
    assert "From M0101 to M0102" in again.stdout
    assert "Nothing was left to pass on." in again.stdout
    wrong = guanjia("handover", "--from", "M010", "--to", "M0102", "--who", "boss")
    assert wrong.returncode == 2
    assert "M0101" in wrong.stderr
