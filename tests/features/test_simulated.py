"""The simulated insurer: calibrated, repeatable, whole whatever the chunk size."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.sources.raw_source import prepare_raw_for
from features.sources.simulation.effects import ARMS
from features.sources.simulation.simulate import Simulated, simulate
from features.sources.simulation.terms import unsigned
from features.stars.explain import rate

CUSTOMERS = 6_000
TABLES = CONTRACTS.keys() - {"customer_merges"}

# Target and tolerance, for the given customers and seed; the tolerance holds sampling error too,
# which the heavy tail of injuries makes wide for claims.
TARGETS = {
    "motor premium a car 2024": (2740, 130),
    "motor premium a car before the reform": (3500, 200),
    "compulsory share 2024": (0.30, 0.03),
    "compulsory premium 2024": (762, 25),
    "commercial cover 2026": (0.88, 0.02),
    "claims ratio 2022 and later": (0.72, 0.08),
    "injury share of cost": (0.425, 0.10),
    "closed without payment": (0.24, 0.03),
    "renewal rate": (0.775, 0.02),
    "direct and telephone": (0.31, 0.04),
    "agents and brokers": (0.46, 0.04),
    "WeCom 2025": (0.50, 0.04),
    "mini-program 2025": (0.45, 0.04),
    "cancelled": (0.02, 0.005),
    "renewals among terms 2024": (0.68, 0.03),
    "health take-up": (0.06, 0.015),
    "household take-up": (0.05, 0.015),
    "further quotes a renewal": (0.40, 0.05),
}

MEASURES = {
    "motor premium a car 2024": "SELECT sum(premium) / count(DISTINCT (vehicle_id, inception)) "
    "FROM motor WHERE signed = 2024",
    "motor premium a car before the reform": "SELECT sum(premium) / "
    "count(DISTINCT (vehicle_id, inception)) FROM motor WHERE inception < '2020-09-01'",
    "compulsory share 2024": "SELECT sum(premium) FILTER (line = 'motor_compulsory') / "
    "sum(premium) FROM motor WHERE signed = 2024",
    "compulsory premium 2024": "SELECT avg(premium) FROM motor "
    "WHERE signed = 2024 AND line = 'motor_compulsory' AND cancelled_on IS NULL",
    "commercial cover 2026": "SELECT count(*) FILTER (line = 'motor_commercial') / "
    "count(*) FILTER (line = 'motor_compulsory') FROM motor WHERE signed = 2026",
    "claims ratio 2022 and later": "SELECT sum(cost) / sum(premium) FROM motor "
    "WHERE inception BETWEEN '2022-01-01' AND '2025-06-30'",
    "injury share of cost": "SELECT sum(cost) FILTER (injury) / sum(cost) FROM cost",
    "closed without payment": "SELECT avg((cost = 0)::INT) FROM cost",
    "renewal rate": "SELECT avg((follows <= expiry + 30)::INT) FROM (SELECT expiry, coalesce("
    "lead(inception) OVER (PARTITION BY vehicle_id ORDER BY inception), '2099-01-01') AS follows "
    "FROM motor WHERE line = 'motor_compulsory' AND cancelled_on IS NULL) "
    "WHERE expiry < '2026-05-20'",
    "direct and telephone": "SELECT avg((channel IN ('direct', 'telephone'))::INT) FROM motor",
    "agents and brokers": "SELECT avg((channel IN ('agent', 'broker'))::INT) FROM motor",
    "WeCom 2025": "SELECT avg((coalesce(wecom_added_at < '2025-07-01', false))::INT) "
    "FROM customers WHERE registered_at < '2025-07-01'",
    "mini-program 2025": "SELECT avg((coalesce(mini_program_bound_at < '2025-07-01', false))::INT)"
    " FROM customers WHERE registered_at < '2025-07-01'",
    "cancelled": "SELECT avg((cancelled_on IS NOT NULL)::INT) FROM motor WHERE signed < 2025",
    "renewals among terms 2024": "SELECT avg((business_type = 'renewal')::INT) FROM motor "
    "WHERE signed = 2024",
    "health take-up": "SELECT count(DISTINCT customer_id) FILTER (line = 'health') / "
    "count(DISTINCT customer_id) FILTER (line = 'motor_compulsory') FROM terms "
    "WHERE inception <= '2026-06-30' AND expiry > '2026-06-30'",
    "further quotes a renewal": "SELECT avg(n - 1) FROM (SELECT count(*) AS n FROM quotes "
    "WHERE policy_id IS NOT NULL GROUP BY policy_id)",
    "household take-up": "SELECT count(DISTINCT customer_id) FILTER (line = 'household') / "
    "count(DISTINCT customer_id) FILTER (line = 'motor_compulsory') FROM terms "
    "WHERE inception <= '2026-06-30' AND expiry > '2026-06-30'",
}


def lake_at(home: Path) -> Lake:
    return Lake(Settings(home=home))


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Simulated]:
    lake = lake_at(tmp_path_factory.mktemp("insurer"))
    return lake, simulate(lake, CUSTOMERS, seed=11)


@pytest.fixture(scope="module")
def sql(insurer: tuple[Lake, Simulated]) -> Iterator[duckdb.DuckDBPyConnection]:
    lake, _ = insurer
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            files = lake.raw(table) / "*.parquet"
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM '{files}'")
        connection.execute(
            """
            CREATE TABLE terms AS SELECT * FROM policies
            QUALIFY row_number() OVER (PARTITION BY policy_id ORDER BY recorded_at DESC) = 1;
            CREATE TABLE cost AS SELECT claim_id, any_value(policy_id) AS policy_id,
                any_value(injury) AS injury, sum(paid_change + outstanding_change) AS cost
            FROM claims JOIN claim_movements USING (claim_id) GROUP BY claim_id;
            CREATE TABLE motor AS SELECT terms.*, year(signed_at) AS signed,
                written_premium AS premium, coalesce(losses.cost, 0) AS cost
            FROM terms LEFT JOIN (SELECT policy_id, sum(cost) AS cost FROM cost GROUP BY 1) losses
            USING (policy_id) WHERE line LIKE 'motor%'
            """
        )
        yield connection


@pytest.mark.parametrize("name", TARGETS)
def test_meets_its_calibration_target(name: str, sql: duckdb.DuckDBPyConnection) -> None:
    target, tolerance = TARGETS[name]
    found = sql.execute(MEASURES[name]).fetchone()
    assert found is not None
    assert float(found[0]) == pytest.approx(target, abs=tolerance)


def test_no_row_is_quarantined(insurer: tuple[Lake, Simulated]) -> None:
    lake, made = insurer
    checks = check_tables(lake)
    assert {check.table: check.bad for check in checks} == dict.fromkeys(TABLES, 0)
    assert {check.table: check.rows for check in checks} == made.rows
    assert all(made.rows.values())


def test_truth_lies_apart_from_raw_tables(insurer: tuple[Lake, Simulated]) -> None:
    lake, _ = insurer
    assert {folder.name for folder in (lake.home / "raw").iterdir()} == TABLES
    names = {file.name for file in (lake.home / "truth").iterdir()}
    assert names == {
        "customers.parquet",
        "renewals.parquet",
        "cross_sell.parquet",
        "churn.parquet",
        "service_use.parquet",
    }


def test_outstanding_amounts_run_off_to_zero(sql: duckdb.DuckDBPyConnection) -> None:
    left = sql.execute(
        """
        SELECT count(*) FROM (
            SELECT claim_id, sum(outstanding_change) AS outstanding
            FROM claim_movements JOIN claims USING (claim_id)
            WHERE closed_at < '2026-06-01' GROUP BY claim_id
        ) WHERE outstanding <> 0
        """
    ).fetchone()
    assert left == (0,)


def test_truth_matches_what_happened(
    insurer: tuple[Lake, Simulated], sql: duckdb.DuckDBPyConnection
) -> None:
    """By tenths of the true probability, the share renewed is the probability."""
    lake, _ = insurer
    rows = sql.execute(
        f"""
        WITH following AS (
            SELECT policy_id, line, expiry,
                lead(inception) OVER (PARTITION BY vehicle_id, line ORDER BY inception) AS follows
            FROM motor WHERE line = 'motor_compulsory'
        )
        SELECT floor(p * 10) AS tenth, count(*), avg(p),
            avg(coalesce(follows <= following.expiry + 30, false)::INT)
        FROM '{lake.truth("renewals")}' AS truth JOIN following
        ON following.policy_id = replace(truth.policy_id, 'S', 'J')
        WHERE truth.expiry < '2026-05-20' GROUP BY ALL HAVING count(*) > 300
        """
    ).fetchall()
    assert len(rows) >= 5
    for _, count, probability, renewed in rows:
        assert renewed == pytest.approx(probability, abs=4 * (0.25 / count) ** 0.5)


def test_truth_of_a_renewal_not_signed_yet_matches_what_happened(
    insurer: tuple[Lake, Simulated], sql: duckdb.DuckDBPyConnection
) -> None:
    """Among terms without a next one signed 7 days before expiry, by tenths of the truth."""
    lake, _ = insurer
    rows = sql.execute(
        f"""
        WITH following AS (
            SELECT policy_id, expiry,
                lead(inception) OVER vehicle AS follows, lead(signed_at) OVER vehicle AS signed
            FROM motor WHERE line = 'motor_compulsory'
            WINDOW vehicle AS (PARTITION BY vehicle_id ORDER BY inception)
        )
        SELECT floor(p_7d * 10) AS tenth, count(*), avg(p_7d),
            avg(coalesce(follows <= following.expiry + 30, false)::INT)
        FROM '{lake.truth("renewals")}' AS truth JOIN following
        ON following.policy_id = replace(truth.policy_id, 'S', 'J')
        WHERE truth.expiry < '2026-05-20' AND NOT coalesce(follows = following.expiry
            AND (signed + INTERVAL 8 HOUR)::DATE <= following.expiry - 7, false)
        GROUP BY ALL HAVING count(*) > 300
        """
    ).fetchall()
    assert len(rows) >= 5
    for _, count, probability, renewed in rows:
        assert renewed == pytest.approx(probability, abs=4 * (0.25 / count) ** 0.5)


def test_what_is_left_of_the_chance_falls_as_expiry_nears() -> None:
    # Signed 8-40 days ahead: 53 %. Of .8, .8 * .47 = .376 are left, beside .2 who never renew.
    assert unsigned(np.array([0.8]), 8)[0] == pytest.approx(0.376 / 0.576)
    assert unsigned(np.array([0.8]), 60)[0] == pytest.approx(0.8)
    assert unsigned(np.array([0.8]), 0)[0] == 0


def test_stars_are_spread_over_all_tiers(insurer: tuple[Lake, Simulated]) -> None:
    """Plausible: every star is held, and the higher the rarer."""
    lake, _ = insurer
    check_tables(lake)
    day = date(2026, 6, 30)
    rated = rate(lake, spine_of_customers(lake, [day]))
    counts = rated.group_by("star_level").aggregate(customers=rated.count()).to_pandas()
    shares = (counts.set_index("star_level")["customers"] / CUSTOMERS).to_dict()
    assert shares[1] > shares[2] > shares[4] > shares[5] > 0.002
    assert 0.05 < shares[3] < 0.20
    assert sum(shares.values()) == pytest.approx(1)


def test_raw_tables_of_another_source_are_not_overwritten(tmp_path: Path) -> None:
    lake = lake_at(tmp_path)
    own = lake.raw("customers") / "mine.csv"
    own.parent.mkdir(parents=True)
    own.write_text("customer_id")
    with pytest.raises(GuanjiaError, match=r"of your own\. Set GUANJIA_HOME to another folder"):
        simulate(lake, 5, 1)
    assert own.exists()


def test_a_new_insurer_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    lake = lake_at(tmp_path)
    simulate(lake, 5, 1)
    old = lake.home / "tags" / "claims" / "history-training.parquet"
    old.parent.mkdir(parents=True)
    old.touch()
    simulate(lake, 5, 2)
    assert not old.exists()
    with pytest.raises(GuanjiaError, match="of the source simulated"):
        prepare_raw_for(lake, "lledo-pavia")


def test_contacts_chosen_by_lot_carry_their_probability(sql: duckdb.DuckDBPyConnection) -> None:
    found = sql.execute(
        "SELECT randomised, min(probability), max(probability) FROM interactions GROUP BY ALL "
        "ORDER BY randomised"
    ).fetchall()
    assert found == [(False, None, None), (True, 0.5, 0.5)]


def test_a_lot_leaves_a_row_for_whom_it_leaves_alone(sql: duckdb.DuckDBPyConnection) -> None:
    """Arms as often as stated; contacts made are those drawn, and offers only among them."""
    found = sql.execute(
        "SELECT arm, any_value(probability), avg(n) FROM (SELECT arm, probability, "
        "count(*) OVER (PARTITION BY arm) / count(*) OVER () AS n FROM assignments "
        "WHERE trial = 'renewal_contact') GROUP BY arm"
    ).fetchall()
    assert sorted(arm for arm, _, _ in found) == sorted(ARMS)
    assert sum(probability for _, probability, _ in found) == pytest.approx(1)
    for _, probability, share in found:
        assert share == pytest.approx(probability, abs=0.02)
    drawn = sql.execute(
        "SELECT a.arm <> 'control', i.interaction_id IS NOT NULL, count(*) FROM assignments a "
        "LEFT JOIN interactions i ON i.randomised AND left(i.policy_id, -1) = "
        "left(a.policy_id, -1) AND i.occurred_at > a.assigned_at "
        "WHERE a.trial = 'renewal_contact' GROUP BY ALL"
    ).fetchall()
    made = {(by_lot, contacted): rows for by_lot, contacted, rows in drawn}
    assert (False, True) not in made
    # A term cancelled later is not contacted; the lot stands.
    assert made.get((True, False), 0) < 0.005 * made[True, True]


def test_contacts_help_on_average_and_drive_some_away(
    insurer: tuple[Lake, Simulated], sql: duckdb.DuckDBPyConnection
) -> None:
    truth = duckdb.sql(f"SELECT * FROM '{insurer[0].truth('renewals')}'").df()
    for name in ("contacted", "service_pack", "cover_review"):
        effect = truth[f"p_renew_{name}"] - truth["p_renew"]
        assert effect.mean() == pytest.approx(0.037, abs=0.006)
        assert 0.15 < (effect < 0).mean() < 0.30


def test_reminders_are_drawn_by_lot_and_move_use_as_the_truth_says(
    insurer: tuple[Lake, Simulated], sql: duckdb.DuckDBPyConnection
) -> None:
    """By class and arm: half of them, alike in taste, and used as often as the truth expects."""
    truths = {name: str(insurer[0].truth(name)) for name in ("service_use", "customers")}
    lots = sql.execute(
        "SELECT t.service_class, a.arm, count(*), avg(used), avg(p_use_reminded), "
        "avg(p_use_silent), avg(service_sensitivity), min(a.probability), max(a.probability) "
        "FROM assignments a JOIN (SELECT policy_id, customer_id, expiry FROM policies "
        "GROUP BY ALL) p USING (policy_id) "
        f"JOIN '{truths['service_use']}' t ON t.policy_id = a.policy_id "
        "AND a.trial = 'use_reminder_' || t.service_class "
        "JOIN (SELECT customer_id, expires_on, service_class, "
        "max((used_at IS NOT NULL)::INT) AS used FROM entitlements GROUP BY ALL) e "
        "ON e.customer_id = p.customer_id AND e.expires_on = p.expiry "
        "AND e.service_class = t.service_class "
        f"JOIN '{truths['customers']}' c ON c.customer_id = p.customer_id "
        "WHERE p.expiry < DATE '2026-06-01' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert [row[:2] for row in lots] == [
        (name, arm) for name in "ABC" for arm in ("control", "reminder")
    ]
    for control, reminder in zip(lots[::2], lots[1::2], strict=True):
        rows = control[2] + reminder[2]
        assert reminder[2] / rows == pytest.approx(0.5, abs=2.5 / rows**0.5)
        assert {*control[7:], *reminder[7:]} == {0.5}
        assert control[6] == pytest.approx(reminder[6], abs=6 / rows**0.5)
        assert reminder[3] == pytest.approx(reminder[4], abs=3 * (reminder[4] / reminder[2]) ** 0.5)
        assert control[3] == pytest.approx(control[5], abs=3 * (control[5] / control[2]) ** 0.5)
        if control[0] != "C":
            assert reminder[3] > 1.5 * control[3]


def test_use_adds_little_and_users_renew_much_more(
    insurer: tuple[Lake, Simulated], sql: duckdb.DuckDBPyConnection
) -> None:
    """The raw difference of users is several times what use adds."""
    truth = duckdb.sql(f"SELECT * FROM '{insurer[0].truth('service_use')}'").df()
    assert 0.005 < truth["renewal_effect"].mean() < 0.025
    assert truth["renewal_effect"].min() >= 0
    renewals = duckdb.sql(f"SELECT * FROM '{insurer[0].truth('renewals')}'").df()
    both = truth[truth["service_class"] == "B"].merge(renewals, on="policy_id")
    high = both["p_use"] > both["p_use"].median()
    assert both["p"][high].mean() - both["p"][~high].mean() > 0.03
