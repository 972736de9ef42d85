"""An erasure reaches rows of a check that wait, also where a torn line names the customer."""

from collections.abc import Callable

import pyarrow.parquet as pq

from features.checking.table_check import TableCheck
from features.erasure.erase import erase_from_files
from features.lake import Lake


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
