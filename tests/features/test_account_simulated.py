"""The customer account of a simulated insurer against SQL over its checked tables, to the cent."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from features.accounts.account import Accounts, accounts
from features.accounts.items import LEVELS, Level
from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

YEAR = (date(2025, 1, 1), date(2025, 12, 31))

CHECKED = {
    "written_premium": "SELECT sum(written_premium) FROM known_policies WHERE inception "
    "BETWEEN '2025-01-01' AND '2025-12-31'",
    "claims": "SELECT sum(paid_change + outstanding_change) FROM known_claim_movements SEMI JOIN "
    "(FROM known_claims WHERE occurred_at >= '2024-12-31 16:00:00Z' AND "
    "occurred_at < '2025-12-31 16:00:00Z') USING (claim_id)",
    "service_cost": "SELECT sum(unit_cost) FROM known_entitlements "
    "WHERE used_at >= '2024-12-31 16:00:00Z' AND used_at < '2025-12-31 16:00:00Z'",
    "contact_cost": "SELECT sum(cost) FROM known_interactions "
    "WHERE occurred_at >= '2024-12-31 16:00:00Z' AND occurred_at < '2025-12-31 16:00:00Z'",
    "acquisition_cost": "SELECT sum(amount) FROM known_costs c LEFT JOIN known_policies p "
    "USING (policy_id) WHERE coalesce(p.inception, (c.incurred_at + INTERVAL 8 HOUR)::DATE) "
    "BETWEEN '2025-01-01' AND '2025-12-31'",
    "other_cost": "SELECT 0::DECIMAL(18, 2)",
    "booked_again": "SELECT 0::DECIMAL(18, 2)",
}


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of 2,000 simulated customers; half a year follows the year looked at."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("insurer")))
    simulate(lake, 2_000, 7)
    check_tables(lake)
    return lake


@pytest.fixture(scope="module")
def levels(insurer: Lake) -> dict[Level, Accounts]:
    """The accounts of the year at every level."""
    return {by: accounts(insurer, *YEAR, by) for by in LEVELS}


def checked_sums(home: Path) -> dict[str, Any]:
    """What the checked tables say, in SQL."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for file in (home / "checked").glob("*.parquet"):
            connection.execute(
                f"CREATE VIEW known_{file.stem} AS SELECT * FROM '{file}' "
                "WHERE recorded_at < '2025-12-31 16:00:00Z' "
                "AND (superseded_at IS NULL OR superseded_at >= '2025-12-31 16:00:00Z')"
            )
        return {item: connection.execute(sql).fetchall()[0][0] for item, sql in CHECKED.items()}


def test_every_level_adds_up_to_the_cent(insurer: Lake, levels: dict[Level, Accounts]) -> None:
    wanted = checked_sums(insurer.home)
    assert all(wanted[item] > 0 for item in list(CHECKED)[:5])
    for by, done in levels.items():
        assert {item: done.total[item] for item in CHECKED} == wanted, by
        assert done.total == levels["customer"].total
        profits = done.rows["profit"].to_pylist()
        assert sum(profits) == done.total["profit"]
        assert profits == sorted(profits, reverse=True)


def test_the_members_of_a_household_are_its_account(
    insurer: Lake, levels: dict[Level, Accounts]
) -> None:
    of_customer, of_household = (
        {row["key"]: row["profit"] for row in levels[by].rows.to_pylist()}
        for by in ("customer", "household")
    )
    members = duckdb.sql(
        f"SELECT household_id, list(customer_id) FROM '{insurer.checked('customers')}' "
        "WHERE household_id IS NOT NULL GROUP BY ALL"
    ).fetchall()
    couples = 0
    for household, people in members:
        profits = [of_customer[name] for name in people if name in of_customer]
        if profits:
            assert of_household[household] == sum(profits)
            couples += len(profits) == 2
    assert couples > 30


def test_a_fifth_of_neighbouring_customers_are_couples(insurer: Lake) -> None:
    pairs = duckdb.sql(
        "SELECT household_id, count(*), max(customer_id[2:]::INT) - min(customer_id[2:]::INT) "
        f"FROM '{insurer.checked('customers')}' WHERE household_id IS NOT NULL GROUP BY ALL"
    ).fetchall()
    # 1,000 pairs, some of them not entered by the last day; four standard errors are 0.05.
    assert 0.15 < len(pairs) / 1000 < 0.25
    assert {(count, apart) for _, count, apart in pairs} <= {(2, 1), (1, 0)}
    assert sum(count == 2 for _, count, _ in pairs) > 0.9 * len(pairs)
