"""Cells are read as values by rules that hold for every cell, and are null where none does."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.imports import cells, days

ZONE = "Asia/Shanghai"
MONEY = st.decimals(-99_999_999, 99_999_999, places=2, allow_nan=False, allow_infinity=False)
DAYS = st.dates(date(1901, 1, 1), date(2099, 12, 31))
MOMENTS = st.builds(
    datetime.combine, st.dates(date(1992, 1, 1), date(2099, 12, 31)), st.times()
).map(lambda moment: moment.replace(microsecond=0))
engine = duckdb.connect()
engine.execute("SET TimeZone = 'UTC'")


def values(texts: list[str], read: Callable[[str], str]) -> dict[str, Any]:
    """What an expression reads in cells."""
    rows = f"SELECT c, {cells.tidy('c')} AS t FROM (SELECT unnest(?::VARCHAR[]) AS c)"
    return dict(engine.execute(f"SELECT c, {read('t')} FROM ({rows})", [texts]).fetchall())


def value(cell: str, read: Callable[[str], str]) -> Any:
    return values([cell], read)[cell]


def number(cell: str, factor: str = "1", decimal: str = ".") -> Any:
    return value(cell, lambda t: cells.number(t, factor, decimal))


def day(cell: str, order: str = "ymd") -> Any:
    return value(cell, lambda t: days.day(t, order, ZONE))


def instants(texts: list[str]) -> dict[str, Any]:
    read = values(texts, lambda t: days.instant(t, "ymd", ZONE))
    return {text: moment and moment.astimezone(UTC) for text, moment in read.items()}


def instant(cell: str) -> Any:
    return instants([cell])[cell]


def full_width(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


@settings(deadline=None, max_examples=50)
@given(MONEY)
def test_an_amount_is_the_same_in_every_form(amount: Decimal) -> None:
    plain, grouped = f"{amount:.2f}", f"{amount:,.2f}"
    size = f"{abs(amount):,.2f}"
    forms = [plain, grouped, f"￥{grouped}", f"{grouped}元", f" {plain} ", full_width(grouped)]
    if amount < 0:
        forms += [f"({size})", f"（{size}）", f"{size}-", f"-¥{size}"]
    read = values(forms, lambda t: cells.number(t, "1"))
    assert read == dict.fromkeys(forms, amount)
    comma = grouped.translate(str.maketrans(",.", ".,"))
    assert number(comma, decimal=",") == amount


@settings(deadline=None, max_examples=50)
@given(MONEY)
def test_a_unit_of_the_cell_goes_before_that_of_the_column(amount: Decimal) -> None:
    assert number(f"{amount:.2f}", factor="10000") == amount * 10_000
    assert number(f"{amount:.2f}万元", factor="1") == amount * 10_000
    assert number(f"{amount:.2f}元", factor="10000") == amount
    assert number(f"{amount:.2f}%") == amount / 100


@pytest.mark.parametrize(
    "cell",
    ["abc", "1,23", "1E5", "(5", "5)", "1.2.3", "--5", "", "1 2", "十", "12345678901234567890"],
)
def test_what_is_no_number_is_none(cell: str) -> None:
    assert number(cell) is None


@settings(deadline=None, max_examples=50)
@given(DAYS)
def test_a_day_is_the_same_in_every_form(when: date) -> None:
    serial = str((when - date(1899, 12, 30)).days)
    forms = [
        when.isoformat(),
        f"{when.year}/{when.month}/{when.day}",
        f"{when:%Y%m%d}",
        f"{when.year}年{when.month}月{when.day}日",
        f"{when.year}.{when.month}.{when.day}",
        f"{when.isoformat()} 00:00:00.0",
        f"{when.year}/{when.month}/{when.day} 0:00",
        f"{when:%d-%b-%Y}".upper(),
        full_width(when.isoformat()),
    ]
    if len(serial) == 5:
        forms.append(serial)
    assert values(forms, lambda t: days.day(t, "ymd", ZONE)) == dict.fromkeys(forms, when)
    assert day(f"{when.day}/{when.month}/{when.year}", "dmy") == when
    assert day(f"{when.month}/{when.day}/{when.year}", "mdy") == when
    # Which comes first is never guessed.
    assert day(f"{when.day}/{when.month}/{when.year}") is None


@pytest.mark.parametrize(
    "cell", ["2021-02-30", "2021-13-01", "2021-3", "202103", "无", "2021/3/1 PM"]
)
def test_what_is_no_day_is_none(cell: str) -> None:
    assert day(cell) is None


def test_a_day_of_another_zone_is_the_day_it_was_here() -> None:
    assert day("2025-06-30T16:00:00Z") == date(2025, 7, 1)
    assert day("2025-06-30 16:00:00+00:00") == date(2025, 7, 1)


@settings(deadline=None, max_examples=50)
@given(MOMENTS)
def test_an_instant_without_a_zone_is_civil_time(moment: datetime) -> None:
    here = moment.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    day_of = f"{moment.year}/{moment.month}/{moment.day}"
    forms = [
        moment.isoformat(),
        moment.isoformat(" "),
        f"{moment:%Y%m%d%H%M%S}",
        f"{day_of} {moment.hour}:{moment:%M}:{moment:%S}",
        f"{moment.year}年{moment.month}月{moment.day}日"
        f" {moment.hour}时{moment.minute}分{moment.second}秒",
        f"{moment.isoformat(' ')} CST",
        f"{moment:%a %b %d %H:%M:%S} CST {moment:%Y}",
        f"{moment.isoformat()}+08:00",
        f"{moment.isoformat(' ')}+0800",
        f"{here:%Y-%m-%dT%H:%M:%SZ}",
        f"{here:%Y/%m/%d %H:%M:%S} UTC",
    ]
    assert instants(forms) == dict.fromkeys(forms, here)


@given(DAYS)
@settings(deadline=None, max_examples=50)
def test_a_day_without_its_hour_is_noon(when: date) -> None:
    noon = datetime(when.year, when.month, when.day, 12, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    assert instant(when.isoformat()) == noon
    assert not value(when.isoformat(), days.has_hour)
    assert value(f"{when.isoformat()} 09:30", days.has_hour)


@pytest.mark.parametrize(
    "cell",
    ["3/1/2021 2:05:00 PM", "2021-03-01 25:00:00", "2021-03-01 10:61", "10:30", "昨天 10:30"],
)
def test_what_is_no_instant_is_none(cell: str) -> None:
    assert instant(cell) is None


def test_a_serial_of_a_spreadsheet_tells_the_time() -> None:
    assert instant("44256.5") == datetime(2021, 3, 1, 4, tzinfo=UTC)
    moment = datetime(2021, 3, 1, 10, 10, 16, tzinfo=UTC)
    serial = (moment - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    assert instant(f"{serial:.10f}") == datetime(2021, 3, 1, 2, 10, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("0012", "0012"),
        ('="0012"', "0012"),
        ("'0012", "0012"),
        ("\t0012\t", "0012"),
        ("Ｃ００１２", "C0012"),
        ("C1\u200b", "C1"),
        ("C1\u3000", "C1"),
        ("13800000002.0", "13800000002"),
        ("P-1.05", "P-1.05"),
        ("11010519491231002X", "11010519491231002X"),
        ("6.2E+17", None),
        ("6.20000199001011E+17", None),
    ],
)
def test_identifiers_are_texts_and_damaged_ones_are_none(cell: str, read: str | None) -> None:
    assert value(cell, cells.identifier) == read


@settings(deadline=None, max_examples=50)
@given(st.from_regex(r"[A-Z]{0,4}[0-9]{1,20}[A-Z]?", fullmatch=True))
def test_an_identifier_is_never_changed(text: str) -> None:
    assert value(text, cells.identifier) == text


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("１３８０００００００２", "13800000002"),
        ("+86 138-0000-0002", "13800000002"),
        ("13800000002.0", "13800000002"),
        ("0755-12345678", "075512345678"),
        ("1.38E+10", None),
        ("138****0002", None),
        ("1380000", None),
    ],
)
def test_phones_are_digits_or_none(cell: str, read: str | None) -> None:
    assert value(cell, cells.phone) == read


def test_nulls_are_those_of_the_list() -> None:
    def tidy(cell: str) -> Any:
        return value(cell, lambda t: cells.without_nulls(t, ("", "NULL", "-", "无")))

    assert [tidy(cell) for cell in ("null", " - ", "无", "　", "0", "无锡")] == [
        None, None, None, None, "0", "无锡"
    ]  # fmt: skip


def test_a_birthday_stands_in_an_identity_number() -> None:
    read = value("11010519491231002X", lambda t: days.birth_day(t, "ymd", ZONE))
    assert read == date(1949, 12, 31)
