"""Exports: a spreadsheet reads what was meant, in every format, and no rows are held."""

import csv
import io
import json
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from features.errors import GuanjiaError
from features.tags.catalogue import catalogue
from serving.lists.export import excel
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn, tag_column
from serving.lists.export.files import FORMATS, write_export
from serving.lists.export.masking import masked
from serving.lists.export.streams import json_page, stream_csv, stream_json, stream_json_lines
from serving.spreadsheet import phone_cell

COLUMNS = [
    ExportColumn("customer_id", "客户号", "id"),
    ExportColumn("name", "姓名", personal="name"),
    ExportColumn("phone", "手机号", "phone", personal="phone"),
    ExportColumn("policy_no", "保单号", "id"),
    ExportColumn("star", "星级", "number"),
    ExportColumn("value", "客户价值（元）", "money", digits=2),
    ExportColumn("renewal", "续保概率", "percent", digits=4),
    ExportColumn("expiry", "车险到期日", "date"),
    ExportColumn("holdout", "对照组", "yes or no"),
    ExportColumn("channel", "渠道", words={"agent": "代理"}),
]
ROWS: list[list[Any]] = [
    ["C1", "张伟", "+86 138 1234 5678", "440106198001011234", 3, Decimal("2802.00"), 0.61234,
     date(2026, 7, 9), True, "agent"],
    ["00123", "=cmd()|A1", "02081234567", "1E5", 5, -7.5, None, None, False, "3-1"],
    ["3-1", "欧阳正华", "+852 2123 4567", "00123", None, 1e9, 1.0, date(2027, 2, 28), None, None],
]  # fmt: skip
ABOUT = AboutExport(
    export_id="ex-7f3a", name="renewal_risk", label="续保风险名单", as_of=date(2026, 6, 30),
    who="li.na", why="marketing", at=datetime(2026, 7, 1, 1, 30, tzinfo=UTC),
    plain="star_level >= 3", chinese="星级 ≥ 3", version="4", content_hash="ab" * 32,
    waterfall=[("符合条件", 20), ("未同意营销", 17), ("发送", 3)], masked=False,
)  # fmt: skip
HIDDEN = AboutExport(**{**ABOUT.__dict__, "masked": True})
HEADINGS = [*(column.heading for column in COLUMNS), "导出号"]


def sheet(path: Path, name: str = "名单") -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python()


def test_csv_says_what_was_meant() -> None:
    data = b"".join(stream_csv(COLUMNS, ROWS, ABOUT))
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    assert text.endswith("\r\n")
    heading, *lines = csv.reader(io.StringIO(text))
    assert heading == HEADINGS
    assert lines == [
        ["C1", "张伟", "13812345678", "'440106198001011234", "3", "2802.00", "0.6123",
         "2026-07-09", "是", "代理", "ex-7f3a"],
        ["'00123", "'=cmd()|A1", "020-81234567", "'1E5", "5", "-7.50", "", "", "否", "'3-1",
         "ex-7f3a"],
        ["'3-1", "欧阳正华", "00-85221234567", "'00123", "", "1000000000.00", "1.0000",
         "2027-02-28", "", "", "ex-7f3a"],
    ]  # fmt: skip


def test_csv_may_be_gb18030() -> None:
    data = b"".join(stream_csv(COLUMNS, ROWS, ABOUT, "gb18030"))
    utf8 = b"".join(stream_csv(COLUMNS, ROWS, ABOUT))
    assert data.decode("gb18030") == utf8.decode("utf-8-sig")
    with pytest.raises(GuanjiaError, match="encoding gbk: is not offered"):
        [*stream_csv(COLUMNS, ROWS, ABOUT, "gbk")]  # type: ignore[arg-type]


def test_excel_has_numbers_dates_and_texts(tmp_path: Path) -> None:
    done = write_export(tmp_path / "list.xlsx", COLUMNS, ROWS, ABOUT)
    assert (done.format, done.rows, done.export_id) == ("xlsx", 3, "ex-7f3a")
    assert sheet(done.path) == [
        HEADINGS,
        ["C1", "张伟", "+86 138 1234 5678", "440106198001011234", 3.0, 2802.0, 0.6123,
         date(2026, 7, 9), "是", "代理", "ex-7f3a"],
        ["00123", "=cmd()|A1", "02081234567", "1E5", 5.0, -7.5, "", "", "否", "3-1", "ex-7f3a"],
        ["3-1", "欧阳正华", "+852 2123 4567", "00123", "", 1e9, 1.0, date(2027, 2, 28), "", "",
         "ex-7f3a"],
    ]  # fmt: skip
    with zipfile.ZipFile(done.path) as book:
        rows = book.read("xl/worksheets/sheet1.xml").decode()
        properties = book.read("docProps/core.xml").decode()
    assert "<f>" not in rows
    assert '<autoFilter ref="A1:K4"/>' in rows
    assert 'state="frozen"' in rows
    assert "导出号 ex-7f3a" in rows
    assert "ex-7f3a" in properties
    assert [path.name for path in tmp_path.iterdir()] == ["list.xlsx"]
    assert done.path.stat().st_mode & 0o777 == 0o600


def test_excel_says_how_it_was_made(tmp_path: Path) -> None:
    done = write_export(tmp_path / "list.xlsx", COLUMNS, ROWS, ABOUT)
    told = dict(sheet(done.path, "说明"))
    assert told["名单"] == "续保风险名单（renewal_risk）"
    assert told["筛选条件"] == "星级 ≥ 3"
    assert told["漏斗：未同意营销"] == 17.0
    assert told["发布指纹"] == "ab" * 32
    assert told["导出号"] == "ex-7f3a"
    assert told["导出时间"] == "2026-07-01T01:30:00+00:00"
    assert told["个人信息"].startswith("未脱敏")


def test_excel_says_what_the_tags_it_names_are(tmp_path: Path) -> None:
    about = replace(ABOUT, named=["renewal", "claim_count_36m", "star_level", "claim_count_36m"])
    told = sheet(write_export(tmp_path / "list.xlsx", COLUMNS, ROWS, about).path, "说明")
    assert [row for row in told if str(row[0]).startswith("释义")] == [
        ["释义：近36个月出险次数",
         "近36个月内发生的出险次数。（单位：次；窗口：近36个月；空值：不为空）"],
        ["释义：客户星级",
         "客户的星级，从1星青铜到5星钻石。（单位：星；窗口：截至当日；空值：未评定星级）"],
    ]  # fmt: skip
    assert [tag["name"] for tag in about.fields()["tags"]] == ["claim_count_36m", "star_level"]
    assert ABOUT.fields()["tags"] == []


def test_parquet_is_typed_and_says_how_it_was_made(tmp_path: Path) -> None:
    done = write_export(tmp_path / "list.parquet", COLUMNS, ROWS, ABOUT)
    table = pq.read_table(done.path)
    types = {field.name: field.type for field in table.schema}
    assert types["star"] == pa.int64()
    assert types["value"] == pa.decimal128(18, 2)
    assert types["expiry"] == pa.date32()
    assert types["policy_no"] == pa.string()
    assert table["value"].to_pylist() == [Decimal("2802.00"), Decimal("-7.50"), Decimal("1e9")]
    assert table["phone"].to_pylist()[0] == "+86 138 1234 5678"
    assert table["export_id"].to_pylist() == ["ex-7f3a"] * 3
    assert table.schema.field("expiry").metadata == {b"heading": "车险到期日".encode()}
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["condition_chinese"] == "星级 ≥ 3"
    assert json.loads(metadata["waterfall"])[2] == {"step": "发送", "customers": 3}


def test_json_is_streamed_and_paged() -> None:
    lines = b"".join(stream_json_lines(COLUMNS, ROWS, ABOUT)).splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 3
    assert first["customer_id"] == "C1"
    assert (first["value"], first["expiry"], first["holdout"]) == (2802.0, "2026-07-09", True)
    assert first["export_id"] == "ex-7f3a"
    document = json.loads(b"".join(stream_json(COLUMNS, ROWS, ABOUT)))
    assert document["about"]["condition"] == "star_level >= 3"
    assert document["rows"] == [json.loads(line) for line in lines]
    assert json.loads(b"".join(stream_json(COLUMNS, [], ABOUT)))["rows"] == []
    pages = [json_page(COLUMNS, ROWS[start:], ABOUT, start, 2) for start in (0, 2)]
    assert [page["next"] for page in pages] == [2, None]
    assert pages[0]["rows"] + pages[1]["rows"] == document["rows"]


@pytest.mark.parametrize("ending", FORMATS)
def test_personal_data_are_masked_in_every_format(ending: str, tmp_path: Path) -> None:
    done = write_export(tmp_path / f"list.{ending}", COLUMNS, ROWS, HIDDEN)
    if ending == "xlsx":
        text = str(sheet(done.path))
        assert dict(sheet(done.path, "说明"))["个人信息"] == "已脱敏"
    elif ending == "parquet":
        text = str(pq.read_table(done.path).to_pylist())
    else:
        text = done.path.read_text(encoding="utf-8-sig")
    assert "张*" in text
    assert "138****5678" in text
    assert not re.search("张伟|欧阳正华|1234 5678|81234567|21234567", text)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_failed_export_leaves_the_old_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"list.{ending}"
    write_export(path, COLUMNS, ROWS, ABOUT)
    old = path.read_bytes()

    def failing() -> Iterator[list[Any]]:
        yield from ROWS
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        write_export(path, COLUMNS, failing(), ABOUT)
    assert path.read_bytes() == old
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["list.xls", "list", "list.txt", ".csv", "list.csv.zip"])
def test_an_unknown_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match=r"Give it one of \.csv, \.xlsx, \.parquet"):
        write_export(tmp_path / name, COLUMNS, ROWS, ABOUT)
    assert not [*tmp_path.iterdir()]


def test_what_no_column_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match=r"column 星级: holds str '2,802元', which is no number"):
        write_export(tmp_path / "list.csv", COLUMNS[4:5], [["2,802元"]], ABOUT)
    with pytest.raises(GuanjiaError, match="encoding gb18030: is not one of xlsx"):
        write_export(tmp_path / "list.xlsx", COLUMNS, ROWS, ABOUT, "gb18030")


def test_more_rows_than_a_sheet_takes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MOST_ROWS", 2)
    with pytest.raises(GuanjiaError, match="has more than 2 rows, which no sheet of Excel takes"):
        write_export(tmp_path / "list.xlsx", COLUMNS, ROWS, ABOUT)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5))
def test_no_text_becomes_a_formula_anywhere(texts: list[str]) -> None:
    columns = [ExportColumn("text", "文本"), ExportColumn("phone", "手机号", "phone")]
    data = b"".join(stream_csv(columns, [[text, text] for text in texts], ABOUT))
    _, *lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    for line in lines:
        for value in line:
            assert not value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("+8613812345678", "13812345678"), ("0086 138-1234-5678", "13812345678"),
        ("13812345678", "13812345678"), ("+86 (20) 8123 4567", "020-81234567"),
        ("075512345678", "0755-12345678"), ("010-12345678", "010-12345678"),
        ("+1 212 555 1234", "00-12125551234"), ("95518", "95518"), ("4008001234", "4008001234"),
        ("=1+1", "'=1+1"), ("-1", "'-1"), (None, ""), ("138****5678", "138****5678"),
    ],
)  # fmt: skip
def test_a_phone_number_can_be_dialled(text: str | None, cell: str) -> None:
    assert phone_cell(text) == cell


@pytest.mark.parametrize(
    ("text", "mask", "hidden"),
    [
        ("张伟", "name", "张*"), ("张三丰", "name", "张**"), ("欧阳正华", "name", "欧阳**"),
        ("张", "name", "*"), ("", "name", ""), ("13812345678", "phone", "138****5678"),
        ("+86 138 1234 5678", "phone", "138****5678"), ("020-81234567", "phone", "020****4567"),
        ("95518", "phone", "9***8"), ("粤B12345", "plate", "粤B***45"), ("AB", "number", "**"),
        ("440106198001011234", "number", "4401**********1234"),
    ],
)  # fmt: skip
def test_what_is_masked(text: str, mask: Any, hidden: str) -> None:
    assert masked(text, mask) == hidden


def test_a_tag_is_a_number_with_its_unit_in_the_heading() -> None:
    tags = catalogue()
    described = {
        name: (column.heading, column.kind, column.digits)
        for name in ("days_to_commercial_expiry", "motor_premium_in_force", "claims_ratio_36m",
                     "mini_program_bound", "channel", "age_years")
        for column in [tag_column(tags[name])]
    }  # fmt: skip
    labels = {name: tags[name].label for name in described}
    assert described == {
        "days_to_commercial_expiry": (f"{labels['days_to_commercial_expiry']}（天）", "number", 0),
        "motor_premium_in_force": (f"{labels['motor_premium_in_force']}（元）", "money", 2),
        "claims_ratio_36m": (labels["claims_ratio_36m"], "percent", 4),
        "mini_program_bound": (labels["mini_program_bound"], "yes or no", 0),
        "channel": ("渠道", "text", 0),
        "age_years": ("年龄（年）", "number", 0),
    }
    headings = [tag_column(tag).heading for tag in tags.values()]
    assert len({*headings}) == len(headings)


def peak(path: Path, rows: int) -> int:
    """The most memory that Python holds while so many rows are exported, in bytes.

    Threads that other tests left hold some too: the least of three runs has none of theirs.
    """
    columns = [COLUMNS[place] for place in (0, 1, 2, 4, 6)]

    def measure() -> int:
        lines = ([f"C{number:07}", "张伟", "13812345678", number, 0.5] for number in range(rows))
        tracemalloc.start()
        write_export(path, columns, lines, HIDDEN)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    return min(measure() for _ in range(3))


@pytest.mark.parametrize("ending", FORMATS)
def test_memory_does_not_grow_with_the_rows(ending: str, tmp_path: Path) -> None:
    # Both are more than a batch of the format.
    few, many = (6_000, 18_000) if ending == "parquet" else (600, 4_000)
    path = tmp_path / f"list.{ending}"
    peak(path, 10)
    assert peak(path, many) < peak(path, few) * 1.3 + 50_000
