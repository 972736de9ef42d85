"""A milestone that is told later leaves the past as it was, whatever it says.

A quote that was viewed on 2 June counts as viewed as of 30 June, also if July brings a delivery
after the view, a text that is no instant, or the same row once more with the milestone filled in.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pytest

from features.checking.check import TableCheck, check_tables
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.snapshots.compute import compute_group

Row = dict[str, str | None]
T0, JUNE = "2025-01-01T00:00:00Z", "2026-06-01T04:00:00Z"
VIEWED, LATER = "2026-06-02T04:00:00Z", "2026-07-05T04:00:00Z"
END = date(2026, 6, 30)

QUOTE: Row = {"quote_id": "Q1", "customer_id": "C1", "line": "motor_commercial",
              "quoted_at": JUNE, "recorded_at": JUNE}  # fmt: skip
REQUIRED: dict[str, list[Row]] = {
    "customers": [{"customer_id": "C1", "registered_at": T0, "recorded_at": T0}],
    "policies": [{"policy_id": "P1", "customer_id": "C1", "vehicle_id": "V1",
                  "line": "motor_commercial", "private_car": "true", "signed_at": T0,
                  "inception": "2026-01-01", "expiry": "2027-01-01", "recorded_at": T0}],
    "claims": [{"claim_id": "K1", "customer_id": "C1", "policy_id": "P1", "occurred_at": JUNE,
                "reported_at": JUNE, "recorded_at": JUNE}],
    "entitlements": [{"entitlement_id": "E1", "customer_id": "C1", "service": "tow",
                      "service_class": "A", "granted_at": JUNE, "expires_on": "2027-01-01",
                      "recorded_at": JUNE}],
    "surveys_and_complaints": [{"case_id": "S1", "customer_id": "C1", "kind": "complaint",
                                "topic": "claims", "occurred_at": JUNE, "recorded_at": JUNE}],
    "quotes": [QUOTE],
}  # fmt: skip


def checked(lake: Lake, **tables: list[Row]) -> dict[str, TableCheck]:
    """Deliver tables as CSV files, those not given as they are above, and check them."""
    for table, rows in (REQUIRED | tables).items():
        folder = lake.raw(table)
        folder.mkdir(parents=True, exist_ok=True)
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
        pc.write_csv(pa.table(cells), folder / "part.csv")
    return {check.table: check for check in check_tables(lake)}


def quote_tags(lake: Lake, day: date) -> dict[str, Any]:
    (row,) = compute_group(lake, spine_of_customers(lake, [day]), "behaviour").to_pylist()
    names = ("quote_count_90d", "quote_viewed_count_90d", "quote_delivered_count_365d")
    return {name: row[name] for name in names}


def test_a_delivery_told_after_the_view_leaves_the_view(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    checked(lake, quotes=[QUOTE | {"viewed_at": VIEWED}])
    before = quote_tags(lake, END)
    check = checked(lake, quotes=[QUOTE | {"viewed_at": VIEWED, "delivered_at": LATER}])["quotes"]
    assert (check.good, check.bad) == (1, 0)
    assert check.notes == {"delivered_at is left out: a quote is delivered before it is viewed": 1}
    assert quote_tags(lake, END) == before
    assert before == {"quote_count_90d": 1, "quote_viewed_count_90d": 1,
                      "quote_delivered_count_365d": 0}  # fmt: skip
    assert quote_tags(lake, date(2026, 7, 31)) == before


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("told", [LATER, "2020-01-01T00:00:00Z", "soon"])
def test_no_milestone_takes_its_row_out(tmp_path: Path, told: str, repeated: bool) -> None:
    """In place, or as the same row once more: the row is there, and known from the same time."""
    lake = Lake(Settings(home=tmp_path))
    delivered, told_rows = {}, []
    for table, (row,) in REQUIRED.items():
        key = CONTRACTS[table].key
        delivered[table] = [row]
        for milestone in CONTRACTS[table].milestones:
            own = row | {key: f"{row[key]}-{milestone}"}
            delivered[table] += [own, own | {milestone: told}][not repeated :]
            told_rows.append((table, milestone, own))
    checks = checked(lake, **delivered)
    assert len(told_rows) == 13
    for table in REQUIRED:
        assert checks[table].good == 1 + len(CONTRACTS[table].milestones)
    for table, milestone, own in told_rows:
        key = CONTRACTS[table].key
        (kept,) = (
            row for row in lake.table(table).to_pyarrow().to_pylist() if row[key] == own[key]
        )
        assert kept["recorded_at"] == datetime.fromisoformat(str(own["recorded_at"]))
        notes = [note for note in checks[table].notes if note.startswith(f"{milestone} ")]
        contradicts = told == "soon" or (told != LATER and bool(notes))
        value = None if contradicts else datetime.fromisoformat(told)
        assert kept[milestone] == value
        # Of a row that was delivered twice, the text that is no instant goes with the repetition.
        assert len(notes) == (contradicts and not (told == "soon" and repeated))


def test_rows_that_differ_in_milestones_alone_are_one(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    early = "2026-06-01T08:00:00Z"
    rows = [QUOTE, QUOTE | {"viewed_at": VIEWED}, QUOTE | {"delivered_at": early},
            QUOTE | {"viewed_at": LATER}]  # fmt: skip
    check = checked(lake, quotes=rows)["quotes"]
    assert (check.good, check.repeated, check.reasons) == (1, 3, {})
    (kept,) = lake.table("quotes").to_pyarrow().to_pylist()
    # The earliest instant that any of them names: one that is told later moves nothing.
    assert kept["viewed_at"] == datetime(2026, 6, 2, 4, tzinfo=UTC)
    assert kept["delivered_at"] == datetime(2026, 6, 1, 8, tzinfo=UTC)
    # Another premium at the same instant is another version: the one delivered last counts.
    (lake.home / "check.toml").write_text("quarantined_share_max = 1\n")
    other = checked(lake, quotes=[*rows, QUOTE | {"premium": "100"}])["quotes"]
    assert (other.good, other.bad, other.repeated) == (1, 4, 0)
    assert [row["premium"] for row in lake.table("quotes").to_pyarrow().to_pylist()] == [100]
