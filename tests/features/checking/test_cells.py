"""A cell is read as what it says, in one way, or it is not read: days, instants, truths, ids."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import ibis.expr.datatypes as dt
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.checking.cells import clean_text, read_cell, suspect_text
from features.checking.check import check_tables
from features.contracts.contract import Day, Flag, Instant
from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.sql import sql_text

Check = Callable[..., dict[str, Any]]
NAMES = duckdb.connect()
NAMES.execute("SET TimeZone = 'UTC'")


def read(cell: object, type_: dt.DataType, zone: str = "Asia/Shanghai") -> Any:
    delivered = "VARCHAR" if isinstance(cell, str) else "BIGINT"
    literal = sql_text(cell) if isinstance(cell, str) else str(cell)
    value = read_cell("cell", type_, delivered, zone)
    return NAMES.execute(f"SELECT {value} FROM (SELECT {literal} AS cell)").fetchall()[0][0]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2025-07-01", date(2025, 7, 1)),
        ("2025/7/1", date(2025, 7, 1)),
        ("2025-07-01 00:00:00", date(2025, 7, 1)),
        ("2025-07-01T00:00:00+08:00", date(2025, 7, 1)),
        ("2025-06-30T16:00:00Z", date(2025, 7, 1)),
        ("2025-07-01T00:00:00Z", date(2025, 7, 1)),
        ("20250701", None),
        ("1/2/24", None),
        ("0001-01-01", None),
        ("1900-01-01", date(1900, 1, 1)),
        ("2025年7月1日", None),
        ("infinity", None),
        (20250701, None),
    ],
)
def test_days(cell: object, day: date | None) -> None:
    assert read(cell, Day) == day


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2026-06-30 20:00:00", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("2026-06-30", datetime(2026, 6, 29, 16, tzinfo=UTC)),
        ("2026-06-30T20:00:00+08:00", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("2026-06-30 20:00:00.5+08", datetime(2026, 6, 30, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-06-30T20:00:00Z", datetime(2026, 6, 30, 20, tzinfo=UTC)),
        ("2026-06-30 20:00:00 UTC", datetime(2026, 6, 30, 20, tzinfo=UTC)),
        ("2026-06-30 20:00:00 Europe/Madrid", datetime(2026, 6, 30, 18, tzinfo=UTC)),
        ("2026-06-30 20:00:00 CST", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("2026-06-30 20:00:00 EST", None),
        ("soon", None),
        (1_782_820_800, None),
    ],
)
def test_instants_without_a_zone_are_the_insurers(cell: object, instant: datetime | None) -> None:
    assert read(cell, Instant) == instant


def test_china_time_is_read_in_china_alone() -> None:
    assert read("2026-06-30 20:00:00 CST", Instant, "Europe/Madrid") is None
    assert read("2026-06-30 20:00:00", Instant, "Europe/Madrid").hour == 18


def test_truths() -> None:
    cells = ["true", "F", "1", 1, 0, 2, "2", "否"]
    assert [read(cell, Flag) for cell in cells] == [
        True, False, True, True, False, None, None, None,
    ]  # fmt: skip


IDS = {
    "C1": "C1",
    " C1\t": "C1",
    "C1\u3000": "C1",
    "C1\u200b": "C1",
    "Ｃ１": "C1",
    "c1": "c1",
    "00123": "00123",
    "440106198001011234": "440106198001011234",
    "123.0": "123",
    "1E5": "1E5",
    "1.1E+17": None,
    "1.1e+17": None,
    "NULL": None,
    "nan": None,
    "#N/A": None,
    "-": None,
    "无": None,
    "京A12345": "京A12345",
    "0": None,
    "000000": None,
    "": None,
}


@pytest.mark.parametrize(("cell", "name"), IDS.items())
def test_ids(cell: str, name: str | None) -> None:
    cleaned, suspect = (sql(sql_text(cell), as_id=True) for sql in (clean_text, suspect_text))
    (row,) = NAMES.execute(f"SELECT {cleaned}, {suspect}").fetchall()
    assert row[0] == name
    assert row[1] or cell == name, "a cell that is not suspect is read as it is"


def test_midnights_of_pandas_stay_their_day(
    check: Check, lake: Lake, base: dict[str, str], rows_of: Callable[..., Any]
) -> None:
    check()
    path = lake.raw("policies") / "a.csv"
    frame = pd.read_csv(path, dtype=str)
    for name in ("inception", "expiry"):
        frame[name] = pd.to_datetime(frame[name]).dt.tz_localize("Asia/Shanghai")
    frame["signed_at"] = pd.to_datetime(frame["signed_at"]).dt.tz_convert(None)
    path.unlink()
    frame.to_parquet(path.with_suffix(".parquet"))
    assert {one.table: one.good for one in check_tables(lake)}["policies"] == 4
    first = rows_of("policies")[0]
    assert (first["inception"], first["expiry"]) == (date(2023, 7, 1), date(2024, 7, 1))
    # Without a zone it is a time of the insurer's clocks: 01:00 there.
    assert first["signed_at"] == datetime(2023, 6, 30, 17, tzinfo=UTC)


def test_a_code_is_no_truth(check: Check, lake: Lake, rows_of: Callable[..., Any]) -> None:
    check()
    path = lake.raw("policies") / "a.csv"
    frame = pd.read_csv(path, dtype=str)
    frame["private_car"] = [1, 1, 0, 2]
    path.unlink()
    frame.to_parquet(path.with_suffix(".parquet"))
    (found,) = (one for one in check_tables(lake) if one.table == "policies")
    assert [row["private_car"] for row in rows_of("policies")] == [True, True, False]
    assert found.reasons == {
        "a motor term names its vehicle and says whether it is a private car": 1,
        "private_car is left out: private_car is not a valid true or false": 1,
    }
    sentence = "private_car is left out: private_car is not a valid true or false"
    assert found.examples[sentence] == "a.parquet, row 4: 2"


def test_a_blank_in_an_id_makes_no_other_customer(
    check: Check, base: dict[str, str], rows_of: Callable[..., Any]
) -> None:
    found = check(policies=base["policies"].replace("C1,V1", "C1 ,Ｖ1"))["policies"]
    assert (found.good, found.bad) == (4, 0)
    sentence = "is read without blanks, invisible and full-width characters"
    assert found.notes == {f"customer_id {sentence}": 3, f"vehicle_id {sentence}": 3}
    assert {(row["customer_id"], row["vehicle_id"]) for row in rows_of("policies")} == {
        ("C1", "V1"), ("C2", "V2"),
    }  # fmt: skip


def test_ids_of_nothing_are_held_back_and_near_ones_named(check: Check) -> None:
    day = "2022-01-05T02:00:00Z"
    rows = [f"{one},{day},{day}" for one in ("C1", "c1", "NULL", "-", "0", "1.1E+17", "C2")]
    found = check(customers="customer_id,registered_at,recorded_at\n" + "\n".join(rows))
    customers = found["customers"]
    sentence = "stands for nothing (NULL, -, 0) or lost digits in a spreadsheet (1.1E+17)"
    assert customers.reasons == {f"customer_id {sentence}": 4}
    assert customers.examples[f"customer_id {sentence}"] == "a.csv, line 4: NULL"
    assert customers.notes == {"customer_id differs from another one in capital letters alone": 2}


def test_phones_that_cannot_be_dialled_are_left_out(
    check: Check, rows_of: Callable[..., Any]
) -> None:
    day = "2022-01-05T02:00:00Z"
    phones = [
        "13800000001",
        "1.38E+10",
        "13800000002.0",
        "１３８００００００03",
        "+34 600-123-456",
        "home",
        "020-8123 4567",
        "11111111111",
    ]
    rows = [f"C{n},{day},{phone},{day}" for n, phone in enumerate(phones, 1)]
    head = "customer_id,registered_at,phone,recorded_at\n"
    found = check(customers=head + "\n".join(rows))["customers"]
    assert [row["phone"] for row in rows_of("customers")] == [
        "13800000001", None, "13800000002", "13800000003", "+34 600-123-456", None,
        "020-8123 4567", None,
    ]  # fmt: skip
    assert sum(found.notes.values()) == 5
    assert found.examples["phone is left out: phone has 6 to 20 digits, not all alike"] == (
        "a.csv, line 7: (personal)"
    )


def test_an_optional_cell_costs_itself(check: Check, base: dict[str, str]) -> None:
    text = base["customers"].replace("1980-02-03,M", "1900-01-01,男")
    found = check(customers=text, policies=base["policies"].replace("agent", "12", 1))
    assert {name: one.bad for name, one in found.items()} == dict.fromkeys(found, 0)
    assert found["customers"].notes == {
        "birth_date is left out: a customer is born at most 110 years before registration": 1,
        "gender is left out: gender is none of F, M": 1,
    }
    assert found["policies"].examples == {
        "channel is left out: channel is none of direct, telephone, online, agent, broker, dealer":
            "a.csv, line 2: 12",
    }  # fmt: skip


def test_a_day_of_cancellation_says_something(check: Check, base: dict[str, str]) -> None:
    """Left out it would mean that the term is not cancelled: its row waits."""
    text = base["policies"].replace("2026-07-01,,", "2026-07-01,20251201,")
    found = check(policies=text)["policies"]
    assert found.reasons == {"cancelled_on is not a valid day, as 2025-07-01": 1}
    assert found.examples == {
        "cancelled_on is not a valid day, as 2025-07-01": "a.csv, line 4: 20251201",
    }  # fmt: skip


def test_rounded_amounts_are_said(check: Check, base: dict[str, str]) -> None:
    found = check(policies=base["policies"].replace("3000.00", "3000.005", 1))["policies"]
    assert found.notes == {"written_premium is rounded to 2 decimals": 1}
    assert CONTRACTS["policies"].columns["written_premium"].scale == 2


def test_types_that_no_cast_knows_are_faults(check: Check, lake: Lake) -> None:
    check()
    frame = pd.read_csv(lake.raw("vehicles") / "a.csv")
    frame["acquired_at"] = [{"on": 1}, {"on": 2}]
    (lake.raw("vehicles") / "a.csv").unlink()
    frame.to_parquet(lake.raw("vehicles") / "a.parquet")
    (found,) = (one for one in check_tables(lake) if one.table == "vehicles")
    assert found.bad == 2
    assert pq.read_metadata(lake.quarantine("vehicles")).num_rows == 2
