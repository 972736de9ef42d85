"""Sensitivity tags against answers worked out by hand on tables of a few rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from math import exp
from typing import Any

import pytest

from features.tags.groups.sensitivity import USUAL, Population

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]

# The constants that the answers below are worked out with.
ASKED, RISE, WEIGHT = 0.42, 0.62, 0.55
LEVER = 0.35 * -1.38

# A score is a ratio of sums of millionths.
CLOSE = 2e-6


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quote(quote_id: str, quoted: str, premium: float | None, **more: Any) -> Row:
    row = {"quote_id": quote_id, "policy_id": "P1", "line": "motor_commercial"}
    return {**row, "quoted_at": at(quoted), "premium": premium, **more}


def service(number: int, kind: str, granted: str, **more: Any) -> Row:
    row = {"entitlement_id": f"E{number}", "service_class": kind, "granted_at": at(granted)}
    return {**row, "expires_on": date(2027, 1, 1), **more}


def chance(change: float) -> float:
    """Usual probability of renewal at a change of the premium."""
    return 1 / (1 + exp(-(1.24 - 1.38 * change)))


def test_the_constants_are_those_of_the_answers() -> None:
    found = (USUAL.asked_steady, USUAL.asked_rise, USUAL.asked_spread)
    assert found == (ASKED, RISE, WEIGHT)
    assert (USUAL.renewal_log_odds, USUAL.price_slope, USUAL.slope_spread) == (1.24, -1.38, 0.35)
    used = Population(used_a=0.094, used_b=0.23, used_c=0.012, used_by=(0.04, 0.19, 0.45, 0.87))
    assert used == USUAL
    assert (USUAL.used_spread, USUAL.enquiries, USUAL.enquiries_spread) == (0.72, 0.14, 0.32)


def test_asking_twice_at_a_rise_and_renewing(
    answer: Answer, expect: Expect, terms: list[Row]
) -> None:
    """Of the three terms one has run out; it was followed at once."""
    quotes = [
        quote("Q1", "2025-06-01", 2300, delivered_at=at("2025-06-01")),
        quote("Q2", "2025-06-03", 2200),
        quote("Q3", "2025-06-05", 2250, channel="online"),
        quote("Q4", "2025-07-12", 2100),  # after the expiry
        quote("Q5", "2026-06-05", 2600, policy_id="P2", delivered_at=at("2026-06-05")),
    ]
    found = answer("behaviour", quotes=quotes, policies=terms)
    expect(found, price_sensitivity_observations=1, further_quotes_asked=2,
           price_sensitivity="high")  # fmt: skip
    lever, p = LEVER * 0.15, chance(0.15)
    score = (WEIGHT * (2 - RISE) + lever * (1 - p)) / (
        1 + WEIGHT**2 * RISE + lever**2 * p * (1 - p)
    )
    assert score == pytest.approx(0.6226, abs=5e-5)
    assert found["price_sensitivity_score"] == pytest.approx(score, abs=CLOSE)


@pytest.mark.parametrize(("following", "renewed"), [("2025-08-09", 1), ("2025-08-10", 0)])
def test_a_renewal_counts_as_one_for_thirty_days(
    answer: Answer, term: Callable[..., Row], following: str, renewed: int
) -> None:
    later = term("P2", following, "2026-08-10", 2000)
    terms = [term("P1", "2024-07-10", "2025-07-10", 2000), later]
    quotes = [quote("Q1", "2025-06-01", 1600, delivered_at=at("2025-06-01"))]
    found = answer("behaviour", quotes=quotes, policies=terms)
    lever, p = LEVER * -0.2, chance(-0.2)
    score = (WEIGHT * (0 - ASKED) + lever * (renewed - p)) / (
        1 + WEIGHT**2 * ASKED + lever**2 * p * (1 - p)
    )
    assert found["price_sensitivity_score"] == pytest.approx(score, abs=CLOSE)
    assert found["price_sensitivity"] == "medium"


@pytest.mark.parametrize(("as_of", "count"), [(date(2025, 8, 8), 0), (date(2025, 8, 9), 1)])
def test_an_offer_is_decided_after_thirty_days_whatever_came_of_it(
    answer: Answer, expect: Expect, terms: list[Row], as_of: date, count: int
) -> None:
    quotes = [quote("Q1", "2025-06-01", 2000, delivered_at=at("2025-06-01"))]
    found = answer("behaviour", as_of, quotes=quotes, policies=terms)
    expect(found, price_sensitivity_observations=count)
    assert (found["price_sensitivity_score"] is None) == (count == 0)
    assert (found["price_sensitivity"] is None) == (count == 0)


def test_what_is_no_evidence_of_price(
    answer: Answer, expect: Expect, term: Callable[..., Row]
) -> None:
    """A quote that did not arrive, a term cancelled before its end, compulsory cover."""
    terms = [
        term("P1", "2023-07-10", "2024-07-10", 2000),
        term("P2", "2024-07-10", "2025-07-10", 2000, cancelled_on=date(2025, 7, 1)),
        term("P3", "2023-07-10", "2024-07-10", 950, line="motor_compulsory"),
    ]
    delivered = {"delivered_at": at("2025-06-01")}
    quotes = [
        quote("Q1", "2024-06-01", 2300),
        quote("Q2", "2024-06-03", 2300),
        quote("Q3", "2025-06-01", 2300, policy_id="P2", **delivered),
        quote("Q4", "2024-06-01", 950, policy_id="P3", line="motor_compulsory", **delivered),
    ]
    found = answer("behaviour", quotes=quotes, policies=terms)
    expect(found, price_sensitivity_observations=0, further_quotes_asked=0,
           price_sensitivity_score=None, price_sensitivity=None)  # fmt: skip


@pytest.mark.parametrize(("paid", "offered"), [(None, 2300), (2000, None)])
def test_without_a_premium_the_quotes_asked_for_still_count(
    answer: Answer, term: Callable[..., Row], paid: float | None, offered: float | None
) -> None:
    terms = [term("P1", "2024-07-10", "2025-07-10", paid)]
    quotes = [
        quote("Q1", "2025-06-01", offered, delivered_at=at("2025-06-01")),
        quote("Q2", "2025-06-02", 2300),
    ]
    found = answer("behaviour", quotes=quotes, policies=terms)
    score = WEIGHT * (1 - ASKED) / (1 + WEIGHT**2 * ASKED)
    assert found["price_sensitivity_score"] == pytest.approx(score, abs=CLOSE)


def test_services_used_against_what_is_usual(
    answer: Answer, expect: Expect, term: Callable[..., Row]
) -> None:
    """As of 30 June 2026; 1 June is 29 days ago, 31 May 30, 1 April 90, 1 January 180."""
    entitlements = [
        service(1, "B", "2026-06-01"),
        service(2, "B", "2026-05-31"),
        service(3, "A", "2026-04-01", used_at=at("2026-04-05")),
        service(4, "A", "2026-01-01"),
        service(5, "C", "2025-06-01", expires_on=date(2026, 6, 30)),
        service(6, "B", "2026-06-20", used_at=at("2026-06-21")),
    ]
    compulsory = {"line": "motor_compulsory"}
    policies = [
        term("J1", "2024-01-01", "2025-01-01", 950, **compulsory),
        term("J2", "2026-01-01", "2027-01-01", 950, **compulsory),
        term("J3", "2026-06-02", "2027-06-02", 950, vehicle_id="V2", **compulsory),
        term("J4", "2026-07-01", "2027-07-01", 950, vehicle_id="V3", **compulsory),
        term("P1", "2024-01-01", "2025-01-01", 2000),
    ]
    contacts = [
        {"interaction_id": f"I{day}", "direction": way, "occurred_at": at(f"2024-05-{day}")}
        for day, way in (("01", "in"), ("02", "in"), ("03", "out"))
    ]
    found = answer("behaviour", entitlements=entitlements, policies=policies, interactions=contacts)
    usual = 0.23 * (0.04 + 0.19 + 0.04) + 0.094 * (0.45 + 0.87) + 0.012
    asked = 0.14 * (1 + 0.75 + 0.04)
    expect(found, service_sensitivity_observations=5, services_used_ever=2, enquiries_ever=2,
           services_expected_ever=usual, enquiries_expected_ever=asked,
           service_sensitivity="high")  # fmt: skip
    score = (0.72 * (2 - usual) + 0.32 * (2 - asked)) / (1 + 0.72**2 * usual + 0.32**2 * asked)
    assert score == pytest.approx(1.6458, abs=5e-5)
    assert found["service_sensitivity_score"] == pytest.approx(score, abs=CLOSE)


def test_without_contacts_services_speak_alone(
    answer: Answer, expect: Expect, terms: list[Row]
) -> None:
    used = service(1, "A", "2024-01-01", expires_on=date(2025, 1, 1), used_at=at("2024-02-01"))
    found = answer("behaviour", entitlements=[used], policies=terms)
    # The compulsory term began on 1 September 2025, 302 days ago.
    expect(found, enquiries_ever=None, enquiries_expected_ever=0.14 * 0.75)
    score = 0.72 * (1 - 0.094) / (1 + 0.72**2 * 0.094)
    assert found["service_sensitivity_score"] == pytest.approx(score, abs=CLOSE)


def test_unused_services_make_it_low_and_fresh_ones_say_nothing(
    answer: Answer, expect: Expect
) -> None:
    idle = [service(n, "B", "2024-01-01", expires_on=date(2025, 1, 1)) for n in range(4)]
    expect(answer("behaviour", entitlements=idle), service_sensitivity_observations=4,
           services_used_ever=0, service_sensitivity="low")  # fmt: skip
    expect(answer("behaviour", entitlements=[service(1, "B", "2026-06-01")]),
           service_sensitivity_observations=0, service_sensitivity_score=None,
           service_sensitivity=None)  # fmt: skip


def test_without_their_tables_they_are_null(
    answer: Answer, expect: Expect, terms: list[Row]
) -> None:
    names = ("observations", "score")
    none = {f"{trait}_sensitivity_{n}": None for trait in ("price", "service") for n in names}
    expect(answer("behaviour", policies=terms), **none, price_sensitivity=None,
           service_sensitivity=None, further_quotes_asked=None, services_used_ever=None,
           services_expected_ever=None, enquiries_ever=None)  # fmt: skip
