"""How tags of cover, claims, telematics and vehicle care move with the calendar alone.

Where no row of a customer becomes known and no date of his comes to a distance that matters,
`days_since_` grows by one a day, `days_to_` shrinks by one, and every other aggregate tag stays.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings, cutoff
from features.snapshots.compute import compute_group
from features.sources.simulation.simulate import simulate
from features.tags.catalogue import groups
from features.tags.relations.claims_standards import ClaimsStandards

GROUPS = ("underwriting", "claims", "telematics", "vehicle_care")
DAYS = [date(2026, 6, 10) + timedelta(days=n) for n in range(10)]
HORIZONS = {0, 1, 3, 7, 15, 30, 60, 90, 180, 184, 365, 730, *ClaimsStandards().horizons}
BIRTHDAYS = {"birth_date", "licence_date", "first_registered"}
MONTHS = {"first_registered": (6,)}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of 200 simulated customers."""
    found = Lake(Settings(home=tmp_path_factory.mktemp("lake")))
    simulate(found, 200, 12)
    check_tables(found)
    return found


def rows_of_customers(lake: Lake) -> dict[str, list[Row]]:
    """All rows of each customer, of whichever table."""
    found: dict[str, list[Row]] = {}
    for name in CONTRACTS:
        if lake.has(name):
            for row in pq.read_table(lake.checked(name)).to_pylist():
                found.setdefault(row["customer_id"], []).append(row)
    return found


def later(day: date, months: int) -> date:
    """The same day so many months later; the end of a shorter month where there is none."""
    month = day.month - 1 + months
    for number in range(day.day, 27, -1):
        try:
            return date(day.year + month // 12, month % 12 + 1, number)
        except ValueError:
            continue
    return date(day.year + month // 12, month % 12 + 1, day.day)


def stirs(row: Row, day: date) -> bool:
    """Whether something of the row happens on the day, or a date of it comes to matter then."""
    begin, end = (cutoff(d, "Asia/Shanghai") for d in (day - timedelta(days=1), day))
    for name, value in row.items():
        if isinstance(value, datetime):
            if begin <= value < end:
                return True
        elif isinstance(value, date):
            if abs((day - value).days) in HORIZONS or later(value, 36) == day:
                return True
            if name in BIRTHDAYS and (value.month, value.day) == (day.month, day.day):
                return True
            if any(later(value, months) == day for months in MONTHS.get(name, ())):
                return True
    return False


def quiet_days(lake: Lake) -> Iterator[tuple[str, date]]:
    """Customers and days on which nothing happens to their tags but that the day passes."""
    for customer, rows in rows_of_customers(lake).items():
        for day in DAYS[1:]:
            if not any(stirs(row, day) for row in rows):
                yield customer, day


def test_tags_move_with_the_calendar_as_their_names_say(lake: Lake) -> None:
    spine = spine_of_customers(lake, DAYS)
    quiet = list(quiet_days(lake))
    assert len(quiet) > 300
    moved: dict[str, int] = {}
    for group in GROUPS:
        tags = [tag for tag in groups()[group].tags.values() if tag.relation is not None]
        rows = compute_group(lake, spine, group).to_pylist()
        found = {(row["customer_id"], row["as_of"]): row for row in rows}
        for customer, day in quiet:
            before, after = found[customer, day - timedelta(days=1)], found[customer, day]
            for tag in tags:
                step = tag.name.startswith("days_since_") - tag.name.startswith("days_to_")
                old, new = before[tag.name], after[tag.name]
                assert (new is None) == (old is None), (tag.name, customer, day)
                if old is not None:
                    assert new == (old + step if step else old), (tag.name, customer, day)
                    moved[tag.name] = moved.get(tag.name, 0) + (step != 0)
    said = {name for name, times in moved.items() if times}
    assert {
        "days_since_first_registration",
        "days_to_next_inspection_mark",
        "days_to_next_maintenance",
        "days_since_earliest_commercial_inception",
        "days_to_last_commercial_expiry",
        "days_since_last_claim",
        "days_since_last_trip",
    } <= said


def test_a_customer_stirs_when_a_month_or_a_year_is_full() -> None:
    car = {"first_registered": date(2020, 8, 31)}
    assert stirs(car, date(2021, 2, 28))
    assert stirs(car, date(2026, 8, 31))
    assert not stirs(car, date(2026, 8, 30))
    assert later(date(2026, 12, 15), 36) == date(2029, 12, 15)
