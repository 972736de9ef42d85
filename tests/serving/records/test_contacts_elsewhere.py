"""What the core system did counts under the caps, and what we did counts once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.lake import Lake
from features.settings import Settings
from serving.records.contacts.caps import (
    Caps,
    ContactRefusedError,
    ContactRequest,
    Reservation,
    mark_not_sent,
    mark_sent,
)
from serving.records.contacts.elsewhere import ExternalContact, import_contacts, insert_external
from serving.records.database import Records
from serving.records.tables import contacts

NOON = datetime(2026, 6, 15, 4, tzinfo=UTC)
DAY = date(2026, 6, 15)
HOUR = timedelta(hours=1)
ZONES: dict[str | None, ZoneInfo] = {
    None: ZoneInfo("Asia/Shanghai"),
    "新疆": ZoneInfo("Asia/Urumqi"),
}
MADE = ExternalContact(
    "I1", "C1", "renewal_30d", "renewal", "marketing", "sms", NOON, "B1", Decimal("1")
)
WANTED = ContactRequest("C1", "renewal_30d", "renewal", "marketing", "sms", NOON, "B1")
Rows = Callable[..., list[dict[str, Any]]]
Reserve = Callable[..., Reservation]


def note(records: Records, *made: ExternalContact) -> int:
    with records.writing() as connection:
        return insert_external(connection, made, ZONES)


def test_contacts_made_elsewhere_count_in_the_caps(
    records: Records, caps: Caps, reserve_contact: Reserve
) -> None:
    assert note(records, MADE) == 1
    with records.writing() as connection, pytest.raises(ContactRefusedError) as refusal:
        reserve_contact(caps, connection, WANTED, NOON + HOUR)
    assert refusal.value.rule == "marketing_day"


def test_each_is_kept_once_in_its_customers_day(records: Records, rows: Rows) -> None:
    late = datetime(2026, 6, 15, 17, tzinfo=UTC)  # 1:00 in Shanghai, 23:00 in Ürümqi
    some = (MADE, replace(MADE, contact_id="I2", made_at=late),
            replace(MADE, contact_id="I3", made_at=late, branch="新疆"))  # fmt: skip
    assert note(records, *some) == 3
    assert note(records, *some) == 0
    assert note(records) == 0
    kept = {row["contact_id"]: row for row in rows(contacts)}
    assert {name: row["local_day"] for name, row in kept.items()} == {
        "I1": DAY, "I2": DAY + timedelta(1), "I3": DAY,
    }  # fmt: skip
    assert (kept["I1"]["state"], kept["I1"]["sent_at"], kept["I1"]["cost"]) == (
        "sent", NOON, Decimal(1),
    )  # fmt: skip


@pytest.mark.parametrize("state", ["sent", "reserved", "not sent"])
def test_a_contact_of_ours_that_comes_back_counts_once(
    records: Records, caps: Caps, reserve_contact: Reserve, rows: Rows, state: str
) -> None:
    with records.writing() as connection:
        place = reserve_contact(caps, connection, WANTED, NOON, decision_id="d1")
        if state == "sent":
            mark_sent(connection, place.contact_id, NOON)
        if state == "not sent":
            mark_not_sent(connection, place.contact_id)
    same = replace(MADE, made_at=NOON + HOUR)
    ours = replace(MADE, contact_id=place.contact_id)
    # What we did not send, and the core system did, is another contact.
    assert note(records, ours, same) == (1 if state == "not sent" else 0)
    others = [replace(same, contact_id="I5", channel="wecom"),
              replace(same, contact_id="I6", made_at=NOON + timedelta(1)),
              replace(same, contact_id="I7", customer_id="C2"),
              replace(same, contact_id="I8", touchpoint="renewal_15d")]  # fmt: skip
    assert note(records, *others) == 4


def checked(settings: Settings) -> Lake:
    """Checked tables of one customer with contacts that count, and others that do not."""
    found = Lake(settings)
    moment = pa.timestamp("us", "UTC")
    before = NOON - timedelta(days=40)
    row = {"customer_id": "C1", "touchpoint": "renewal_30d", "channel": "sms", "direction": "out",
           "occurred_at": NOON, "cost": Decimal("0.05"), "recorded_at": NOON}  # fmt: skip
    changes: list[dict[str, Any]] = [
        {"interaction_id": "I1"},
        {"interaction_id": "I2", "touchpoint": "accident_care", "channel": "phone"},
        {"interaction_id": "I3", "touchpoint": "renewal_45d"},
        {"interaction_id": "in", "direction": "in"},
        {"interaction_id": "old", "occurred_at": before},
        {"interaction_id": "late", "recorded_at": NOON + timedelta(1)},
        {"interaction_id": "moved", "superseded_at": NOON + HOUR},
    ]
    types = {"interaction_id": pa.string(), "customer_id": pa.string(), "touchpoint": pa.string(),
             "channel": pa.string(), "direction": pa.string(), "occurred_at": moment,
             "cost": pa.decimal128(14, 2), "recorded_at": moment,
             "superseded_at": moment}  # fmt: skip
    write(found.checked("interactions"), types, [row | change for change in changes])
    of_customer = {"customer_id": pa.string(), "branch": pa.string(), "recorded_at": moment,
                   "superseded_at": moment}  # fmt: skip
    customer = {"customer_id": "C1", "branch": "B1", "recorded_at": before}
    write(found.checked("customers"), of_customer, [customer])
    return found


def write(path: Path, types: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))), path)


def test_the_checked_table_is_taken_over(settings: Settings, records: Records, rows: Rows) -> None:
    lake = checked(settings)
    done = import_contacts(lake, records, DAY)
    assert (done.read, done.new, done.first) == (3, 3, DAY - timedelta(days=31))
    kept = {row["contact_id"]: row for row in rows(contacts)}
    assert {name: (row["family"], row["purpose"], row["branch"]) for name, row in kept.items()} == {
        "I1": ("renewal", "marketing", "B1"),
        "I2": ("claims", "service", "B1"),
        "I3": ("renewal", "marketing", "B1"),
    }
    assert kept["I1"]["sent_at"] == NOON
    again = import_contacts(lake, records, DAY)
    assert (again.read, again.new) == (3, 0)


def test_the_command_contacts_says_what_it_took_over(
    home: Path, guanjia: Callable[..., Any], process: Callable[..., Any]
) -> None:
    wrong = guanjia("contacts", "--as-of", "2026-06-15")
    assert (wrong.returncode, "has no checked rows" in wrong.stderr) == (2, True)
    checked(Settings(home=home))
    done = process(home, "contacts", "--as-of", "2026-06-15", "--json")
    told = json.loads(done.stdout)
    assert (told["read"], told["new"]) == (3, 3)
