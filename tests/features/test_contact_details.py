"""What messages name of a customer: derived from literal rows, as known at the end of a date."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic_core import from_json

from features.lake import Lake
from features.online.contact_details import COLUMNS
from features.online.detail_queries import details_rows

JUNE = date(2026, 6, 30)
Row = dict[str, Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def car(number: str, plate: str | None) -> Row:
    return {
        "vehicle_id": number,
        "customer_id": "C1",
        "acquired_at": at("2020-01-01"),
        "kind": "car",
        "plate": plate,
    }


def claim(number: str, **steps: datetime) -> Row:
    occurred = steps["reported_at"]
    return {"claim_id": number, "customer_id": "C1", "policy_id": "P1", "occurred_at": occurred} | (
        steps
    )


def paid(number: str, claim_id: str, amount: float, moved: str) -> Row:
    return {
        "movement_id": number,
        "claim_id": claim_id,
        "customer_id": "C1",
        "moved_at": at(moved),
        "paid_change": amount,
        "outstanding_change": 0.0,
    }


def granted(number: str, service: str, **more: Any) -> Row:
    return {
        "entitlement_id": number,
        "customer_id": "C1",
        "service": service,
        "service_class": "A",
        "granted_at": at("2026-01-01"),
        "expires_on": date(2026, 12, 31),
    } | more


@pytest.fixture
def details(lake_of: Callable[..., Lake]) -> Callable[..., Row]:
    """The details of customer C1 at the end of June."""

    def read(**tables: list[Row]) -> Row:
        tables.setdefault("customers", [{"customer_id": "C1", "name": "王伟"}])
        ((row,),) = details_rows(lake_of(**tables), JUNE)
        assert row[:3] == ("C1", 1782835200000000, 1782835200000000)
        return dict(zip(COLUMNS, from_json(row[3]), strict=True))

    return read


def test_the_details_are_those_of_the_date_that_is_asked_for(
    lake_of: Callable[..., Lake],
) -> None:
    """The SQL is kept, and made once for all dates."""
    found = lake_of(
        customers=[{"customer_id": "C1", "name": "王伟"}],
        claims=[claim("L1", reported_at=at("2026-06-10"))],
    )
    reported = COLUMNS.index("claim_reported")
    for day, expected in ((date(2026, 6, 9), None), (JUNE, "L1"), (date(2026, 6, 9), None)):
        ((row,),) = details_rows(found, day)
        assert from_json(row[3])[reported] == expected


def test_nothing_but_a_name_is_known(details: Callable[..., Row]) -> None:
    assert details() == dict.fromkeys(COLUMNS) | {"name": "王伟"}


def test_the_plate_is_that_of_the_car_that_is_meant(
    details: Callable[..., Row], term: Callable[..., Row]
) -> None:
    cars = [car("V1", "京A1"), car("V2", "京A2"), car("V3", "京A3")]
    terms = [
        # V1 ends first and is renewed; V2 ends next; V3 ended in May.
        term("P1", "2025-07-10", "2026-07-10", 2000, customer_id="C1"),
        term("P2", "2026-07-10", "2027-07-10", 2000, customer_id="C1"),
        term("P3", "2025-08-01", "2026-08-01", 2000, customer_id="C1", vehicle_id="V2"),
        term("P4", "2025-05-20", "2026-05-20", 2000, customer_id="C1", vehicle_id="V3"),
    ]
    plates = {"plate_to_renew": "京A2", "plate_signed": "京A1", "plate_ended": "京A3"}
    found = details(vehicles=cars, policies=terms)
    # Two cars are insured: nobody knows which one a message would mean.
    assert {name: found[name] for name in (*plates, "plate_insured")} == (
        plates | {"plate_insured": None}
    )
    # The plate of the car that is meant is not known: no other car's takes its place.
    unknown = details(vehicles=[cars[0], car("V2", None), cars[2]], policies=terms)
    assert unknown["plate_to_renew"] is None
    only = details(vehicles=cars, policies=terms[2:])
    assert only["plate_insured"] == "京A2"


def test_the_claim_is_the_one_to_which_the_step_happened_last(
    details: Callable[..., Row],
) -> None:
    claims = [
        claim("L1", reported_at=at("2026-05-01"), surveyed_at=at("2026-05-20"),
              paid_at=at("2026-06-10"), closed_at=at("2026-06-11")),
        claim("L2", reported_at=at("2026-06-01"), surveyed_at=at("2026-06-02"),
              paid_at=at("2026-06-05"), closed_at=at("2026-07-02")),
        # Reported after the end of the date: it does not exist yet.
        claim("L3", reported_at=at("2026-07-01"), recorded_at=at("2026-07-01")),
    ]  # fmt: skip
    moves = [
        paid("M1", "L1", 100.0, "2026-05-30"),
        paid("M2", "L1", 50.25, "2026-06-10"),
        paid("M3", "L2", 9.0, "2026-06-05"),
        paid("M4", "L1", 1000.0, "2026-07-03"),
    ]
    found = details(claims=claims, claim_movements=moves)
    assert {name: found[name] for name in COLUMNS if "claim" in name or "amount" in name} == {
        "claim_reported": "L2",
        "claim_surveyed": "L2",
        "claim_paid": "L1",
        "claim_closed": "L1",
        "amount_paid": "150.25",
    }


def test_open_entitlements_are_counted_by_service(details: Callable[..., Row]) -> None:
    found = details(
        entitlements=[
            granted("E1", "roadside"),
            granted("E2", "roadside"),
            granted("E3", "洗车"),
            granted("E4", "chauffeur", used_at=at("2026-03-01")),
            granted("E5", "inspection", expires_on=JUNE),
            granted("E6", "courtesy_car", granted_at=at("2026-07-01")),
        ]
    )
    assert found["entitlements"] == "roadside=2;洗车=1"


def test_what_was_recorded_later_is_not_named(details: Callable[..., Row]) -> None:
    customers = [
        {"customer_id": "C1", "name": "王伟", "superseded_at": at("2026-07-05")},
        {"customer_id": "C1", "name": "王威", "recorded_at": at("2026-07-05")},
    ]
    assert details(customers=customers)["name"] == "王伟"
