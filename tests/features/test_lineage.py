"""The columns that a tag names are those whose change changes it."""

from datetime import date
from pathlib import Path

import pytest
from mutated_tables import Column, changed_tags, raw_columns, worlds

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.snapshots.compute import compute_group
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import catalogue
from features.tags.lineage import (
    MERGE_COLUMNS,
    MERGES,
    kept_tag_columns,
    tag_columns,
    tag_tables,
)

KNOWN = {("customers", "customer_id"), ("customers", "recorded_at"), *MERGE_COLUMNS}
"""What every tag depends on: whether the customer is known, and under which number."""
DAY = date(2026, 6, 30)
EXPLAINED = 0.8
"""Share of named columns that so few customers show a change for; `benchmarks/lineage_truth.py`
shows it for all."""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[Column, set[str]]:
    """Mutate each column of each raw table in small insurers: the tags that were changed."""
    folder = tmp_path_factory.mktemp("mutated")
    base = Lake(Settings(home=folder / "base", threads=1))
    simulate(base, 300, seed=7)
    check_tables(base)
    return changed_tags(base, folder / "worlds", worlds(raw_columns(), seed=3), DAY, 20)


def test_every_column_that_changes_a_tag_is_named(changed: dict[Column, set[str]]) -> None:
    named = tag_columns()
    unnamed = [
        (tag, column)
        for column, tags in changed.items()
        for tag in tags
        if column not in named[tag]
    ]
    assert unnamed == []


def test_nearly_every_column_that_is_named_changes_its_tag(
    changed: dict[Column, set[str]],
) -> None:
    pairs = [
        (tag, column)
        for tag, columns in tag_columns().items()
        for column in columns
        if column[0] != MERGES
    ]
    explained = [pair for pair in pairs if pair[0] in changed[pair[1]]]
    assert len(explained) >= EXPLAINED * len(pairs)


def test_every_tag_depends_on_columns_of_the_contracts() -> None:
    columns = tag_columns()
    assert columns.keys() == catalogue().keys()
    for name, read in columns.items():
        assert read >= KNOWN, name
        assert all(column in CONTRACTS[table].columns for table, column in read)


def test_columns_that_a_home_keeps_are_the_same(tmp_path: Path) -> None:
    lake = Lake(Settings(home=tmp_path))
    assert kept_tag_columns(lake, "these") == tag_columns()
    assert kept_tag_columns(Lake(lake.settings), "these") == tag_columns()


def test_a_plain_tag_reads_its_column_alone() -> None:
    columns = tag_columns()
    assert columns["gender"] == KNOWN | {("customers", "gender")}
    assert columns["age_years"] == KNOWN | {("customers", "birth_date")}


def test_a_tag_reads_what_its_relation_is_filtered_and_joined_by() -> None:
    columns = tag_columns()["customer_value"]
    assert {("policies", "written_premium"), ("policies", "line")} <= columns
    assert {("claims", "policy_id"), ("claim_movements", "paid_change")} <= columns
    assert ("policies", "ncd_level") not in columns


def test_a_tag_does_not_read_what_is_only_looked_up_beside_it() -> None:
    columns = tag_columns()["claim_count_36m"]
    assert {table for table, _ in columns - KNOWN} == {"claims"}


def test_a_derived_tag_depends_on_what_its_sources_do() -> None:
    tags, tables = catalogue(), tag_tables()
    derived = [name for name, tag in tags.items() if tag.relation is None]
    assert len(derived) > 10
    assert tables["customer_value"] == {"policies", "claims"}
    assert all(tables[name] for name in derived)


MERGE = {
    "customer_id": "C2",
    "merged_into": "C1",
    "merged_at": "2025-05-01 10:00:00",
    "recorded_at": "2025-05-01 10:00:00",
}


@pytest.mark.parametrize(
    ("column", "other", "changes"),
    [
        ("merged_into", "C1", False),
        ("customer_id", "C3", True),
        ("merged_into", "C3", True),
        ("recorded_at", "2026-12-01 10:00:00", True),
        ("merged_at", "2025-04-01 10:00:00", False),
    ],
)
def test_rows_follow_merged_customers_by_the_columns_named(
    home: Path, column: str, other: str, changes: bool
) -> None:
    before = {"C1": 1, "C3": 0}
    after = _claims_of(home / "after", {**MERGE, column: other})
    assert (after != before) == changes
    assert not changes or (MERGES, column) in MERGE_COLUMNS


def _claims_of(folder: Path, merge: dict[str, str]) -> dict[str, int]:
    """Deliver one merge, three customers and a claim of C2; the claims of each customer."""
    known = "2024-01-01 09:00:00"
    deliver = {
        "customers": [
            {"customer_id": name, "registered_at": known, "recorded_at": known}
            for name in ("C1", "C2", "C3")
        ],
        "policies": [
            {
                "policy_id": "P1", "customer_id": "C2", "vehicle_id": "V1", "private_car": "true",
                "line": "motor_commercial", "signed_at": known, "inception": "2024-01-05",
                "expiry": "2025-01-05", "written_premium": "2000.00", "recorded_at": known,
            }
        ],
        "claims": [
            {
                "claim_id": "K1", "customer_id": "C2", "policy_id": "P1",
                "occurred_at": "2024-06-01 08:00:00", "reported_at": "2024-06-01 09:00:00",
                "recorded_at": "2024-06-01 09:00:00",
            }
        ],
        "customer_merges": [merge],
    }  # fmt: skip
    for table, rows in deliver.items():
        columns = CONTRACTS[table].columns
        lines = [
            ",".join(columns),
            *(",".join(row.get(name, "") for name in columns) for row in rows),
        ]
        path = folder / "raw" / table / "all.csv"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    lake = Lake(Settings(home=folder, threads=1))
    check_tables(lake)
    tags = compute_group(lake, spine_of_customers(lake, [DAY]), "claims")
    return dict(
        zip(tags["customer_id"].to_pylist(), tags["claim_count_36m"].to_pylist(), strict=True)
    )
