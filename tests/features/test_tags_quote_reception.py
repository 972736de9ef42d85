"""What becomes of quotes, and at what time they are viewed and contacts answered: by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pytest

from features.tags.choices import highest
from features.tags.relations.day_parts import on_weekend, part_of_day

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quote(quote_id: str, quoted: str, **more: Any) -> Row:
    row = {"quote_id": quote_id, "line": "motor_commercial", "quoted_at": at(quoted)}
    return {**row, **more}


def contact(occurred: str, result: str, direction: str = "out") -> Row:
    return {"interaction_id": occurred, "touchpoint": "holiday", "channel": "sms",
            "direction": direction, "occurred_at": at(occurred), "result": result}  # fmt: skip


QUOTES = [
    quote("1", "2026-06-01", policy_id="P2", premium=2760, delivered_at=at("2026-06-01"),
          channel="online", vehicle_id="V1"),
    # 10 in the morning of a Thursday.
    quote("2", "2026-06-20", policy_id="P2", premium=2530, delivered_at=at("2026-06-22"),
          viewed_at=at("2026-06-25T02:00"), channel="agent", vehicle_id="V1"),
    # 8 in the evening of a Saturday; P2 was signed ten days after the quote.
    quote("3", "2025-06-20", policy_id="P1", viewed_at=at("2025-06-21T12:00"), channel="agent"),
    quote("4", "2026-06-28", line="accident"),
    # Half past 2 at night of a Monday, Sunday in UTC; another vehicle's term was signed.
    quote("5", "2024-06-01", policy_id="P0", viewed_at=at("2024-06-02T18:30"), vehicle_id="V9"),
    quote("6", "2025-09-01", policy_id="X1", delivered_at=at("2025-09-02")),
    quote("7", "2025-10-01", policy_id="X2"),
]  # fmt: skip


def test_what_becomes_of_quotes(answer: Answer, expect: Expect, terms: list[Row]) -> None:
    expect(
        answer("behaviour", quotes=QUOTES, policies=terms[:3]),
        quote_viewed_not_bought_count_365d=1,
        quote_viewed_bought_share_36m=1 / 3,
        quote_delivery_delay_days_365d=1.0,
        quote_view_delay_days_36m=2.0,
        quotes_since_last_viewed=1,
        days_since_last_quote_view=5,
        online_quote_count_365d=1,
        agent_quote_count_365d=1,
        direct_quote_count_365d=0,
        telephone_quote_count_365d=0,
        broker_quote_count_365d=0,
        dealer_quote_count_365d=0,
        quotes_per_renewal_36m=1.2,
        quoted_renewals_reached_share_36m=0.8,
        quoted_renewals_viewed_share_36m=0.6,
        renewal_quote_premiums=2,
        renewal_quote_channels=2,
        quote_delivered_share_365d=0.6,
        quote_viewed_share_365d=0.2,
        morning_quote_view_share_36m=1 / 3,
        afternoon_quote_view_share_36m=0.0,
        evening_quote_view_share_36m=1 / 3,
        night_quote_view_share_36m=1 / 3,
        preferred_view_part_of_day_36m="morning",
        weekend_quote_view_share_36m=1 / 3,
    )


def test_a_quote_nobody_viewed(answer: Answer, expect: Expect, terms: list[Row]) -> None:
    later = quote("1", "2026-06-01", viewed_at=at("2026-07-01"))
    expect(
        answer("behaviour", quotes=[later], policies=terms[:3]),
        quote_viewed_not_bought_count_365d=0,
        quote_viewed_bought_share_36m=None,
        quote_delivery_delay_days_365d=None,
        quote_view_delay_days_36m=None,
        quotes_since_last_viewed=1,
        days_since_last_quote_view=None,
        quotes_per_renewal_36m=None,
        quoted_renewals_reached_share_36m=None,
        quoted_renewals_viewed_share_36m=None,
        morning_quote_view_share_36m=None,
        preferred_view_part_of_day_36m=None,
        weekend_quote_view_share_36m=None,
    )


def test_a_purchase_follows_within_60_days(answer: Answer, expect: Expect, term: Answer) -> None:
    asked = at("2026-03-01T03:00")

    def quoted_and_signed(days: int, line: str = "motor_commercial") -> tuple[Row, Row]:
        vehicle = f"V{days} {line}"
        seen = {"vehicle_id": vehicle, "viewed_at": asked + timedelta(hours=1)}
        signed = {"signed_at": asked + timedelta(days=days), "vehicle_id": vehicle, "line": line}
        return (
            quote(vehicle, "2026-03-01T03:00", **seen),
            term(vehicle, "2026-05-20", "2027-05-20", 900, **signed),
        )

    pairs = [
        quoted_and_signed(-1),
        quoted_and_signed(0),
        quoted_and_signed(60),
        quoted_and_signed(61),
        quoted_and_signed(10, "motor_compulsory"),
    ]
    quotes, policies = zip(*pairs, strict=True)
    expect(
        answer("behaviour", quotes=list(quotes), policies=list(policies)),
        quote_viewed_not_bought_count_365d=3,
        quote_viewed_bought_share_36m=0.4,
    )


def test_when_contacts_are_answered(answer: Answer, expect: Expect) -> None:
    interactions = [
        *(contact(f"2026-06-0{n}T01:00", result) for n, result in
          ((1, "clicked"), (2, "delivered"), (3, "delivered"))),
        contact("2026-06-28T01:00", "delivered"),  # a Sunday
        contact("2026-06-04T06:00", "connected"),
        contact("2026-06-05T06:00", "no_answer"),
        contact("2026-06-27T11:00", "replied"),  # a Saturday
        contact("2026-06-08T11:00", "read"),
        contact("2026-06-09T11:00", "sent"),
        contact("2026-06-07T15:00", "connected", "in"),
    ]  # fmt: skip
    expect(
        answer("behaviour", interactions=interactions),
        morning_contact_response_share_36m=0.25,
        afternoon_contact_response_share_36m=0.5,
        evening_contact_response_share_36m=1 / 3,
        night_contact_response_share_36m=None,
        # The afternoon has two contacts only.
        best_contact_part_of_day_36m="evening",
        weekend_contact_response_share_36m=0.5,
    )


def test_no_part_of_the_day_is_best_without_a_response(answer: Answer, expect: Expect) -> None:
    ignored = [contact(f"2026-06-0{n}T01:00", "sent") for n in (1, 2, 3, 4)]
    found = answer("behaviour", interactions=ignored)
    expect(found, best_contact_part_of_day_36m=None, morning_contact_response_share_36m=0.0)


def test_each_hour_belongs_to_one_part_of_the_day() -> None:
    hours = ibis.memtable({"hour": list(range(24))}).order_by("hour")
    found = hours.select(part=part_of_day(hours.hour)).to_pyarrow()["part"].to_pylist()
    assert found == [
        *["night"] * 6, *["morning"] * 6, *["afternoon"] * 6, *["evening"] * 4, *["night"] * 2
    ]  # fmt: skip


def test_a_weekend_is_saturday_and_sunday() -> None:
    monday = date(2026, 6, 1)
    days = ibis.memtable({"day": [monday + timedelta(days=n) for n in range(14)]}).order_by("day")
    found = days.select(weekend=on_weekend(days.day)).to_pyarrow()["weekend"].to_pylist()
    assert found == [False, False, False, False, False, True, True] * 2


@pytest.mark.parametrize(
    ("scores", "code"),
    [
        ((1, 3, 2), "b"),
        ((3, 3, 2), "a"),
        ((0, 0, 2), "c"),
        ((None, 1, None), "b"),
        ((0, 0, 0), None),
        ((None, None, None), None),
    ],
)
def test_the_highest_is_the_first_of_equals(scores: tuple[Any, ...], code: str | None) -> None:
    given = {name: ibis.literal(score, "int64") for name, score in zip("abc", scores, strict=True)}
    row = ibis.memtable({"one": [1]})
    assert row.select(code=highest(given)).to_pyarrow()["code"].to_pylist() == [code]
