"""Tags of cover, its history and its price, against answers worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]
END = date(2026, 6, 30)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def history(term: Answer) -> list[Row]:
    """Four commercial terms of car V1, its compulsory cover twice, and a second car V2."""
    return [
        term("S1", "2022-07-10", "2023-07-10", 4000, ncd_level=0, channel="dealer",
             business_type="transfer", previous_insurer="PICC", third_party_limit=500_000,
             sum_insured=200_000, driver_accident_cover=False, account_manager_id="M1"),
        term("S2", "2023-07-10", "2024-07-10", 3000, ncd_level=-1, channel="dealer",
             business_type="renewal", third_party_limit=1_000_000, sum_insured=180_000,
             driver_accident_cover=True, account_manager_id="M1", signed_at=at("2023-07-07")),
        term("S3", "2024-07-10", "2025-07-10", 3600, ncd_level=2, channel="online",
             business_type="renewal", third_party_limit=1_000_000, sum_insured=160_000,
             driver_accident_cover=True, account_manager_id="M1", signed_at=at("2024-06-10")),
        term("S4", "2025-07-10", "2026-07-10", 2700, ncd_level=-4, channel="online",
             business_type="renewal", third_party_limit=2_000_000, sum_insured=None,
             driver_accident_cover=None, account_manager_id="M2", signed_at=at("2025-07-09")),
        term("J3", "2024-09-01", "2025-09-01", 950, line="motor_compulsory"),
        term("J4", "2025-09-01", "2026-09-01", 855, line="motor_compulsory"),
        term("T1", "2026-01-01", "2027-01-01", 1300, vehicle_id="V2", channel="agent",
             business_type="transfer", previous_insurer="CPIC"),
    ]  # fmt: skip


DAYS = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 5, 10), date(2025, 5, 11), END]


def test_tags_of_cover_follow_the_terms_of_two_cars(
    answers: Answer, expect: Expect, history: list[Row]
) -> None:
    vehicles = [{"vehicle_id": "V1", "kind": "car", "list_price": 250_000}]
    pairs = [("C1", day) for day in DAYS]
    found = answers("underwriting", pairs, policies=history, vehicles=vehicles)
    for check in (cover_and_its_changes, no_claims_discount, prices, channels, years_of_cover):
        check({day: row for (_, day), row in found.items()}, expect)


def cover_and_its_changes(found: dict[date, Row], expect: Expect) -> None:
    expect(
        found[END],
        commercial_policies_in_force=2,
        vehicles_without_commercial=0,
        vehicles_without_compulsory=1,
        own_damage_cover=False,
        cover_breadth=1,
        cover_breadth_change=-2,
        third_party_limit_change=1_000_000.0,
        third_party_limit_low=False,
        third_party_limit_highest_ever=2_000_000.0,
        sum_insured_change_ratio=None,
        vehicles_expiring_60d=1,
        commercial_expiry_spread_days=175,
        days_to_last_commercial_expiry=185,
        short_terms_ever=0,
    )
    expect(
        found[date(2025, 5, 11)],
        own_damage_cover=True,
        cover_breadth=3,
        cover_breadth_change=0,
        sum_insured_change_ratio=160 / 180 - 1,
        vehicles_expiring_60d=1,
    )
    expect(found[date(2025, 5, 10)], vehicles_expiring_60d=0)


def no_claims_discount(found: dict[date, Row], expect: Expect) -> None:
    # Levels 0, -1, 2, -4: gained 1 and 6, lost 3.
    expect(
        found[END],
        ncd_level_best_ever=-4,
        ncd_level_worst_ever=2,
        ncd_levels_gained_ever=7,
        ncd_levels_lost_ever=3,
        ncd_terms_at_best_ever=1,
    )


def prices(found: dict[date, Row], expect: Expect) -> None:
    expect(
        found[END],
        commercial_premium_in_force=4000.0,
        commercial_premium_share=4000 / 4855,
        premium_per_vehicle=4855 / 2,
        premium_change_ratio_before=3600 / 3000 - 1,
        premium_change_since_first_ratio=2700 / 4000 - 1,
        premium_change_mean_ratio=(2700 / 4000) ** (1 / 3) - 1,
        motor_premium_change_ratio=(2700 + 855) / (3600 + 950) - 1,
        compulsory_premium_change_ratio=-0.1,
        commercial_premium_lowest_ever=1300.0,
        commercial_premium_highest_ever=4000.0,
        premium_decreases_ever=2,
        sum_insured_to_list_price=None,
    )
    expect(
        found[date(2025, 1, 1)], sum_insured_to_list_price=0.64, premium_change_ratio_before=-0.25
    )


def channels(found: dict[date, Row], expect: Expect) -> None:
    expect(
        found[END],
        first_channel="dealer",
        first_business_type="transfer",
        channels_used_ever=3,
        channel_kept=True,
        account_manager_changed=True,
        account_managers_ever=2,
        transferred_vehicles_ever=2,
        won_back_terms_ever=0,
        previous_insurer="CPIC",
        insured_from_new=False,
        renewal_lead_days_mean=(3 + 30 + 1) / 3,
        renewal_lead_days_shortest=1,
    )
    expect(
        found[date(2024, 12, 31)],
        channel_kept=False,
        account_manager_changed=False,
    )


def years_of_cover(found: dict[date, Row], expect: Expect) -> None:
    # Ended: S1 366 days, S2 366, S3 365, in all 1096 (29 February 2024 lies in S2).
    ended = 365 + 366 + 365
    expect(
        found[END],
        commercial_days_ended=ended,
        days_since_earliest_commercial_inception=355,
        days_since_latest_commercial_inception=180,
        commercial_insured_years=(ended + 355 + 180) / 365.25,
    )


def test_refunded_and_short_terms_say_nothing_of_the_price(
    answers: Answer, expect: Expect, term: Answer
) -> None:
    policies = [
        # What is left of a premium after a refund says nothing about the price.
        term("S1", "2024-01-01", "2025-01-01", 600, cancelled_on=date(2024, 3, 1)),
        term("S2", "2024-03-01", "2025-03-01", 3000),
        term("S3", "2025-03-01", "2026-03-01", 3300),
        term("S4", "2026-03-01", "2027-03-01", 500, cancelled_on=date(2026, 5, 1)),
    ]
    back = [
        term("B1", "2022-01-01", "2023-01-01", 2000, business_type="new"),
        term("B2", "2024-06-01", "2025-06-01", 2000, business_type="transfer",
             previous_insurer="PICC"),
        term("B3", "2025-06-01", "2026-03-01", 900, business_type="renewal"),
    ]  # fmt: skip
    policies += [{**row, "customer_id": "back"} for row in back]
    end = date(2025, 12, 31)
    pairs = [(customer, end) for customer in ("C1", "back", "nobody")]
    found = answers("underwriting", pairs, policies=policies)
    expect(
        found["C1", end],
        premium_change_ratio_before=None,
        premium_change_since_first_ratio=None,
        commercial_premium_lowest_ever=3000.0,
        premium_decreases_ever=0,
        motor_premium_change_ratio=0.1,
    )
    expect(
        found["back", end],
        won_back_terms_ever=1,
        insured_from_new=True,
        previous_insurer="PICC",
        short_terms_ever=1,
    )
    expect(
        found["nobody", end],
        commercial_policies_in_force=0,
        commercial_premium_in_force=0.0,
        commercial_premium_share=None,
        cover_breadth=None,
        ncd_level_best_ever=None,
        first_channel=None,
        commercial_days_ended=0,
        commercial_insured_years=0.0,
        cancellation_count_36m=0,
    )


def test_refunds_are_known_from_their_record(answers: Answer, expect: Expect, term: Answer) -> None:
    told = at("2026-03-05T12:00:00")
    whole = term("S1", "2026-01-01", "2027-01-01", 3650, superseded_at=told)
    cut = {**whole, "written_premium": 590, "cancelled_on": date(2026, 3, 1),
           "recorded_at": told, "superseded_at": None}  # fmt: skip
    void = term("S2", "2026-02-01", "2027-02-01", 800, superseded_at=told)
    never = {**void, "written_premium": 0, "cancelled_on": date(2026, 2, 1),
             "recorded_at": told, "superseded_at": None}  # fmt: skip
    policies = [whole, cut, void, never, term("S3", "2026-02-01", "2027-02-01", 900)]
    days = [date(2026, 3, 4), date(2026, 3, 5), date(2029, 3, 1)]
    found = answers("underwriting", [("C1", day) for day in days], policies=policies)
    before, known, later = (found["C1", day] for day in days)
    expect(before, cancellation_count_36m=0, refund_36m=0.0, days_since_last_cancellation=None)
    expect(
        known,
        cancellation_count_36m=2,
        refund_36m=3060.0 + 800.0,
        days_since_last_cancellation=4,
        cancelled_from_inception_ever=1,
    )
    expect(later, cancellation_count_36m=0, refund_36m=0.0, cancelled_from_inception_ever=1)


def test_an_unknown_premium_is_not_zero(answers: Answer, expect: Expect, term: Answer) -> None:
    """Only pairs of two known premiums count: 3,300 / 3,000, though the second car's is unknown."""
    policies = [
        term("S1", "2024-01-01", "2025-01-01", 3000),
        term("S2", "2025-01-01", "2026-01-01", 3300),
        term("T1", "2024-01-01", "2025-01-01", 2000, vehicle_id="V2"),
        term("T2", "2025-01-01", "2026-01-01", None, vehicle_id="V2"),
        term("U1", "2024-01-01", "2025-01-01", None, vehicle_id="V3"),
        term("U2", "2025-01-01", "2026-01-01", 2500, vehicle_id="V3"),
    ]
    alone = [{**row, "customer_id": "alone"} for row in policies[2:4]]
    end = date(2025, 12, 31)
    pairs = [("C1", end), ("alone", end)]
    found = answers("underwriting", pairs, policies=[*policies, *alone])
    expect(found["C1", end], motor_premium_change_ratio=0.1)
    expect(found["alone", end], motor_premium_change_ratio=None)
    # Accepted a rise: one of one, for of the second car's term it is not known.
    found = answers("behaviour", pairs, policies=[*policies, *alone])
    expect(found["C1", end], price_increase_acceptance_share=1.0, price_increases_accepted=1)
    expect(found["alone", end], price_increase_acceptance_share=None)


WON_BACK: dict[str, tuple[list[tuple[str, str, str, str]], int]] = {
    # line, inception, expiry, business type
    "the same line": (
        [("motor_commercial", "2022-01-01", "2023-01-01", "new"),
         ("motor_commercial", "2024-06-01", "2025-06-01", "transfer")], 1),
    "another line": (
        [("motor_compulsory", "2022-01-01", "2023-01-01", "new"),
         ("motor_commercial", "2024-06-01", "2025-06-01", "transfer")], 1),
    "both covers": (
        [("motor_commercial", "2022-01-01", "2023-01-01", "new"),
         ("motor_commercial", "2024-06-01", "2025-06-01", "transfer"),
         ("motor_compulsory", "2024-06-10", "2025-06-10", "transfer")], 2),
    # Who brings both covers, one after the other, was never ours before.
    "a new customer": (
        [("motor_compulsory", "2024-06-01", "2025-06-01", "transfer"),
         ("motor_commercial", "2024-06-10", "2025-06-10", "transfer")], 0),
    "on the day of the end": (
        [("motor_commercial", "2022-01-01", "2023-01-01", "new"),
         ("motor_commercial", "2023-01-01", "2024-01-01", "transfer")], 1),
}  # fmt: skip


def test_a_vehicle_is_won_back_whichever_cover_it_had(
    answers: Answer, expect: Expect, term: Answer
) -> None:
    policies = []
    for name, (rows, _) in WON_BACK.items():
        for number, (line, inception, expiry, kind) in enumerate(rows):
            row = term(f"{name}/{number}", inception, expiry, 1000, line=line, business_type=kind)
            policies.append({**row, "customer_id": name})
    end = date(2025, 1, 1)
    found = answers("underwriting", [(name, end) for name in WON_BACK], policies=policies)
    for name, (_, count) in WON_BACK.items():
        expect(found[name, end], won_back_terms_ever=count)
