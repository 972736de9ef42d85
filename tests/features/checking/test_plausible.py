"""What no single row shows is reported with an example; a broken bound publishes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from features.checking.check import BrokenBoundError, check_tables
from features.checking.plausible import (
    AHEAD,
    AT_ONCE,
    CROWDED,
    LAST_DAY,
    OUTSIDE,
    OVERLAPPING,
    SHARED_PHONE,
)
from features.errors import GuanjiaError
from features.lake import Lake

Check = Callable[..., dict[str, Any]]


def test_a_good_delivery_is_not_odd(check: Check) -> None:
    assert {name: one.notes for name, one in check().items()} == {
        name: {} for name in ("customers", "vehicles", "policies", "claims", "claim_movements")
    }


def test_claims_outside_their_cover(check: Check, base: dict[str, str]) -> None:
    claims = base["claims"]
    for number, (policy, day) in enumerate(
        [("P3", "2025-06-30"), ("P1", "2024-07-01"), ("P1", "2024-07-02"), ("P2", "2024-07-01")]
    ):
        at = f"{day}T04:00:00Z"
        claims += f"L{number},C1,{policy},V1,collision,{at},{at},{at}\n"
    found = check(claims=claims)["claims"]
    # On the day of expiry cover ends at 00:00 or is continued: it is not reported.
    assert found.notes == {OUTSIDE: 2}
    assert found.examples == {OUTSIDE: "L0"}


def test_the_share_of_claims_outside_their_cover_is_bounded(
    check: Check, base: dict[str, str], lake: Lake
) -> None:
    claims = base["claims"].replace("2026-01-02", "2025-06-30")
    assert check(claims=claims)["claims"].notes == {OUTSIDE: 1}
    (lake.home / "check.toml").write_text("claims_outside_cover_share_max = 0.5")
    with pytest.raises(BrokenBoundError, match="1 of 1 claims: the claim occurred outside"):
        check_tables(lake)


def test_claims_without_policy_and_movements_without_claim(
    check: Check, base: dict[str, str], lake: Lake
) -> None:
    movements = base["claim_movements"].replace("M2,K1", "M2,K9")
    found = check(claims=base["claims"].replace("P3", "NOPE"), claim_movements=movements)
    (claim,), (movement,) = (found[name].notes for name in ("claims", "claim_movements"))
    assert claim.startswith("policy_id is not a known policy")
    assert movement.startswith("claim_id is not a known claim")
    assert found["claim_movements"].examples == {movement: "a.csv, line 3"}
    (lake.home / "check.toml").write_text("movements_without_claim_share_max = 0.4")
    with pytest.raises(BrokenBoundError, match="1 of 2 claim_movements"):
        check_tables(lake)


def test_overlapping_terms(check: Check, base: dict[str, str]) -> None:
    overlapping = base["policies"].replace("2024-07-01,2025-07-01", "2024-06-30,2025-07-01")
    assert check(policies=overlapping)["policies"].notes == {OVERLAPPING: 1}
    cancelled = overlapping.replace("2023-07-01,2024-07-01,", "2023-07-01,2024-07-01,2024-06-30")
    assert check(policies=cancelled)["policies"].notes == {}


def test_a_term_that_ends_on_its_last_day(check: Check, base: dict[str, str]) -> None:
    inclusive = base["policies"].replace("2025-07-01,2026-07-01", "2025-07-01,2026-06-30")
    found = check(policies=inclusive)["policies"]
    assert found.notes == {LAST_DAY: 1}
    assert found.examples == {LAST_DAY: "P3"}


@pytest.mark.parametrize("premium", ["0.30", "300000000.00"])
def test_amounts_in_another_unit_stop_the_run(
    check: Check, base: dict[str, str], lake: Lake, premium: str
) -> None:
    with pytest.raises(BrokenBoundError, match="another unit, such as 10,000 yuan"):
        check(policies=base["policies"].replace("3000.00", premium))
    bounds = "motor_premium_median_min = 0\nmotor_premium_median_max = 1e9\n"
    (lake.home / "check.toml").write_text(bounds)
    assert {one.table: one.bad for one in check_tables(lake)}["policies"] == 0


def test_a_household_of_everybody(check: Check, lake: Lake) -> None:
    day = "2022-01-05T02:00:00Z"
    rows = [f"C{n},{day},{'H0' if n < 51 else 'H1'},{day}\n" for n in range(60)]
    text = "customer_id,registered_at,household_id,recorded_at\n" + "".join(rows)
    assert check(customers=text)["customers"].notes == {CROWDED: 51}
    (lake.home / "check.toml").write_text("household_customers_max = 51")
    assert {one.table: one.notes for one in check_tables(lake)}["customers"] == {}


def test_a_phone_of_everybody(check: Check) -> None:
    day = "2022-01-05T02:00:00Z"
    rows = [f"C{n},{day},{13800138000 if n < 51 else 13800138001},{day}\n" for n in range(60)]
    text = "customer_id,registered_at,phone,recorded_at\n" + "".join(rows)
    checked = check(customers=text)["customers"]
    assert checked.notes == {SHARED_PHONE: 51}


def test_rows_recorded_ahead_of_now(check: Check, lake: Lake) -> None:
    check()
    now = datetime(2026, 1, 15, tzinfo=UTC)
    notes = {one.table: one.notes for one in check_tables(lake, now=now)}
    assert notes["claim_movements"] == {AHEAD: 1}
    assert notes["claims"] == {}


def test_a_first_delivery_recorded_on_one_day(check: Check, base: dict[str, str]) -> None:
    def loaded(table: str) -> str:
        heading, *rows = base[table].splitlines()
        return "\n".join(
            [heading, *(f"{row[: row.rindex(',')]},2026-06-30T02:00:00Z" for row in rows)]
        )

    found = check(**{name: loaded(name) for name in base})
    assert found["customers"].notes == {AT_ONCE: 2}
    assert found["policies"].examples[AT_ONCE] == "2026-06-30"
    # One claim alone may be of that day.
    assert AT_ONCE not in found["claims"].notes


def test_a_misspelt_bound_is_named(check: Check, lake: Lake) -> None:
    check()
    (lake.home / "check.toml").write_text("quarantined_share = 0.1")
    with pytest.raises(GuanjiaError, match="quarantined_share: is not known"):
        check_tables(lake)


@pytest.mark.parametrize(
    ("table", "column", "wrong"),
    [
        ("vehicles", "list_price", "15.80"),
        ("policies", "third_party_limit", "200"),
        ("claim_movements", "paid_change", "0.45"),
    ],
)
def test_other_amounts_in_another_unit_stop_the_run(
    check: Check, base: dict[str, str], table: str, column: str, wrong: str
) -> None:
    """In units of 10,000 yuan; of fewer than 20 rows nothing is said."""

    def delivered(rows: int, cell: str) -> str:
        header, row = base[table].splitlines()[:2]
        names, cells = header.split(","), row.split(",")
        if column not in names:
            names, cells = [*names, column], [*cells, ""]
        lines = [",".join(names)]
        for number in range(rows):
            cells[0], cells[names.index(column)] = f"N{number}", cell
            lines.append(",".join(cells))
        return "\n".join(lines) + "\n"

    assert check(**{table: delivered(19, wrong)})[table].good == 19
    with pytest.raises(BrokenBoundError, match=f"have a {column} of at most"):
        check(**{table: delivered(20, wrong)})
    check(**{table: delivered(20, "158000.00")})
