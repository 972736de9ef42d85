"""Quotes before a renewal: further ones are a sign of sensitivity, and none of who will sign."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

CUSTOMERS = 16_000
DAYS = 5

# One row a renewal quote that arrived before a term ran out, unless the next was signed within
# five days: its price change, further quotes asked for within these days, and what came of it.
OFFERS = """
WITH terms AS (
    SELECT * FROM policies WHERE line LIKE 'motor%'
    QUALIFY row_number() OVER (PARTITION BY policy_id ORDER BY recorded_at DESC) = 1
), following AS (
    SELECT policy_id, customer_id, expiry, written_premium AS paid,
        coalesce(lead(inception) OVER vehicle <= expiry + 30, false) AS renewed,
        (lead(signed_at) OVER vehicle + INTERVAL 8 HOUR)::DATE AS signed_on
    FROM terms WINDOW vehicle AS (PARTITION BY vehicle_id, line ORDER BY inception)
), made AS (
    SELECT policy_id, premium, delivered_at, (quoted_at + INTERVAL 8 HOUR)::DATE AS day,
        row_number() OVER (PARTITION BY policy_id ORDER BY quoted_at) > 1 AS further
    FROM quotes WHERE policy_id IS NOT NULL
), further AS (SELECT policy_id, day FROM made WHERE further)
SELECT customer_id, renewed, any_value(premium) / any_value(paid) - 1 AS change,
    count(further.day) FILTER (further.day <= made.day + $days) AS asked
FROM made JOIN following USING (policy_id) LEFT JOIN further USING (policy_id)
WHERE NOT made.further AND made.delivered_at IS NOT NULL AND expiry < '2026-05-20'
    AND NOT (renewed AND signed_on <= made.day + $days)
GROUP BY policy_id, customer_id, renewed
"""


# One row a term that was not cancelled and whose next was not signed by the end of a day so many
# days before its expiry: whether its first quote was made by then, and how long ago.
UNSIGNED = """
WITH terms AS (
    SELECT * FROM policies WHERE line = 'motor_commercial'
    QUALIFY row_number() OVER (PARTITION BY policy_id ORDER BY recorded_at DESC) = 1
), following AS (
    SELECT policy_id, expiry, cancelled_on,
        coalesce(lead(inception) OVER vehicle <= expiry + 30, false) AS renewed,
        (lead(signed_at) OVER vehicle + INTERVAL 8 HOUR)::DATE AS signed_on
    FROM terms WINDOW vehicle AS (PARTITION BY vehicle_id ORDER BY inception)
), first AS (
    SELECT policy_id, min((quoted_at + INTERVAL 8 HOUR)::DATE) AS day FROM quotes GROUP BY 1
)
SELECT renewed, day IS NOT NULL AS quoted, coalesce(expiry - $left - day, 0) AS days_ago
FROM following LEFT JOIN (SELECT * FROM first) AS first
    ON first.policy_id = following.policy_id AND day <= expiry - $left
WHERE expiry < '2026-05-20' AND cancelled_on IS NULL
    AND NOT (renewed AND signed_on <= expiry - $left)
"""


@pytest.fixture(scope="module")
def offers(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    lake = Lake(Settings(home=tmp_path_factory.mktemp("quotes")))
    simulate(lake, CUSTOMERS, seed=11)
    connection = duckdb.connect()
    for table in ("policies", "quotes"):
        connection.execute(f"CREATE VIEW {table} AS FROM '{lake.raw(table)}/*.parquet'")
    connection.execute("CREATE TABLE offers AS " + OFFERS, {"days": DAYS})
    connection.execute(f"CREATE TABLE traits AS FROM '{lake.truth('customers')}'")
    return connection


@pytest.mark.parametrize("left", [7, 15, 30])
def test_the_first_does_not_tell_who_will_sign(
    offers: duckdb.DuckDBPyConnection, left: int
) -> None:
    """Neither that a quote was made nor how long ago, among those who have not signed yet."""
    found = offers.execute(
        "SELECT renewed, avg(quoted::INT), avg(days_ago) FILTER (quoted), "
        "stddev(days_ago) FILTER (quoted), max(days_ago), count(*) "
        f"FROM ({UNSIGNED}) GROUP BY renewed ORDER BY renewed",
        {"left": left},
    ).fetchall()
    (_, left_quoted, left_days, spread, left_most, few), (_, quoted, days, _, most, many) = found
    assert min(few, many) > 1_000
    share_error = (quoted * (1 - quoted) * (1 / few + 1 / many)) ** 0.5
    assert left_quoted == pytest.approx(quoted, abs=3 * share_error)
    days_error = spread * (1 / (few * left_quoted) + 1 / (many * quoted)) ** 0.5
    assert left_days == pytest.approx(days, abs=3 * days_error)
    assert left_most == most


def test_quotes_do_not_tell_who_will_sign(offers: duckdb.DuckDBPyConnection) -> None:
    """At like changes of the price: a dearer offer makes for more quotes and fewer renewals."""
    asked = offers.execute(
        "SELECT renewed, avg(asked), count(*) FROM offers WHERE change BETWEEN -0.15 AND 0 "
        "GROUP BY renewed ORDER BY renewed"
    ).fetchall()
    (_, left, few), (_, stayed, many) = asked
    assert min(few, many) > 1_000
    assert min(left, stayed) > 0.25
    # Three standard errors of the difference; the counts spread by about .65.
    assert left == pytest.approx(stayed, abs=3 * 0.65 * (1 / few + 1 / many) ** 0.5)


def test_quotes_are_asked_for_by_the_price_sensitive_and_at_a_rise(
    offers: duckdb.DuckDBPyConnection,
) -> None:
    (least, most) = offers.execute(
        "SELECT avg(asked) FILTER (price_sensitivity < -1), "
        "avg(asked) FILTER (price_sensitivity > 1) FROM offers JOIN traits USING (customer_id)"
    ).fetchall()[0]
    assert most > 1.8 * least
    (steady, dearer) = offers.execute(
        "SELECT avg(asked) FILTER (change <= 0.05), avg(asked) FILTER (change > 0.05) FROM offers"
    ).fetchall()[0]
    assert dearer > 1.2 * steady


def test_quotes_change_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for or not, everyone renews, claims and buys as before."""
    made = []
    for asks in (0.55, 0.0):
        monkeypatch.setattr("features.sources.simulation.calibration.ASKS", asks)
        lake = Lake(Settings(home=tmp_path / str(asks)))
        simulate(lake, 200, seed=5, end=date(2024, 6, 30))
        tables = [table for table in CONTRACTS if lake.raw(table).exists()]
        files = {table: str(lake.raw(table) / "*.parquet") for table in tables}
        files |= {file.name: str(file) for file in (lake.home / "truth").iterdir()}
        made.append({name: set(duckdb.sql(f"FROM '{f}'").fetchall()) for name, f in files.items()})
    asked, silent = made
    assert silent["quotes"] < asked["quotes"]
    assert {name for name in asked if asked[name] != silent[name]} == {"quotes"}
