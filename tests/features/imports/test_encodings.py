"""The encoding of a file is found by strict decoding, or the user is asked."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import GuanjiaError
from features.imports.reading import encodings
from features.imports.reading.encodings import (
    ASK,
    decode_pieces,
    find_encoding,
    read_lines,
    read_pieces,
)

SIMPLIFIED = "保单号,被保险人,签单保费\nP1,王伟,3000\nP2,李娜,950\n"
TRADITIONAL = "保單號,被保險人,簽單保費\nP1,王大偉,3000\nP2,陳志明,950\n"
COMMON = "".join(
    bytes([high, low]).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)
)


def file_of(folder: Path, text: str, encoding: str) -> Path:
    path = folder / "a.csv"
    path.write_bytes(text.encode(encoding))
    return path


def whole(path: Path, encoding: str) -> str:
    return b"".join(decode_pieces(path, encoding, read_pieces(path, encoding))).decode()


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        (SIMPLIFIED, "gb18030", "gb18030"),
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED + "P3,㐀𠀀,1\n", "gb18030", "gb18030"),
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "utf-16", "utf-16"),
        (TRADITIONAL, "utf-8", "utf-8"),
        (TRADITIONAL, "big5", ASK),
        (SIMPLIFIED, "utf-16-le", ASK),
        ("policy,premium\nP1,3\n", "ascii", "utf-8"),
        ("联通\n", "gb18030", "gb18030"),
        ("模肖\n", "gb18030", ASK),
    ],
)
def test_the_encoding_is_right_or_asked(tmp_path: Path, text: str, written: str, read: str) -> None:
    path = file_of(tmp_path, text, written)
    assert find_encoding(path).encoding == read
    if read != ASK:
        assert whole(path, read) == text


@settings(deadline=None)
@given(st.lists(st.text(COMMON, min_size=2, max_size=4), min_size=5, max_size=40))
def test_simplified_names_are_never_read_wrongly(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("names")
    text = "客户姓名,保单号\n" + "".join(f"{name},P{n}\n" for n, name in enumerate(names))
    for encoding in ("gb18030", "utf-8"):
        assert find_encoding(file_of(folder, text, encoding)).encoding == encoding


def test_a_byte_that_is_not_of_the_encoding_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("保单号\nP1\n".encode() + b"\xff\n")
    with pytest.raises(GuanjiaError, match=r"a\.csv, line 3: is not valid utf-8"):
        whole(path, "utf-8")
    assert find_encoding(path).encoding == ASK


def test_line_ends_of_every_kind_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\r\n1,2\n3,4\r5,6")
    assert whole(path, "utf-8") == "a,b\n1,2\n3,4\n5,6\n"


def test_pieces_are_whole_lines_whatever_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "保单号,被保险人\r\nP1,王伟\r\n\r\nP2,㐀𠀀\rP3,李娜"
    for encoding in ("gb18030", "utf-8-sig", "utf-16"):
        path = file_of(tmp_path, text, encoding)
        for size in (1, 2, 3, 7, 1000):
            monkeypatch.setattr(encodings, "PIECE", size)
            pieces = list(decode_pieces(path, encoding, read_pieces(path, encoding)))
            assert all(piece.endswith(b"\n") for piece in pieces)
            assert b"".join(pieces).decode() == "保单号,被保险人\nP1,王伟\n\nP2,㐀𠀀\nP3,李娜\n"


def test_a_compressed_file_is_read_and_one_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(SIMPLIFIED.encode("gb18030")))
    assert find_encoding(path).encoding == "gb18030"
    assert read_lines(path, "gb18030", 1) == ["保单号,被保险人,签单保费"]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(GuanjiaError, match="is cut off"):
        whole(path, "gb18030")
