"""Whether a touchpoint is due: its days, the age of tags, once is once, what was won."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from features.lake import Lake
from serving.touchpoints.catalogue import load_touchpoints, shipped_touchpoints
from serving.touchpoints.due import CONTACTED, Customer, Standing, standing
from serving.touchpoints.endings import (
    SIGNED,
    Past,
    Won,
    ended_touchpoints,
    endings,
    products,
    recall,
)
from serving.touchpoints.occasions import load_occasions
from serving.touchpoints.tag_days import tag_age, tags_on

DAY = date(2026, 6, 30)
NEXT = DAY + timedelta(1)
ZONE = ZoneInfo("Asia/Shanghai")
CATALOGUE = shipped_touchpoints()
TOUCHPOINTS = CATALOGUE.touchpoints_for()
Tags = dict[str, Any]
Write = Callable[..., None]


def at(day: date, hour: int = 10) -> datetime:
    """An hour of a civil day in Shanghai."""
    return datetime.combine(day, time(hour), ZONE).astimezone(UTC)


def stands(
    name: str, tags: Tags, day: date = NEXT, past: Past | None = None, **more: Any
) -> Standing:
    """How a touchpoint stands with whoever has these tags of 30 June."""
    row = {"as_of": DAY, "newer": {}, **tags}
    customer = Customer(row, more.pop("today", day), ZONE, past or Past())
    return standing(name, TOUCHPOINTS[name], customer, day, **more)


def test_days_are_those_between_the_contact_and_the_end_of_cover() -> None:
    """Cover that ends on 30 July at midnight: 30 days from 30 June, 29 from 1 July."""
    row = {"as_of": DAY, "newer": {}, "days_to_unrenewed_expiry": 30, "open_claims": 0}
    assert [
        tags_on(row, DAY + timedelta(n))["days_to_unrenewed_expiry"] for n in (0, 1, 2, 30, 31)
    ] == [30, 29, 28, 0, -1]
    # A group that an event refreshed on 1 July counts from there; nothing else moves.
    row |= {"newer": {"claims": NEXT}, "days_since_last_claim_reported": 0}
    moved = tags_on(row, NEXT + timedelta(1))
    assert moved["days_since_last_claim_reported"] == 1
    assert (moved["days_to_unrenewed_expiry"], moved["open_claims"]) == (28, 0)


def test_whose_cover_ended_at_midnight_is_not_told_that_it_ends_tomorrow() -> None:
    assert stands("renewal_1d", {"days_to_unrenewed_expiry": 1}).state == "not_due"
    assert stands("renewal_1d", {"days_to_unrenewed_expiry": 2}).state == "due"


def test_a_condition_reads_days_as_they_stand_too() -> None:
    bound = {"days_since_last_entitlement_grant": 5, "entitlements_open": 1,
             "entitlements_to_notify": 0}  # fmt: skip
    named = "days_since_mini_program_bound"
    assert stands("entitlement_notice", {**bound, named: 0}).state == "due"
    assert stands("entitlement_notice", {**bound, named: 1}).state == "not_due"


def test_tags_of_the_day_before_tell_and_older_ones_do_not() -> None:
    week = {"days_to_unrenewed_expiry": 40}
    assert [stands("renewal_60d", week, DAY + timedelta(n)).state for n in (0, 1, 2, 200)] == [
        "due", "due", "stale", "stale",
    ]  # fmt: skip
    # Asked in the evening about the next morning, they are as old as they are in the evening.
    assert stands("renewal_60d", week, NEXT + timedelta(1), today=NEXT).state == "due"


def test_without_a_window_tags_of_a_week_tell() -> None:
    electric = {"motor_policies_in_force": 1, "new_energy": True}
    days = [date(2026, 6, day) for day in (1, 7, 8, 9)]
    found = [
        standing(
            "battery_care",
            TOUCHPOINTS["battery_care"],
            Customer({"as_of": date(2026, 5, 31), "newer": {}, **electric}, day, ZONE),
            day,
        ).state
        for day in days
    ]
    assert found == ["due", "due", "stale", "stale"]


def test_an_event_makes_the_tags_new_that_it_refreshed() -> None:
    late = DAY + timedelta(3)
    reported = {"open_claims": 1, "days_since_last_claim_reported": 1}
    assert stands("accident_care", reported, late).state == "stale"
    fresh = {**reported, "newer": {"claims": late - timedelta(1)}}
    assert stands("accident_care", fresh, late).state == "due"
    row = {"as_of": DAY, **fresh}
    assert [tag_age(row, late, names) for names in (None, ["open_claims"], ["branch"])] == [3, 1, 3]


def test_a_touchpoint_declares_how_old_its_tags_may_be(lake: Lake, own: Write) -> None:
    own("[renewal_60d.trigger]\ntag_age = 5\n")
    renewal = load_touchpoints(lake.home).touchpoints_for()["renewal_60d"]
    for days, state in ((5, "due"), (6, "stale")):
        day = DAY + timedelta(days)
        tags = {"as_of": DAY, "newer": {}, "days_to_unrenewed_expiry": 45}
        assert standing("renewal_60d", renewal, Customer(tags, day, ZONE), day).state == state


@pytest.mark.parametrize("source", ["ours", "theirs"])
def test_a_contact_of_the_same_term_is_enough_whoever_made_it(source: str) -> None:
    tags = {"days_to_unrenewed_expiry": 50, "motor_policies_in_force": 1}

    def state(day: date) -> str:
        seconds = f"holiday:1;renewal_60d:{at(day).timestamp():.0f}"
        more = {CONTACTED: seconds} if source == "theirs" else {}
        past = Past({"renewal_60d": at(day)}) if source == "ours" else Past()
        return stands("renewal_60d", {**tags, **more}, past=past).state

    # 49 days are left on 1 July, so the window opened on 20 June.
    assert [state(day) for day in (date(2026, 6, 19), date(2026, 6, 20), DAY, NEXT)] == [
        "due", "made", "made", "made",
    ]  # fmt: skip


def test_a_service_message_that_was_given_makes_room_for_the_renewal() -> None:
    paid = {"days_since_last_claim_paid": 0, "days_to_unrenewed_expiry": 20}
    assert stands("payment_confirmation", paid).state == "due"
    past = Past({"payment_confirmation": at(DAY)})
    assert stands("payment_confirmation", paid, past=past).state == "made"
    assert stands("renewal_30d", paid, past=past).state == "due"


@pytest.mark.parametrize(
    ("made", "event_at", "state"),
    [
        (None, None, "due"),
        (at(NEXT, 9), at(NEXT, 8), "made"),
        (at(NEXT, 7), at(NEXT, 8), "due"),
        # Nobody knows when the event was: within its two days it is taken to be the same one.
        (at(NEXT, 7), None, "made"),
        (at(DAY, 7), None, "made"),
        (at(DAY - timedelta(1), 7), None, "due"),
    ],
)
def test_after_an_event_one_contact_is_enough(
    made: datetime | None, event_at: datetime | None, state: str
) -> None:
    past = Past({"e_signature_and_payment": made} if made else {})
    paying = {"happened": ["payment_started"], "event_at": event_at}
    assert stands("e_signature_and_payment", {}, past=past, **paying).state == state


def test_once_a_term_holds_whatever_event_happens_in_it() -> None:
    added = {"days_since_wecom_added": 0, "days_since_latest_commercial_inception": 4}
    event = {"happened": ["wecom_added"], "event_at": at(NEXT, 8)}
    assert stands("account_manager_notice", added, **event).state == "due"
    for day, state in ((date(2026, 6, 26), "made"), (date(2026, 6, 25), "due")):
        past = Past({"account_manager_notice": at(day)})
        assert stands("account_manager_notice", added, past=past, **event).state == state


def test_a_holiday_is_greeted_once_on_its_eve_or_on_the_day(lake: Lake) -> None:
    occasions = load_occasions(CATALOGUE.shared, lake.home)
    insured = {"as_of": date(2026, 2, 16), "newer": {}, "motor_policies_in_force": 1}

    def greeted(day: date, made: date | None = None) -> str:
        past = Past({"holiday": at(made)} if made else {})
        customer = Customer(insured, day, ZONE, past)
        found = standing("holiday", TOUCHPOINTS["holiday"], customer, day, occasions=occasions)
        return found.state

    eve = date(2026, 2, 16)  # of the Spring Festival
    days = [eve + timedelta(n) for n in (-1, 0, 1, 2)]
    assert [greeted(day) for day in days] == ["not_due", "due", "due", "not_due"]
    assert greeted(eve + timedelta(1), made=eve) == "made"
    assert greeted(eve + timedelta(1), made=date(2026, 1, 1)) == "due"


def test_a_renewal_takes_every_renewal_touchpoint_off() -> None:
    ends = {name for name, one in TOUCHPOINTS.items() if "renewed" in endings(one)}
    families = {name for name, one in TOUCHPOINTS.items() if one.family in ("renewal", "win_back")}
    assert ends == {*families, "e_signature_and_payment"}
    renewal = Won("renewed", "renewal_30d", at(NEXT))
    assert set(ended_touchpoints(CATALOGUE, renewal)) == ends
    assert set(ended_touchpoints(CATALOGUE, Won("bought", "win_back_1m", at(NEXT)))) == ends
    soon = {"days_to_unrenewed_expiry": 20, SIGNED: 345}
    past = Past(renewed=at(NEXT))
    assert stands("renewal_30d", soon, past=past).state == "ended"
    assert stands("birthday", {"motor_policies_in_force": 1, "days_to_next_birthday": 1},
                  past=past).state == "due"  # fmt: skip


@pytest.mark.parametrize(("signed_days_ago", "state"), [(345, "ended"), (4, "ended"), (3, "due")])
def test_tags_that_know_of_the_signing_say_what_is_left(signed_days_ago: int, state: str) -> None:
    """The car that ends first was renewed on 30 June; the second one has 20 days left."""
    second = {"days_to_unrenewed_expiry": 20, SIGNED: signed_days_ago}
    assert stands("renewal_30d", second, past=Past(renewed=at(DAY))).state == state


def test_a_purchase_ends_the_touchpoints_of_its_product_alone(lake: Lake, own: Write) -> None:
    about = {name: products(one) for name, one in TOUCHPOINTS.items() if products(one)}
    assert about == {"new_car_care": {"accident"}}
    own("[stage.trust.battery_care]\nmodels = ['cross_sell_health']\n")
    catalogue = load_touchpoints(lake.home)
    for touchpoint, ended in (
        ("new_car_care", ["new_car_care"]),
        ("battery_care", ["battery_care"]),
        ("birthday", []),
        (None, ["new_car_care", "battery_care"]),
    ):
        won = Won("bought", touchpoint, at(DAY))
        assert ended_touchpoints(catalogue, won) == ended
        assert recall(catalogue, {}, [won]).renewed is None
    car = {"motor_policies_in_force": 1, "vehicle_kind": "car", "days_since_first_registration": 40}
    for days, state in ((0, "ended"), (364, "ended"), (365, "due")):
        past = Past(bought={"accident": at(NEXT - timedelta(days))})
        assert stands("new_car_care", car, past=past).state == state
