"""An erasure reaches rows of a check that wait, also where a torn line names the customer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.checking.settled_rows import read_settled, row_id
from features.checking.table_check import TableCheck
from features.contracts.tables import CONTRACTS
from features.erased import Erased, erasure_key, pseudonym
from features.erasure.erase import erase_from_files
from features.lake import Lake
from features.settings import Settings


def remember(lake: Lake, customer: str) -> None:
    """Mark a customer as erased in the home."""
    with Erased(lake.settings).changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), customer)] = None


def test_a_torn_line_belongs_to_whom_it_names(
    deliver: Callable[..., None], check: Callable[[], dict[str, TableCheck]], lake: Lake
) -> None:
    costs = "cost_id,customer_id,kind,incurred_at,amount,recorded_at\n"
    costs += "F1,C1,contact,2024-01-01T00:00:00Z,1.00,2024-01-01T00:00:00Z\n"
    costs += "F2,C1,C2,contact,2024-01-01T00:00:00Z,1.00,2024-01-01T00:00:00Z\n"
    deliver(costs=costs)
    assert check()["costs"].bad == 1
    gone: dict[str, int] = {}
    erase_from_files(lake, ["C2"], lambda place, rows: gone.update({place: rows["C2"]}))
    assert gone["quarantine/costs"] == 1
    assert pq.read_metadata(lake.quarantine("costs")).num_rows == 0
    assert gone["quarantine/policies"] == 2
    kept = pq.read_table(lake.quarantine("policies"))["policy_id"].to_pylist()
    assert kept == ["P5"]


def test_a_torn_line_is_erased_from_its_file_and_does_not_come_back(
    deliver: Callable[..., None], check: Callable[[], dict[str, TableCheck]], lake: Lake
) -> None:
    costs = "cost_id,customer_id,kind,incurred_at,amount,recorded_at\n"
    good = "F1,C1,contact,2024-01-01T00:00:00Z,1.00,2024-01-01T00:00:00Z\n"
    torn = "F2,C1,C2,contact,2024-01-01T00:00:00Z,1.00,2024-01-01T00:00:00Z\n"
    short = "F3,C1,contact\n"
    deliver(costs=costs + good + torn + short)
    assert check()["costs"].bad == 2
    erase_from_files(lake, ["C2"], lambda place, rows: None)
    assert (lake.raw("costs") / "a.csv").read_text("utf-8") == costs + good + short
    # The core system delivers the line again.
    deliver(costs=costs + good + torn + short)
    remember(lake, "C2")
    costs_again = check()["costs"]
    assert (costs_again.good, costs_again.bad, costs_again.erased) == (1, 1, 1)
    assert pq.read_table(lake.quarantine("costs"))["cost_id"].to_pylist() == ["F3"]


def test_what_was_settled_is_known_by_a_key_and_goes_with_its_customer(
    deliver: Callable[..., None], check: Callable[[], dict[str, TableCheck]], lake: Lake,
    exported: Callable[[], Path], edit: Callable[..., Path], replayed: Callable[..., Any],
) -> None:  # fmt: skip
    deliver()
    check()
    discarded = {key: {"处理": "丢弃"} for key in ("P3", "6.2E+17", "P5")}
    replayed(edit(exported(), CONTRACTS["policies"].label, discarded))
    settled = read_settled(lake)
    assert sorted(row.owners[0] or "" for row in settled.values()) == ["C2", "C2", "C9"]
    gone: dict[str, int] = {}
    erase_from_files(lake, ["C2"], lambda place, rows: gone.update({place: rows["C2"]}))
    assert gone["quarantine/settled"] == 2
    assert [row.owners[0] for row in read_settled(lake).values()] == ["C9"]
    # Another home has another key: without it nobody finds out what a settled row said.
    other = Lake(Settings(home=lake.home.parent / "other"))
    row = {"policy_id": "'P5'"}
    hashes = [home.con.sql(f"SELECT {row_id(home, 'policies', row)}").fetchone()
              for home in (lake, lake, other)]  # fmt: skip
    assert hashes[0] == hashes[1] != hashes[2]
