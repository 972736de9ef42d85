"""A change of consent that cannot be read closes; nobody is handed out on an old grant."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from features.checking.check import check_tables
from features.checking.closed_consents import CLOSED
from features.errors import GuanjiaError
from features.lake import Lake

Check = Callable[..., dict[str, Any]]
HEAD = "consent_id,customer_id,purpose,granted,changed_at,recorded_at\n"
JANUARY, JUNE, JULY = (f"2026-0{month}-01T02:00:00Z" for month in (1, 6, 7))
GRANTS = "".join(
    f"X{n},{who},{what},true,{JANUARY},{JANUARY}\n"
    for n, (who, what) in enumerate([("C1", "marketing"), ("C1", "profiling"), ("C2", "marketing")])
)


def state(rows: list[dict[str, Any]]) -> dict[tuple[str, str], bool]:
    """What counts last of each customer and purpose."""
    ordered = sorted(rows, key=lambda row: (row["changed_at"], row["recorded_at"]))
    return {(row["customer_id"], row["purpose"]): row["granted"] for row in ordered}


def test_unreadable_withdrawals_close(check: Check, rows_of: Callable[..., Any]) -> None:
    text = (
        HEAD + GRANTS + f"Y1,C1,marketing,否,{JUNE},{JUNE}\nY2,C2,Marketing,false,{JUNE},{JUNE}\n"
    )
    found = check(consents=text)["consents"]
    assert (found.rows, found.good, found.bad) == (5, 3, 2)
    assert found.notes == {CLOSED: 2}
    assert found.examples[CLOSED] == "a.csv, line 5"
    assert state(rows_of("consents")) == {
        ("C1", "marketing"): False,
        ("C1", "profiling"): True,
        # Nobody knows which purpose was meant: all are closed.
        ("C2", "marketing"): False,
        ("C2", "profiling"): False,
        ("C2", "location"): False,
    }
    closed = [row for row in rows_of("consents") if not row["granted"]]
    assert {row["changed_at"] for row in closed} == {datetime(2026, 6, 1, 2, tzinfo=UTC)}
    assert len({row["consent_id"] for row in closed}) == len(closed) == 4


def test_a_later_change_opens_again(check: Check, rows_of: Callable[..., Any]) -> None:
    text = HEAD + GRANTS + f"Y1,C1,marketing,否,{JUNE},{JUNE}\nY3,C1,marketing,true,{JULY},{JULY}\n"
    check(consents=text)
    assert state(rows_of("consents"))["C1", "marketing"] is True


BY_CHANNEL = HEAD.replace("changed_at,", "changed_at,channel,")
GRANTED = BY_CHANNEL + f"X0,C1,marketing,true,{JANUARY},,{JANUARY}\n"


@pytest.mark.parametrize(
    ("line", "reason", "closed"),
    [
        # A channel that nobody knows: the row waits, and marketing is closed altogether.
        ("marketing,false,{at},座机", "channel is none of", [("marketing", None)]),
        ("marketing,true,{at},座机", "channel is none of", [("marketing", None)]),
        # What can be read of it is closed and nothing else.
        ("marketing,否,{at},phone", "granted is not", [("marketing", "phone")]),
        ("profiling,true,{at},phone", "only marketing is by channel", [("profiling", None)]),
    ],
)
def test_a_word_on_a_channel_that_cannot_be_read_closes_what_it_names(
    line: str,
    reason: str,
    closed: list[tuple[str, str | None]],
    check: Check,
    rows_of: Callable[..., Any],
) -> None:
    found = check(consents=f"{GRANTED}Y1,C1,{line.format(at=JUNE)},{JUNE}\n")["consents"]
    assert (found.good, found.bad) == (1, 1)
    assert [sentence.startswith(reason) for sentence in found.reasons] == [True]
    refused = [row for row in rows_of("consents") if not row["granted"]]
    assert [(row["purpose"], row["channel"]) for row in refused] == closed


def test_no_calls_but_text_messages_is_read(check: Check, rows_of: Callable[..., Any]) -> None:
    lines = f"Y1,C1,marketing,false,{JUNE},phone,{JUNE}\nY2,C1,marketing,true,{JUNE},sms,{JUNE}\n"
    assert check(consents=GRANTED + lines)["consents"].good == 3
    words = {row["channel"]: row["granted"] for row in rows_of("consents")}
    assert words == {None: True, "phone": False, "sms": True}


def test_a_short_line_closes_what_it_names(check: Check, rows_of: Callable[..., Any]) -> None:
    check(consents=HEAD + GRANTS + f"Y1,C1,marketing,false,{JUNE}\n")
    assert state(rows_of("consents"))["C1", "marketing"] is False


def test_of_two_changes_at_one_instant_the_stricter_counts(
    check: Check, rows_of: Callable[..., Any]
) -> None:
    both = [f"Y1,C1,marketing,{granted},{JUNE},{JUNE}\n" for granted in ("false", "true")]
    check(consents=HEAD + GRANTS + "".join(both))
    last = [row["granted"] for row in rows_of("consents") if row["customer_id"] == "C1"
            and row["purpose"] == "marketing" and row["changed_at"].month == 6]  # fmt: skip
    assert sorted(last) == [False, True]


def test_a_withdrawal_without_an_instant_stops_the_run(check: Check) -> None:
    with pytest.raises(GuanjiaError, match=r"a\.csv:0*5: cannot be read, nor can its instant"):
        check(consents=HEAD + GRANTS + "Y1,C1,marketing,否,,\n")


def test_a_row_that_is_mended_opens_nothing_it_should_not(
    check: Check, rows_of: Callable[..., Any]
) -> None:
    check(consents=HEAD + GRANTS + f"Y1,C1,marketing,否,{JUNE},{JUNE}\n")
    check(consents=HEAD + GRANTS + f"Y1,C1,marketing,false,{JUNE},{JUNE}\n")
    rows = rows_of("consents")
    assert [row["consent_id"] for row in rows if not row["granted"]] == ["Y1"]


def test_readable_consents_are_as_delivered(
    check: Check, rows_of: Callable[..., Any], lake: Lake
) -> None:
    check(consents=HEAD + GRANTS)
    assert len(rows_of("consents")) == 3
    assert {one.table: one.notes for one in check_tables(lake)}["consents"] == {}
