"""What processes count adds up, and what is read says how old it is: literal homes, no service."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from features.lake import Lake
from features.settings import Settings
from serving import clock
from serving.decision.capacity.settings import Capacity
from serving.decision.worth.policy import load_policy
from serving.exporter.folder import FOLDER, RESERVED_BYTES, create_folder
from serving.exporter.home_dates import HomeDates
from serving.exporter.port import MetricsPort
from serving.exporter.today import Today
from serving.records.columns import new_id
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.database import Records
from serving.records.tables import contacts

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
COUNT = """
from serving.exporter.folder import count_in_folder
count_in_folder()
from serving.telemetry.metrics import count_request, write_counts
for seconds in ({seconds}):
    count_request("POST /predict", 200, seconds)
write_counts()
"""


@dataclass
class Dated:
    """Stands for `TagsDate`."""

    as_of: date | None


def dates(home: Path, as_of: date | None = None) -> dict[str, float]:
    """The gauges of a home without models, by name and labels."""
    models: Any = SimpleNamespace(now=SimpleNamespace(models={}, confirmed=False))
    tags: Any = Dated(as_of)
    lake = Lake(Settings(home=home))
    return {
        " ".join((name.removeprefix("guanjia_"), *labels)): value
        for name, labels, value in HomeDates(lake, tags, models).samples()
    }


def end_of(day: str) -> float:
    """The end of a day in Shanghai, seconds since 1970."""
    return datetime.fromisoformat(f"{day}T16:00:00+00:00").timestamp()


def test_counts_of_processes_add_up_also_of_those_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create_folder(tmp_path, 1)
    monkeypatch.setenv(FOLDER, str(folder))
    for seconds in ("0.002,", "0.002, 0.02"):
        code = COUNT.format(seconds=seconds)
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    files = sorted(folder.iterdir())
    assert len(files) == 4
    assert all(path.stat().st_blocks * 512 >= RESERVED_BYTES for path in files)
    with shown(folder) as url:
        told = httpx.get(url).text
    assert 'guanjia_requests_total{endpoint="POST /predict",status="200"} 3.0' in told
    assert 'guanjia_request_seconds_bucket{endpoint="POST /predict",le="0.0025"} 2.0' in told
    assert 'guanjia_request_seconds_count{endpoint="POST /predict"} 3.0' in told
    assert "guanjia_records_up 1.0" in told
    assert "guanjia_contacts_total" not in told
    # The next service of the home begins at 0.
    assert list(create_folder(tmp_path, 1).iterdir()) == []


@contextmanager
def shown(folder: Path) -> Iterator[str]:
    """The address of metrics over a folder, which two processes want to show."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    refreshed: list[str] = []
    ports = {
        name: MetricsPort(
            "127.0.0.1",
            number,
            folder,
            [lambda: [("guanjia_records_up", (), 1.0)]],
            lambda name=name: refreshed.append(name),  # type: ignore[misc]
        )
        for name in ("first", "second")
    }
    for port in ports.values():
        port.bind()
        port.refresh()
    assert [port.is_bound for port in ports.values()] == [True, False]
    assert refreshed == ["first", "first"]  # when it got the port, and when it was asked to
    yield f"http://127.0.0.1:{number}/metrics"


def test_dates_are_instants_at_which_days_ended(tmp_path: Path) -> None:
    for name in ("2026-06-28", "2026-06-29"):
        path = tmp_path / "scores" / f"as_of={name}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    read = dates(tmp_path, date(2026, 6, 30))
    assert read["tags_timestamp_seconds"] == end_of("2026-06-30")
    assert read["scores_timestamp_seconds"] == end_of("2026-06-29")
    assert read["published_timestamp_seconds"] == end_of("2026-06-30")
    pointer = {"as_of": "2026-06-27", "generation": "2026-06-27-1", "snapshot_id": "s", "slot": "a",
               "published_at": "2026-06-28T01:02:03+00:00", "accepted": False}  # fmt: skip
    (tmp_path / "published.json").write_text(json.dumps(pointer), encoding="utf-8")
    read = dates(tmp_path, date(2026, 6, 30))
    assert read["published_timestamp_seconds"] == end_of("2026-06-27")
    assert (
        read["published_at_timestamp_seconds"]
        == datetime(2026, 6, 28, 1, 2, 3, tzinfo=UTC).timestamp()
    )


def test_a_damaged_file_costs_its_own_gauges_alone(tmp_path: Path) -> None:
    (tmp_path / "published.json").write_text("{", encoding="utf-8")
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "2026-06-30.json").write_text("[]", encoding="utf-8")
    read = dates(tmp_path, date(2026, 6, 30))
    assert read["tags_timestamp_seconds"] == end_of("2026-06-30")
    assert "published_timestamp_seconds" not in read
    assert not any(name.startswith("day_") for name in read)


def test_the_latest_attempt_of_the_latest_day_is_told_by_step(tmp_path: Path) -> None:
    step = {"name": "tags", "outcome": "done", "began": "2026-07-01T00:10:00+00:00",
            "seconds": 2.5, "rows": 286}  # fmt: skip
    broken = {"name": "quality", "outcome": "broken", "began": "2026-07-01T00:10:03+00:00",
              "seconds": 0.5, "rows": None}  # fmt: skip
    attempts = [{"outcome": "cut off", "steps": []}, {"outcome": "broken", "steps": [step, broken]}]
    (tmp_path / "days").mkdir()
    for name in ("2026-06-29", "2026-06-30"):
        text = json.dumps({"attempts": attempts if name.endswith("30") else []})
        (tmp_path / "days" / f"{name}.json").write_text(text, encoding="utf-8")
    read = dates(tmp_path)
    began = datetime(2026, 7, 1, 0, 10, tzinfo=UTC).timestamp()
    assert {name: value for name, value in read.items() if name.startswith("day_")} == {
        "day_timestamp_seconds": end_of("2026-06-30"),
        "day_attempts": 2.0,
        "day_outcome broken": 1.0,
        "day_step_began_timestamp_seconds tags done": began,
        "day_step_seconds tags": 2.5,
        "day_step_rows tags": 286.0,
        "day_step_began_timestamp_seconds quality broken": began + 3,
        "day_step_seconds quality": 0.5,
    }


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(Settings(home=tmp_path))
    opened.migrate()
    yield opened
    opened.close()


Decide = Callable[[str, datetime, bool], None]


@pytest.fixture
def decide(records: Records) -> Decide:
    """Store a decision of silence."""

    def store(customer: str, at: datetime, holdout: bool) -> None:
        decision = Decision(customer, "app_open", at, {}, holdout=holdout)
        with records.writing() as connection:
            write_decision(connection, decision)

    return store


def test_customers_of_today_count_once_in_the_holdout_or_not(
    tmp_path: Path, records: Records, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    today = Today(records, settings, load_policy(tmp_path), Capacity(every_branch={}, branches={}))

    def counted(now: datetime) -> tuple[float, float]:
        monkeypatch.setattr(clock, "now", lambda _: now)
        today.refresh()
        read = {labels: value for name, labels, value in today.samples() if "customers" in name}
        return read[("false",)], read[("true",)]

    decide("C0", NOON - timedelta(days=1), True)  # yesterday
    for customer, holdout in (("C1", False), ("C2", True), ("C1", False)):
        decide(customer, NOON, holdout)
    assert counted(NOON) == (1.0, 1.0)
    # One that began before and was committed after the last look, and one since.
    decide("C3", NOON - timedelta(seconds=1), False)
    decide("C2", NOON + timedelta(seconds=30), True)
    assert counted(NOON + timedelta(minutes=1)) == (2.0, 1.0)
    decide("C1", NOON + timedelta(days=1), False)
    assert counted(NOON + timedelta(days=1, minutes=1)) == (1.0, 0.0)
    stated = dict.fromkeys(name for name, _, _ in today.samples())
    assert "guanjia_holdout_share_stated" in stated


def test_capacity_left_is_what_is_stated_less_contacts_that_have_their_place_today(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda _: NOON)

    def contact(
        branch: str, channel: str, state: str = "sent", day: int = 1, hours: int = 5
    ) -> None:
        at = NOON - timedelta(hours=20)  # reserved in quiet hours of the night before
        row = {"contact_id": new_id(at), "customer_id": "C1", "touchpoint": "t", "family": "f",
               "purpose": "marketing", "channel": channel, "branch": branch, "planned_at": NOON,
               "time_zone": "Asia/Shanghai", "planned_day": date(2026, 7, day),
               "local_day": date(2026, 7, day), "state": state, "reserved_at": at,
               "reserved_until": NOON + timedelta(hours=hours)}  # fmt: skip
        with records.writing() as connection:
            connection.execute(insert(contacts), row)

    contact("杭州", "phone")
    contact("杭州", "phone", "reserved")
    contact("杭州", "phone", "reserved", hours=-1)  # its place has ended
    contact("杭州", "phone", "released")
    contact("杭州", "phone", day=2)
    contact("杭州", "sms")  # not limited
    capacity = Capacity(every_branch={"phone": 120}, branches={"杭州": {"phone": 3}})
    today = Today(records, Settings(home=tmp_path), load_policy(tmp_path), capacity)
    today.refresh()
    assert [sample for sample in today.samples() if "capacity" in sample[0]] == [
        ("guanjia_capacity_contacts", ("杭州", "phone"), 3.0),
        ("guanjia_capacity_left_contacts", ("杭州", "phone"), 1.0),
    ]


def test_records_that_do_not_answer_are_told_and_leave_no_old_figures(
    tmp_path: Path, records: Records, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda _: NOON)
    decide("C1", NOON, False)
    today = Today(
        records,
        Settings(home=tmp_path),
        load_policy(tmp_path),
        Capacity(every_branch={}, branches={}),
    )
    today.refresh()
    assert ("guanjia_records_up", (), 1.0) in today.samples()
    records.close()
    for path in tmp_path.glob("records.db*"):
        path.write_bytes(b"no database" * 1000)
    today.refresh()
    assert [sample[0::2] for sample in today.samples()] == [
        ("guanjia_holdout_share_stated", 0.05),
        ("guanjia_records_up", 0.0),
    ]
