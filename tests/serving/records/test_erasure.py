"""Erasure: afterwards the customer is nowhere, not in a table, not in a file, not in a dump."""

import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, insert, select

from features.erased import erasure_key, pseudonym
from features.errors import GuanjiaError
from features.settings import Settings
from serving.records import database
from serving.records.campaign_tables import campaign_looks, campaign_members, campaigns
from serving.records.columns import to_json
from serving.records.contacts.caps import Caps, ContactRequest
from serving.records.contacts.decisions import Decision, with_document, write_decision
from serving.records.contacts.due_touchpoints import NewDue, write_due
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import LOG_SECONDS, Records, RecordsAwayError
from serving.records.packing import Packed
from serving.records.people.audit import access_row, insert_accesses, note_export
from serving.records.people.consents import ConsentChange, consents_as_of, write_consent
from serving.records.people.erase_records import DELETED, LISTED, erase_from_records
from serving.records.people.handover import pass_branch
from serving.records.people.reviews import request_review
from serving.records.tables import (
    METADATA,
    capacity_prices,
    consent_changes,
    console_sessions,
    console_users,
    decision_frames,
    decisions,
    erasures,
    exports,
    handovers,
    list_releases,
    list_versions,
    manager_assignments,
    reads,
    retentions,
)
from serving.touchpoints.event_triggers import DueTouchpoint

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
GONE, STAYS = "客户-4711-张", "客户-4712-李"
KEY = b"k" * 32
OF_NOBODY = (
    *(capacity_prices, handovers, erasures, retentions, decision_frames),
    *(list_versions, list_releases),
    *(campaigns, campaign_looks),
    *(console_users, console_sessions),
)
"""Tables that hold no customer."""


def live(records: Records, caps: Caps, customer: str) -> None:
    """Everything a customer can leave behind, in every table that holds customers."""
    with records.writing() as connection:
        request = {"customer_id": customer}
        number = write_decision(
            connection,
            Decision(customer, "app_open", NOW, {"of": customer, "household": [customer]}),
            client_key=f"app:{customer}",
            request=request,
        ).decision_id
        wanted = ContactRequest(
            customer, "x", "renewal", "service", "sms", NOW,
            account_manager_id="M1", branch="B1", message=f"{customer}: 您的车险将到期",
        )  # fmt: skip
        history = caps.history(connection, customer, NOW)
        key = f"c:{customer}"
        caps.reserve(connection, wanted, NOW, history, decision_id=number, client_key=key)
        told = Outcome("clicked", NOW, decision_id=number, detail={"who": customer})
        note_outcome(connection, told, NOW, client_key=f"o:{customer}")
        note_outcome(connection, replace(told, kind="opted_out"), NOW)
        for granted, channel in ((True, None), (True, "app")):
            said = ConsentChange(customer, "marketing", granted, NOW, channel, source="app")
            write_consent(connection, said, NOW, client_key=f"k:{channel}:{customer}")
        for purpose in ("profiling", "location"):
            write_consent(connection, ConsentChange(customer, purpose, False, NOW), NOW)  # type: ignore[arg-type]
        write_consent(
            connection, ConsentChange(customer, "location", True, NOW + timedelta(1)), NOW
        )
        request_review(connection, number, customer, f"{customer} 不同意", NOW)
        pass_branch(connection, "B1", "M1", "M2", "boss", NOW, customers=[customer])
        due = DueTouchpoint(customer, "x", f"E {customer}", f"报案 {customer}", NOW,
                            NOW + timedelta(1), "service", "person", ("phone",), "standard",
                            None)  # fmt: skip
        write_due(connection, [NewDue(due, "claim_reported", NOW, "B1")], NOW)
        member = {"campaign": "july", "customer_id": customer, "arm": "call", "share": 0.5}
        connection.execute(insert(campaign_members), member)


@pytest.fixture
def lived(records: Records, caps: Caps) -> Records:
    for customer in (GONE, STAYS):
        live(records, caps, customer)
    with records.writing() as connection:
        insert_accesses(connection, [access_row("app", "/predict", [STAYS, GONE], NOW, "service")])
        insert_accesses(connection, [access_row("app", "/predict", [f"{GONE}二"], NOW, "service")])
        note_export(connection, "ann", "list", ["姓名"], [GONE, STAYS], NOW, "campaign")
    return records


def everything(records: Records, settings: Settings, server: Any) -> bytes:
    """All that is on the disk (SQLite), or a dump of every column (Postgres); and unpacked."""
    with records.reading() as connection:
        rows = connection.execute(decisions.select()).mappings().all()
        documents = [to_json(with_document(connection, row)["document"]) for row in rows]
    unpacked = "".join(documents).encode()
    if settings.database is None:
        files = settings.home.glob("records.db*")
        return unpacked + b"".join(path.read_bytes() for path in files)
    dump = [str(server.binaries / "pg_dump"), "--data-only", settings.database]
    return unpacked + subprocess.run(dump, check=True, capture_output=True, timeout=60).stdout


def test_every_table_and_every_document_is_accounted_for() -> None:
    known = {*DELETED, *LISTED, *OF_NOBODY, consent_changes}
    assert known == set(METADATA.tables.values())
    assert len(DELETED) + len(LISTED) + len(OF_NOBODY) + 1 == len(known)
    with_customer = {table for table in known if "customer_id" in table.c}
    assert with_customer == {*DELETED, consent_changes}
    documents = {
        column
        for table in known - set(DELETED)
        for column in table.c
        if isinstance(column.type, JSON | Packed)
    }
    of_nobody = {exports.c["columns"], erasures.c["rows"], retentions.c["rows"]}
    of_nobody |= {list_versions.c.document, list_releases.c.document, campaigns.c.plan}
    of_nobody |= {console_users.c.roles, console_users.c.branches}
    assert documents - of_nobody == {table.c.customer_ids for table in LISTED}


def test_an_erased_customer_is_in_no_table_file_or_dump(
    lived: Records, settings: Settings, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if settings.database else None
    before = everything(lived, settings, server)
    assert GONE.encode() in before
    with lived.reading() as connection:
        query = select(decisions.c.packed).where(decisions.c.customer_id == GONE)
        packed = connection.execute(query).scalar_one()
    written = packed if settings.database is None else packed.hex().encode()
    assert written in before
    with lived.writing(durable=True) as connection:
        receipt = erase_from_records(connection, GONE, "compliance", NOW, KEY)
    lived.scrub()
    after = everything(lived, settings, server).replace(f"{GONE}二".encode(), b"")
    assert GONE.encode() not in after
    assert written not in after
    assert STAYS.encode() in after
    assert receipt.rows == {
        "decisions": 1, "contacts": 1, "outcomes": 2, "review_requests": 1,
        "due_touchpoints": 1, "manager_assignments": 1, "campaign_members": 1, "reads": 1,
        "exports": 1, "consent_changes": 6,
    }  # fmt: skip


def test_rows_of_others_are_as_they_were(lived: Records, rows: Any) -> None:
    def of_others() -> dict[str, Any]:
        return {
            table.name: [row for row in rows(table) if row.get("customer_id") == STAYS]
            for table in METADATA.sorted_tables
        }

    before = of_others()
    with lived.writing() as connection:
        erase_from_records(connection, GONE, "compliance", NOW, KEY)
    assert of_others() == before
    assert all(before[table.name] for table in (*DELETED, consent_changes))
    assert sorted((row["customers"], row["customer_ids"]) for row in rows(reads)) == [
        (1, [f"{GONE}二"]), (2, [STAYS]),
    ]  # fmt: skip
    assert [row["customer_ids"] for row in rows(exports)] == [[STAYS]]


def test_refusals_that_hold_stay_under_a_hash_and_hold(lived: Records, rows: Any) -> None:
    mark = pseudonym(KEY, GONE)
    with lived.reading() as connection:
        before = consents_as_of(connection, GONE, NOW)
    with lived.writing() as connection:
        erase_from_records(connection, GONE, "compliance", NOW, KEY)
    kept = [row for row in rows(consent_changes) if row["customer_id"] != STAYS]
    said = sorted((row["purpose"], row["channel"] or "", row["granted"]) for row in kept)
    assert said == [("location", "", False), ("marketing", "sms", False), ("profiling", "", False)]
    assert {row["customer_id"] for row in kept} == {mark}
    assert {row["client_key"] or row["content_hash"] or row["outcome_id"] for row in kept} == {None}
    with lived.reading() as connection:
        after = consents_as_of(connection, GONE, NOW, erased_as=mark)
    assert after.marketing_by("sms") is before.marketing_by("sms") is False
    assert after.profiling is before.profiling is False


def test_again_is_the_first_receipt(lived: Records, rows: Any) -> None:
    with lived.writing() as connection:
        first = erase_from_records(connection, GONE, "compliance", NOW, KEY)
        assert erase_from_records(connection, GONE, "somebody", NOW + timedelta(1), KEY) == first
        write_decision(connection, Decision(GONE, "app_open", NOW, {}))
        again = erase_from_records(connection, GONE, "somebody", NOW + timedelta(1), KEY)
    assert again.rows == {"decisions": 1}
    assert [row["customer_hash"] for row in rows(erasures)] == [pseudonym(KEY, GONE)] * 2


def test_of_whom_nothing_is_known_gets_a_receipt_too(records: Records, rows: Any) -> None:
    with records.writing() as connection:
        assert erase_from_records(connection, "nobody", "compliance", NOW, KEY).rows == {}
    assert len(rows(erasures)) == 1


@pytest.mark.parametrize("customer", ['"', "\\", "%", "_", "a%b", "C1", "'; DROP TABLE reads; --"])
def test_an_id_is_no_pattern(records: Records, rows: Any, customer: str) -> None:
    others = ["C", "C10", "c1", "axb", "A%B", "anything"]
    with records.writing() as connection:
        insert_accesses(connection, [access_row("app", "/predict", others, NOW, "service")])
        insert_accesses(
            connection, [access_row("app", "/predict", [*others, customer], NOW, "service")]
        )
        assert erase_from_records(connection, customer, "compliance", NOW, KEY).rows == {"reads": 1}
    assert [row["customer_ids"] for row in rows(reads)] == [others, others]


def test_a_reader_that_keeps_the_log_open_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, engine = [], database.sqlite_engine

    def waiting(url: Any, seconds: float, *more: Any, **options: Any) -> Any:
        waits.append(seconds)
        return engine(url, seconds, *more, **options)

    records = Records(Settings(home=home))
    records.migrate()
    with records.reading() as connection:
        connection.execute(reads.select())
        with records.writing() as other:
            other.execute(insert(manager_assignments), [
                {"customer_id": "C1", "branch": "B", "account_manager_id": "M",
                 "assigned_at": NOW, "handover_id": "1"},
            ])  # fmt: skip
        monkeypatch.setattr(database, "sqlite_engine", waiting)
        with pytest.raises(RecordsAwayError, match="its log cannot be emptied"):
            records.scrub()
        assert waits == [LOG_SECONDS]  # for writers wait meanwhile
    records.scrub()
    assert (home / "records.db-wal").stat().st_size == 0
    records.close()


def test_the_key_is_made_once_and_private(home: Path) -> None:
    settings = Settings(home=home)
    assert erasure_key(settings) == erasure_key(settings)
    assert stat.S_IMODE((home / "erasure.key").stat().st_mode) == 0o600
    own = Settings(home=home, erasure_key="x" * 32)  # type: ignore[arg-type]
    assert erasure_key(own) == b"x" * 32
    with pytest.raises(GuanjiaError, match="GUANJIA_ERASURE_KEY: is too short"):
        erasure_key(Settings(home=home, erasure_key="short"))  # type: ignore[arg-type]
    assert pseudonym(KEY, "C1") != pseudonym(b"x" * 32, "C1")
