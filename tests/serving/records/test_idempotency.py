"""What is sent again changes nothing: decisions, outcomes, changes of consent."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, Table

from features.errors import GuanjiaError
from serving.records.contacts.decisions import (
    Decision,
    UnknownDecisionError,
    find_decision,
    repeated_decision,
    write_decision,
)
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records, lock_customer
from serving.records.idempotency import ClientKeyConflictError
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.tables import consent_changes, decisions, outcomes

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MADE = Decision("C1", "app_open", NOW, {"gates": ["授权"]})
TOLD = Outcome("clicked", NOW, customer_id="C1")
SAID = ConsentChange("C1", "marketing", True, NOW)
Write = Callable[[Connection, str | None, bool], bool]


def decide(connection: Connection, key: str | None, other: bool) -> bool:
    # The model may decide otherwise the second time: the request is what the key stands for.
    decision = replace(MADE, document={"another": "document"}, decided_at=LATER)
    request = {"customer_id": "C1", "decision_point": "call_in" if other else "app_open"}
    return write_decision(connection, decision, client_key=key, request=request).repeated


def tell(connection: Connection, key: str | None, other: bool) -> bool:
    told = replace(TOLD, kind="read") if other else TOLD
    return note_outcome(connection, told, LATER, client_key=key).repeated


def say(connection: Connection, key: str | None, other: bool) -> bool:
    said = replace(SAID, granted=False) if other else SAID
    return write_consent(connection, said, LATER, client_key=key).repeated


EVERY = pytest.mark.parametrize(
    ("write", "table"),
    [(decide, decisions), (tell, outcomes), (say, consent_changes)],
    ids=["decision", "outcome", "consent"],
)


@EVERY
def test_the_same_again_is_the_first(
    records: Records, rows: Any, write: Write, table: Table
) -> None:
    with records.writing() as connection:
        assert not write(connection, "k", False)
    first = rows(table)
    with records.writing() as connection:
        assert write(connection, "k", False)
    assert rows(table) == first


@EVERY
def test_other_content_is_a_conflict_and_changes_nothing(
    records: Records, rows: Any, write: Write, table: Table
) -> None:
    with records.writing() as connection:
        write(connection, "k", False)
    first = rows(table)
    conflict = pytest.raises(ClientKeyConflictError, match="client key k: was sent before")
    with records.writing() as connection, conflict:
        write(connection, "k", True)
    assert rows(table) == first


@EVERY
def test_without_a_key_everything_is_kept(
    records: Records, rows: Any, write: Write, table: Table
) -> None:
    with records.writing() as connection:
        assert [write(connection, None, False) for _ in range(2)] == [False, False]
    assert len(rows(table)) == 2


@EVERY
def test_the_same_request_sent_by_many_at_once_is_written_once(
    records: Records, rows: Any, write: Write, table: Table
) -> None:
    told: list[bool] = []

    def send() -> None:
        with records.writing(30) as connection:
            told.append(write(connection, "k", False))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [False, *[True] * 11]
    assert len(rows(table)) == 1


@EVERY
def test_a_crash_before_the_end_leaves_the_key_free(
    records: Records, rows: Any, write: Write, table: Table
) -> None:
    def crash() -> None:
        with records.writing() as connection:
            write(connection, "k", False)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert rows(table) == []
    with records.writing() as connection:
        assert not write(connection, "k", True)


def test_a_decision_is_found_by_key_and_number(records: Records) -> None:
    request = {"customer_id": "C1"}
    with records.writing() as connection:
        lock_customer(connection, "C1")
        assert repeated_decision(connection, "k", request) is None
        number = write_decision(connection, MADE, client_key="k", request=request).decision_id
        write_decision(connection, replace(MADE, customer_id="C2"))
    with records.reading() as connection:
        found = repeated_decision(connection, "k", request)
        assert found is not None
        assert found["decision_id"] == number
        assert repeated_decision(connection, None, request) is None
        with pytest.raises(ClientKeyConflictError):
            repeated_decision(connection, "k", {"customer_id": "C2"})
        row = find_decision(connection, number)
        kept = {name: row[name] for name in vars(MADE) if name not in ("decision_id", "frame")}
        assert vars(MADE) == kept | {"decision_id": None, "frame": None}
        with pytest.raises(UnknownDecisionError, match="decision none: is not known"):
            find_decision(connection, "none")


def test_a_document_holds_what_json_can_say(records: Records) -> None:
    document = {
        "amount": Decimal("12.50"),
        "day": date(2026, 6, 1),
        "at": NOW,
        "count": np.int64(3),
        "share": np.float32(0.5),
        "nothing": None,
        "name": "车险 'quoted' \"twice\" \\ 😀",
    }
    with records.writing() as connection:
        number = write_decision(connection, replace(MADE, document=document)).decision_id
        found = find_decision(connection, number)
    assert found["document"] == document | {
        "amount": "12.50",
        "day": "2026-06-01",
        "at": "2026-06-01T02:00:00+00:00",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"document": {"value": float("nan")}},
        {"document": {"value": object()}},
        {"branch": "B\0"},
        {"branch": "\ud83d"},
    ],
    ids=["NaN", "object", "NUL", "surrogate"],
)
def test_what_cannot_be_kept_is_refused(
    records: Records, rows: Any, changes: dict[str, Any]
) -> None:
    def write() -> None:
        with records.writing() as connection:
            write_decision(connection, MADE)
            write_decision(connection, replace(MADE, **changes))

    with pytest.raises(GuanjiaError, match="value for the records: cannot be stored"):
        write()
    assert rows(decisions) == []
