"""Dialect and headings are found in the first lines, whatever stands above and below them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.imports.reading.dialects import Dialect, find_dialect, split_lines
from features.imports.reading.layout import find_headings

WORD = st.text("abcdefgh甲乙丙丁", min_size=1, max_size=6)


@settings(deadline=None)
@given(
    st.sampled_from([",", "\t", ";", "|", "^"]),
    st.integers(2, 8),
    st.lists(st.lists(WORD, min_size=8, max_size=8), min_size=4, max_size=30),
)
def test_the_delimiter_that_cuts_evenly_is_found(
    delimiter: str, width: int, rows: list[list[str]]
) -> None:
    lines = [delimiter.join(row[:width]) for row in rows]
    assert find_dialect(lines).delimiter == delimiter


def test_a_decimal_comma_is_no_delimiter() -> None:
    lines = ["id;premium;name", "1;3000,50;a", "2;950,00;b", "3;1,5;c"]
    assert find_dialect(lines) == Dialect(";", '"')


def test_commas_inside_quotes_are_no_delimiters() -> None:
    lines = ["id,premium", '1,"3,000.50"', '2,"1,950.00"']
    assert find_dialect(lines) == Dialect(",", '"')


def test_records_know_their_lines() -> None:
    records = split_lines(["a,b", '1,"x', 'y"', "2,z"], Dialect(",", '"'))
    assert records == [(1, ["a", "b"]), (3, ["1", "x\ny"]), (4, ["2", "z"])]


@pytest.mark.parametrize(
    ("rows", "row", "count", "names"),
    [
        ([["保单号", "保费"], ["P1", "3"]], 0, 1, ("保单号", "保费")),
        ([["2026年6月报表", ""], [], ["保单号", "保费"], ["P1", "3"]], 2, 1, ("保单号", "保费")),
        ([["保单号", "", "保费"], ["P1", "x", "3"]], 0, 1, ("保单号", "列2", "保费")),
        ([["姓名", "姓名"], ["a", "b"]], 0, 1, ("姓名", "姓名#2")),
        ([["P0000001", "3000"], ["P0000002", "950"]], 0, 0, ("列1", "列2")),
        ([["保单号", "保费", ""], ["P1", "3"], ["P2", "4"]], 0, 1, ("保单号", "保费")),
    ],
)
def test_headings_are_found(
    rows: list[list[str]], row: int, count: int, names: tuple[str, ...]
) -> None:
    headings = find_headings(rows)
    assert (headings.row, headings.rows, headings.names) == (row, count, names)


def test_headings_of_two_rows_are_joined() -> None:
    rows = [
        ["保单号", "交强险", "", "商业险", ""],
        ["", "保费", "起保日期", "保费", "起保日期"],
        ["P1", "950", "2024-01-01", "3000", "2024-01-01"],
    ]
    headings = find_headings(rows, spans=[(0, 1, 2), (0, 3, 4)])
    assert (headings.row, headings.rows) == (0, 2)
    assert headings.names == (
        "保单号", "交强险/保费", "交强险/起保日期", "商业险/保费", "商业险/起保日期"
    )  # fmt: skip
