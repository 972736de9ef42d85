"""`/decide` and the triggers of a snapshot find the same customers due, for every touchpoint."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.lake import Lake
from serving.touchpoints.catalogue import load_touchpoints, shipped_touchpoints
from serving.touchpoints.due import CONTACTED, Customer, standing
from serving.touchpoints.endings import SIGNED, Recorded, Won, recall
from serving.touchpoints.occasions import load_occasions
from serving.touchpoints.triggers import find_due

DAY = date(2026, 6, 30)
NEXT = DAY + timedelta(1)
ZONE = ZoneInfo("Asia/Shanghai")
Tags = dict[str, Any]
Write = Callable[..., None]
TOUCHPOINTS = shipped_touchpoints().touchpoints_for()
DAILY = [name for name, one in TOUCHPOINTS.items() if one.trigger.daily]


def at(day: date, hour: int = 10) -> datetime:
    """An hour of a civil day in Shanghai."""
    return datetime.combine(day, time(hour), ZONE).astimezone(UTC)


windows = {one.trigger.window for one in TOUCHPOINTS.values() if one.trigger.window}
day_values = {
    window.tag: st.none()
    | st.sampled_from(sorted({value + shift for value in (window.first, window.last)
                              for shift in (-1, 0, 1, 2)}))
    for window in windows
}  # fmt: skip
FLAGS = ("renewal_quote_viewed", "renewal_quote_delivered", "commercial_renewal_signed",
         "commercial_cancellation_known", "mini_program_bound", "insured_from_new", "new_energy",
         "vehicle_in_first_two_years", "account_manager_changed")  # fmt: skip
COUNTS = ("motor_policies_in_force", "motor_policies_ahead", "entitlements_open", "open_claims",
          "entitlements_to_notify", "entitlements_to_activate",
          "entitlement_used_count_365d")  # fmt: skip
customers = st.fixed_dictionaries(
    {
        **day_values,
        "days_to_unrenewed_expiry": st.none() | st.integers(-1, 63),
        "days_since_motor_cover_end": st.none() | st.integers(28, 362),
        "days_since_mini_program_bound": st.none() | st.integers(0, 2),
        "days_since_wecom_added": st.none() | st.integers(0, 2),
        SIGNED: st.none() | st.integers(0, 42),
        "commercial_term_number": st.none() | st.integers(1, 2),
        "business_type": st.sampled_from([None, "new", "renewal"]),
        "vehicle_kind": st.sampled_from([None, "car"]),
        "life_cycle_stage": st.sampled_from([None, "entry", "trust"]),
        "branch": st.sampled_from([None, "B01", "B02"]),
        **dict.fromkeys(FLAGS, st.none() | st.booleans()),
        **dict.fromkeys(COUNTS, st.none() | st.integers(0, 1)),
    }
)
days_before = st.integers(0, 400).map(lambda days: at(NEXT - timedelta(days)))
histories = st.fixed_dictionaries(
    {
        "ours": st.dictionaries(st.sampled_from(DAILY), days_before, max_size=12),
        "theirs": st.dictionaries(
            st.sampled_from(DAILY), days_before.filter(lambda day: day < at(NEXT, 0)), max_size=12
        ),
        "won": st.lists(
            st.builds(
                Won,
                st.sampled_from(["renewed", "bought"]),
                st.sampled_from([None, "renewal_30d", "new_car_care", "birthday"]),
                days_before,
            ),
            max_size=1,
        ),
    }
)
OWN = """
[branch.B01.renewal_60d.trigger]
window = { tag = "days_to_unrenewed_expiry", first = 55, last = 31 }
[stage.trust]
renewal_30d = false
"""
WEATHER = """
[[warning]]
kind = "typhoon"
level = "red"
begins = 2026-07-02
ends = 2026-07-03
branches = ["B01"]
[[warning]]
kind = "hail"
level = "red"
begins = 2026-06-28
ends = 2026-07-01
"""


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(customers, histories), min_size=40, max_size=40))
def test_the_triggers_of_a_snapshot_are_due_by_the_function(
    lake: Lake,
    own: Write,
    contacts: Write,
    snapshot: Write,
    drawn: list[tuple[Tags, dict[str, Any]]],
) -> None:
    own(OWN)
    own(WEATHER, "weather.toml")
    rows = {f"C{n}": (tags, history) for n, (tags, history) in enumerate(drawn)}
    snapshot(lake.home, DAY, {name: tags for name, (tags, _) in rows.items()})
    contacts(*[
        {"customer_id": name, "touchpoint": touchpoint, "day": when.astimezone(ZONE).date()}
        for name, (_, history) in rows.items()
        for touchpoint, when in history["theirs"].items()
    ])  # fmt: skip
    recorded = Recorded(
        [(name, *made) for name, (_, past) in rows.items() for made in past["ours"].items()],
        [(name, won) for name, (_, past) in rows.items() for won in past["won"]],
    )
    path = find_due(lake, DAY, recorded=recorded).path
    found = {
        (row["customer_id"], row["touchpoint"]): (row["due_on"], row["window_end"], row["reason"])
        for row in pq.read_table(path, partitioning=None).to_pylist()
    }
    catalogue = load_touchpoints(lake.home)
    occasions = load_occasions(catalogue.shared, lake.home)
    expected = {}
    for name, (tags, history) in rows.items():
        theirs = ";".join(
            f"{one}:{when.timestamp():.0f}" for one, when in history["theirs"].items()
        )
        past = recall(catalogue, history["ours"], history["won"])
        row = {"as_of": DAY, "newer": {}, CONTACTED: theirs, **tags}
        customer = Customer(row, NEXT, ZONE, past)
        there = catalogue.touchpoints_for(tags["branch"], tags["life_cycle_stage"])
        for touchpoint, declared in there.items():
            stood = standing(touchpoint, declared, customer, NEXT, occasions=occasions)
            if stood.state == "due":
                assert stood.timing
                timing = stood.timing
                expected[name, touchpoint] = (timing.first, timing.last, timing.reason)
    assert found == expected
