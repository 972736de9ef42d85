"""What tests of events share: tiny tables, online, and a desk that takes events."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shared import made_once

from features.contracts.tables import CONTRACTS
from features.events.event_types import EVENTS, Event
from features.events.inbox import EventInbox, StoredEvent
from features.events.intake import Intake
from features.lake import Lake
from features.online import feast_client
from features.online.push_events import FreshTags
from features.online.reader import read_tags
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.tags.catalogue import groups

Row = dict[str, Any]
Put = Callable[[Lake, str, list[Row]], None]
YESTERDAY = date(2026, 6, 30)
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
"""Nine in the morning, in the insurer's zone, of the day after."""


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T04:00:00+00:00")


def rows_of(customer: str) -> dict[str, list[Row]]:
    """A customer with a car, cover, a quote, an entitlement, a day driven, consent to location."""
    found: dict[str, list[Row]] = {
        "customers": [{"registered_at": noon("2019-01-01")}],
        "policies": [
            {"policy_id": "P1", "vehicle_id": "V1", "line": "motor_commercial",
             "private_car": True, "signed_at": noon("2025-07-10"), "inception": date(2025, 7, 20),
             "expiry": date(2026, 7, 20), "written_premium": 3000.0,
             "recorded_at": noon("2025-07-10")},
        ],
        "quotes": [
            {"quote_id": "Q1", "policy_id": "P1", "vehicle_id": "V1", "line": "motor_commercial",
             "channel": "online", "premium": 3100.0, "quoted_at": noon("2026-06-20"),
             "recorded_at": noon("2026-06-20")},
        ],
        "entitlements": [
            {"entitlement_id": "E1", "service": "roadside", "service_class": "A",
             "granted_at": noon("2026-06-01"), "expires_on": date(2027, 6, 1), "unit_cost": 80.0,
             "recorded_at": noon("2026-06-01")},
        ],
        "trips": [
            {"trip_id": "T1", "vehicle_id": "V1", "ended_at": noon("2026-06-25"),
             "distance_m": 40_000, "night_distance_m": 0, "harsh_accelerations": 1,
             "harsh_brakings": 0, "harsh_cornerings": 0, "speeding_seconds": 0,
             "recorded_at": noon("2026-06-25")},
        ],
        "consents": [
            {"consent_id": "L1", "purpose": "location", "granted": True,
             "changed_at": noon("2025-01-01"), "recorded_at": noon("2025-01-01")},
        ],
    }  # fmt: skip
    for name, rows in found.items():
        for row in rows:
            row |= {column: f"{row[column]} {customer}" for column in KEYS if column in row}
            row["customer_id"] = customer
        found[name] = rows
    return found


KEYS = ("policy_id", "vehicle_id", "quote_id", "entitlement_id", "trip_id", "consent_id")
CUSTOMERS = [f"C{number}" for number in range(1, 15)]


@dataclass
class Desk:
    """All that an event passes, and what is online afterwards."""

    lake: Lake
    day: date = YESTERDAY
    morning: datetime = NINE

    def __post_init__(self) -> None:
        self.inbox = EventInbox(self.lake)
        self.intake = Intake(self.lake, self.inbox)
        self.fresh = FreshTags(self.lake, self.inbox)

    def take(
        self,
        name: str,
        customer: str = "C1",
        received: datetime = NINE,
        occurred: datetime | None = None,
        event_id: str | None = None,
        **fields: Any,
    ) -> StoredEvent:
        """Keep an event, without bringing it online."""
        type_ = EVENTS[name]
        full = {**dict.fromkeys(type_.fields), **fields}
        event_id = event_id or f"{name} {customer} {received} {fields}"
        return self.intake.take(
            Event(event_id, type_, customer, occurred or received, full), received
        )

    def send(self, name: str, customer: str = "C1", **more: Any) -> StoredEvent:
        """Keep an event and bring it online."""
        kept = self.take(name, customer, **more)
        self.fresh.refresh([customer])
        return kept

    def online(self, customer: str = "C1", *names: str) -> Row:
        """Tags of a customer as they are online."""
        (row,) = read_tags(self.lake, [customer], names)
        return {name: row[name] for name in names}

    def group(self, name: str, customer: str = "C1") -> Row:
        """All tags of a group as they are online."""
        return self.online(customer, *groups()[name].tags)


@pytest.fixture(scope="session")
def tables() -> dict[str, list[Row]]:
    """Rows of the customers, known by the end of yesterday."""
    every = [rows_of(customer) for customer in CUSTOMERS]
    return {name: [row for one in every for row in one.get(name, [])] for name in CONTRACTS}


@pytest.fixture(scope="session")
def online_home(
    tmp_path_factory: pytest.TempPathFactory, put: Put, tables: dict[str, list[Row]]
) -> Path:
    """A home of these customers whose tags of yesterday are online; tests copy it."""

    def make(home: Path) -> None:
        lake = Lake(Settings(home=home))
        for table, rows in tables.items():
            put(lake, table, rows)
        write_snapshot(lake, [YESTERDAY])
        feast_client.materialize(lake, YESTERDAY, now=NINE)

    return made_once(tmp_path_factory, "online", make)


def copied(online_home: Path, folder: Path) -> Desk:
    shutil.copytree(online_home, folder, dirs_exist_ok=True)
    return Desk(Lake(Settings(home=folder)))


@pytest.fixture
def desk(online_home: Path, tmp_path: Path) -> Desk:
    """A desk over the customers, on SQLite."""
    return copied(online_home, tmp_path / "desk")


@pytest.fixture(params=["sqlite", "redis"])
def online_url(request: pytest.FixtureRequest) -> str:
    """Each online store in turn."""
    return "sqlite" if request.param == "sqlite" else str(request.getfixturevalue("redis_url"))


@pytest.fixture(scope="session")
def desk_over() -> type[Desk]:
    """A desk over any lake."""
    return Desk


@pytest.fixture
def desk_in(online_home: Path) -> Callable[[Path], Desk]:
    """A desk over the customers in a folder of one's own."""
    return lambda folder: copied(online_home, folder / "desk")


@pytest.fixture(scope="module")
def one_desk(online_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same for a whole module, whose tests take a customer each."""
    return copied(online_home, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def later() -> Callable[[float], datetime]:
    """Nine o'clock and so many seconds."""
    return lambda seconds: NINE + timedelta(seconds=seconds)
