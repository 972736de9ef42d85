"""Merged customers: rows follow to the number that goes on, from the merge on and not before."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.checking.merged_customers import MERGES, _spans
from features.checking.table_check import TableCheck
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import spine_of_customers

Check = Callable[..., dict[str, TableCheck]]
Rows = Callable[..., list[dict[str, Any]]]
MERGE = "customer_id,merged_into,merged_at,recorded_at\n"
ONE = MERGE + "C2,C1,2026-03-01T02:00:00Z,2026-03-01T02:00:00Z\n"
AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
JANUARY = datetime(2025, 1, 10, 1, tzinfo=UTC)


def versions(rows: list[dict[str, Any]], key: str, value: str) -> list[tuple[Any, ...]]:
    """The versions of a row: customer, recorded, superseded."""
    return [
        (row["customer_id"], row["recorded_at"], row["superseded_at"])
        for row in sorted(rows, key=lambda row: row["recorded_at"])
        if row[key] == value
    ]


def test_a_policy_follows_from_the_merge_on(check: Check, rows_of: Rows) -> None:
    checked = check(customer_merges=ONE)
    assert (checked[MERGES].good, checked["policies"].good, checked["policies"].bad) == (1, 4, 0)
    assert versions(rows_of("policies"), "policy_id", "Q1") == [
        ("C2", JANUARY, AT), ("C1", AT, None),
    ]  # fmt: skip
    # A policy of the number that goes on is as it was.
    assert len(versions(rows_of("policies"), "policy_id", "P3")) == 1


def test_the_number_that_was_given_up_is_known_until_then(check: Check, lake: Lake) -> None:
    check(customer_merges=ONE)
    spine = spine_of_customers(lake, [date(2026, 2, 28), date(2026, 3, 1)])
    pairs = lake.engine.to_pyarrow(spine.pairs).to_pylist()
    assert sorted((row["customer_id"], str(row["as_of"])) for row in pairs) == [
        ("C1", "2026-02-28"), ("C1", "2026-03-01"), ("C2", "2026-02-28"),
    ]  # fmt: skip


def test_what_is_delivered_later_by_the_old_number_is_the_new_ones(
    check: Check, rows_of: Rows, base: dict[str, str]
) -> None:
    later = (
        "Q1,C2,V2,motor_commercial,true,2025-01-10T01:00:00Z,2025-01-10,2026-01-10,,2900.00,"
        "agent,2026-04-01T01:00:00Z\n"
    )
    check(customer_merges=ONE, policies=base["policies"] + later)
    april = datetime(2026, 4, 1, 1, tzinfo=UTC)
    assert versions(rows_of("policies"), "policy_id", "Q1") == [
        ("C2", JANUARY, AT), ("C1", AT, april), ("C1", april, None),
    ]  # fmt: skip


def test_a_core_system_that_delivers_the_new_number_itself(
    check: Check, rows_of: Rows, base: dict[str, str]
) -> None:
    again = base["policies"].splitlines()[-1].replace("C2", "C1")
    again = again.rpartition(",")[0] + ",2026-02-01T01:00:00Z\n"
    check(customer_merges=ONE, policies=base["policies"] + again)
    february = datetime(2026, 2, 1, 1, tzinfo=UTC)
    assert versions(rows_of("policies"), "policy_id", "Q1") == [
        ("C2", JANUARY, february), ("C1", february, None),
    ]  # fmt: skip


def test_merges_lead_on(check: Check, rows_of: Rows, base: dict[str, str]) -> None:
    third = "C3,2022-03-05T02:00:00Z,丙三,13800000003,1990-12-31,F,B1,2022-03-05T02:00:00Z\n"
    chain = ONE + "C1,C3,2026-05-01T02:00:00Z,2026-05-01T02:00:00Z\n"
    check(customer_merges=chain, customers=base["customers"] + third)
    may = datetime(2026, 5, 1, 2, tzinfo=UTC)
    assert versions(rows_of("policies"), "policy_id", "Q1") == [
        ("C2", JANUARY, AT), ("C1", AT, may), ("C3", may, None),
    ]  # fmt: skip


def test_merges_that_cannot_be(check: Check) -> None:
    wrong = (
        "C2,C2,2026-03-01T02:00:00Z,2026-03-01T02:00:00Z\n"
        "C1,C9,2026-03-01T02:00:00Z,2026-03-01T02:00:00Z\n"
    )
    assert check(customer_merges=MERGE + wrong)[MERGES].reasons == {
        "a customer is merged into another one": 1,
        "merged_into is not a known customer": 1,
    }
    circle = ONE + "C1,C2,2026-04-01T02:00:00Z,2026-04-01T02:00:00Z\n"
    with pytest.raises(GuanjiaError, match="in a circle: C1 into C2 into C1"):
        check(customer_merges=circle)


CONSENT = "consent_id,customer_id,purpose,granted,changed_at,recorded_at\n"


def consent(name: str, customer: str, granted: bool, day: str) -> str:
    return f"{name},{customer},marketing,{str(granted).lower()},{day}T02:00:00Z,{day}T02:00:00Z\n"


@pytest.mark.parametrize(
    ("old", "new", "after", "open_"),
    [
        ((False, "2026-01-01"), (True, "2026-02-01"), None, False),  # the stricter counts
        ((True, "2026-02-01"), (False, "2026-01-01"), None, False),
        ((True, "2026-01-01"), (True, "2026-02-01"), None, True),
        ((False, "2026-01-01"), (True, "2026-02-01"), (True, "2026-04-01"), True),
        ((True, "2026-01-01"), None, None, True),  # nothing was said to the other number
    ],
)
def test_the_stricter_consent_counts(
    check: Check,
    rows_of: Rows,
    old: tuple[bool, str],
    new: tuple[bool, str] | None,
    after: tuple[bool, str] | None,
    open_: bool,
) -> None:
    text = CONSENT + consent("X1", "C2", *old)
    text += consent("X2", "C1", *new) if new else ""
    text += consent("X3", "C1", *after) if after else ""
    checked = check(customer_merges=ONE, consents=text)
    assert checked["consents"].good == text.count("\n") - 1
    latest = [row for row in rows_of("consents") if row["superseded_at"] is None]
    assert {row["customer_id"] for row in latest} == {"C1"}
    last = max(latest, key=lambda row: (row["changed_at"], row["recorded_at"]))
    assert last["granted"] is open_
    # What either number had said stays as it was before the merge.
    assert versions(rows_of("consents"), "consent_id", "X1")[0][0] == "C2"


@pytest.mark.parametrize(
    ("old", "new", "closed"),
    [
        (("false", "phone"), ("true", "phone"), [("marketing", "phone")]),
        (("true", "phone"), ("false", "phone"), [("marketing", "phone")]),
        # Who refused all marketing refused it by the channel that the other number granted.
        (("false", ""), ("true", "sms"), [("marketing", None)]),
        # A refusal of one channel holds beside the other number's consent to all of them.
        (("false", "phone"), ("true", ""), []),
        (("false", "phone"), ("true", "sms"), []),
    ],
)
def test_the_stricter_word_on_a_channel_counts(
    check: Check,
    rows_of: Rows,
    old: tuple[str, str],
    new: tuple[str, str],
    closed: list[tuple[str, str | None]],
) -> None:
    head, day = CONSENT.replace("changed_at,", "changed_at,channel,"), "2026-01-01T02:00:00Z"
    lines = [
        f"X{number},{customer},marketing,{granted},{day},{channel},{day}\n"
        for number, (customer, (granted, channel)) in enumerate((("C2", old), ("C1", new)))
    ]
    check(customer_merges=ONE, consents=head + "".join(lines))
    by_merge = [row for row in rows_of("consents") if row["consent_id"].startswith("merged:")]
    assert [(row["purpose"], row["channel"]) for row in by_merge] == closed
    assert {(row["customer_id"], row["granted"], row["changed_at"]) for row in by_merge} <= {
        ("C1", False, AT)
    }


NUMBERS = ("A", "B", "C", "D")
merges = st.dictionaries(
    st.sampled_from(NUMBERS),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(NUMBERS)), min_size=1, max_size=2),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(told=merges)
def test_a_number_is_somebodys_at_every_instant(told: dict[str, list[tuple[int, str]]]) -> None:
    """Spans of a number follow each other without a gap, and end with a number that goes on."""
    instants = {
        number: sorted((datetime(2026, month, 1, tzinfo=UTC), owner) for month, owner in merges)
        for number, merges in told.items()
    }
    try:
        spans = {number: list(_spans(number, instants)) for number in NUMBERS}
    except GuanjiaError:
        return  # they lead in a circle
    for number, of_number in spans.items():
        assert (of_number[0][1], of_number[0][2]) == (number, None)
        assert of_number[-1][3] is None
        ends = [end for *_, end in of_number]
        assert ends[:-1] == [start for _, _, start, _ in of_number[1:]]
        assert of_number[-1][1] not in told
