"""Touch history by touchpoint, result and channel against answers worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest

from features.tags.groups.touch_history import (
    best_contact_channel,
    first_online_entry,
    last_contact_channel,
)
from features.tags.relations.touchpoint_families import FAMILIES, TOUCHPOINTS, family_of

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def contact(
    number: int,
    occurred: str,
    channel: str,
    result: str | None,
    touchpoint: str = "holiday",
    direction: str = "out",
) -> Row:
    return {"interaction_id": f"I{number}", "touchpoint": touchpoint, "channel": channel,
            "direction": direction, "occurred_at": at(occurred), "result": result}  # fmt: skip


CONTACTS = [
    contact(1, "2026-06-30T15:59:59", "sms", None, "renewal_60d"),
    contact(2, "2026-06-15", "sms", "clicked", "birthday"),
    contact(3, "2026-05-01", "phone", "no_answer", "service_reminder"),
    contact(4, "2026-04-15", "phone", "connected", "renewal_45d"),
    contact(5, "2025-08-01", "wecom", "refused", "underwriting_satisfaction"),
    contact(6, "2026-06-25", "phone", "connected", "enquiry", "in"),
    contact(7, "2025-06-01", "wechat", "opted_out", "spring_sale"),
    contact(8, "2026-06-20", "wechat", None, "flash_sale"),
    contact(9, "2026-02-17", "sms", "read"),
    contact(10, "2024-01-01", "app", "connected", "enquiry", "in"),
]


def test_the_history_of_contacts(answer: Answer, expect: Expect) -> None:
    expect(
        answer("engagement", interactions=CONTACTS),
        contact_count_7d=1,
        contact_count_365d=7,
        renewal_contact_count_365d=2,
        renewal_response_count_365d=1,
        care_contact_count_365d=2,
        care_response_count_365d=1,
        service_contact_count_365d=2,
        service_response_count_365d=0,
        underwriting_contact_count_365d=0,
        claims_contact_count_365d=0,
        vehicle_contact_count_365d=0,
        win_back_contact_count_365d=0,
        other_contact_count_365d=1,
        other_response_count_365d=0,
        contact_delivered_count_365d=0,
        contact_read_count_365d=1,
        contact_clicked_count_365d=1,
        contact_replied_count_365d=0,
        contact_connected_count_365d=1,
        contact_refused_count_90d=0,
        contact_refused_count_365d=1,
        last_contact_channel="sms",
        last_contact_family="renewal",
        last_contact_result="clicked",
        contacts_since_last_response=2,
        contacts_per_response_365d=3.5,
        days_since_last_refusal=333,
        days_since_last_inbound_contact=5,
        phone_inbound_count_365d=1,
        app_inbound_count_365d=0,
        wechat_inbound_count_365d=0,
        wecom_inbound_count_365d=0,
        sms_opted_out=False,
        wechat_opted_out=True,
        wecom_opted_out=False,
        phone_opted_out=False,
        sms_response_share_365d=1 / 3,
        phone_response_share_365d=0.5,
        wecom_response_share_365d=0.0,
        wechat_response_share_365d=0.0,
        best_contact_channel_36m="sms",  # by phone there were two only
        touchpoints_contacted=";".join(
            f"{name}:{at(occurred).timestamp():.0f}"
            for name, occurred in (
                ("birthday", "2026-06-15"),
                ("flash_sale", "2026-06-20"),
                ("holiday", "2026-02-17"),
                ("renewal_45d", "2026-04-15"),
                ("renewal_60d", "2026-06-30T15:59:59"),
                ("spring_sale", "2025-06-01"),
                ("underwriting_satisfaction", "2025-08-01"),
            )
        ),
    )


def test_contacts_of_a_customer_who_never_responded_are_counted_on(
    answer: Answer, expect: Expect
) -> None:
    ignored = [contact(n, f"2026-06-0{n}", "sms", "sent") for n in (1, 2, 3)]
    expect(
        answer("engagement", interactions=ignored),
        contacts_since_last_response=3,
        contacts_per_response_365d=None,
        best_contact_channel_36m=None,
        days_since_last_refusal=None,
        days_since_last_inbound_contact=None,
        sms_response_share_365d=0.0,
        phone_response_share_365d=None,
        last_contact_result="sent",
    )


@pytest.mark.parametrize("order", [1, -1])
def test_of_contacts_at_one_instant_the_greater_number_is_the_last(order: int) -> None:
    twins = [contact(1, "2026-06-01", "sms", "sent"), contact(2, "2026-06-01", "wecom", "read")]
    rows = ibis.memtable(pa.Table.from_pylist(twins[::order])).mutate(outbound=True)
    assert (
        rows.aggregate(last=last_contact_channel(rows)).to_pyarrow()["last"][0].as_py() == "wecom"
    )


@pytest.mark.parametrize(
    ("channels", "best"),
    [
        ({"sms": (3, 1), "phone": (3, 1)}, "sms"),
        ({"sms": (4, 1), "phone": (3, 1)}, "phone"),
        ({"sms": (6, 2), "wecom": (3, 1)}, "sms"),
        ({"sms": (2, 2), "phone": (3, 1)}, "phone"),
        ({"sms": (9, 0), "phone": (2, 2)}, None),
        ({}, None),
    ],
)
def test_the_best_channel_has_the_highest_share(
    channels: dict[str, tuple[int, int]], best: str | None
) -> None:
    contacts = [
        {"channel": channel, "responded": number < answered, "outbound": True}
        for channel, (made, answered) in channels.items()
        for number in range(made)
    ]
    kinds = {"channel": "string", "responded": "boolean", "outbound": "boolean"}
    rows = ibis.memtable(contacts, schema=ibis.schema(kinds))
    best_of = best_contact_channel(rows, ibis.literal(True))
    assert rows.aggregate(best=best_of).to_pyarrow()["best"].to_pylist() == [best]


@pytest.mark.parametrize(
    ("bound", "added", "first"),
    [
        (date(2026, 6, 20), date(2026, 3, 1), "wecom"),
        (date(2026, 3, 1), date(2026, 3, 1), "same_day"),
        (date(2026, 2, 1), date(2026, 3, 1), "mini_program"),
        (date(2026, 2, 1), None, "mini_program"),
        (None, date(2026, 3, 1), "wecom"),
        (None, None, None),
    ],
)
def test_the_first_online_entry_is_the_earlier_of_two(
    bound: date | None, added: date | None, first: str | None
) -> None:
    row = {"mini_program_bound_on": bound, "wecom_added_on": added}
    columns = {name: pa.array([day], pa.date32()) for name, day in row.items()}
    rows = ibis.memtable(pa.table(columns))
    found = rows.aggregate(first=first_online_entry(rows)).to_pyarrow()["first"].to_pylist()
    assert found == [first]


def test_entries_of_the_last_90_days(answer: Answer, expect: Expect) -> None:
    customer = {"mini_program_bound_at": at("2026-04-02"), "wecom_added_at": at("2026-04-01")}
    expect(
        answer("engagement", customers=[customer]),
        mini_program_bound_90d=True,
        wecom_added_90d=False,
        mini_program_and_wecom=True,
        first_online_entry="wecom",
    )
    to_come = {"mini_program_bound_at": at("2026-07-01"), "wecom_added_at": at("2026-06-01")}
    expect(
        answer("engagement", customers=[to_come]),
        mini_program_bound_90d=False,
        wecom_added_90d=True,
        mini_program_and_wecom=False,
        first_online_entry="wecom",
    )


def test_the_last_word_of_each_consent_counts(answer: Answer, expect: Expect) -> None:
    words = [("marketing", True, "2024-01-01"), ("marketing", False, "2025-01-01"),
             ("location", True, "2026-06-01")]  # fmt: skip
    consents = [
        {"consent_id": f"X{n}", "purpose": purpose, "granted": granted, "changed_at": at(changed)}
        for n, (purpose, granted, changed) in enumerate(words)
    ]
    expect(
        answer("engagement", consents=consents),
        location_consent=True,
        consents_granted=1,
        days_since_last_consent_change=29,
        latest_consents="location:yes:1780272000;marketing:no:1735689600",
    )


def test_words_on_one_channel_are_words_on_that_channel(answer: Answer, expect: Expect) -> None:
    words = [
        ("marketing", None, True, "2024-01-01"),
        ("marketing", "phone", False, "2026-06-01"),
        ("marketing", "sms", False, "2025-01-01"),
        ("marketing", "sms", True, "2025-06-01"),
        # Of two words at one instant the refusal.
        ("profiling", None, True, "2025-01-01"),
        ("profiling", None, False, "2025-01-01"),
    ]
    consents = [
        {"consent_id": f"X{9 - n}", "purpose": purpose, "channel": channel, "granted": granted,
         "changed_at": at(changed)}
        for n, (purpose, channel, granted, changed) in enumerate(words)
    ]  # fmt: skip
    expect(
        answer("engagement", consents=consents),
        marketing_consent=True,
        profiling_consent=False,
        consents_granted=1,
        days_since_last_consent_change=29,
        latest_consents="marketing.phone:no:1780272000;marketing.sms:yes:1748736000;"
        "marketing:yes:1704067200;profiling:no:1735689600",
    )


def test_only_one_channel_is_no_word_on_marketing(answer: Answer, expect: Expect) -> None:
    word = {"consent_id": "X1", "purpose": "marketing", "channel": "sms", "granted": True,
            "changed_at": at("2024-01-01")}  # fmt: skip
    expect(answer("engagement", consents=[word]), marketing_consent=None, consents_granted=0)


def test_touchpoints_have_one_family() -> None:
    assert list(TOUCHPOINTS) == list(FAMILIES)
    named = {name: family for family, names in TOUCHPOINTS.items() for name in names}
    assert len(named) == sum(map(len, TOUCHPOINTS.values()))
    expected = {
        **named,
        "renewal": "renewal",
        "win_back_9m": "win_back",
        "claims_dispute": "claims",
        "renewals": "other",
        "enquiry": "other",
    }
    rows = ibis.memtable({"touchpoint": list(expected)})
    found = rows.select("touchpoint", family=family_of(rows.touchpoint)).to_pyarrow().to_pylist()
    assert {row["touchpoint"]: row["family"] for row in found} == expected
