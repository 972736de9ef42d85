"""CSV files as spreadsheets read them."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.spreadsheet import cell, write_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"])
def test_a_cell_that_begins_like_a_formula_is_neutralised(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_stay_numbers() -> None:
    assert (cell(-2), cell(0.25), cell(None)) == ("-2", "0.25", "")
    assert cell(Decimal("-12.50")) == "-12.50"


@pytest.mark.parametrize(
    "text", ["440106198001011234", "00123", "1E5", "1.1e+17", "3-1", "2026/7/1", "1.50", "TRUE"]
)
def test_ids_stay_texts(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["13800000001", "C00123", "B1", "12", "020-81234567", "7天", "E5"])
def test_other_texts_are_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_the_file_has_a_bom_and_chinese_headings(tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    assert write_csv(out, ["姓名", "手机号"], [["=cmd()", "13800000000"], ["张, 伟", None]]) == 2
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    text = out.read_bytes().decode("utf-8-sig")
    assert text == '姓名,手机号\r\n\'=cmd(),13800000000\r\n"张, 伟",\r\n'


def test_a_failed_list_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    write_csv(out, ["a"], [["1"]])

    def failing() -> list[list[str]]:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        write_csv(out, ["a"], (row for row in failing()))
    assert out.read_text(encoding="utf-8-sig") == "a\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
