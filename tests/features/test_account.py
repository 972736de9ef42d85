"""The customer account on a tiny insurer, every amount worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.accounts.account import accounts
from features.accounts.items import LEVELS, Level
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings

Row = dict[str, Any]
LakeOf = Callable[..., Lake]
YEAR = (date(2025, 1, 1), date(2025, 12, 31))
LATER = "2026-01-05T04:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def term(
    policy_id: str, customer: str, line: str, inception: str, premium: Any, **more: Any
) -> Row:
    begins = date.fromisoformat(inception)
    row = {"policy_id": policy_id, "customer_id": customer, "line": line, "inception": begins}
    row |= {"expiry": begins.replace(year=begins.year + 1), "written_premium": premium}
    return {**row, **more}


def claim(claim_id: str, customer: str, policy_id: str, occurred: str) -> Row:
    row = {"claim_id": claim_id, "customer_id": customer, "policy_id": policy_id}
    return {**row, "occurred_at": at(occurred)}


def move(claim_id: str, customer: str, moved: str, paid: float, outstanding: float) -> Row:
    row = {"movement_id": claim_id + moved, "claim_id": claim_id, "customer_id": customer}
    row |= {"moved_at": at(moved), "recorded_at": at(moved)}
    return {**row, "paid_change": paid, "outstanding_change": outstanding}


def cost(kind: str, incurred: str, amount: float, **more: Any) -> Row:
    row = {"cost_id": f"{kind}{incurred}{amount}", "kind": kind, "incurred_at": at(incurred)}
    return {**row, "amount": amount, **more}


def insurer() -> dict[str, list[Row]]:
    """C1 and C2 are one household; C4 is entered only after the year; P1 is corrected twice."""
    first = term("P1", "C1", "motor_commercial", "2025-03-01", 4000.0)
    refunded, corrected = {**first, "written_premium": 3650.0}, {**first, "written_premium": 3000.0}
    return {
        "customers": [
            {"customer_id": "C1", "household_id": "H1", "account_manager_id": "M1", "branch": "B1"},
            {"customer_id": "C2", "household_id": "H1", "account_manager_id": "M2", "branch": "B2"},
            {"customer_id": "C3"},
            {"customer_id": "C4", "branch": "B4", "recorded_at": at(LATER)},
        ],
        "policies": [
            {**first, "superseded_at": at("2025-04-01T04:00")},
            {**refunded, "recorded_at": at("2025-04-01T04:00"), "superseded_at": at(LATER)},
            {**corrected, "recorded_at": at(LATER)},
            term("P2", "C1", "accident", "2025-07-01", 100.0),
            term("P3", "C2", "motor_compulsory", "2024-06-01", 950.0),
            term("P4", "C3", "health", "2026-01-15", 900.0),
            term("P5", "C3", "household", "2025-05-01", 12.34, cancelled_on=date(2025, 5, 1)),
            term("P6", "C2", "motor_commercial", "2025-06-01", None),
            term("P7", "C4", "motor_commercial", "2025-12-31", 365.0),
        ],
        "claims": [
            claim("L1", "C1", "P1", "2025-05-01T04:00"),
            claim("L2", "C1", "P2", "2025-08-01T04:00"),
            # The year begins at 16:00 UTC of 31 December.
            claim("L3", "C2", "P3", "2024-12-31T15:59"),
            claim("L4", "C2", "P3", "2024-12-31T16:00"),
            claim("L5", "C3", "P99", "2025-05-01T04:00"),
        ],
        "claim_movements": [
            move("L1", "C1", "2025-05-02T04:00", 0.0, 2000.0),
            move("L1", "C1", "2025-08-01T04:00", 1500.0, -2000.0),
            move("L1", "C1", LATER, 100.0, 0.0),
            move("L3", "C2", "2025-02-01T04:00", 8000.0, 0.0),
            move("L4", "C2", "2025-02-01T04:00", 250.0, 50.0),
            move("L5", "C3", "2025-06-01T04:00", 70.0, 0.0),
            move("L99", "C3", "2025-06-01T04:00", 5.0, 0.0),
        ],
        "entitlements": [
            {"entitlement_id": "E1", "customer_id": "C1", "unit_cost": 180.0,
             "used_at": at("2025-06-01T04:00")},
            {"entitlement_id": "E2", "customer_id": "C1", "unit_cost": 180.0,
             "used_at": at("2025-12-31T16:00")},
            {"entitlement_id": "E3", "customer_id": "C2", "unit_cost": None,
             "used_at": at("2025-06-01T04:00")},
            {"entitlement_id": "E4", "customer_id": "C2", "unit_cost": 25.0},
        ],
        "interactions": [
            {"interaction_id": name, "customer_id": customer, "policy_id": policy,
             "occurred_at": at(on), "cost": paid}
            for name, customer, policy, on, paid in (
                ("I1", "C1", "P1", "2025-06-01T04:00", 0.2),
                ("I2", "C1", "P2", "2025-06-01T04:00", 0.05),
                ("I3", "C2", None, "2025-06-01T04:00", 3.5),
                ("I4", "C2", None, "2024-06-01T04:00", 3.5),
            )
        ],
        "costs": [
            cost("commission", "2024-12-20T04:00", 400.0, customer_id="C1", policy_id="P1"),
            cost("commission", "2025-12-20T04:00", 50.0, customer_id="C3", policy_id="P4"),
            cost("acquisition", "2025-02-01T04:00", 20.0, customer_id="C2"),
            cost("service", "2025-06-01T04:00", 180.0, customer_id="C1"),
            cost("contact", "2025-06-01T04:00", 0.2, customer_id="C1", policy_id="P1"),
            cost("contact", "2025-11-01T04:00", 1000.0, branch="B9"),
            cost("other", "2025-11-01T04:00", 77.0),
            cost("other", "2025-11-01T04:00", 9.0, policy_id="P2"),
            cost("other", "2025-11-01T04:00", -15.0, customer_id="C2", branch="B9"),
            cost("other", "2025-11-01T04:00", 8.0, customer_id="C2", recorded_at=at(LATER)),
        ],
    }  # fmt: skip


def by_key(lake: Lake, by: Level, since: date = YEAR[0], as_of: date = YEAR[1]) -> dict[str, Row]:
    return {str(row["key"]): row for row in accounts(lake, since, as_of, by).rows.to_pylist()}


def amounts(row: Row, *names: str) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in names)


def test_the_items_of_each_customers_account_are_those_worked_out_by_hand(lake_of: LakeOf) -> None:
    found = by_key(lake_of(**insurer()), "customer")
    items = ("written_premium", "earned_premium", "claims", "service_cost", "contact_cost",
             "acquisition_cost", "other_cost", "booked_again", "profit")  # fmt: skip
    assert {key: amounts(row, *items) for key, row in found.items()} == {
        # 306 days at 10 yuan, and 184 of 365 days of 100 yuan: 50.41.
        "C1": ("3750.00", "3110.41", "1500.00", "180.00", "0.25",
               "400.00", "9.00", "180.20", "1660.75"),
        # 950 yuan less what 214 of 365 days had earned before: 950.00 - 556.99.
        "C2": ("0.00", "393.01", "300.00", "0.00", "3.50",
               "20.00", "-15.00", "0.00", "-308.50"),
        "C3": ("12.34", "12.34", "75.00", "0.00", "0.00", "0.00", "0.00", "0.00", "-62.66"),
        "C4": ("365.00", "1.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "365.00"),
        "None": ("0.00", "0.00", "0.00", "0.00", "1000.00", "0.00", "77.00", "0.00", "-1077.00"),
    }  # fmt: skip
    split = ("profit_motor", "profit_non_motor", "profit_unallocated", "earned_profit")
    assert amounts(found["C1"], *split) == ("1569.80", "90.95", "0.00", "1021.16")
    assert amounts(found["C2"], *split) == ("-300.00", "0.00", "-8.50", "84.51")
    assert amounts(found["C3"], *split) == ("0.00", "12.34", "-75.00", "-62.66")
    # The late customer has no manager yet, and the best profit comes first.
    assert list(found) == ["C1", "C4", "C3", "C2", "None"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("household", {"H1": "1352.25", "C3": "-62.66", "C4": "365.00", "None": "-1077.00"}),
        ("manager", {"M1": "1660.75", "M2": "-308.50", "None": "-774.66"}),
        ("branch", {"B1": "1660.75", "B2": "-308.50", "B9": "-1000.00", "None": "225.34"}),
    ],
)
def test_every_level_has_every_amount(lake_of: LakeOf, by: Level, expected: dict[str, str]) -> None:
    lake = lake_of(**insurer())
    done = accounts(lake, *YEAR, by)
    found = {str(row["key"]): str(row["profit"]) for row in done.rows.to_pylist()}
    assert found == expected
    assert str(done.total["profit"]) == "577.59"
    assert (done.total["customers"], done.absent) == (4, ())


def test_later_knowledge_moves_the_same_period(lake_of: LakeOf) -> None:
    lake = lake_of(**insurer())
    march = by_key(lake, "customer", YEAR[0], date(2025, 3, 31))["C1"]
    assert amounts(march, "written_premium", "claims") == ("4000.00", "0.00")
    june = by_key(lake, "customer", YEAR[0], date(2025, 6, 30))["C1"]
    assert amounts(june, "written_premium", "claims") == ("3650.00", "2000.00")
    # The new year begins on its own first day, with what it came to know.
    following = by_key(lake, "customer", YEAR[0], date(2026, 1, 31))
    assert amounts(following["C1"], "written_premium", "claims") == ("3100.00", "1600.00")
    assert amounts(following["C1"], "service_cost") == ("360.00",)
    # The commission of a term comes with its premium.
    assert amounts(following["C3"], "written_premium", "acquisition_cost") == ("912.34", "50.00")


def test_costs_that_do_not_repeat_details_are_all_counted(lake_of: LakeOf) -> None:
    lake = lake_of(**insurer())
    other = Lake(Settings(home=lake.home, costs_repeat_details=False))
    found = by_key(other, "customer")["C1"]
    told = amounts(found, "service_cost", "contact_cost", "booked_again", "profit")
    assert told == ("360.00", "0.45", "0.00", "1480.55")


def test_bookings_count_where_there_are_no_details(lake_of: LakeOf) -> None:
    tables = insurer()
    del tables["entitlements"], tables["interactions"]
    done = accounts(lake_of(**tables), *YEAR, "customer", "C1")
    told = amounts(done.total, "service_cost", "contact_cost", "booked_again")
    assert told == ("180.00", "0.20", "0.00")
    assert done.absent == ("entitlements", "interactions")


def test_without_movements_claims_and_profit_are_unknown(lake_of: LakeOf) -> None:
    tables = insurer()
    del tables["claim_movements"]
    done = accounts(lake_of(**tables), *YEAR, "branch")
    assert (done.total["claims"], done.total["profit"], done.total["profit_motor"]) == (None,) * 3
    assert str(done.total["written_premium"]) == "4127.34"
    assert done.absent == ("claim_movements",)


@pytest.mark.parametrize(
    ("customer", "by", "key", "profit"),
    [
        ("C2", "household", "H1", "1352.25"),
        ("C2", "branch", "B2", "-308.50"),
        ("C3", "manager", None, "-774.66"),
        ("C3", "customer", "C3", "-62.66"),
    ],
)
def test_the_account_that_a_customer_belongs_to(
    lake_of: LakeOf, customer: str, by: Level, key: str | None, profit: str
) -> None:
    done = accounts(lake_of(**insurer()), *YEAR, by, customer)
    assert done.rows["key"].to_pylist() == [key]
    assert str(done.total["profit"]) == profit


def test_an_unknown_customer_or_a_period_that_ends_early_is_refused(lake_of: LakeOf) -> None:
    lake = lake_of(**insurer())
    with pytest.raises(GuanjiaError, match="customer C4: is not known as of 2025-12-31"):
        accounts(lake, *YEAR, "customer", "C4")
    with pytest.raises(GuanjiaError, match="period 2026-01-01 to 2025-12-31: ends before"):
        accounts(lake, date(2026, 1, 1), YEAR[1], "customer")
    with pytest.raises(GuanjiaError, match="level team: is not known"):
        accounts(lake, *YEAR, "team")  # type: ignore[arg-type]
    old: pa.Table = pq.read_table(lake.checked("customers")).drop_columns(["household_id"])
    pq.write_table(old, lake.checked("customers"))
    with pytest.raises(GuanjiaError, match=r"before it had a household_id\. Run `guanjia check`"):
        accounts(lake, *YEAR, "household")


def test_a_quiet_period_is_zero(lake_of: LakeOf) -> None:
    done = accounts(lake_of(**insurer()), date(2019, 1, 1), date(2019, 12, 31), "branch")
    assert done.rows.num_rows == 0
    assert set(done.total.values()) == {0, Decimal("0.00")}
    assert set(LEVELS) == {"customer", "household", "manager", "branch"}
