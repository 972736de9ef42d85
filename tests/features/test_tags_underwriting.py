"""Underwriting tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_underwriting_of_a_renewed_car(answer: Answer, expect: Expect, terms: list[Row]) -> None:
    found = answer(
        "underwriting",
        customers=[
            {
                "birth_date": date(1980, 7, 1),
                "licence_date": date(2004, 6, 30),
                "gender": "F",
                "city_tier": "new_1",
                "branch": "310",
            }
        ],
        policies=terms,
        vehicles=[
            {"vehicle_id": "V1", "first_registered": date(2020, 6, 30), "energy": "plug_in",
             "kind": "car", "list_price": 230_000, "acquired_at": at("2024-07-01")},
            {"vehicle_id": "V9", "first_registered": date(2001, 1, 1), "energy": "petrol",
             "kind": "van", "acquired_at": at("2025-07-01")},
        ],
    )  # fmt: skip
    expect(
        found,
        age_years=45,
        licence_years=22,
        gender="F",
        city_tier="new_1",
        branch="310",
        motor_policies_in_force=2,
        motor_vehicles_in_force=1,
        motor_policies_ever=3,
        motor_policies_ahead=1,
        days_to_commercial_expiry=10,
        days_to_motor_expiry=10,
        days_to_compulsory_expiry=63,
        commercial_premium_current=2300.0,
        commercial_premium_previous=2000.0,
        compulsory_premium_current=950.0,
        motor_premium_in_force=3250.0,
        premium_change_ratio=0.15,
        channel="online",
        business_type="renewal",
        ncd_level=2,
        ncd_level_change=1,
        pricing_factor=0.95,
        third_party_limit=1_000_000.0,
        driver_accident_cover=True,
        commercial_term_number=2,
        vehicle_age_years=6,
        new_energy=True,
        vehicle_energy="plug_in",
        vehicle_kind="car",
        vehicle_list_price=230_000.0,
        premium_to_list_price=0.01,
        compulsory_only=False,
    )


def test_cover_ends_at_the_start_of_its_expiry_day(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    policies = [term("P1", "2025-06-30", "2026-06-30", 2000)]
    last = answer("underwriting", date(2026, 6, 29), policies=policies)
    after = answer("underwriting", date(2026, 6, 30), policies=policies)
    first = answer("underwriting", date(2025, 6, 30), policies=policies)
    expect(first, motor_policies_in_force=1, days_to_commercial_expiry=365)
    expect(last, motor_policies_in_force=1, days_to_commercial_expiry=1)
    expect(after, motor_policies_in_force=0, days_to_commercial_expiry=None,
           commercial_premium_current=None, motor_premium_in_force=None,
           premium_change_ratio=None)  # fmt: skip


def test_a_term_cancelled_from_its_inception_never_existed(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    policies = [
        term("P1", "2026-01-01", "2027-01-01", 500, cancelled_on=date(2026, 3, 1)),
        term("P2", "2026-02-01", "2027-02-01", 0, cancelled_on=date(2026, 2, 1)),
        term("P3", "2026-01-05", "2027-01-05", 900, line="motor_compulsory"),
    ]
    expect(
        answer("underwriting", policies=policies),
        motor_policies_in_force=1,
        motor_policies_ever=2,
        motor_policies_cancelled=1,
        days_to_commercial_expiry=None,
        compulsory_only=True,
        premium_to_list_price=None,
    )


def test_of_two_cars_the_one_that_expires_first_is_described(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    policies = [
        term("A", "2025-12-01", "2026-12-01", 3000, vehicle_id="V1"),
        term("B", "2025-08-01", "2026-08-01", 1500, vehicle_id="V2", channel="agent"),
    ]
    vehicles = [
        {"vehicle_id": name, "kind": kind, "acquired_at": at("2025-01-01")}
        for name, kind in (("V1", "car"), ("V2", "van"))
    ]
    expect(
        answer("underwriting", policies=policies, vehicles=vehicles),
        commercial_premium_current=1500.0,
        channel="agent",
        vehicle_kind="van",
        motor_vehicles_in_force=2,
        motor_premium_in_force=4500.0,
    )


@pytest.mark.parametrize(
    ("inception", "line", "vehicle", "signed"),
    [
        ("2026-07-10", "motor_commercial", "V1", True),
        ("2026-07-10", "motor_compulsory", "V1", True),
        ("2026-06-10", "motor_commercial", "V1", True),  # 30 days before the end
        ("2026-06-09", "motor_commercial", "V1", False),
        ("2026-07-10", "motor_commercial", "V2", False),
    ],
)
def test_a_renewal_is_signed_if_the_vehicle_has_a_next_term(
    answer: Answer,
    expect: Expect,
    term: Answer,
    inception: str,
    line: str,
    vehicle: str,
    signed: bool,
) -> None:
    policies = [
        term("P1", "2025-07-10", "2026-07-10", 2300),
        term("P2", inception, "2027-07-10", 2100, line=line, vehicle_id=vehicle),
    ]
    found = answer("underwriting", date(2026, 6, 1), policies=policies)
    expect(found, commercial_renewal_signed=signed, commercial_expiry_month=7)


def test_a_cancellation_to_a_date_ahead_is_known_from_its_record(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    known = at("2026-05-11T12:00:00")
    end = date(2026, 7, 10)
    policies = [
        term("P1", "2025-07-10", "2026-07-10", 2300, superseded_at=known),
        term("P1", "2025-07-10", "2026-07-10", 2300, cancelled_on=end, recorded_at=known),
    ]
    for day, told in ((date(2026, 5, 10), False), (date(2026, 5, 11), True)):
        found = answer("underwriting", day, policies=policies)
        left = (end - day).days
        expect(found, commercial_cancellation_known=told, days_to_commercial_expiry=left)
