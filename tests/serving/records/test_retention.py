"""Retention: what is too old goes, kind by kind, and a note says so; what is under review stays."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from serving.records.contacts.caps import Caps, ContactRequest
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.contacts.due_touchpoints import NewDue, write_due
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records
from serving.records.people import retention
from serving.records.people.audit import access_row, insert_accesses, note_export
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.people.erase_records import erase_from_records
from serving.records.people.retention import ORDER, count_expired, delete_expired
from serving.records.people.retention_rules import LEAST_DAYS, Retention, load_retention
from serving.records.people.reviews import answer_review, list_reviews, request_review
from serving.records.tables import (
    METADATA,
    consent_changes,
    contacts,
    decisions,
    due_touchpoints,
    exports,
    outcomes,
    reads,
    retentions,
    review_requests,
)
from serving.touchpoints.event_triggers import DueTouchpoint

ZONE, DAY = "Asia/Shanghai", timedelta(days=1)
NOW = datetime(2030, 6, 1, 2, tzinfo=UTC)
MIDNIGHT = datetime(2030, 5, 31, 16, tzinfo=UTC)  # with it 1 June begins in Shanghai
TICK = timedelta(microseconds=1)


@pytest.fixture
def rules(home: Path) -> Retention:
    """The shipped rules."""
    return load_retention(home)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0)


@pytest.fixture
def decide(records: Records, caps: Caps) -> Callable[..., str]:
    """Decide: silence, or with `touchpoint=` a contact that is reserved."""

    def write(at: datetime, customer: str = "C1", **more: Any) -> str:
        with records.writing() as connection:
            decision = Decision(customer, "app_open", at, {"of": customer}, **more)
            number = write_decision(connection, decision).decision_id
            if decision.touchpoint is not None:
                wanted = ContactRequest(customer, "x", "claims", "service", "sms", at)
                history = caps.history(connection, customer, at)
                caps.reserve(connection, wanted, at, history, decision_id=number)
        return number

    return write


def left(rows: Any, table: Any) -> set[str]:
    (key,) = table.primary_key.columns
    return {row[key.name] for row in rows(table)}


def run(records: Records, rules: Retention, now: datetime = NOW) -> dict[str, int]:
    """Count, delete, and hold one against the other."""
    counted = count_expired(records, rules, now, ZONE)
    done = delete_expired(records, rules, now, ZONE, "ann")
    assert [one.kind for one in done] == [kind for kind in ORDER if kind in rules.rules]
    assert [one.total for one in done] == [one.total for one in counted]
    assert all(one.total == 0 for one in count_expired(records, rules, now, ZONE))
    return {one.kind: one.total for one in done if one.total}


def test_every_table_is_kept_by_a_rule_or_for_good(rules: Retention) -> None:
    assert set(rules.rules) == set(ORDER) == set(LEAST_DAYS)
    begins = dict.fromkeys(ORDER, NOW)
    aged = {table.name for kind in ORDER for table, _ in retention._expired(kind, begins)}
    for_good = {
        "consent_changes", "manager_assignments", "erasures", "retentions", "handovers",
        "list_versions", "list_releases", "capacity_prices", "decision_frames",
        "console_users", "console_sessions", "campaigns", "campaign_members", "campaign_looks",
    }  # fmt: skip
    assert aged | for_good == {table.name for table in METADATA.sorted_tables}


@pytest.mark.parametrize(
    ("kind", "days", "more"),
    [
        ("silence", 90, {}),
        ("drawn", 730, {"randomised": True}),
        ("contacts", 1095, {"touchpoint": "x", "channel": "sms"}),
    ],
)
def test_decisions_go_by_civil_days(
    records: Records, rules: Retention, decide: Any, rows: Any, kind: str, days: int, more: Any
) -> None:
    first_kept = MIDNIGHT - days * DAY
    old = [decide(first_kept - TICK - step * DAY, **more) for step in range(5)]
    young = {decide(first_kept, **more), decide(NOW, **more)}
    assert run(records, rules) == {kind: len(old) * (2 if kind == "contacts" else 1)}
    assert left(rows, decisions) == young
    assert {row["decision_id"] for row in rows(contacts)} == (
        young if more.get("channel") else set()
    )


def test_a_silence_of_which_something_came_is_kept_as_long_as_that(
    records: Records, rules: Retention, decide: Any, rows: Any
) -> None:
    made = NOW - 100 * DAY
    told, plain = decide(made, "C1"), decide(made, "C2")
    with records.writing() as connection:
        note_outcome(connection, Outcome("renewed", made, decision_id=told), made)
    assert run(records, rules) == {"silence": 1}
    assert left(rows, decisions) == {told} != {plain}
    assert run(records, rules, made + 1096 * DAY) == {"outcomes": 1, "silence": 1}


def test_what_is_under_review_stays_with_all_that_it_rests_on(
    records: Records, rules: Retention, decide: Any, rows: Any
) -> None:
    made = NOW - 2000 * DAY
    number = decide(made, touchpoint="x", channel="sms")
    with records.writing() as connection:
        note_outcome(connection, Outcome("refused", made, decision_id=number), made)
        review = request_review(connection, number, "C1", "为什么", made + DAY).review_id
    assert run(records, rules) == {}
    with records.writing() as connection:
        answer_review(connection, review, "bob", "维持", True, NOW)
        assert len(list_reviews(connection, 9, answered=None)) == 1
    assert run(records, rules, NOW + 1095 * DAY) == {}
    gone = run(records, rules, NOW + 1096 * DAY)
    assert gone == {"reviews": 1, "outcomes": 1, "contacts": 2}
    assert [rows(table) for table in (decisions, contacts, outcomes, review_requests)] == [[]] * 4


def test_reads_exports_and_due_touchpoints_go_and_consents_stay(
    records: Records, rules: Retention, rows: Any
) -> None:
    with records.writing() as connection:
        for at in (NOW - 2000 * DAY, NOW):
            insert_accesses(connection, [access_row("app", "/predict", ["C1"], at, "service")])
            note_export(connection, "ann", "list", ["姓名"], ["C1"], at, "campaign")
            refusal = ConsentChange("C1", "marketing", False, at)
            write_consent(connection, refusal, at)
            due = DueTouchpoint("C1", "x", f"E {at}", "报案", at, at + DAY, "service", "person",
                                ("phone",), "standard", None)  # fmt: skip
            write_due(connection, [NewDue(due, "claim_reported", at, "B1")], at)
    assert run(records, rules) == {"reads": 1, "exports": 1, "due_touchpoints": 1}
    assert [len(rows(table)) for table in (reads, exports, due_touchpoints)] == [1, 1, 1]
    assert len(rows(consent_changes)) == 2


def test_a_killed_run_has_deleted_what_its_note_says_and_the_next_goes_on(
    records: Records, rules: Retention, decide: Any, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(5):
        decide(NOW - (100 + step) * DAY)
    batches = iter([0.0])

    def killed(_seconds: float) -> None:
        if next(batches, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(retention.time, "sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        delete_expired(records, rules, NOW, ZONE, "ann")
    (note,) = rows(retentions)
    assert (note["kind"], note["kept_days"], note["rows"]) == ("silence", 90, {"decisions": 4})
    assert (note["before"], note["ordered_by"], note["deleted_at"]) == (
        MIDNIGHT - 90 * DAY, "ann", NOW,
    )  # fmt: skip
    assert len(rows(decisions)) == 1
    monkeypatch.undo()
    assert run(records, rules, NOW + TICK) == {"silence": 1}
    assert sorted(row["rows"]["decisions"] for row in rows(retentions)) == [1, 4]


def test_erasure_and_retention_leave_nothing_in_either_order(
    records: Records, rules: Retention, decide: Any, rows: Any
) -> None:
    for customer in ("C1", "C2"):
        decide(NOW - 100 * DAY, customer)
        decide(NOW, customer)
    with records.writing() as connection:
        erase_from_records(connection, "C1", "compliance", NOW, b"k" * 32)
    assert run(records, rules) == {"silence": 1}
    with records.writing() as connection:
        receipt = erase_from_records(connection, "C2", "compliance", NOW, b"k" * 32)
    assert receipt.rows == {"decisions": 1}
    assert rows(decisions) == []


def test_a_home_replaces_days_and_keeps_for_good(home: Path, records: Records, decide: Any) -> None:
    home.mkdir(exist_ok=True)
    path = home / "retention.toml"
    path.write_text("[rules]\ncontacts = false\n[rules.silence]\ndays = 31\n")
    own = load_retention(home)
    assert "contacts" not in own.rules
    assert own.rules["silence"].days == 31
    decide(NOW - 40 * DAY)
    decide(NOW - 2000 * DAY, touchpoint="x", channel="sms")
    (silence,) = [one for one in count_expired(records, own, NOW, ZONE) if one.total]
    assert (silence.kind, silence.before, silence.rows) == (
        "silence", date(2030, 5, 1), {"decisions": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[rules.reads]\ndays = 183\n", "reads are kept for 183 days, not 184: .*art. 21"),
        ("[rules.silenze]\ndays = 90\n", "silenze is not known. Did you mean silence?"),
        ("[rules.silence]\nday = 90\n", "day"),
    ],
)
def test_a_file_that_keeps_too_short_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "retention.toml").write_text(text)
    with pytest.raises(GuanjiaError, match=fault):
        load_retention(tmp_path)


def test_retaining_as_it_is_typed(guanjia: Any) -> None:
    counted = guanjia("retain")
    assert (counted.returncode, "0 rows are too old; nothing is deleted" in counted.stdout) == (
        0,
        True,
    )
    deleted = guanjia("retain", "--delete", "--compact")
    assert "0 rows deleted" in deleted.stdout
