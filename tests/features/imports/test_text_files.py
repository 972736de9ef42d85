"""Every line of a text file is a row, left out with a reason, or rejected with its number."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading import encodings, held_rows
from features.imports.reading.readers import kind_of, list_files, read_source
from features.imports.reading.text_tables import TextTable
from features.lake import Lake
from features.settings import Settings

SOURCE = Source(files=("a.csv",), kind="text", columns=("保单号", "姓名", "签单保费"))


def read(lake: Lake, path: Path, text: str, source: Source = SOURCE) -> TextTable:
    path.write_bytes(text.encode())
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    return read_source(lake, "x", source, [path])


def lines_of(lake: Lake) -> dict[str, int]:
    """Line of each row by its first cell."""
    rows = lake.con.execute("SELECT c0, _line FROM import_x WHERE _kind IS NULL").fetchall()
    return dict(rows)


def test_rows_keep_their_lines_among_lines_that_are_none(lake: Lake, tmp_path: Path) -> None:
    text = (
        '保单号,姓名,签单保费\nP1,甲,1\n\nP2,"乙\n乙",2\nP3,丙\nP4,丁,4\n保单号,姓名,签单保费\n'
        "P5,戊,5,x\nP6,己,6\n,,\n合计,,18\n共6条\n"
    )
    (part,) = read(lake, tmp_path / "a.csv", text).parts
    assert lines_of(lake) == {"P1": 2, "P2": 4, "P4": 7, "P6": 10}
    assert part.left_out == {
        "titles and headings": 1,
        "lines that continue a cell": 1,
        "empty rows": 2,
        "headings repeated": 1,
        "rows of totals": 1,
        "footers": 1,
    }
    assert [(line.line, line.text, line.reason) for line in part.rejected] == [
        (6, "P3,丙", "the line has too few cells"),
        (9, "P5,戊,5,x", "the line has too many cells"),
    ]
    assert (part.lines, part.rows, part.unaccounted) == (13, 4, 0)


LINES = st.lists(
    st.sampled_from(
        ["P{n},甲,1", 'P{n},"甲\n乙",1', "", "P{n},甲", "P{n},甲,1,2", "合计,,1", "共{n}条", ",,",
         "保单号,姓名,签单保费", "# P{n},甲,1"]
    ),
    max_size=30,
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_counts_add_up_to_the_lines_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, ended: bool
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    lake = Lake(Settings(home=folder / "home"))
    written = ["保单号,姓名,签单保费", *(line.format(n=n) for n, line in enumerate(lines))]
    text = end.join(written) + (end if ended else "")
    (part,) = read(lake, folder / "a.csv", text).parts
    physical = (text.replace("\r\n", "\n") + ("" if ended else "\n")).count("\n")
    rejected = sum(line.lines for line in part.rejected)
    assert part.lines == part.rows + sum(part.left_out.values()) + rejected
    assert part.lines in {physical, physical - (not text.split(end)[-1] and not ended)}
    for first, line in lines_of(lake).items():
        row = text.replace("\r\n", "\n").split("\n")[line - 1]
        assert row.startswith(first)
    lake.con.close()


@settings(deadline=None, max_examples=40)
@given(LINES, st.sampled_from([1, 12, 40]), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_a_file_is_read_alike_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, encoding: str
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    lake = Lake(Settings(home=folder / "home"))
    (lake.home / "tmp").mkdir(parents=True)
    source = SOURCE.model_copy(update={"encoding": encoding})
    plain = [f"P{n},甲,{n}" for n in range(5)]  # so that an odd line follows plain pieces
    written = [
        "保单号,姓名,签单保费",
        *plain,
        *(line.format(n=n) for n, line in enumerate(lines, 5)),
    ]
    path = folder / "a.csv"
    path.write_text("\r\n".join(written), encoding)
    results = []
    for piece, resident in ((encodings.PIECE, held_rows.RESIDENT), (size, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encodings, "PIECE", piece)
            patch.setattr(held_rows, "RESIDENT", resident)
            (part,) = read_source(lake, "x", source, [path]).parts
        rows = lake.con.execute("FROM (SELECT * FROM import_x) ORDER BY _line").fetchall()
        results.append((rows, part.lines, part.rows, part.left_out, part.rejected))
    assert results[0] == results[1]
    assert len(results[0][0]) >= 5
    lake.con.close()


def test_headings_and_rows_with_different_line_ends_are_read(lake: Lake, tmp_path: Path) -> None:
    read(lake, tmp_path / "a.csv", "保单号,姓名,签单保费\r\nP1,甲,1\nP2,乙,2\n")
    assert lines_of(lake) == {"P1": 2, "P2": 3}


def test_a_second_layout_below_the_first_is_rejected_line_by_line(
    lake: Lake, tmp_path: Path
) -> None:
    old = "".join(f"P{n},甲,1\n" for n in range(5))
    new = "保单号,姓名,签单保费,渠道\n" + "".join(f"N{n},乙,2,x\n" for n in range(47))
    (part,) = read(lake, tmp_path / "a.csv", f"保单号,姓名,签单保费\n{old}{new}").parts
    assert part.rows == 5
    assert len(part.rejected) == 47
    assert part.left_out["headings repeated"] == 1


def test_an_unclosed_quote_is_rejected_with_the_lines_it_swallows(
    lake: Lake, tmp_path: Path
) -> None:
    text = '保单号,姓名,签单保费\nP1,甲,1\nP2,"乙,2\nP3,丙,3\n'
    (part,) = read(lake, tmp_path / "a.csv", text).parts
    assert part.rows == 1
    assert [(line.line, line.lines, line.reason) for line in part.rejected] == [
        (3, 2, "a quotation mark is not closed")
    ]


def test_an_encoding_that_nobody_said_is_asked_for(lake: Lake, tmp_path: Path) -> None:
    unsaid = SOURCE.model_copy(update={"encoding": "ask"})
    with pytest.raises(GuanjiaError, match="does not tell its encoding"):
        read(lake, tmp_path / "a.csv", "x", unsaid)


def test_every_file_of_a_folder_is_listed(tmp_path: Path) -> None:
    for name in ("B.CSV", "a.txt", "c.csv.gz", "~$a.csv", "dt=2026-06-30/part-0.parquet", "d.pdf"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    kinds = {path.name: kind_of(path) for path in list_files(tmp_path)}
    assert kinds == {
        "B.CSV": "text",
        "a.txt": "text",
        "c.csv.gz": "text",
        "part-0.parquet": "parquet",
        "~$a.csv": None,
        "d.pdf": None,
    }
