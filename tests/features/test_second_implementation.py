"""Tags equal a second implementation in pandas, written from the documents alone.

The insurer is a simulated one with what real tables have: unknown values, late records, later
versions, cancellations, reopened claims, 29 February (`tests/support/second_implementation/`).
"""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from second_implementation import View, tags_of
from second_implementation.mutations import mutated
from second_implementation.view import KEYS

from features.checking.check import check_tables
from features.contracts.contract import civil_day
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.snapshots.compute import compute_group
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue, groups

DAYS = [date(2024, 2, 29), date(2025, 2, 28), date(2026, 6, 30)]
FEWEST_TAGS = 250
CUSTOMERS = 120
ZONE = "Asia/Shanghai"
Values = dict[str, Any]


def rows_of(lake: Lake, table: str) -> list[Values]:
    rows: list[Values] = []
    for path in sorted(lake.raw(table).glob("*.parquet")):
        rows += pq.read_table(path).to_pylist()
    return rows


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of the mutated insurer."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("lake"), timezone=ZONE))
    simulate(found, CUSTOMERS, 31)
    tables = {name: rows_of(found, name) for name in KEYS}
    for name, rows in mutated(tables, seed=7).items():
        paths = sorted(found.raw(name).glob("*.parquet"))
        schema = pq.read_schema(paths[0])
        for path in paths:
            path.unlink()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), paths[0])
    check_tables(found)
    return found


def frame(path: Path, table: str) -> Any:
    """A checked table without what the check derived; days and instants as pandas compares them."""
    contract = CONTRACTS[table]
    columns = [name for name in pq.read_schema(path).names if name in contract.columns]
    rows = pq.read_table(path, columns=columns)
    found = rows.to_pandas(date_as_object=False)
    for field in rows.schema:
        if pa.types.is_date(field.type):
            found[field.name] = found[field.name].astype("datetime64[ns]")
        elif pa.types.is_timestamp(field.type):
            found[field.name] = found[field.name].astype("datetime64[ns, UTC]")
    assert not {civil_day(name) for name in contract.civil_days} & set(found)
    return found


@pytest.fixture(scope="module")
def tables(lake: Lake) -> dict[str, Any]:
    return {name: frame(lake.checked(name), name) for name in KEYS}


@pytest.fixture(scope="module")
def computed(lake: Lake) -> dict[str, dict[date, dict[str, Values]]]:
    """Group -> day -> customer -> tags, as the product computes them."""
    spine = spine_of_customers(lake, DAYS)
    found: dict[str, dict[date, dict[str, Values]]] = {}
    for name in groups():
        days: dict[date, dict[str, Values]] = {day: {} for day in DAYS}
        for row in compute_group(lake, spine, name).to_pylist():
            days[row["as_of"]][row["customer_id"]] = row
        found[name] = days
    return found


def plain(value: Any) -> Any:
    """A value of pandas as one of Python; None where it is missing."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124
        return None
    return value.item() if hasattr(value, "item") else value


def same(mine: Any, theirs: Any) -> bool:
    if mine is None or theirs is None or isinstance(theirs, str):
        return bool(mine == theirs)
    return float(mine) == pytest.approx(float(theirs), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_tags_are_what_their_documents_say(
    tables: dict[str, Any], computed: dict[str, Any], day: date
) -> None:
    second = tags_of(View(tables, day.isoformat(), ZONE))
    assert len(second) >= FEWEST_TAGS
    assert {catalogue()[name].group for name in second} == set(groups())
    differences = []
    for name, values in second.items():
        rows = computed[catalogue()[name].group][day]
        assert sorted(rows) == list(values.index), name
        for customer, value in values.items():
            if not same(plain(value), rows[customer][name]):
                differences.append(f"{name} of {customer}: {plain(value)}, {rows[customer][name]}")
    assert not differences, f"{len(differences)}: " + "\n".join(differences[:40])


def test_the_insurer_is_worth_looking_at(computed: dict[str, Any]) -> None:
    """Every tag that is compared takes at least two values."""
    day = DAYS[-1]
    rare = {"vehicles_aged_10_years_or_more"}
    for name in ("open_claims", "reopened_claims_36m", "won_back_terms_ever", "annual_distance_km",
                 "motor_premium_change_ratio", "longest_gap_share", "days_to_next_inspection",
                 "maintenance_distance_share", "battery_warranty_distance_share",
                 "commercial_cancellation_known", "cancelled_from_inception_ever",
                 "quote_viewed_count_365d", "star_level", "tenure_years", "lapsed",
                 "star_claims_5y", "price_sensitivity", "service_sensitivity"):  # fmt: skip
        rows = computed[catalogue()[name].group][day].values()
        assert len({row[name] for row in rows}) > 1 or name in rare, name
