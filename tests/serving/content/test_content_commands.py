"""`guanjia content-check` and `guanjia content-try`, from the records to the files."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.records.contacts.caps import Caps, ContactRequest, mark_sent
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.sent_messages import sent_messages
from serving.records.database import Records
from serving.records.people.handover import pass_branch

NOON = datetime(2026, 6, 15, 4, tzinfo=UTC)
DAY = date(2026, 6, 15)
FINE, FAULTY = "您好, 退订回复R", "续保返现, 退订回复R"
SAID = ContactRequest(
    "C1", "x", "renewal", "marketing", "wecom", NOON, "B1", account_manager_id="M1"
)
Command = Callable[..., Any]


@pytest.fixture
def lake(home: Path) -> Lake:
    found = Lake(Settings(home=home))
    types = {"customer_id": pa.string(), "account_manager_id": pa.string(),
             "superseded_at": pa.timestamp("us", "UTC")}  # fmt: skip
    path = found.checked("customers")
    path.parent.mkdir(parents=True)
    rows = [("C1", "M9", None), ("C2", "M1", NOON), ("C2", "M2", None), ("C3", "M3", None)]
    table = [dict(zip(types, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(table, schema=pa.schema(list(types.items()))), path)
    return found


@pytest.fixture
def send(lake: Lake) -> Iterator[Callable[..., None]]:
    """Send a message: `send("C1", FINE)`."""
    records = Records(lake.settings)
    records.migrate()
    caps = Caps(load_contact_caps(lake.home), "Asia/Shanghai")

    def made(customer: str, message: str | None, at: datetime = NOON, **more: Any) -> None:
        wanted = replace(SAID, customer_id=customer, planned_at=at, message=message, **more)
        with records.writing() as connection:
            history = caps.history(connection, customer, at, wanted.branch)
            found = caps.reserve(connection, wanted, at, history)
            if not more.get("campaign"):
                mark_sent(connection, found.contact_id, at)

    made.records = records  # type: ignore[attr-defined]
    yield made
    records.close()


def test_what_was_sent_on_these_days_and_by_whom(lake: Lake, send: Any) -> None:
    midnight = datetime(2026, 6, 14, 16, tzinfo=UTC)
    send("C1", FINE)
    send("C2", FINE, account_manager_id=None)
    send("C3", FINE, account_manager_id=None)
    send("C4", FINE, account_manager_id=None, branch=None)
    send("C5", None)
    send("C6", FINE, campaign="reserved, not sent")
    # Service messages are sent at any hour.
    send("C7", FINE, midnight, purpose="service")
    send("C8", FINE, midnight - timedelta(microseconds=1), purpose="service")
    send("C9", FINE, midnight + timedelta(days=1), purpose="service")
    with send.records.writing() as connection:
        pass_branch(connection, "B1", "M3", "M4", "boss", NOON, customers=["C3"])
    found = sent_messages(lake, send.records, DAY, DAY)
    managers = found.messages.sort_values("contact_id")["account_manager_id"].tolist()
    # C1 as the contact says, C2 as the core system does, C3 after a handover, C4 by nobody.
    assert sorted(str(one) for one in managers) == ["M1", "M1", "M2", "M4", "None"]
    assert found.wordless == 1
    assert set(found.messages["kind"]) == {"marketing", "service"}
    with pytest.raises(GuanjiaError, match="end before they begin"):
        sent_messages(lake, send.records, DAY, DAY - timedelta(1))


def test_the_command_content_check_counts_faults_by_manager(
    send: Any, guanjia: Command, tmp_path: Path, home: Path
) -> None:
    for number in range(12):
        send(f"C{number}", FAULTY if number < 3 else FINE)
    send("D1", FAULTY, account_manager_id="M2", branch="=B2")
    words = ("content-check", "--from", "2026-06-15", "--to", "2026-06-15", "--seed", "s")
    out, found = tmp_path / "managers.csv", tmp_path / "findings.csv"
    done = guanjia(*words, "--sample", "99", "--out", str(out), "--findings", str(found), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["sent"], told["checked"], told["wordless"]) == (13, 13, 0)
    faulty = {one["account_manager_id"]: one["faulty"] for one in told["managers"]}
    assert faulty == {"M1": 3, "M2": 1}
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    # What a spreadsheet would run as a formula is text.
    assert {row["account_manager_id"]: (row["branch"], row["faulty"]) for row in rows} == {
        "M1": ("B1", "3"), "M2": ("'=B2", "1"),
    }  # fmt: skip
    with found.open(encoding="utf-8-sig", newline="") as file:
        assert {row["rule"] for row in csv.DictReader(file)} == {"cash_back"}
    assert oct(found.stat().st_mode & 0o777) == "0o600"
    shown = guanjia(*words, "--sample", "1")
    assert "13 messages from 2026-06-15 to 2026-06-15, 2 checked" in shown.stdout
    nobody = guanjia("content-check", "--from", "2026-01-01", "--to", "2026-01-01", "--seed", "s")
    assert nobody.returncode == 0, nobody.stderr
    assert "0 messages" in nobody.stdout


def test_a_text_is_tried(guanjia: Command) -> None:
    fine = guanjia("content-try", "您好, 感谢您的信任。退订回复R", "--channel", "wecom")
    assert (fine.returncode, fine.stdout) == (0, "It may be sent.\n")
    done = guanjia("content-try", FAULTY, "--channel", "wecom", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["blocked"]) == (1, True)
    assert [one["rule"] for one in told["findings"]] == ["cash_back"]
    wrong = guanjia("content-try", FINE, "--channel", "wecm")
    assert wrong.returncode == 2
    assert "wecom" in wrong.stderr
