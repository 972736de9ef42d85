"""Contact caps on small histories worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from features.errors import GuanjiaError
from serving.records.contacts.cap_rules import plan
from serving.records.contacts.caps import (
    Caps,
    ContactRefusedError,
    ContactRequest,
    Reservation,
    UnknownContactError,
    mark_not_sent,
    mark_sent,
)
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.tables import contacts

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 6, 1, 10, tzinfo=CHINA)  # a Monday
DAY = timedelta(days=1)
SMS = ContactRequest("C1", "renewal_30d", "renewal", "marketing", "sms", NOW)
APP = replace(SMS, channel="app")
CLAIM = ContactRequest("C1", "payment_confirmation", "claims", "service", "sms", NOW)

Reserve = Callable[..., Reservation | ContactRefusedError]


@pytest.fixture
def reserve(records: Records, caps: Caps, reserve_contact: Callable[..., Reservation]) -> Reserve:
    """Reserve at the time for which a contact is planned: `reserve(SMS, NOW + DAY)`."""

    def ask(
        contact: ContactRequest, at: datetime, caps: Caps = caps, **more: Any
    ) -> Reservation | ContactRefusedError:
        planned = {"planned_at": at} | {k: more.pop(k) for k in ("planned_at",) if k in more}
        with records.writing() as connection:
            try:
                return reserve_contact(caps, connection, replace(contact, **planned), at, **more)
            except ContactRefusedError as refusal:
                return refusal

    return ask


@pytest.fixture
def make(records: Records, reserve: Reserve) -> Callable[..., None]:
    """Reserve and send: `make(SMS, NOW + DAY)`."""

    def made(wanted: ContactRequest, at: datetime) -> None:
        with_place = given(reserve(wanted, at))
        with records.writing() as connection:
            mark_sent(connection, with_place.contact_id, at)

    return made


def given(found: Reservation | ContactRefusedError) -> Reservation:
    assert isinstance(found, Reservation), found
    return found


def refused(found: Reservation | ContactRefusedError) -> ContactRefusedError:
    assert isinstance(found, ContactRefusedError), found
    return found


def test_one_a_day_two_a_week_four_a_month(reserve: Reserve, records: Records) -> None:
    days = []
    for number in range(40):
        found = reserve(APP, NOW + number * DAY)
        if isinstance(found, Reservation):
            days.append(number)
            with records.writing() as connection:
                mark_sent(connection, found.contact_id, NOW + number * DAY)
    # Two of any seven days, four of any 31: the fifth comes when the first is 31 days old.
    assert days == [0, 1, 7, 8, 31, 32, 38, 39]


def test_a_refusal_says_which_rule_and_when(reserve: Reserve) -> None:
    given(reserve(APP, NOW))
    found = refused(reserve(APP, NOW + timedelta(hours=2)))
    assert (found.rule, found.label) == ("marketing_day", "营销触达每日上限")
    assert found.chinese[1] == "营销触达每日上限：每日最多1次"
    assert found.fault.endswith("1 a day are reached")
    # Midnight ends the day and 8 o'clock the app's quiet hours.
    assert found.next_at == datetime(2026, 6, 2, 8, tzinfo=CHINA)


def test_a_text_message_waits_for_the_month(reserve: Reserve, make: Callable[..., None]) -> None:
    make(SMS, NOW)
    make(SMS, NOW + 7 * DAY)
    found = refused(reserve(SMS, NOW + 14 * DAY))
    assert found.rule == "marketing_sms_month"
    assert found.next_at == datetime(2026, 7, 2, 9, tzinfo=CHINA)
    given(reserve(APP, NOW + 14 * DAY))


def test_a_reservation_expires(reserve: Reserve, caps: Caps) -> None:
    first = given(reserve(APP, NOW))
    assert first.reserved_until == NOW + timedelta(hours=12) == NOW + caps.rules.reservation_period
    refused(reserve(APP, NOW + timedelta(hours=11, minutes=59)))
    awake = caps.rules.model_copy(update={"quiet_hours": {}})
    given(reserve(APP, NOW + timedelta(hours=12), Caps(awake, "Asia/Shanghai")))


def test_a_contact_planned_ahead_keeps_its_place_until_then(reserve: Reserve) -> None:
    ahead = reserve(APP, NOW, planned_at=NOW + 3 * DAY)
    assert given(ahead).reserved_until == NOW + 3 * DAY + timedelta(hours=12)
    given(reserve(APP, NOW + 2 * DAY))
    # The window looks both ways: two of the seven days around are taken.
    # The day is full too, and of two rules the one that holds longer is named.
    assert refused(reserve(APP, NOW + 2 * DAY + timedelta(hours=1))).rule == "marketing_week"
    found = refused(reserve(APP, NOW + 1 * DAY))
    assert found.rule == "marketing_week"
    assert found.next_at == datetime(2026, 6, 10, 8, tzinfo=CHINA)


def test_released_is_free_again_and_sent_is_not(
    reserve: Reserve, records: Records, rows: Any
) -> None:
    first = given(reserve(APP, NOW))
    with records.writing() as connection:
        mark_not_sent(connection, first.contact_id)
        mark_not_sent(connection, first.contact_id)
    second = given(reserve(APP, NOW + timedelta(hours=1)))
    with records.writing() as connection:
        mark_sent(connection, second.contact_id, NOW + timedelta(hours=1))
    refused(reserve(APP, NOW + timedelta(hours=13)))
    assert [row["state"] for row in rows(contacts)] == ["released", "sent"]


def test_what_was_sent_counts_though_its_place_had_expired(
    reserve: Reserve, records: Records, rows: Any
) -> None:
    first = given(reserve(APP, NOW))
    with records.writing() as connection:
        mark_sent(connection, first.contact_id, NOW + 3 * DAY)
    (row,) = rows(contacts)
    assert (row["state"], row["sent_at"], row["local_day"]) == (
        "sent", NOW + 3 * DAY, date(2026, 6, 4),
    )  # fmt: skip
    assert refused(reserve(APP, NOW + 3 * DAY + timedelta(hours=1))).rule == "marketing_day"


def test_a_contact_that_is_not_known(records: Records) -> None:
    with records.writing() as connection:
        with pytest.raises(UnknownContactError, match="contact none: is not known"):
            mark_not_sent(connection, "none")
        with pytest.raises(UnknownContactError, match="contact none: is not known"):
            mark_sent(connection, "none", NOW)


def test_service_passes_by_day_and_night_and_takes_no_marketing_place(reserve: Reserve) -> None:
    for hour in range(0, 48, 6):
        given(reserve(CLAIM, NOW + timedelta(hours=hour)))
    given(reserve(SMS, NOW + DAY))


def test_service_by_wecom_takes_one_of_wecoms_places(reserve: Reserve) -> None:
    given(reserve(replace(CLAIM, channel="wecom"), NOW))
    assert refused(reserve(replace(CLAIM, channel="wecom"), NOW)).rule == "wecom_day"
    assert refused(reserve(replace(APP, channel="wecom"), NOW)).rule == "wecom_day"
    given(reserve(APP, NOW))


def test_nobody_is_called_at_night(reserve: Reserve) -> None:
    call = replace(CLAIM, channel="phone")
    night = datetime(2026, 6, 1, 21, tzinfo=CHINA)
    found = refused(reserve(call, night))
    assert (found.rule, found.chinese[1]) == ("quiet_hours.phone", "免打扰时段 21:00-09:00")
    assert found.next_at == datetime(2026, 6, 2, 9, tzinfo=CHINA)
    assert refused(reserve(call, night + timedelta(hours=11, minutes=59))).next_at == found.next_at
    given(reserve(call, night + timedelta(hours=12)))
    given(reserve(call, night - timedelta(seconds=1)))


def test_night_and_day_are_those_of_the_customers_time_zone(
    reserve: Reserve, home: Path, rows: Any
) -> None:
    home.mkdir(exist_ok=True)
    zones = '[time_zones]\n"新疆" = "Asia/Urumqi"\n'
    (home / "contact_caps.toml").write_text(zones, encoding="utf-8")
    caps = Caps(load_contact_caps(home), "Asia/Shanghai")
    far = replace(SMS, branch="新疆")
    # 10 o'clock in Beijing is 8 o'clock in Urumqi.
    found = refused(reserve(far, NOW, caps))
    assert found.next_at == datetime(2026, 6, 1, 11, tzinfo=CHINA)
    given(reserve(far, datetime(2026, 6, 1, 22, 59, tzinfo=CHINA), caps))
    # Half past midnight in Beijing is the same day there still.
    given(reserve(replace(far, customer_id="C2"), datetime(2026, 6, 1, 22, tzinfo=CHINA), caps))
    call = replace(CLAIM, customer_id="C3", branch="新疆")
    given(reserve(call, datetime(2026, 6, 2, 0, 30, tzinfo=CHINA), caps))
    assert {row["local_day"] for row in rows(contacts)} == {date(2026, 6, 1)}
    given(reserve(replace(SMS, customer_id="C2", branch="广东"), NOW + DAY, caps))


def test_summer_time_moves_the_clock_and_not_the_rule(home: Path, reserve: Reserve) -> None:
    rules = load_contact_caps(home).model_copy(update={"time_zones": {"X": "Europe/Berlin"}})
    caps = Caps(rules, "Asia/Shanghai")
    call = replace(CLAIM, channel="phone", branch="X")
    # In the night to 29 March 2026 clocks go from 2 to 3 o'clock: 9 o'clock is 7 UTC.
    found = refused(reserve(call, datetime(2026, 3, 28, 22, tzinfo=UTC), caps))
    assert found.next_at == datetime(2026, 3, 29, 7, tzinfo=UTC)


def test_one_campaign_once_a_week_and_another_beside_it(
    reserve: Reserve, make: Callable[..., None]
) -> None:
    make(replace(APP, campaign="spring"), NOW)
    found = refused(reserve(replace(APP, campaign="spring"), NOW + DAY))
    assert found.rule == "campaign_week"
    given(reserve(replace(APP, campaign="summer"), NOW + DAY))


def test_a_refusal_cools_off(reserve: Reserve, records: Records) -> None:
    with records.writing() as connection:
        note_outcome(connection, Outcome("refused", NOW, customer_id="C1", channel="phone"), NOW)
    found = refused(reserve(APP, NOW + DAY))
    assert (found.rule, found.next_at) == ("cooling_off", NOW + 30 * DAY)
    assert found.chinese[1] == "客户拒绝后30天内不营销"
    given(reserve(CLAIM, NOW + DAY))
    given(reserve(APP, NOW + 30 * DAY))


def test_an_opt_out_closes_the_channel_until_consent_returns(
    reserve: Reserve, records: Records
) -> None:
    with records.writing() as connection:
        note_outcome(connection, Outcome("opted_out", NOW, customer_id="C1", channel="sms"), NOW)
    assert refused(reserve(APP, NOW + 6 * DAY)).rule == "cooling_off"
    given(reserve(APP, NOW + 7 * DAY))
    found = refused(reserve(SMS, NOW + 3000 * DAY))
    assert (found.rule, found.next_at) == ("opted_out", None)
    given(reserve(CLAIM, NOW + DAY))
    with records.writing() as connection:
        at = NOW + 3001 * DAY
        write_consent(connection, ConsentChange("C1", "marketing", True, at, "sms"), at)
    given(reserve(SMS, NOW + 3001 * DAY))


def test_who_refused_marketing_gets_none(reserve: Reserve, records: Records) -> None:
    with records.writing() as connection:
        write_consent(connection, ConsentChange("C1", "marketing", False, NOW), NOW)
    assert refused(reserve(APP, NOW + DAY)).rule == "opted_out"
    given(reserve(CLAIM, NOW + DAY))


def test_several_contacts_are_judged_on_one_statement_and_none_is_reserved(
    reserve: Reserve, records: Records, caps: Caps, rows: Any
) -> None:
    given(reserve(SMS, NOW))
    contacts_wanted = [
        ("renewal", "marketing", "sms"), ("renewal", "marketing", "app"),
        ("claims", "service", "sms"), ("renewal", "marketing", "phone"),
    ]  # fmt: skip
    statements: list[str] = []
    blocked = {}
    with records.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
        history = caps.history(connection, "C1", NOW)
        for at in (NOW, NOW + DAY):
            plans = [plan(caps.rules, history, caps.traits(*one), at) for one in contacts_wanted]
            assert {one.at for one in plans} == {at}
            blocked[at] = [one.block and one.block.rule for one in plans]
    assert blocked[NOW] == ["marketing_day", "marketing_day", None, "marketing_day"]
    assert blocked[NOW + DAY] == [None] * 4
    assert [made.family for made in history.contacts] == ["renewal"]
    assert [statement.split()[0] for statement in statements] == ["SELECT"]
    assert len(rows(contacts)) == 1


def test_quiet_hours_move_a_contact_and_the_rules_are_asked_where_it_goes(
    reserve: Reserve, records: Records, caps: Caps
) -> None:
    morning = datetime(2026, 6, 2, 9, tzinfo=CHINA)
    given(reserve(APP, morning))
    night = datetime(2026, 6, 1, 22, tzinfo=CHINA)
    with records.reading() as connection:
        history = caps.history(connection, "C1", night)
    marketing = plan(caps.rules, history, caps.traits("renewal", "marketing", "sms"), night)
    assert (marketing.at, marketing.block and marketing.block.rule) == (morning, "marketing_day")
    service = plan(caps.rules, history, caps.traits("claims", "service", "phone"), night)
    assert (service.at, service.block) == (morning, None)
    # Where no quiet hours are, what else holds it back moves nothing.
    noon = plan(caps.rules, history, caps.traits("renewal", "marketing", "sms"), morning)
    assert (noon.at, noon.block and noon.block.rule) == (morning, "marketing_day")


def test_days_are_counted_from_the_first_one_of_the_branch(
    make: Callable[..., None], records: Records, home: Path
) -> None:
    """Half past midnight in Shanghai is the day before in Urumqi: 31 days go back from there."""
    rules = load_contact_caps(home).model_copy(update={"time_zones": {"新疆": "Asia/Urumqi"}})
    caps = Caps(rules, "Asia/Shanghai")
    make(CLAIM, NOW)
    later = datetime(2026, 7, 2, 0, 30, tzinfo=CHINA)  # 1 July, 22:30 there: 30 days after 1 June
    with records.reading() as connection:
        assert len(caps.history(connection, "C1", later, "新疆").contacts) == 1
        assert len(caps.history(connection, "C1", later, None).contacts) == 0


def test_most_may_be_none_at_all(reserve: Reserve, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "contact_caps.toml").write_text("[rules.marketing_month]\nmost = 0\n")
    found = refused(reserve(APP, NOW, Caps(load_contact_caps(home), "Asia/Shanghai")))
    assert (found.rule, found.next_at) == ("marketing_month", None)


def test_the_same_key_reserves_once(reserve: Reserve, rows: Any) -> None:
    first = given(reserve(APP, NOW, client_key="k"))
    again = given(reserve(APP, NOW, client_key="k"))
    assert again == replace(first, repeated=True)
    with pytest.raises(GuanjiaError, match="client key k: was sent before with other content"):
        reserve(SMS, NOW, client_key="k")
    assert len(rows(contacts)) == 1


def test_a_contact_is_kept_as_it_was_wanted(reserve: Reserve, rows: Any) -> None:
    wanted = replace(
        SMS, branch="广东", campaign="春季", account_manager_id="M1", cost=Decimal("0.045"),
        message="【某保险】您的车险将到期, 拒收请回复R",
    )  # fmt: skip
    given(reserve(wanted, NOW, decision_id="D1"))
    (row,) = rows(contacts)
    stored = {name: value for name, value in vars(wanted).items() if name != "inbound"}
    assert {name: row[name] for name in stored} == stored
    assert (row["decision_id"], row["time_zone"]) == ("D1", "Asia/Shanghai")


def test_a_channel_that_is_none(reserve: Reserve) -> None:
    with pytest.raises(GuanjiaError, match="channel fax: is not known"):
        reserve(replace(SMS, channel="fax"), NOW)
