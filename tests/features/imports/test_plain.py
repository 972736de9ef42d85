"""A plain cell is read at once, and is what the long way reads; all others go that way."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.contracts.tables import CONTRACTS
from features.imports.mapping import ColumnMap, Mapping
from features.imports.reading.text_tables import TextTable
from features.imports.run import Delivery
from features.imports.values import read_column
from features.plain_csv import parse_plain_lines

COLUMNS = (
    ("policies", "policy_id"), ("policies", "line"), ("policies", "private_car"),
    ("policies", "signed_at"), ("policies", "inception"), ("policies", "written_premium"),
    ("customers", "name"), ("customers", "branch"), ("customers", "phone"),
    ("customers", "birth_date"),
    ("vehicles", "plate"), ("vehicles", "vin"),
)  # fmt: skip
PLAIN = {
    "policy_id": "PDAA2024-7", "line": "商业险", "private_car": "是", "written_premium": "1,234.50",
    "signed_at": "2024-03-01 10:11:12", "inception": "2024/3/1", "name": "欧阳 娜娜",
    "branch": "B1", "phone": "13800000001", "birth_date": "1980-02-29", "plate": "京A12345",
    "vin": "LSV0012345678",
}  # fmt: skip
ODD = (
    "2024年3月1日", "20240301", "2024-3-1 ", " 2024/3/1", "2024-1/1", "24-3-1", "2024-02-30",
    "9999-12-31", "1900-01-01", "0000-00-00", "1900-01-01 00:00:00", "9999-12-31 00:00:00",
    "2024-03-01T10:11:12Z", "2024-03-01 10:11+08", "2024-03-01 10:11", "2024-03-01 25:00:00",
    "2024-03-01  9:11:12", "2024-03-01 24:00:00",
    "2024-03-01 10:11:12.123456", "2024-03-01 10:11:12.123", "2024-03-01 10:11:12.12",
    "2024-03-01 10:11:12.123+08", "2024-03-01 10:11:12.12Z", "2024-01-01 00:00:00.000",
    "1,23", "1,234,567.891", "12.345", ".5", "5.", "nUll",
    "1e5", "1_000", "(3)", "3元", "-0.10", "NULL", "null", "-", "无", "", "0", "00", "6.2E+17",
    '="0012"', "'0012", "0012.0", "１２３", "京Ａ12345", "\u200b甲", "甲\u3000", "138 0000 0001",
    "8613800000001", "lsv001", "交强险", "是 ", "Y", "y", "44030619800229001X", "P1\t", "P1\r\n",
)  # fmt: skip
NULLS = ("", "null", "-", "无", "20240101", "2024-01-01 00:00:00.000")
MAPPING = Mapping(folder=".", sources={}, tables=(), nulls=NULLS)
engine = duckdb.connect()
engine.execute("SET TimeZone = 'UTC'")


def both_ways(table: str, name: str, texts: list[str], **fields: Any) -> list[tuple[Any, Any, Any]]:
    """Each cell with what is read at once, and what the long way reads."""
    codes = {"line": {"商业险": "motor_commercial", "交强险": "motor_compulsory"}}.get(name)
    column = ColumnMap.model_validate({"from": "x", "codes": codes, **fields})
    source = TextTable("v", ("x",), [])
    reading = read_column(CONTRACTS[table], name, column, source, MAPPING, "Asia/Shanghai")
    rows = "SELECT unnest(?::VARCHAR[]) AS c0"
    steps = (
        reading.guess or "NULL", reading.plain, reading.cell, reading.tidy, reading.content,
        reading.value,
    )  # fmt: skip
    for prefix, step in zip("gprstw", steps, strict=True):
        rows = f"SELECT *, {step} AS {prefix}_{name} FROM ({rows})"
    return engine.execute(f"SELECT c0, p_{name}, w_{name} FROM ({rows})", [texts]).fetchall()


@pytest.mark.parametrize(("table", "name"), COLUMNS)
def test_the_usual_form_is_plain(table: str, name: str) -> None:
    ((_, at_once, long),) = both_ways(table, name, [PLAIN[name]])
    assert at_once is not None
    assert at_once == long


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.text("0123456789-/:. ,+TZ年月日元PaÉ甲\u200b\u3000\t", max_size=20)
        | st.sampled_from([*ODD, *PLAIN.values()])
        | st.from_regex(r"\A[12]\d{3}[-/ ]\d{1,2}[-/]\d{1,2}.?.?\Z")
        | st.from_regex(r"\A[12]\d{3}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{2}:?\d{0,2}(Z|\.\d|\+\d\d)?\Z"),
        max_size=30,
    )
)
@example([*ODD, *PLAIN.values()])
def test_what_is_read_at_once_is_what_the_rules_read(texts: list[str]) -> None:
    for table, name in COLUMNS:
        for cell, at_once, long in both_ways(table, name, texts):
            assert at_once is None or at_once == long, (name, cell)


def test_a_day_that_stands_for_none_and_a_null_are_not_plain() -> None:
    cells = ["1900-01-01", "9999-12-31", "2024-01-01", "2024-13-01", "2024-1-1 9"]
    read = {cell: plain for cell, plain, _ in both_ways("policies", "inception", cells)}
    assert [cell for cell, plain in read.items() if plain is not None] == ["2024-01-01"]
    rows = both_ways("policies", "written_premium", ["20240101", "20240102"], unit="万元")
    assert [plain for _, plain, _ in rows] == [None, rows[1][2]]
    # What there is to report of has to go the long way: digits that are lost, a day without hour.
    for name, cell in (("written_premium", "12.345"), ("signed_at", "2024-03-01"),
                       ("policy_id", "6.2E+17")):  # fmt: skip
        ((_, at_once, _),) = both_ways("policies", name, [cell])
        assert at_once is None
    (instant,) = both_ways("policies", "signed_at", ["2024-03-01 00:30:00"])
    assert instant[1] == datetime(2024, 2, 29, 16, 30, tzinfo=UTC)
    for digits in ("25", "250000"):
        ((_, at_once, _),) = both_ways(
            "policies", "signed_at", [f"2024-03-01 00:30:00.{digits:0<3}"]
        )
        assert at_once == datetime(2024, 2, 29, 16, 30, microsecond=250_000, tzinfo=UTC)
    assert [p for _, p, _ in both_ways("customers", "branch", ["B1", "无", "nUll"])] == [
        "B1",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a,b\n", [["a"], ["b"]]),
        ('"a",b\n1,""\n', [["a", "1"], ["b", None]]),
        ('"a,x",b\n', [["a,x"], ["b"]]),
        ("王伟,1\n,2\n", [["王伟", None], ["1", "2"]]),
        ("a,b\n\nc,d\n", None),
        ("a,b,c\n", None),
        ("a\n", None),
        ('"a""x",b\n', None),
        ('a"x,b\n', None),
        ('"a\nx",b\n', None),
        ('a, "b"\n', None),
        ('"a"x,b\n', None),
        ('",a",b\n', None),
        ('"a,b\n', None),
        ("a\0,b\n", None),
    ],
)
def test_lines_are_parsed_at_once_only_where_nothing_is_odd(
    text: str, cells: list[list[str | None]] | None
) -> None:
    for encoding in ("utf-8", "gb18030"):
        rows = parse_plain_lines(text.encode(encoding), ["x", "y"], encoding=encoding)
        assert (rows and [column.to_pylist() for column in rows.columns]) == cells


def test_a_bar_may_be_half_of_a_character() -> None:
    data = "a|鼃\n".encode("gb18030")  # its second byte is that of a letter
    assert parse_plain_lines(data, ["x", "y"], "|", encoding="gb18030") is None
    assert parse_plain_lines("a|鼃\n".encode(), ["x", "y"], "|") is not None
    assert parse_plain_lines(b"\xff,b\n", ["x", "y"], encoding="gb18030") is None


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text('ab",; \n甲鼃', max_size=4)] * 2).filter(any),
        min_size=1,
        max_size=6,
    )
)
def test_plain_lines_say_what_the_standard_reader_says(rows: list[tuple[str, str]]) -> None:
    import csv

    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    for encoding in ("utf-8", "gb18030"):
        table = parse_plain_lines(
            written.getvalue().encode(encoding), ["x", "y"], encoding=encoding
        )
        if table is not None:
            read = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
            assert read == [(a or None, b or None) for a, b in rows]


def test_an_instant_of_a_day_that_stands_for_none_is_none(
    exports: Path,
    imported: Callable[[Path], Delivery],
    rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    claims = exports / "理赔.csv"
    text = claims.read_text("gb18030").replace("2024-10-01 09:00:00", "9999-12-31 00:00:00")
    claims.write_text(text, "gb18030")
    delivery = imported(exports)
    assert [row["closed_at"] for row in rows("claims")] == [None, None]
    assert [finding for finding in delivery.findings if finding.column == "closed_at"] == []
