"""A row that waits comes back: corrected, still wrong, discarded, overtaken, of somebody erased."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.checking.settled_rows import settled_file
from features.checking.table_check import TableCheck
from features.erased import Erased, erasure_key, pseudonym
from features.errors import GuanjiaError
from features.lake import Lake
from features.quarantine.replay import Replayed
from features.quarantine.summary import summarise

DELIVERED = datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC)

Edit = Callable[..., Path]
Replay = Callable[..., Replayed]
Check = Callable[[], dict[str, TableCheck]]
Rows = Callable[[str], list[dict[str, Any]]]
Export = Callable[[], Path]
POLICIES = "保单年度"


@pytest.fixture(params=["csv", "parquet"])
def waiting(
    request: pytest.FixtureRequest,
    deliver: Callable[..., None],
    as_parquet: Callable[[str], None],
    check: Check,
) -> None:
    """The small insurer, checked: three policies wait."""
    deliver()
    if request.param == "parquet":
        for table in ("customers", "policies", "claims"):
            as_parquet(table)
    checks = check()
    assert (checks["policies"].good, checks["policies"].bad) == (2, 3)


def only(replayed: Replayed) -> dict[str, int]:
    """The counts of the one sheet that are not 0."""
    (table,) = replayed.tables
    return {name: number for name, number in vars(table).items() if number and name != "table"}


@pytest.mark.usefixtures("waiting")
def test_a_corrected_row_is_known_from_now_on(
    exported: Export, edit: Edit, replayed: Replay, checked: Rows, lake: Lake
) -> None:
    corrected = edit(exported(), POLICIES, {"P3": {"expiry": "2026-08-01"}})
    assert only(replayed(corrected)) == {"accepted": 1, "untouched": 2}
    (row,) = [row for row in checked("policies") if row["policy_id"] == "P3"]
    assert (row["expiry"], row["recorded_at"]) == (date(2026, 8, 1), DELIVERED)
    assert summarise(lake).rows == {"policies": 2}
    assert summarise(lake).settled == {"corrected": 1}


@pytest.mark.usefixtures("waiting")
def test_replayed_twice_nothing_changes(
    exported: Export, edit: Edit, replayed: Replay, checked: Rows, lake: Lake
) -> None:
    corrected = edit(exported(), POLICIES, {"P3": {"expiry": "2026-08-01"}, "P5": {"处理": "丢弃"}})
    assert only(replayed(corrected)) == {"accepted": 1, "discarded": 1, "untouched": 1}
    before = (
        {path: path.read_bytes() for path in lake.raw("policies").iterdir()},
        checked("policies"),
    )
    assert only(replayed(corrected)) == {"gone": 2, "untouched": 1}
    after = (
        {path: path.read_bytes() for path in lake.raw("policies").iterdir()},
        checked("policies"),
    )
    assert after == before


@pytest.mark.usefixtures("waiting")
def test_a_replay_that_was_cut_off_is_done_by_the_same_workbook(
    exported: Export, edit: Edit, replayed: Replay, checked: Rows, lake: Lake, check: Check
) -> None:
    corrected = edit(exported(), POLICIES, {"P3": {"expiry": "2026-08-01"}})
    replayed(corrected)
    # What is settled is written last: a kill before it leaves the corrected row in raw/.
    settled_file(lake).unlink()
    assert check()["policies"].bad == 3
    assert only(replayed(corrected, hours=1)) == {"superseded": 1, "untouched": 2}
    assert summarise(lake).rows == {"policies": 2}
    (row,) = [row for row in checked("policies") if row["policy_id"] == "P3"]
    assert row["recorded_at"] == DELIVERED


@pytest.mark.usefixtures("waiting")
def test_an_interrupted_replay_changes_nothing(
    exported: Export,
    edit: Edit,
    replayed: Replay,
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrected = edit(exported(), POLICIES, {"P3": {"expiry": "2026-08-01"}})

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("features.quarantine.replay.write_settled", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replayed(corrected)
    assert [path.stem for path in lake.raw("policies").iterdir()] == ["a"]
    assert summarise(lake).rows == {"policies": 3}
    assert not settled_file(lake).exists()


@pytest.mark.usefixtures("waiting")
def test_a_row_that_is_still_wrong_waits_with_its_new_reasons(
    exported: Export, edit: Edit, replayed: Replay, lake: Lake
) -> None:
    corrected = edit(
        exported(), POLICIES, {"P3": {"expiry": "2025-01-01"}, "P5": {"signed_at": "昨天"}}
    )
    result = replayed(corrected)
    assert only(result) == {"still_wrong": 2, "untouched": 1}
    assert result.reasons == {
        "policies": {"signed_at cannot be read": 1, "cover ends after it begins": 1}
    }
    rules = {(rule.rule, rule.held_by): rule.rows for rule in summarise(lake).rules}
    assert rules[("signed_at cannot be read", "import")] == 1
    assert rules[("cover ends after it begins", "check")] == 1
    assert summarise(lake).rows == {"policies": 3}
    again = edit(exported(), POLICIES, {"P3": {"expiry": "2026-08-01"}})
    assert only(replayed(again, hours=1)) == {"accepted": 1, "untouched": 2}


@pytest.mark.usefixtures("waiting")
def test_damage_by_a_spreadsheet_is_seen_as_in_any_delivery(
    exported: Export, edit: Edit, replayed: Replay, checked: Rows
) -> None:
    damaged = {
        "P3": {"policy_id": 6.2e17, "expiry": 46235.0},
        "P5": {"customer_id": "C2", "inception": 45870.0, "expiry": 46235.0},
    }
    result = replayed(edit(exported(), POLICIES, damaged))
    assert only(result) == {"accepted": 1, "still_wrong": 1, "untouched": 1}
    assert result.reasons == {"policies": {"policy_id cannot be read": 1}}
    (row,) = [row for row in checked("policies") if row["policy_id"] == "P5"]
    assert (row["inception"], row["expiry"]) == (date(2025, 8, 1), date(2026, 8, 1))


@pytest.mark.usefixtures("waiting")
def test_what_is_settled_is_counted_by_the_next_check(
    exported: Export, edit: Edit, replayed: Replay, check: Check
) -> None:
    changes = {
        "P3": {"expiry": "2026-08-01"},
        "P5": {"处理": "丢弃"},
        "6.2E+17": {"policy_id": "620000000000000123"},
    }
    replayed(edit(exported(), POLICIES, changes))
    policies = check()["policies"]
    assert (policies.rows, policies.good, policies.bad, policies.settled) == (7, 4, 0, 3)


@pytest.mark.usefixtures("waiting")
def test_a_later_version_that_is_known_already_counts(
    exported: Export, edit: Edit, replayed: Replay, deliver: Callable[..., None], check: Check
) -> None:
    corrected = edit(exported(), POLICIES, {"P5": {"policy_id": "P2", "customer_id": "C2"}})
    # P5 was recorded a year after the one version of P2: it counts.
    assert only(replayed(corrected)) == {"accepted": 1, "untouched": 2}
    again = edit(exported(), POLICIES, {"P3": {"policy_id": "P2", "expiry": "2026-08-01"}})
    # P3 was recorded before the version of P2 that the replay has brought.
    assert only(replayed(again)) == {"superseded": 1, "untouched": 1}


@pytest.mark.usefixtures("waiting")
def test_a_row_of_an_erased_customer_is_refused(
    exported: Export, edit: Edit, replayed: Replay, lake: Lake, check: Check, checked: Rows
) -> None:
    corrected = edit(exported(), POLICIES, {"P5": {"customer_id": "C3"}})
    with Erased(lake.settings).changing() as marks:
        marks[pseudonym(erasure_key(lake.settings), "C3")] = None
    assert only(replayed(corrected)) == {"erased": 1, "untouched": 2}
    assert not [path for path in lake.raw("policies").iterdir() if "replayed" in path.name]
    assert "P5" not in {row["policy_id"] for row in checked("policies")}


def test_a_change_of_consent_is_not_discarded(
    deliver: Callable[..., None], check: Check, exported: Export, edit: Edit, replayed: Replay,
    checked: Rows,
) -> None:  # fmt: skip
    deliver(
        consents="consent_id,customer_id,purpose,granted,changed_at,recorded_at\n"
        "N1,C1,marketing,true,2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n"
        "N2,C1,marketing,算了,2024-02-01T00:00:00Z,2024-02-01T00:00:00Z\n"
    )
    check()
    result = replayed(edit(exported(), "授权", {"N2": {"处理": "丢弃"}}))
    (table,) = [table for table in result.tables if table.table == "consents"]
    assert (table.not_discarded, table.discarded) == (1, 0)
    assert [row["granted"] for row in checked("consents")] == [True, False]
    result = replayed(edit(exported(), "授权", {"N2": {"granted": "true"}}))
    assert [vars(table)["accepted"] for table in result.tables if table.table == "consents"] == [1]
    assert [row["granted"] for row in checked("consents")] == [True, True]


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"P3": {"处理": "不要"}}, "column 处理: 不要: is not known"),
        ({"P3": {"编号": ""}}, "has no 编号"),
    ],
)
def test_a_workbook_that_was_spoilt_is_named(
    exported: Export, edit: Edit, replayed: Replay, changes: Any, fault: str | None
) -> None:
    path = edit(exported(), POLICIES, changes)
    if fault is None:
        assert only(replayed(path)) == {"untouched": 3}
        return
    with pytest.raises(GuanjiaError, match=fault):
        replayed(path)


def test_the_counts_are_whole(waiting: None, check: Check) -> None:
    for checked in check().values():
        whole = checked.good + checked.bad + checked.repeated + checked.settled
        assert checked.rows == whole, replace(checked, examples={})
