"""Telematics tags: their values, and that they exist only within the consent to location."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.tags.catalogue import catalogue

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]
END = date(2026, 6, 30)
TAGS = [name for name, tag in catalogue().items() if tag.group == "telematics"]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def trip(day: str, metres: int = 10_000, vehicle: str = "V1", **more: Any) -> Row:
    """A day driven, known on its evening: 21:00 in Shanghai."""
    evening = at(f"{day}T13:00:00")
    counts = dict.fromkeys(
        ("night_distance_m", "harsh_accelerations", "harsh_brakings", "harsh_cornerings",
         "speeding_seconds"), 0
    )  # fmt: skip
    row = {"trip_id": f"T{day}{vehicle}{more.get('customer_id', '')}", "vehicle_id": vehicle,
           "ended_at": evening, "recorded_at": evening, "distance_m": metres}  # fmt: skip
    return {**row, **counts, **more}


def word(moment: str, granted: bool, purpose: str = "location", **more: Any) -> Row:
    """What the customer said of a purpose, known at once."""
    row = {"consent_id": f"A{moment}{granted}{purpose}", "purpose": purpose, "granted": granted}
    return {**row, "changed_at": at(moment), "recorded_at": at(moment), **more}


def silent(row: Row) -> bool:
    """Whether no telematics tag says anything."""
    return all(row[name] is None for name in TAGS)


def test_driving_habits_are_rates_by_distance(answer: Answer, expect: Expect) -> None:
    trips = [
        trip("2026-06-30", 40_000, night_distance_m=10_000, harsh_brakings=3, speeding_seconds=90),
        trip("2026-06-30", 20_000, "V2", harsh_accelerations=2, harsh_cornerings=1),
        trip("2026-06-01", 60_000, harsh_brakings=3),
        trip("2026-05-31", 80_000),  # the 31st day
        trip("2026-05-02", 0),  # the 60th day: standing still is no day driven
        trip("2026-04-02", 100_000, night_distance_m=50_000),  # the 90th day
        trip("2025-07-01", 200_000, harsh_brakings=10),  # the 365th day
        trip("2025-06-30", 500_000, harsh_brakings=99),
    ]
    expect(
        answer("telematics", trips=trips, consents=[word("2024-01-01", True)]),
        distance_km_30d=120.0,
        distance_km_90d=300.0,
        distance_km_365d=500.0,
        driven_days_30d=2,
        driven_days_90d=4,
        driven_days_365d=5,
        night_distance_share_30d=1 / 12,
        night_distance_share_90d=0.2,
        night_distance_share_365d=0.12,
        harsh_accelerations_per_100km_30d=2 / 1.2,
        harsh_brakings_per_100km_30d=5.0,
        harsh_brakings_per_100km_90d=2.0,
        harsh_brakings_per_100km_365d=3.2,
        harsh_cornerings_per_100km_365d=0.2,
        speeding_seconds_per_100km_90d=30.0,
        longest_day_km_30d=60.0,
        longest_day_km_90d=100.0,
        longest_day_km_365d=200.0,
        distance_change_ratio_30d=0.5,
        vehicles_driven_365d=2,
        days_since_last_trip=0,
        days_since_first_trip=365,
        distance_km_per_driven_day_90d=75.0,
        driven_days_share_90d=4 / 90,
        # Of the window: 1 July 2025 to 30 June 2026 is 365 days, 500 km by two vehicles.
        annual_distance_km=250.0,
    )


def test_a_year_is_estimated_from_first_to_last_trip(answers: Any, expect: Expect) -> None:
    long = [trip("2026-04-01"), trip("2026-04-30")]
    short = [trip("2026-04-01", customer_id="short"), trip("2026-04-29", customer_id="short")]
    consents = [word("2024-01-01", True), word("2024-01-01", True, customer_id="short")]
    pairs = [("C1", END), ("short", END)]
    found = answers("telematics", pairs, trips=[*long, *short], consents=consents)
    expect(found["C1", END], annual_distance_km=20 * 365 / 30, distance_km_30d=0.0,
           night_distance_share_30d=None, longest_day_km_30d=None)  # fmt: skip
    expect(found["short", END], annual_distance_km=None, driven_days_share_90d=1 / 90)


def test_a_year_is_estimated_from_trips_of_the_year_alone(answers: Any, expect: Expect) -> None:
    """Trips of long ago begin no span: 30 days from 1 April, not 365 of which 336 were silent."""
    long_ago = trip("2024-05-01")
    recent = [trip("2026-04-01"), trip("2026-04-30")]
    near = [{**row, "customer_id": "near"} for row in (long_ago, trip("2026-04-30"))]
    consents = [word("2024-01-01", True), word("2024-01-01", True, customer_id="near")]
    pairs = [("C1", END), ("near", END)]
    found = answers("telematics", pairs, trips=[long_ago, *recent, *near], consents=consents)
    expect(found["C1", END], annual_distance_km=20 * 365 / 30, days_since_first_trip=790)
    expect(found["near", END], annual_distance_km=None, distance_km_365d=10.0)


CONSENTS: dict[str, tuple[list[Row], list[int]]] = {
    "never said": ([], []),
    "refused": ([word("2026-01-01", False)], []),
    "another purpose": ([word("2026-01-01", True, "marketing"),
                         word("2026-01-01", True, "profiling")], []),
    "before every trip": ([word("2026-01-01", True)], [10, 11, 12, 13, 14]),
    "given on the 12th": ([word("2026-06-12T01:00", True)], [13, 14]),
    # 16:30 in UTC is half past midnight of the 13th in Shanghai.
    "given in the night to the 13th": ([word("2026-06-12T16:30", True)], [14]),
    "withdrawn on the 13th": ([word("2026-01-01", True), word("2026-06-13T02:00", False)], []),
    "withdrawn on the 11th, given on the 13th": (
        [word("2026-01-01", True), word("2026-06-11T02:00", False), word("2026-06-13", True)],
        [10, 14]),
    "given again without a break": (
        [word("2026-01-01", True), word("2026-06-12", True)], [10, 11, 12, 13, 14]),
    "refused again": ([word("2026-01-01", True), word("2026-06-13", False),
                       word("2026-06-14", False)], []),
    "withdrawn and given on one day": (
        [word("2026-01-01", True), word("2026-06-12T01:00", False), word("2026-06-12T02:00", True)],
        [10, 11, 13, 14]),
    "given and withdrawn on one day": (
        [word("2026-06-12T01:00", True), word("2026-06-12T02:00", False)], []),
    "withdrawal taken back as a mistake": (
        [word("2026-01-01", True),
         word("2026-06-12", False, superseded_at=at("2026-06-13")),
         {**word("2026-06-12", True), "consent_id": word("2026-06-12", False)["consent_id"],
          "recorded_at": at("2026-06-13")}],
        [10, 11, 12, 13, 14]),
}  # fmt: skip
"""What was said, and of which days of June 2026 the trips of the 10th to the 14th then count."""


def test_only_trips_within_consent_count(answers: Any) -> None:
    trips, consents = [], []
    for name, (words, _) in CONSENTS.items():
        consents += [{**row, "customer_id": name} for row in words]
        # Each day its own power of two: the sum tells which days were counted.
        trips += [
            trip(f"2026-06-{day}", 1000 * 2**n, customer_id=name)
            for n, day in enumerate(range(10, 15))
        ]
    pairs = [(name, END) for name in CONSENTS]
    found = answers("telematics", pairs, trips=trips, consents=consents)
    for name, (_, days) in CONSENTS.items():
        told = found[name, END]["distance_km_365d"]
        assert told == (float(sum(2 ** (day - 10) for day in days)) if days else None), name
        assert silent(found[name, END]) == (not days), name


def test_consent_counts_from_its_record_and_ends_with_its_withdrawal(answers: Any) -> None:
    """Said on 3 June, known on 10 June, withdrawn on 20 June: what each date knows decides."""
    consents = [
        word("2026-06-03", True, recorded_at=at("2026-06-10T02:00")),
        word("2026-06-20T02:00", False),
    ]
    trips = [trip(f"2026-06-{day:02}", 1000) for day in range(1, 25)]
    days = [date(2026, 6, day) for day in range(1, 31)]
    found = answers("telematics", [("C1", day) for day in days], trips=trips, consents=consents)
    told = {day.day: found["C1", day]["distance_km_30d"] for day in days}
    allowed = {day: float(day - 3) for day in range(10, 20)}
    assert told == {day: allowed.get(day) for day in range(1, 31)}
    assert all(silent(found["C1", day]) == (day.day not in allowed) for day in days)


def test_without_the_table_of_consents_nothing_is_told(answer: Answer) -> None:
    assert silent(answer("telematics", trips=[trip("2026-06-01")]))


def test_consent_without_trips_tells_nothing(answer: Answer) -> None:
    assert silent(answer("telematics", trips=[], consents=[word("2026-01-01", True)]))


HOURS = st.integers(0, 20 * 24 - 1)
WORDS = st.lists(st.tuples(HOURS, HOURS, st.booleans()), max_size=5)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(WORDS, min_size=8, max_size=8))
def test_whoever_does_not_consent_now_has_no_tags(answers: Any, drawn: Any) -> None:
    """Against the rule in plain Python: words of hours in June, known then or later."""
    start, zone = at("2026-06-01"), timedelta(hours=8)
    consents, trips = [], []
    for customer, words in enumerate(drawn):
        trips += [trip(f"2026-06-{d:02}", 1000, customer_id=str(customer)) for d in range(1, 21)]
        for number, (said, later, granted) in enumerate(words):
            moment = start + timedelta(hours=said)
            known = start + timedelta(hours=max(said, later))
            row = {"consent_id": f"A{customer}-{number}", "purpose": "location"}
            consents.append({**row, "customer_id": str(customer), "granted": granted,
                             "changed_at": moment, "recorded_at": known})  # fmt: skip
    days = [date(2026, 6, 5), date(2026, 6, 12), date(2026, 6, 20)]
    pairs = [(str(customer), day) for customer in range(len(drawn)) for day in days]
    found = answers("telematics", pairs, trips=trips, consents=consents)
    for customer, day in pairs:
        end = datetime(2026, 6, day.day, 16, tzinfo=UTC)
        # Of two at one instant the refusal is the last.
        words = sorted(
            (row["changed_at"], not row["granted"])
            for row in consents
            if row["customer_id"] == customer and row["recorded_at"] < end
        )
        allowed = set()
        if words and not words[-1][1]:
            for d in range(1, day.day + 1):
                noon = date(2026, 6, d)
                before = [not refused for m, refused in words if (m + zone).date() < noon]
                within = [not refused for m, refused in words if (m + zone).date() == noon]
                if before and before[-1] and all(within):
                    allowed.add(d)
        told = found[customer, day]["driven_days_365d"]
        assert told == (len(allowed) or None), (customer, day, words)


@pytest.mark.parametrize("name", TAGS)
def test_every_telematics_tag_says_that_it_needs_consent(name: str) -> None:
    assert "no consent to location" in catalogue()[name].null
