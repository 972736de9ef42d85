"""What the customer buys: preferences and the product basket, worked out by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def policies(term: Answer) -> list[Row]:
    """Three years of a car, one of another, and four non-motor policies; signed 10 days ahead."""

    def other(policy_id: str, inception: str, premium: int, line: str) -> Row:
        following = f"{int(inception[:4]) + 1}{inception[4:]}"
        return term(policy_id, inception, following, premium, line=line, vehicle_id=None)

    return [
        term("P0", "2023-07-10", "2024-07-10", 2000, third_party_limit=1_000_000,
             driver_accident_cover=False, channel="agent"),
        term("P1", "2024-07-10", "2025-07-10", 2000, third_party_limit=2_000_000,
             driver_accident_cover=True, channel="agent"),
        term("P2", "2025-07-10", "2026-07-10", 2000, third_party_limit=3_000_000,
             driver_accident_cover=True, channel="online", signed_at=at("2025-07-06")),
        term("Q2", "2025-09-01", "2026-09-01", 950, line="motor_compulsory", channel="online"),
        term("P9", "2023-08-01", "2024-08-01", 800, line="motor_compulsory", vehicle_id="V2"),
        other("N0", "2023-07-05", 900, "household"),  # signed 5 days before P0, 37 months ago
        other("N3", "2024-07-17", 100, "accident"),  # signed 7 days after P1
        other("N1", "2025-07-14", 200, "accident"),  # signed 2 days before P2
        other("N2", "2026-01-10", 300, "health"),
    ]  # fmt: skip


def test_preferences_in_what_is_bought(answer: Answer, expect: Expect, policies: list[Row]) -> None:
    expect(
        answer("behaviour", policies=policies),
        third_party_limit_increases=2,
        third_party_limit_change_ratio=0.5,
        third_party_limit_to_usual=1.5,
        driver_accident_terms_ever=2,
        driver_accident_share_ever=2 / 3,
        signing_lead_days_mean=8.0,
        preferred_purchase_channel="online",  # as often as agent, and declared before it
        non_motor_with_motor_ever=2,
        non_motor_premium_mean_36m=200.0,
        preferred_non_motor_line="accident",
    )


def test_preferences_of_a_customer_who_bought_once(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    first = term("P1", "2026-06-01", "2027-06-01", 900, channel=None)
    expect(
        answer("behaviour", policies=[first]),
        third_party_limit_increases=0,
        third_party_limit_change_ratio=None,
        third_party_limit_to_usual=None,
        driver_accident_terms_ever=0,
        driver_accident_share_ever=None,
        signing_lead_days_mean=10.0,
        preferred_purchase_channel=None,
        non_motor_with_motor_ever=0,
        non_motor_premium_mean_36m=None,
        preferred_non_motor_line=None,
    )


def test_the_basket_counts_every_line_ever_bought(
    answer: Answer, expect: Expect, policies: list[Row]
) -> None:
    expect(
        answer("loyalty", policies=policies),
        lines_ever=5,
        motor_and_non_motor=True,
        non_motor_policies_in_force=2,
        days_to_non_motor_expiry=14,
        non_motor_lines_lapsed=1,
        non_motor_renewals_ever=1,
        first_non_motor_line="household",
        days_since_first_non_motor_signing=1101,
        vehicles_no_longer_insured=1,
        policies_per_vehicle=4.0,
    )


def test_a_basket_of_motor_alone(answer: Answer, expect: Expect, policies: list[Row]) -> None:
    expect(
        answer("loyalty", policies=policies[2:3]),
        lines_ever=1,
        motor_and_non_motor=False,
        non_motor_policies_in_force=0,
        days_to_non_motor_expiry=None,
        non_motor_lines_lapsed=0,
        non_motor_renewals_ever=0,
        first_non_motor_line=None,
        days_since_first_non_motor_signing=None,
        vehicles_no_longer_insured=0,
        policies_per_vehicle=1.0,
    )


def test_a_vehicle_whose_cover_is_still_to_begin_has_not_left(
    answer: Answer, expect: Expect, term: Answer
) -> None:
    ahead = term("P1", "2026-07-05", "2027-07-05", 900)
    found = answer("loyalty", policies=[ahead])
    expect(found, vehicles_no_longer_insured=0, lines_ever=0, policies_per_vehicle=None)
