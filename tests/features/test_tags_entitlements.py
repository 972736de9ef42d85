"""Entitlement tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def granted(number: int, kind: str, granted: str, expires: str, **more: str) -> Row:
    service_class, service = kind.split()
    milestones = {name: at(when) for name, when in more.items()}
    return {"entitlement_id": f"E{number}", "service": service, "service_class": service_class,
            "granted_at": at(granted), "expires_on": date.fromisoformat(expires),
            "unit_cost": {"A": 30, "B": 50, "C": 100}[service_class], **milestones}  # fmt: skip


ENTITLEMENTS = [
    granted(1, "A roadside", "2025-01-01", "2026-01-01", notified_at="2025-01-01",
            activated_at="2025-01-05", used_at="2025-12-01"),
    granted(2, "A inspection", "2026-01-01", "2027-01-01", notified_at="2026-01-01",
            activated_at="2026-01-02"),
    granted(3, "B wash", "2026-02-01", "2026-06-30"),
    granted(4, "B wash", "2026-03-01", "2027-01-01", used_at="2026-06-01"),
    granted(5, "C courtesy_car", "2025-06-30", "2026-06-01"),
    granted(6, "B wash", "2023-01-01", "2024-01-01"),
    granted(7, "A roadside", "2024-01-01", "2025-01-01", used_at="2024-01-03"),
    granted(8, "A inspection", "2022-01-01", "2023-01-01"),
]  # fmt: skip


def test_what_became_of_entitlements(answer: Answer, expect: Expect) -> None:
    expect(
        answer("entitlements", entitlements=ENTITLEMENTS),
        entitlement_granted_count_365d=3,
        entitlement_granted_count_36m=6,
        entitlement_notified_count_365d=1,
        entitlement_activated_count_365d=1,
        entitlement_used_count_365d=2,
        entitlement_used_count_36m=3,
        entitlement_expired_count_365d=2,
        entitlement_expired_count_36m=3,
        entitlements_open=1,
        days_to_next_entitlement_expiry=185,
        days_since_last_entitlement_use=29,
        entitlement_cost_365d=80.0,
        entitlement_use_delay_days_36m=428 / 3,
        entitlement_use_ratio_365d=2 / 3,
        entitlement_use_ratio_36m=0.5,
        entitlement_activated_share_365d=1 / 3,
        entitlement_expired_share_36m=0.5,
        preferred_service="roadside",
        services_never_used=2,
    )


def test_entitlements_are_counted_by_class(answer: Answer, expect: Expect) -> None:
    expect(
        answer("entitlements", entitlements=ENTITLEMENTS),
        class_a_entitlement_granted_count_365d=1,
        class_a_entitlement_activated_count_365d=1,
        class_a_entitlement_used_count_365d=1,
        class_a_entitlement_expired_count_365d=0,
        class_a_entitlements_open=1,
        class_a_entitlement_cost_365d=30.0,
        class_b_entitlement_granted_count_365d=2,
        class_b_entitlement_activated_count_365d=0,
        class_b_entitlement_used_count_365d=1,
        class_b_entitlement_expired_count_365d=1,
        class_b_entitlements_open=0,
        class_b_entitlement_cost_365d=50.0,
        class_c_entitlement_granted_count_365d=0,
        class_c_entitlement_activated_count_365d=0,
        class_c_entitlement_used_count_365d=0,
        class_c_entitlement_expired_count_365d=1,
        class_c_entitlements_open=0,
        class_c_entitlement_cost_365d=0.0,
    )


def test_an_entitlement_is_open_until_the_day_it_expires(answer: Answer, expect: Expect) -> None:
    given = [granted(1, "B wash", "2026-01-01", "2026-06-30", used_at="2026-08-01")]
    before = answer("entitlements", date(2026, 6, 29), entitlements=given)
    on_the_day = answer("entitlements", date(2026, 6, 30), entitlements=given)
    expect(before, entitlements_open=1, days_to_next_entitlement_expiry=1,
           entitlement_expired_count_365d=0, entitlement_expired_share_36m=None)  # fmt: skip
    expect(on_the_day, entitlements_open=0, days_to_next_entitlement_expiry=None,
           entitlement_expired_count_365d=1, entitlement_expired_share_36m=1.0,
           preferred_service=None, services_never_used=1,
           entitlement_use_delay_days_36m=None)  # fmt: skip


def test_of_services_used_alike_the_first_by_name_is_preferred(
    answer: Answer, expect: Expect
) -> None:
    given = [
        granted(n, f"B {service}", "2026-01-01", "2027-01-01", used_at=f"2026-0{n}-05")
        for n, service in enumerate(("wash", "chauffeur", "wash", "chauffeur"), 1)
    ]
    expect(answer("entitlements", entitlements=given), preferred_service="chauffeur")
