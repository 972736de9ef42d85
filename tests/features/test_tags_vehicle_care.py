"""Vehicle care tags against due dates worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Answer = Callable[..., Row]
Expect = Callable[..., None]
Day = tuple[int, int, int]


def car(vehicle_id: str, registered: date | None, **more: Any) -> Row:
    row = {"vehicle_id": vehicle_id, "kind": "car", "energy": "petrol"}
    return {**row, "first_registered": registered, "acquired_at": datetime(2019, 1, 1, tzinfo=UTC),
            **more}  # fmt: skip


DUE: list[tuple[Day, Day, Day, Day, Day | None, Day | None]] = [
    # registered, as of, next on site, next mark, next maintenance, last maintenance due
    ((2020, 5, 20), (2020, 5, 20), (2026, 5, 20), (2022, 5, 20), (2020, 11, 20), None),
    ((2020, 5, 20), (2020, 11, 19), (2026, 5, 20), (2022, 5, 20), (2020, 11, 20), None),
    ((2020, 5, 20), (2020, 11, 20), (2026, 5, 20), (2022, 5, 20), (2021, 5, 20), (2020, 11, 20)),
    ((2020, 5, 20), (2022, 5, 19), (2026, 5, 20), (2022, 5, 20), (2022, 5, 20), (2021, 5, 20)),
    ((2020, 5, 20), (2022, 5, 20), (2026, 5, 20), (2024, 5, 20), (2023, 5, 20), (2022, 5, 20)),
    ((2020, 5, 20), (2026, 5, 20), (2030, 5, 20), (2028, 5, 20), (2027, 5, 20), (2026, 5, 20)),
    ((2020, 5, 20), (2029, 1, 1), (2030, 5, 20), (2030, 5, 20), (2029, 5, 20), (2028, 5, 20)),
    ((2020, 5, 20), (2030, 5, 20), (2031, 5, 20), (2031, 5, 20), (2031, 5, 20), (2030, 5, 20)),
    ((2020, 5, 20), (2036, 6, 1), (2037, 5, 20), (2037, 5, 20), (2037, 5, 20), (2036, 5, 20)),
    ((2020, 2, 29), (2025, 7, 1), (2026, 2, 28), (2026, 2, 28), (2026, 2, 28), (2025, 2, 28)),
    # On 28 February 2025 the day itself is due, and the next one counts.
    ((2020, 2, 29), (2025, 2, 27), (2026, 2, 28), (2026, 2, 28), (2025, 2, 28), (2024, 2, 29)),
    ((2020, 2, 29), (2025, 2, 28), (2026, 2, 28), (2026, 2, 28), (2026, 2, 28), (2025, 2, 28)),
    ((2020, 2, 29), (2026, 2, 28), (2030, 2, 28), (2028, 2, 29), (2027, 2, 28), (2026, 2, 28)),
    # In a leap year it is 29 February.
    ((2020, 2, 29), (2028, 2, 28), (2030, 2, 28), (2028, 2, 29), (2028, 2, 29), (2027, 2, 28)),
    ((2020, 2, 29), (2028, 2, 29), (2030, 2, 28), (2030, 2, 28), (2029, 2, 28), (2028, 2, 29)),
    ((2020, 8, 31), (2021, 2, 1), (2026, 8, 31), (2022, 8, 31), (2021, 2, 28), None),
    # Known before it is registered.
    ((2020, 7, 1), (2020, 6, 1), (2026, 7, 1), (2022, 7, 1), (2021, 1, 1), None),
]


def test_inspection_and_maintenance_are_due_by_the_age_of_the_leading_car(
    answers: Any, expect: Expect, term: Answer
) -> None:
    """The car of each case is insured for long enough to be the leading one."""
    vehicles, policies, pairs = [], [], []
    for n, (registered, day, *_) in enumerate(DUE):
        name = str(n)
        vehicles.append({**car(f"V{n}", date(*registered)), "customer_id": name})
        begin = (date(*day) - timedelta(days=100)).isoformat()
        row = term(f"P{n}", begin, (date(*day) + timedelta(days=265)).isoformat(), 1000)
        policies.append({**row, "vehicle_id": f"V{n}", "customer_id": name})
        pairs.append((name, date(*day)))
    found = answers("vehicle_care", pairs, vehicles=vehicles, policies=policies)
    for pair, (registered, day, on_site, mark, maintenance, last) in zip(pairs, DUE, strict=True):
        as_of, since = date(*day), (date(*day) - date(*registered)).days
        expect(
            found[pair],
            days_since_first_registration=since if since >= 0 else None,
            vehicle_age_months=int(since / (365.25 / 12)) if since >= 0 else None,
            days_to_next_inspection=(date(*on_site) - as_of).days,
            days_to_next_inspection_mark=(date(*mark) - as_of).days,
            inspection_mark_due_90d=(date(*mark) - as_of).days <= 90,
            days_to_next_maintenance=(date(*maintenance) - as_of).days,
            days_since_last_maintenance_due=(as_of - date(*last)).days if last else None,
            maintenance_due_30d=(date(*maintenance) - as_of).days <= 30,
            maintenance_distance_share=None,
        )


def test_warranty_hangs_on_energy_and_first_registration(
    answers: Any, expect: Expect, term: Answer
) -> None:
    kinds = {"bev": "electric", "phev": "plug_in", "fuel": "petrol", "old": "electric"}
    born = {"old": date(2018, 6, 30)}
    vehicles = [
        {**car("V1", born.get(name, date(2024, 7, 1)), energy=energy), "customer_id": name}
        for name, energy in kinds.items()
    ]
    vehicles.append({**car("V1", date(2024, 7, 1), kind="van"), "customer_id": "van"})
    names = [*kinds, "van"]
    policies = [
        {**term(f"P{name}", "2026-01-01", "2027-01-01", 1000), "customer_id": name}
        for name in names
    ]
    end = date(2026, 6, 30)
    pairs = [(name, end) for name in (*names, "nobody")]
    found = answers("vehicle_care", pairs, vehicles=vehicles, policies=policies)
    left = (date(2032, 7, 1) - end).days
    expect(found["bev", end], battery_electric=True, plug_in_hybrid=False,
           days_to_battery_warranty_end=left, new_energy_vehicles_in_force=1,
           vehicle_in_first_year=False, vehicle_in_first_two_years=True)  # fmt: skip
    expect(found["phev", end], battery_electric=False, plug_in_hybrid=True,
           days_to_battery_warranty_end=left, new_energy_vehicles_in_force=1)  # fmt: skip
    expect(found["fuel", end], battery_electric=False, plug_in_hybrid=False,
           days_to_battery_warranty_end=None, new_energy_vehicles_in_force=0)  # fmt: skip
    expect(found["old", end], days_to_battery_warranty_end=None, vehicle_in_first_two_years=False)
    expect(found["van", end], days_to_next_inspection=None, days_to_next_inspection_mark=None,
           inspection_mark_due_90d=None, days_to_next_maintenance=1)  # fmt: skip
    expect(found["nobody", end], battery_electric=None, days_to_next_maintenance=None,
           vehicles_aged_0_to_2_years=0, oldest_vehicle_age_years=None)  # fmt: skip


def test_vehicles_are_counted_by_bands_of_age(answer: Answer, expect: Expect, term: Answer) -> None:
    end = date(2026, 6, 30)
    born = {"V1": date(2026, 6, 30), "V2": date(2023, 7, 1), "V3": date(2023, 6, 30),
            "V4": date(2016, 7, 1), "V5": date(2016, 6, 30), "V6": None}  # fmt: skip
    policies = [
        term(f"P{name}", "2026-01-01", "2027-01-01", 1000, vehicle_id=name) for name in born
    ]
    policies.append(term("J1", "2026-01-01", "2027-01-01", 950, line="motor_compulsory"))
    policies.append(term("P9", "2025-01-01", "2026-01-01", 1000, vehicle_id="V9"))
    vehicles = [car(name, day) for name, day in born.items()] + [car("V9", date(2001, 1, 1))]
    expect(
        answer("vehicle_care", end, vehicles=vehicles, policies=policies),
        vehicles_aged_0_to_2_years=2,
        vehicles_aged_3_to_5_years=1,
        vehicles_aged_6_to_9_years=1,
        vehicles_aged_10_years_or_more=1,
        oldest_vehicle_age_years=10,
        mean_vehicle_age_years=(0 + 2 + 3 + 9 + 10) / 5,
    )


def test_distance_brings_maintenance_forward(answers: Any, expect: Expect, term: Answer) -> None:
    """100 km a day: 36,500 km a year, 181 days since the last due date."""
    end = date(2026, 6, 30)
    moments = [datetime(2026, 4, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(91)]
    trips = [
        {"trip_id": f"T{n}", "vehicle_id": "V1", "ended_at": moment, "recorded_at": moment,
         "distance_m": 100_000, "night_distance_m": 0}
        for n, moment in enumerate(moments)
    ]  # fmt: skip
    consent = {"consent_id": "A1", "purpose": "location", "granted": True,
               "changed_at": datetime(2025, 1, 1, tzinfo=UTC)}  # fmt: skip
    found = answers(
        "vehicle_care",
        [("C1", end)],
        vehicles=[car("V1", date(2024, 12, 31), energy="electric")],
        policies=[term("P1", "2026-01-01", "2027-01-01", 1000)],
        trips=trips,
        consents=[consent],
    )
    expect(
        found["C1", end],
        days_since_last_maintenance_due=181,
        maintenance_distance_share=1.81,
        days_to_next_maintenance=184,
        maintenance_due_30d=True,
        battery_warranty_distance_share=100 * 546 / 120_000,
    )


def test_distance_is_read_from_the_trips_of_the_year(
    answers: Any, expect: Expect, term: Answer
) -> None:
    """A trip of 2023 begins no span: 73 days from 10 April, 14,600 km, 200 km a day."""
    end = date(2026, 6, 30)
    days = [date(2023, 5, 1), date(2026, 4, 10), date(2026, 6, 21)]
    trips = [
        {"trip_id": f"T{day}", "vehicle_id": "V1", "distance_m": 7_300_000, "night_distance_m": 0,
         "ended_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC)}
        for day in days
    ]  # fmt: skip
    trips = [{**row, "recorded_at": row["ended_at"]} for row in trips]
    consent = {"consent_id": "A1", "purpose": "location", "granted": True,
               "changed_at": datetime(2023, 1, 1, tzinfo=UTC)}  # fmt: skip
    found = answers(
        "vehicle_care",
        [("C1", end)],
        vehicles=[car("V1", date(2022, 5, 12), energy="electric")],
        policies=[term("P1", "2026-01-01", "2027-01-01", 1000)],
        trips=trips,
        consents=[consent],
    )
    expect(
        found["C1", end],
        days_since_last_maintenance_due=49,
        days_to_next_maintenance=316,
        maintenance_distance_share=200 * 49 / 10_000,
        maintenance_due_30d=False,
        days_since_first_registration=1510,
        battery_warranty_distance_share=200 * 1510 / 120_000,
    )
