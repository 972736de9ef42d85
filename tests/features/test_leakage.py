"""Nothing that became known after the date can change a tag of the date."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of
from features.settings import Settings, cutoff
from features.snapshots.compute import compute_group, write_snapshot
from features.sources.simulation.simulate import simulate

DAYS = [date(2023, 12, 31), date(2025, 3, 15)]
ZONE = "Asia/Shanghai"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of 50 simulated customers."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("lake")))
    simulate(found, 50, 3)
    check_tables(found)
    return found


@pytest.fixture(scope="module")
def known(lake: Lake) -> dict[date, dict[str, str]]:
    """Day -> group -> hash of its file, of the rows as they are."""
    return {day: tags(lake, day) for day in DAYS}


def changed(lake: Lake, home: Path, change: Any) -> Lake:
    """A lake whose checked tables are `change(name, rows)` of this one's."""
    found = Lake(Settings(home=home))
    for name in CONTRACTS:
        if lake.has(name):
            table = pq.read_table(lake.checked(name))
            rows = change(name, table.to_pylist())
            found.checked(name).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), found.checked(name))
    return found


def tags(lake: Lake, day: date) -> dict[str, str]:
    """Hash of each group's file."""
    (snapshot,) = write_snapshot(lake, [day])
    return {group: entry["sha256"] for group, entry in snapshot.files.items()}


def other(value: Any) -> Any:
    """A different value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "?"
    if isinstance(value, datetime | date):
        return value - timedelta(days=100)
    if isinstance(value, int | float | Decimal):
        return value + 7
    return value


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_rows_recorded_later_change_nothing(
    lake: Lake, known: dict[date, dict[str, str]], tmp_path: Path, day: date
) -> None:
    end = cutoff(day, ZONE)
    touched: dict[str, int] = {}

    def mutate(name: str, rows: Rows) -> Rows:
        kept = {"recorded_at", "superseded_at", "customer_id"}
        for row in rows:
            if row["recorded_at"] >= end:
                touched[name] = touched.get(name, 0) + 1
                row.update({k: other(v) for k, v in row.items() if k not in kept})
        return rows

    assert tags(changed(lake, tmp_path, mutate), day) == known[day]
    assert {"customers", "policies", "claims", "quotes", "interactions"} <= set(touched)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_rows_recorded_later_might_as_well_not_exist(
    lake: Lake, known: dict[date, dict[str, str]], tmp_path: Path, day: date
) -> None:
    end = cutoff(day, ZONE)

    def forget(_: str, rows: Rows) -> Rows:
        early = [row for row in rows if row["recorded_at"] < end]
        for row in early:
            if row["superseded_at"] is not None and row["superseded_at"] >= end:
                row["superseded_at"] = None
        return early

    assert tags(changed(lake, tmp_path, forget), day) == known[day]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_milestones_after_the_date_change_nothing(
    lake: Lake, known: dict[date, dict[str, str]], tmp_path: Path, day: date
) -> None:
    end = cutoff(day, ZONE)
    touched: set[str] = set()

    def mutate(name: str, rows: Rows) -> Rows:
        for row in rows:
            for milestone in CONTRACTS[name].milestones:
                if row[milestone] is not None and row[milestone] >= end:
                    touched.add(f"{name}.{milestone}")
                    later = row[milestone] + timedelta(days=3)
                    row[milestone] = None if row["recorded_at"].second % 2 else later
        return rows

    assert tags(changed(lake, tmp_path, mutate), day) == known[day]
    assert "customers.mini_program_bound_at" in touched


def test_what_was_recorded_before_does_change_tags(
    lake: Lake, known: dict[date, dict[str, str]], tmp_path: Path
) -> None:
    """The tests above could not fail if tags ignored their tables."""
    day = DAYS[1]
    end = cutoff(day, ZONE)

    def forget(_: str, rows: Rows) -> Rows:
        return [row for row in rows if row["recorded_at"] < end - timedelta(days=365)]

    before, after = known[day], tags(changed(lake, tmp_path, forget), day)
    assert [group for group in before if before[group] == after[group]] == []


def test_a_late_correction_counts_from_the_moment_it_is_recorded(tmp_path: Path, put: Any) -> None:
    lake = Lake(Settings(home=tmp_path))
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 30, 16, tzinfo=UTC)
    term = {"policy_id": "P1", "customer_id": "C1", "vehicle_id": "V1",
            "line": "motor_commercial", "private_car": True, "signed_at": early,
            "inception": date(2026, 1, 2), "expiry": date(2027, 1, 2)}  # fmt: skip
    only(put, lake, "policies", [
        {**term, "written_premium": Decimal(3000), "recorded_at": early, "superseded_at": late},
        {**term, "written_premium": Decimal(1200), "recorded_at": late},
    ])  # fmt: skip
    for day, premium in ((date(2026, 6, 30), 3000.0), (date(2026, 7, 1), 1200.0)):
        assert of_one(lake, "underwriting", day)["commercial_premium_current"] == premium
        assert of_one(lake, "underwriting", day)["motor_policies_in_force"] == 1


FIRST = datetime(2019, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 8 * 365 * 86_400).map(lambda s: FIRST + timedelta(seconds=s))
CLAIMS = st.lists(st.tuples(MOMENTS, st.integers(0, 400), st.booleans(), st.booleans()), max_size=6)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CLAIMS.filter(len))
def test_adding_a_claim_never_lowers_a_count(tmp_path: Path, put: Any, drawn: Any) -> None:
    lake = Lake(Settings(home=tmp_path))
    rows = [
        {"claim_id": f"K{n}", "customer_id": "C1", "policy_id": "P1", "vehicle_id": f"V{n % 2}",
         "occurred_at": moment, "reported_at": moment + timedelta(days=days),
         "recorded_at": moment + timedelta(days=days), "injury": injury, "at_fault": fault}
        for n, (moment, days, injury, fault) in enumerate(drawn)
    ]  # fmt: skip
    only(put, lake, "claims", rows[:-1])
    before = of_one(lake, "claims", date(2026, 6, 30))
    only(put, lake, "claims", rows)
    after = of_one(lake, "claims", date(2026, 6, 30))
    counts = [name for name in before if "claim_count_" in name or name == "open_claims"]
    # Those by line of the policy are null: no policy is known.
    known = [name for name in counts if before[name] is not None]
    assert len(known) > 10
    assert all(after[name] >= before[name] for name in known)


def only(put: Any, lake: Lake, table: str, rows: Rows) -> None:
    """A checked table of these rows; the other required ones without any."""
    for name in {"customers", "policies", "claims"} | {table}:
        put(lake, name, rows if name == table else [])


def of_one(lake: Lake, group: str, day: date) -> dict[str, Any]:
    """Tags of customer C1."""
    spine = pa.table(
        {
            "customer_id": ["C1"],
            "as_of": pa.array([day], pa.date32()),
            "cutoff": pa.array([cutoff(day, ZONE)], pa.timestamp("us", "UTC")),
        }
    )
    (row,) = compute_group(lake, spine_of(ibis.memtable(spine)), group).to_pylist()
    return dict(row)
