"""Loyalty tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import date
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def test_loyalty_counts_breaks_and_products(answer: Answer, expect: Expect, term: Answer) -> None:
    policies = [
        term("P1", "2022-01-01", "2023-01-01", 1000),
        term("P2", "2023-01-11", "2024-01-11", 1000),
        term("Q2", "2023-01-11", "2024-01-11", 1000, line="motor_compulsory"),
        term("P3", "2025-10-01", "2026-10-01", 1000, vehicle_id="V2"),
        term("N1", "2026-01-01", "2027-01-01", 200, line="accident", vehicle_id=None),
        term("N2", "2024-01-01", "2025-01-01", 300, line="health", vehicle_id=None),
    ]
    expect(
        answer("loyalty", policies=policies, claim_movements=[]),
        cover_gaps_ever=2,
        long_cover_gaps_ever=1,
        longest_cover_gap_days=629,
        days_since_first_motor_term=1641,
        longest_gap_share=629 / 1641,
        commercial_renewals_ever=1,
        vehicles_ever=2,
        days_since_motor_cover_end=-93,
        holds_accident=True,
        holds_health=False,
        holds_household=False,
        accident_policies_ever=1,
        health_policies_ever=1,
        products_held=2,
        non_motor_premium_in_force=200.0,
        lapsed=False,
        tenure_years=1,
        star_level=1,
        customer_value=0.0,
    )


def test_no_gap_lies_behind_the_first_day(answers: Any, expect: Expect, term: Answer) -> None:
    policies = [
        term("P1", "2026-06-30", "2027-06-30", 1000),
        {**term("P2", "2026-07-01", "2027-07-01", 1000), "customer_id": "ahead"},
        # Two terms on the first day, the second without a gap.
        {**term("P3", "2026-06-30", "2027-06-30", 1000), "customer_id": "both"},
        {**term("Q3", "2026-06-30", "2027-06-30", 950, line="motor_compulsory"),
         "customer_id": "both"},
    ]  # fmt: skip
    names = ("C1", "ahead", "both")
    day = date(2026, 6, 30)
    found = answers("loyalty", [(name, day) for name in names], policies=policies)
    expect(found["C1", day], days_since_first_motor_term=0, longest_gap_share=0.0)
    expect(found["ahead", day], days_since_first_motor_term=None, longest_gap_share=None)
    expect(found["both", day], longest_cover_gap_days=0, longest_gap_share=0.0)
