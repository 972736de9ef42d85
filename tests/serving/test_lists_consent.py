"""Who may be contacted, as known on the list's date, and names that are no formulas."""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.lake import Lake
from guanjia.jobs.handing_out import hand_out
from serving.lists.rules import OPTED_OUT
from serving.lists.target_lists import ListRun, write_list
from serving.records.database import Records, RecordsAwayError
from serving.records.people.consents import ConsentChange, write_consent
from serving.records.tables import exports

Copy = Callable[..., Lake]
pytestmark = pytest.mark.slow

DAY = date(2026, 6, 30)
BEFORE, NOON = "2026-06-01T00:00Z", "2026-06-30T04:00Z"
LATE, AFTER = "2026-06-30T15:59Z", "2026-06-30T16:00Z"  # of midnight in Shanghai


@pytest.fixture
def lake(copy: Copy) -> Lake:
    """The demo with scores and checked tables, to be changed."""
    return copy("scores", "checked")


def listed(lake: Lake, name: str = "churn_risk") -> tuple[ListRun, list[list[str]]]:
    """The whole list: what the run says, and the rows of the file below the heading."""
    out = lake.home / "list.csv"
    said = write_list(lake, name, DAY, top=1000, out=out)
    with out.open(encoding="utf-8-sig", newline="") as file:
        return said, list(csv.reader(file))[1:]


def first(lake: Lake) -> str:
    """A customer whom the list is about."""
    scores = pq.read_table(lake.home / "scores" / f"as_of={DAY}.parquet", partitioning=None)
    rows = scores.to_pylist()
    return next(row["customer_id"] for row in rows if row["churn"] is not None)


def with_consents(lake: Lake, rows: list[dict[str, Any]]) -> None:
    """Replace the checked consents by these rows."""
    path = lake.checked("consents")
    schema = pq.read_schema(path)
    whole: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        filled = {"purpose": "marketing", "recorded_at": row["changed_at"]} | row
        for name in ("changed_at", "recorded_at", "superseded_at"):
            if filled.get(name):
                filled[name] = pd.Timestamp(filled[name]).to_pydatetime()
        whole.append({"consent_id": f"A{number}", "superseded_at": None} | filled)
    pq.write_table(pa.Table.from_pylist(whole, schema), path)


YES, NO = {"granted": True}, {"granted": False}
PHONE, SMS = {"channel": "phone"}, {"channel": "sms"}


@pytest.mark.parametrize(
    ("rows", "barred"),
    [
        ([YES | {"changed_at": BEFORE}], None),
        ([NO | {"changed_at": BEFORE}], "no marketing consent"),
        ([YES | {"changed_at": BEFORE, "purpose": "location"}], "no marketing consent"),
        ([YES | {"changed_at": BEFORE}, NO | {"changed_at": NOON}], "no marketing consent"),
        ([NO | {"changed_at": NOON}, YES | {"changed_at": BEFORE}], "no marketing consent"),
        ([NO | {"changed_at": BEFORE}, YES | {"changed_at": NOON}], None),
        # What happens when the day is over does not count yet; nor does what was not yet known.
        ([YES | {"changed_at": BEFORE}, NO | {"changed_at": AFTER}], None),
        ([YES | {"changed_at": AFTER}], "no marketing consent"),
        ([YES | {"changed_at": BEFORE, "recorded_at": AFTER}], "no marketing consent"),
        # Announced ahead of its day, and delivered late: when it changed decides.
        ([YES | {"changed_at": BEFORE}, NO | {"changed_at": AFTER, "recorded_at": NOON}], None),
        (
            [YES | {"changed_at": BEFORE, "recorded_at": LATE}, NO | {"changed_at": NOON}],
            "no marketing consent",
        ),
        # A row that another replaced on the day counts no longer; one replaced later still does.
        ([YES | {"changed_at": BEFORE, "superseded_at": NOON}], "no marketing consent"),
        ([YES | {"changed_at": BEFORE, "superseded_at": AFTER}], None),
        # Of two changes at one instant the one recorded last counts.
        (
            [NO | {"changed_at": BEFORE, "recorded_at": NOON}, YES | {"changed_at": BEFORE}],
            "no marketing consent",
        ),
        (
            [YES | {"changed_at": BEFORE}, NO | {"changed_at": BEFORE, "purpose": "profiling"}],
            "profiling refused",
        ),
        (
            [YES | {"changed_at": BEFORE}, YES | {"changed_at": BEFORE, "purpose": "profiling"}],
            None,
        ),
        # No calls, but text messages; the list is one of calls.
        ([YES | {"changed_at": BEFORE}, NO | PHONE | {"changed_at": NOON}], OPTED_OUT),
        ([YES | {"changed_at": BEFORE}, NO | PHONE | {"changed_at": AFTER}], None),
        ([YES | {"changed_at": BEFORE}, NO | SMS | {"changed_at": NOON}], None),
        ([NO | {"changed_at": BEFORE}, YES | PHONE | {"changed_at": NOON}], None),
        ([NO | {"changed_at": NOON}, YES | PHONE | {"changed_at": BEFORE}], "no marketing consent"),
        # A consent to every channel does not open the one that was refused.
        ([NO | PHONE | {"changed_at": BEFORE}, YES | {"changed_at": NOON}], OPTED_OUT),
        ([YES | PHONE | {"changed_at": BEFORE}], None),
        ([YES | SMS | {"changed_at": BEFORE}], "no marketing consent"),
    ],
)
def test_consent_counts_as_known_when_the_day_is_over(
    rows: list[dict[str, Any]], barred: str | None, lake: Lake
) -> None:
    customer = first(lake)
    with_consents(lake, [row | {"customer_id": customer} for row in rows])
    said, found = listed(lake)
    assert [row[0] for row in found] == ([] if barred else [customer])
    others = said.matched - 1
    expected = {"no marketing consent": others}
    if barred:
        expected[barred] = expected.get(barred, 0) + 1
    assert said.left_out == expected
    assert (said.consent, said.rows) == ("checked", len(found))


def test_consents_that_an_earlier_release_checked_are_to_every_channel(lake: Lake) -> None:
    customer, path = first(lake), lake.checked("consents")
    with_consents(lake, [YES | {"changed_at": BEFORE, "customer_id": customer}])
    pq.write_table(pq.read_table(path).drop_columns(["channel"]), path)
    _, found = listed(lake)
    assert [row[0] for row in found] == [customer]


def test_without_consents_nobody_is_left_out_and_the_run_says_so(lake: Lake) -> None:
    lake.checked("consents").unlink()
    said, found = listed(lake)
    assert said.consent == "not recorded"
    assert {*said.left_out} == {"open claim", "in the holdout"}
    assert said.rows == said.matched - sum(said.left_out.values()) == len(found) > 100


def opt_out(lake: Lake, customer: str, channel: str, at: str) -> None:
    """Let the customer's first contact in the tables end with 退订, by a channel."""
    path = lake.checked("interactions")
    table = pq.read_table(path)
    rows = table.to_pylist()
    instant = pd.Timestamp(at).to_pydatetime()
    rows.append(rows[0] | {
        "interaction_id": f"OUT-{channel}", "customer_id": customer, "channel": channel,
        "result": "opted_out", "occurred_at": instant, "recorded_at": instant,
        "superseded_at": None,
    })  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


@pytest.mark.parametrize(
    ("channel", "at", "consents", "left_out"),
    [
        ("phone", NOON, True, 1),
        ("phone", AFTER, True, 0),  # the day is over
        ("sms", NOON, True, 0),  # the channel of a list is the phone
        ("sms", NOON, False, 1),  # the only word on marketing that there is
    ],
)
def test_an_opt_out_as_the_result_of_a_contact(
    lake: Lake, channel: str, at: str, consents: bool, left_out: int
) -> None:
    customer = first(lake)
    with_consents(lake, [YES | {"changed_at": NOON, "customer_id": customer}])
    if not consents:
        lake.checked("consents").unlink()
    opt_out(lake, customer, channel, at)
    said, rows = listed(lake)
    assert said.left_out.get("channel refused or opted out", 0) == left_out
    assert (customer in [row[0] for row in rows]) == (not left_out)


def renamed(lake: Lake, names: list[str]) -> None:
    """Give every customer one of these names, in turn."""
    path = lake.checked("customers")
    table = pq.read_table(path)
    column = [names[number % len(names)] for number in range(table.num_rows)]
    index = table.schema.get_field_index("name")
    pq.write_table(table.set_column(index, table.schema.field(index), pa.array(column)), path)


FORMULAS = [
    '=HYPERLINK("x","y")',
    "+86",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "＝1",
]


def test_names_that_are_formulas_are_neutralised(lake: Lake) -> None:
    renamed(lake, FORMULAS)
    _, found = listed(lake)
    assert {row[1] for row in found} == {f"'{name}" for name in FORMULAS}


def test_names_with_commas_quotes_and_line_ends_stay_one_cell(lake: Lake) -> None:
    names = ["张, 伟", '张"伟"', "张\r\n伟", "O'Neil", "𠮷野"]
    renamed(lake, names)
    _, found = listed(lake)
    assert {row[1] for row in found} == set(names)
    assert len({len(row) for row in found}) == 1


def test_a_customer_without_a_phone_has_an_empty_cell(lake: Lake) -> None:
    path = lake.checked("customers")
    table = pq.read_table(path)
    index = table.schema.get_field_index("phone")
    nothing = pa.nulls(table.num_rows, table.schema.field(index).type)
    pq.write_table(table.set_column(index, table.schema.field(index), nothing), path)
    _, found = listed(lake)
    assert {row[2] for row in found} == {""}


def test_a_failing_run_leaves_the_old_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(lake)
    out: Path = lake.home / "list.csv"
    before = out.read_bytes()

    def crash(*_: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr("serving.spreadsheet.cell", crash)
    with pytest.raises(OSError, match="no space left"):
        listed(lake)
    assert out.read_bytes() == before
    assert not list(lake.home.glob(".list.csv*"))


def records_of(lake: Lake) -> Records:
    found = Records(lake.settings)
    found.migrate()
    return found


def taken(lake: Lake, at: datetime = datetime(2026, 7, 1, 4, tzinfo=UTC)) -> ListRun:
    out = lake.home / "list.csv"
    return hand_out(lake, "churn_risk", DAY, top=1000, out=out, who="Li", why="a test", at=at)


@pytest.mark.parametrize(
    ("purpose", "granted", "hours", "left_out"),
    [
        ("marketing", False, 1, "no marketing consent"),
        ("profiling", False, 1, "profiling refused"),
        ("marketing", True, 1, None),
        ("location", False, 1, None),
        ("marketing", False, -48, None),  # before the consent that the core system knows
    ],
)
def test_who_refused_since_is_left_out(
    lake: Lake, purpose: Any, granted: bool, hours: int, left_out: str | None
) -> None:
    customer, said = first(lake), pd.Timestamp(NOON).to_pydatetime()
    with_consents(lake, [YES | {"changed_at": NOON, "customer_id": customer}])
    assert taken(lake).rows == 1
    with records_of(lake).writing() as connection:
        at = said + timedelta(hours=hours)
        write_consent(connection, ConsentChange(customer, purpose, granted, at), at)
    again = taken(lake)
    assert again.rows == (left_out is None)
    if left_out is not None:
        assert again.left_out[left_out] >= 1
    # What is told after the list was taken is not known to it.
    assert taken(lake, said - timedelta(days=3)).rows == 1


@pytest.mark.parametrize(("channel", "rows"), [("phone", 0), ("sms", 1)])
def test_who_refused_calls_since_is_left_out(lake: Lake, channel: str, rows: int) -> None:
    customer, at = first(lake), pd.Timestamp(NOON).to_pydatetime()
    with_consents(lake, [YES | {"changed_at": NOON, "customer_id": customer}])
    with records_of(lake).writing() as connection:
        change = ConsentChange(customer, "marketing", False, at, channel)
        write_consent(connection, change, at)
    assert taken(lake).rows == rows


def test_who_took_whose_data_is_kept_before_the_file_is_there(lake: Lake) -> None:
    customer = first(lake)
    with_consents(lake, [YES | {"changed_at": BEFORE, "customer_id": customer}])
    (lake.home / "list.csv").mkdir()
    with pytest.raises(OSError, match=r"list\.csv"):
        taken(lake)
    with records_of(lake).reading() as connection:
        (row,) = connection.execute(exports.select()).mappings()
    assert (row["subject"], row["purpose"], row["name"]) == ("Li", "a test", "churn_risk")
    assert (row["customer_ids"], row["rows"]) == ([customer], 1)
    assert {"客户号", "姓名", "手机号"} <= set(row["columns"])


def test_a_list_that_cannot_be_noted_is_not_written(lake: Lake) -> None:
    lake = Lake(lake.settings.model_copy(update={"database": "postgresql://x@127.0.0.1:1/none"}))
    with pytest.raises(RecordsAwayError):
        taken(lake)
    assert not (lake.home / "list.csv").exists()
