"""Tags that touchpoints are timed by: birthdays, signings, terms to renew, steps of a claim."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from features.lake import Lake
from features.snapshots.compute import write_snapshot
from features.tags.themes import theme_of

Row = dict[str, Any]
Answer = Callable[..., Row]
Answers = Callable[..., dict[tuple[str, date], Row]]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("born", "day", "left"),
    [
        ("1980-07-01", "2026-06-30", 1),
        ("1980-06-30", "2026-06-30", 365),
        ("1980-06-29", "2026-06-30", 364),
        ("1984-02-29", "2026-02-27", 1),
        ("1984-02-29", "2026-02-28", 365),
        ("1984-02-29", "2026-03-01", 364),
        ("1984-02-29", "2028-02-28", 1),
        ("1984-02-29", "2028-02-29", 365),
        ("1984-03-01", "2028-02-29", 1),
        ("1984-01-01", "2026-12-31", 1),
        (None, "2026-06-30", None),
    ],
)
def test_days_to_the_next_birthday_include_29_february(
    answer: Answer, expect: Expect, born: str | None, day: str, left: int | None
) -> None:
    customers = [{"birth_date": born and date.fromisoformat(born)}]
    found = answer("underwriting", date.fromisoformat(day), customers=customers)
    expect(found, days_to_next_birthday=left)


def test_a_birthday_is_protected_as_an_age_is() -> None:
    assert theme_of("days_to_next_birthday").protected


def test_the_next_car_to_renew_is_the_one_whose_cover_ends_first(
    answer: Answer, expect: Expect, term: Callable[..., Row]
) -> None:
    renewed = [
        term("P1", "2025-07-10", "2026-07-10", 2000),
        term("P2", "2026-07-10", "2027-07-10", 2000),
    ]
    second = term("P3", "2025-08-29", "2026-08-29", 3000, vehicle_id="V2")
    compulsory = term(
        "Q3", "2025-08-01", "2026-08-01", 900, line="motor_compulsory", vehicle_id="V2"
    )
    dropped = term("P4", "2025-07-20", "2026-07-20", 900, vehicle_id="V3",
                   cancelled_on=date(2026, 7, 5))  # fmt: skip
    # The first car's next term is signed, so nothing of it is to renew.
    expect(answer("underwriting", policies=renewed), days_to_unrenewed_expiry=None)
    # 30 June to 29 August; then the compulsory cover of the same car, which ends before.
    expect(answer("underwriting", policies=[*renewed, second]), days_to_unrenewed_expiry=60)
    every = [*renewed, second, compulsory, dropped]
    expect(
        answer("underwriting", policies=every),
        days_to_unrenewed_expiry=32,
        days_to_commercial_expiry=5,
    )


def test_days_since_signing_count_the_latest_motor_term(
    answer: Answer, expect: Expect, term: Callable[..., Row]
) -> None:
    terms = [
        term("P1", "2025-07-10", "2026-07-10", 2000),
        term("P2", "2026-07-08", "2027-07-08", 1),
    ]
    # Signed ten days before inception: on 28 June.
    expect(answer("underwriting", policies=terms), days_since_last_motor_signing=2)
    expect(answer("underwriting"), days_since_last_motor_signing=None)


def test_steps_of_the_last_claim(answer: Answer, expect: Expect) -> None:
    claim = {
        "claim_id": "L1",
        "policy_id": "P1",
        "occurred_at": at("2026-06-19"),
        "reported_at": at("2026-06-20"),
        "surveyed_at": at("2026-06-21"),
        "paid_at": at("2026-06-28"),
    }
    earlier = {**claim, "claim_id": "L0", "surveyed_at": at("2026-06-25"), "paid_at": None}
    expect(
        answer("claims", claims=[claim, earlier]),
        days_since_last_claim_reported=10,
        days_since_last_claim_surveyed=5,
        days_since_last_claim_paid=2,
    )
    expect(
        answer("claims", date(2026, 6, 20), claims=[claim]),
        days_since_last_claim_reported=0,
        days_since_last_claim_surveyed=None,
        days_since_last_claim_paid=None,
    )


def test_entitlements_to_notify_and_to_activate(answer: Answer, expect: Expect) -> None:
    def granted(number: int, day: str, **more: Any) -> Row:
        row = {"service": "wash", "service_class": "A", "expires_on": date(2027, 1, 1)}
        return {"entitlement_id": f"E{number}", "granted_at": at(day), **row, **more}

    rows = [
        granted(1, "2026-06-01"),
        granted(2, "2026-06-10", notified_at=at("2026-06-11")),
        granted(3, "2026-06-10", notified_at=at("2026-06-11"), activated_at=at("2026-06-12")),
        granted(4, "2026-06-25", used_at=at("2026-06-26")),
        granted(5, "2026-05-01", expires_on=date(2026, 6, 30)),
    ]
    expect(
        answer("entitlements", entitlements=rows),
        entitlements_open=3,
        entitlements_to_notify=1,
        entitlements_to_activate=2,
        days_since_last_entitlement_grant=5,
    )


@pytest.mark.slow
def test_a_birthday_of_29_february_is_carried_over_the_end_of_february(
    lake_of: Callable[..., Lake],
) -> None:
    lake = lake_of(customers=[{"customer_id": "C1", "birth_date": date(1984, 2, 29)}])
    write_snapshot(lake, [date(2026, 2, 27)])
    for day in (date(2026, 2, 28), date(2026, 3, 1)):
        (carried,) = write_snapshot(lake, [day])
        (whole,) = write_snapshot(lake, [day], recompute_all=True)
        assert carried.base is not None
        assert carried.files == whole.files
