"""Labels of claims on literal terms, claims and movements, worked out by hand."""

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training.labels import claims as claim_labels

STAMP = pa.timestamp("us", "UTC")
VERSION = [("recorded_at", STAMP), ("superseded_at", STAMP)]
POLICIES = pa.schema(
    [("policy_id", pa.string()), ("customer_id", pa.string()), ("vehicle_id", pa.string()),
     ("line", pa.string()), ("signed_at", STAMP), ("inception", pa.date32()),
     ("expiry", pa.date32()), ("cancelled_on", pa.date32()), *VERSION]
)  # fmt: skip
CLAIMS = pa.schema([("claim_id", pa.string()), ("policy_id", pa.string()), *VERSION])
MOVEMENTS = pa.schema(
    [("claim_id", pa.string()), ("paid_change", pa.decimal128(14, 2)),
     ("outstanding_change", pa.decimal128(14, 2)), *VERSION]
)  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def term(policy: str, first: str, last: str, **more: Any) -> dict[str, Any]:
    begins, ends = date.fromisoformat(first), date.fromisoformat(last)
    signed = at(f"{first}T00:00") - pd.Timedelta(days=9)
    row = {
        "policy_id": policy,
        "customer_id": "C1",
        "vehicle_id": "V1",
        "inception": begins,
        "line": "motor_commercial",
        "signed_at": signed,
        "expiry": ends,
        "recorded_at": signed,
    }
    return row | more  # fmt: skip


def claim(name: str, policy: str = "P2", on: str = "2023-05-01", **more: Any) -> dict[str, Any]:
    return {"claim_id": name, "policy_id": policy, "recorded_at": at(f"{on}T00:00")} | more


def moved(name: str, on: str, paid: int, outstanding: int, **more: Any) -> dict[str, Any]:
    when = at(f"{on}T00:00")
    return {"claim_id": name, "paid_change": paid, "outstanding_change": outstanding,
            "recorded_at": when} | more  # fmt: skip


# A term and the one that renews it: asked on 11 December 2022, ripe on 10 April 2024.
TERMS = [term("P1", "2022-01-10", "2023-01-10"), term("P2", "2023-01-10", "2024-01-11")]


@pytest.fixture
def lake(tmp_path):
    def make(claims=(), movements=(), policies=TERMS):
        lake = Lake(Settings(home=tmp_path, memory_limit="1GB"))
        lake.checked("policies").parent.mkdir(exist_ok=True)
        tables = (("policies", policies, POLICIES), ("claims", claims, CLAIMS),
                  ("claim_movements", movements, MOVEMENTS))  # fmt: skip
        for name, rows, schema in tables:
            pq.write_table(pa.Table.from_pylist(list(rows), schema), lake.checked(name))
        return lake

    return make


def told(labels, lake, known_by="2024-12-31"):
    return labels(lake, date.fromisoformat(known_by)).to_pandas()


def test_two_claims_of_a_term_that_renewed_another(lake):
    home = lake(
        [claim("A"), claim("B"), claim("old", "P1")],
        [moved("A", "2023-05-01", 0, 500), moved("A", "2023-06-01", 800, -500),
         moved("B", "2024-03-01", 0, 200), moved("old", "2022-05-01", 0, 9000)],
    )  # fmt: skip
    (row,) = told(claim_labels.frequency, home).to_dict("records")
    assert (row["label"], row["policy_id"], row["lead_days"]) == (2.0, "P1", 30)
    assert str(pd.Timestamp(row["as_of"]).date()) == "2022-12-11"
    assert str(pd.Timestamp(row["matures"]).date()) == "2024-04-10"
    (row,) = told(claim_labels.severity, home).to_dict("records")
    assert row["label"] == (800 + 200) / 2


def test_a_term_without_claims_is_a_zero_and_tells_no_severity(lake):
    home = lake()
    assert told(claim_labels.frequency, home).label.tolist() == [0.0]
    assert told(claim_labels.severity, home).empty


def test_a_claim_that_came_to_nothing_is_none(lake):
    home = lake([claim("A")], [moved("A", "2023-05-01", 0, 500), moved("A", "2023-07-01", 0, -500)])
    assert told(claim_labels.frequency, home).label.tolist() == [0.0]


def test_what_is_recorded_after_the_deadline_does_not_count(lake):
    """10 April 2024 ends in Shanghai at 16:00 UTC; a claim reported later, a reserve raised later,
    a row corrected later change nothing."""
    late = at("2024-04-10T16:00")
    home = lake(
        [claim("A", superseded_at=late), claim("B", recorded_at=late)],
        [moved("A", "2023-05-01", 0, 500, superseded_at=late),
         moved("A", "2024-04-10", 0, 1, recorded_at=late),
         moved("B", "2023-05-01", 0, 700)],
    )  # fmt: skip
    assert told(claim_labels.severity, home).label.tolist() == [500.0]
    before = at("2024-04-10T15:59:59")
    home = lake([claim("A", superseded_at=before)], [moved("A", "2023-05-01", 0, 500)])
    assert told(claim_labels.frequency, home).label.tolist() == [0.0]


def test_a_row_appears_once_it_is_ripe_and_only_of_a_renewed_term(lake):
    home = lake()
    assert len(told(claim_labels.frequency, home, "2024-04-10")) == 1
    assert told(claim_labels.frequency, home, "2024-04-09").empty
    assert told(claim_labels.frequency, lake(policies=TERMS[:1])).empty
    other = [TERMS[0], TERMS[1] | {"vehicle_id": "V2"}]
    assert told(claim_labels.frequency, lake(policies=other)).empty


def test_the_earlier_of_two_next_terms_is_the_one(lake):
    later = term("P3", "2023-02-20", "2024-02-20")
    home = lake([claim("A", "P3")], [moved("A", "2023-05-01", 0, 500)], [*TERMS, later])
    rows = told(claim_labels.frequency, home)
    assert rows[rows.policy_id == "P1"].label.tolist() == [0.0]


def test_without_movements_the_models_of_claims_say_what_is_missing(lake):
    home = lake()
    home.checked("claim_movements").unlink()
    with pytest.raises(GuanjiaError, match="need the table claim_movements"):
        told(claim_labels.frequency, home)
