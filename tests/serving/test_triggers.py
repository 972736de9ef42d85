"""Who is due for which touchpoint: every window by its days, contacts made, stages and branches."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from serving.touchpoints import triggers
from serving.touchpoints.catalogue import shipped_touchpoints
from serving.touchpoints.triggers import find_due, first_due, triggers_path

DAY = date(2026, 6, 30)
ZONE = ZoneInfo("Asia/Shanghai")
IN_FORCE = {"motor_policies_in_force": 1, "motor_policies_ahead": 0}
GONE = {"motor_policies_in_force": 0, "motor_policies_ahead": 0}
Tags = dict[str, Any]
Write = Callable[..., None]
Found = Callable[..., dict[tuple[str, str], dict[str, Any]]]


# One customer for each touchpoint that is looked for daily: the tags as of 30 June that make it due
# on 1 July, and the first and the last day on which it is.
CASES: dict[str, tuple[Tags, str, str]] = {
    "thanks_and_policy_notice": (
        {**IN_FORCE, "days_since_last_motor_signing": 0}, "2026-07-01", "2026-07-07"),
    "plate_endorsement_reminder": (
        {**IN_FORCE, "days_since_last_motor_signing": 20, "business_type": "new",
         "insured_from_new": True}, "2026-06-25", "2026-07-20"),
    "mini_program_follow": (
        {**IN_FORCE, "days_since_last_motor_signing": 29, "mini_program_bound": False},
        "2026-06-04", "2026-07-01"),
    "entitlement_notice": (
        {"days_since_last_entitlement_grant": 3, "entitlements_open": 2,
         "entitlements_to_notify": 1}, "2026-06-28", "2026-07-11"),
    "entitlement_activation": (
        {"days_since_last_entitlement_grant": 14, "entitlements_to_activate": 1},
        "2026-07-01", "2026-08-15"),
    "entitlement_follow_up": (
        {"days_since_last_entitlement_use": 0, "entitlement_used_count_365d": 1},
        "2026-07-01", "2026-07-07"),
    "entitlement_use_reminder": (
        {"days_to_next_entitlement_expiry": 11, "entitlements_open": 1},
        "2026-06-11", "2026-07-06"),
    "underwriting_satisfaction": (
        {**IN_FORCE, "days_since_last_motor_signing": 6}, "2026-07-01", "2026-07-09"),
    "account_manager_notice": (
        {"days_since_latest_commercial_inception": 5, "account_manager_changed": True},
        "2026-06-26", "2026-07-09"),
    "service_reminder": (
        {**IN_FORCE, "days_to_next_inspection_mark": 61, "entitlements_open": 1},
        "2026-07-01", "2026-08-15"),
    "birthday": ({**IN_FORCE, "days_to_next_birthday": 1}, "2026-07-01", "2026-07-01"),
    "accident_care": (
        {"days_since_last_claim_reported": 1, "open_claims": 1}, "2026-06-30", "2026-07-02"),
    "survey_satisfaction": (
        {"days_since_last_claim_surveyed": 2, "open_claims": 1}, "2026-06-29", "2026-07-01"),
    "payment_confirmation": ({"days_since_last_claim_paid": 0}, "2026-07-01", "2026-07-03"),
    "claims_satisfaction": ({"days_since_last_claim_closed": 2}, "2026-07-01", "2026-07-08"),
    "new_car_maintenance": (
        {**IN_FORCE, "days_to_next_maintenance": 20, "vehicle_in_first_two_years": True},
        "2026-06-20", "2026-07-13"),
    "new_car_care": (
        {**IN_FORCE, "days_since_first_registration": 40, "vehicle_kind": "car"},
        "2026-06-20", "2026-08-04"),
    "win_back_1m": ({**GONE, "days_since_motor_cover_end": 29}, "2026-07-01", "2026-07-30"),
    "win_back_3m": ({**GONE, "days_since_motor_cover_end": 118}, "2026-06-02", "2026-07-01"),
    "win_back_6m": ({**GONE, "days_since_motor_cover_end": 170}, "2026-06-25", "2026-07-14"),
    "win_back_11m": ({**GONE, "days_since_motor_cover_end": 330}, "2026-06-25", "2026-07-30"),
    "renewal_60d": ({"days_to_unrenewed_expiry": 61}, "2026-07-01", "2026-07-30"),
    "renewal_30d": ({"days_to_unrenewed_expiry": 17}, "2026-06-17", "2026-07-01"),
    "renewal_15d": ({"days_to_unrenewed_expiry": 16}, "2026-07-01", "2026-07-08"),
    "renewal_7d": ({"days_to_unrenewed_expiry": 3}, "2026-06-26", "2026-07-01"),
    "renewal_1d": ({"days_to_unrenewed_expiry": 2}, "2026-07-01", "2026-07-01"),
    "quote_reached": (
        {"days_since_renewal_quote": 4, "renewal_quote_delivered": True,
         "renewal_quote_viewed": False, "commercial_renewal_signed": False},
        "2026-06-27", "2026-07-10"),
    "quote_viewed_not_paid": (
        {"days_since_last_quote_view": 6, "renewal_quote_viewed": True,
         "commercial_renewal_signed": False, "commercial_cancellation_known": False},
        "2026-06-25", "2026-07-01"),
}  # fmt: skip
BY_THE_CALENDAR = {"holiday", "special_weather", "battery_care"}
BY_EVENTS_ALONE = {"e_signature_and_payment"}


def test_every_touchpoint_has_a_case() -> None:
    assert {*CASES, *BY_THE_CALENDAR, *BY_EVENTS_ALONE} == set(shipped_touchpoints().names)


def test_every_touchpoint_is_due_by_its_tags_on_the_days_of_its_window(
    found: Found,
) -> None:
    pairs = found(DAY, **{name: tags for name, (tags, _, _) in CASES.items()})
    for name, (_, first, last) in CASES.items():
        row = pairs[name, name]
        assert (row["due_on"].isoformat(), row["window_end"].isoformat()) == (first, last), name
        assert row["due_on"] <= DAY + timedelta(1) <= row["window_end"]
        assert row["star"] is None
        assert row["channels"] == list(shipped_touchpoints().touchpoints_for()[name].channels)


def test_what_is_not_known_never_triggers(found: Found) -> None:
    # Everything but the one tag that tells the day; then nothing at all.
    unknown = {}
    for name, (tags, _, _) in CASES.items():
        window = shipped_touchpoints().touchpoints_for()[name].trigger.window
        assert window is not None
        unknown[name] = {tag: value for tag, value in tags.items() if tag != window.tag}
    pairs = found(DAY, nobody={}, **unknown)
    assert {pair for pair in pairs if pair[0] == pair[1]} == set()
    assert {touchpoint for customer, touchpoint in pairs if customer == "nobody"} == set()


@pytest.mark.parametrize("tag", ["days_to_unrenewed_expiry", "days_since_motor_cover_end"])
def test_windows_count_days_as_the_calendar_does(found: Found, tag: str) -> None:
    """Against a calendar walked day by day: the anchor is the day on which the tag is 0."""
    step = 1 if tag.startswith("days_since_") else -1
    values = range(-3, 400)
    pairs = found(DAY, **{f"C{value}": {**GONE, tag: value} for value in values})
    windows = {
        name: one.trigger.window
        for name, one in shipped_touchpoints().touchpoints_for().items()
        if one.trigger.window and one.trigger.window.tag == tag
    }
    expected = {}
    for value in values:
        anchor = DAY - step * timedelta(value)
        for name, window in windows.items():
            days = [anchor + step * timedelta(n) for n in (window.first, window.last)]
            if days[0] <= DAY + timedelta(1) <= days[1]:
                expected[f"C{value}", name] = days
    assert len(expected) >= 60
    assert {pair: [row["due_on"], row["window_end"]] for pair, row in pairs.items()} == expected


def test_stars_choose_channels_and_service(found: Found) -> None:
    tags = {"days_to_unrenewed_expiry": 51}
    pairs = found(DAY, **{f"C{star}": {**tags, "star_level": star} for star in (1, 3, 4, 5)})
    told = {name: (row["channels"][0], row["service"], row["star"])
            for (name, _), row in pairs.items()}  # fmt: skip
    assert told == {
        "C1": ("wecom", "standard", 1),
        "C3": ("wecom", "priority", 3),
        "C4": ("phone", "steward", 4),
        "C5": ("phone", "steward", 5),
    }


def test_stage_and_branch_decide_each_customer_once(own: Write, found: Found) -> None:
    own(
        """
        [stage.trust.renewal_60d]
        channels = ["mail"]
        stars = []
        [stage.stickiness]
        renewal_60d = false
        [branch.B01.renewal_60d]
        channels = ["app"]
        [branch.B02.renewal_60d.trigger]
        condition = "star >= 3"
        """,
    )
    soon = {"days_to_unrenewed_expiry": 51}
    customers = {
        f"{branch}_{stage}": {**soon, "branch": branch, "life_cycle_stage": stage, "star_level": 1}
        for branch in ("B01", "B02", "B03", None)
        for stage in ("entry", "stickiness", "trust", None)
    }
    pairs = found(DAY, **customers)
    assert {customer: row["channels"][0] for (customer, _), row in pairs.items()} == {
        # A branch has the last word, and takes up what a stage leaves out.
        **{f"B01_{stage}": "app" for stage in ("entry", "stickiness", "trust", None)},
        "B03_entry": "sms", "B03_trust": "mail", "B03_None": "wecom",
        "None_entry": "sms", "None_trust": "mail", "None_None": "wecom",
    }  # fmt: skip


def test_a_touchpoint_of_the_home_is_triggered_without_a_line_of_python(
    own: Write, found: Found
) -> None:
    own(
        """
        [renewal_45d]
        label = "到期前45天"
        english = "45 days before expiry"
        family = "renewal"
        loop = "trust"
        purpose = { chinese = "提醒。", english = "Remind." }
        orientation = { chinese = "早。", english = "Early." }
        strategy = { chinese = "不谈价。", english = "No price." }
        kind = "marketing"
        consent = "marketing"
        uses_profile = false
        role = "sales"
        channels = ["sms"]
        script = { default = { chinese = "{customer}", english = "{customer}" } }
        [renewal_45d.trigger]
        by = "person"
        window = { tag = "days_to_unrenewed_expiry", first = 45, last = 40 }
        once_per = "term"
        """,
    )
    pairs = found(DAY, C1={"days_to_unrenewed_expiry": 46}, C2={"days_to_unrenewed_expiry": 47})
    assert pairs["C1", "renewal_45d"]["by"] == "person"
    assert ("C2", "renewal_45d") not in pairs


def test_batches_change_nothing_and_order_is_by_customer_and_catalogue(
    lake: Lake, snapshot: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = {name: tags for name, (tags, _, _) in CASES.items()}
    snapshot(lake.home, DAY, customers)
    whole = pq.read_table(find_due(lake, DAY).path, partitioning=None)
    monkeypatch.setattr(triggers, "ROWS", 2)
    parts = find_due(lake, DAY)
    assert pq.read_table(parts.path, partitioning=None).equals(whole)
    place = {name: number for number, name in enumerate(shipped_touchpoints().names)}
    order = [(row["customer_id"], place[row["touchpoint"]]) for row in whole.to_pylist()]
    assert order == sorted(order)
    assert set(whole["snapshot_id"].to_pylist()) == {parts.snapshot_id}
    counted = {one.touchpoint: one.customers for one in parts.counts}
    assert counted == {name: whole["touchpoint"].to_pylist().count(name) for name in counted}
    assert sum(counted.values()) == parts.due == len(whole)


def test_the_first_customers_of_a_touchpoint(lake: Lake, snapshot: Write) -> None:
    snapshot(lake.home, DAY, {f"C{n}": {"days_to_unrenewed_expiry": 51} for n in range(5)})
    find_due(lake, DAY)
    rows = first_due(lake, DAY, "renewal_60d", 2)
    assert [row["customer_id"] for row in rows] == ["C0", "C1"]
    assert rows[0]["reason"] == "未续保车险距到期天数 50"


def test_where_all_are_left_out_nobody_is_due(own: Write, found: Found) -> None:
    own("\n".join(f"{name} = false" for name in shipped_touchpoints().names))
    assert found(DAY, C1={"days_to_unrenewed_expiry": 51}) == {}


def test_without_a_snapshot_the_command_is_told(lake: Lake) -> None:
    with pytest.raises(GuanjiaError, match=r"snapshot of 2026-06-30: is not there\. Run `guanjia"):
        find_due(lake, DAY)


def test_a_file_that_is_missing_is_named_and_the_old_triggers_stay(
    lake: Lake, snapshot: Write
) -> None:
    snapshot(lake.home, DAY, {"C1": {"days_to_unrenewed_expiry": 51}})
    before = find_due(lake, DAY).path.read_bytes()
    (lake.tags("loyalty") / f"as_of={DAY}.parquet").unlink()
    with pytest.raises(GuanjiaError, match=r"loyalty.* is missing from the snapshot of 2026-06-30"):
        find_due(lake, DAY)
    assert triggers_path(lake, DAY).read_bytes() == before
    assert [path.name for path in triggers_path(lake, DAY).parent.iterdir()] == [
        f"as_of={DAY}.parquet"
    ]
