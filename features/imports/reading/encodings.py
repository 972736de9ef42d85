"""Find the encoding of a text file by strict decoding, and copy files as UTF-8 with `\\n` alone.

Detectors guess from statistics and take GB2312 for Big5. Here a file is what its byte order mark
says; else UTF-8 if all of it is valid UTF-8; else GB18030 if all of it is valid GB18030 and reads
as common Chinese; else the user is asked.
"""

import codecs
import gzip
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, cast

from features.errors import GuanjiaError

PIECE = 8_000_000
"""Bytes that are decoded at once."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
KEEP_ASCII = ("utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312", "big5")
"""Encodings in which a byte below "0" is the ASCII character, and never part of another."""
ASK = "ask"
"""Stands in a mapping where the user has to say the encoding."""
MOST_UNCOMMON = 0.2
"""Share of Chinese characters outside GB2312 level 1, above which GB18030 is not taken for sure.

In names and addresses of simplified Chinese it is about 0.02; Big5 read as GB18030 has over 0.5."""
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Reading:
    """How a file can be read.

    Attributes
    ----------
    encoding : str
        A name of a Python codec; `ASK` if the file does not tell.
    why : str
        What speaks for it, or why the user is asked.
    """

    encoding: str
    why: str


def find_encoding(path: Path) -> Reading:
    """Find the encoding of a text file, which may be compressed (`.gz`)."""
    with opened(path) as stream:
        head = stream.read(PIECE)
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return Reading(encoding, "a byte order mark begins the file")
    if b"\0" in head:
        return Reading(ASK, "it holds null bytes: UTF-16 without a byte order mark, or no text")
    utf8, chinese = _decodes(path, "utf-8"), _decodes(path, "gb18030")
    if utf8 is not None:
        # 联通 in GBK is valid UTF-8 too: text of Latin and Cyrillic pairs alone.
        if utf8 and not HAN.search(utf8) and chinese is not None and _is_common(chinese):
            return Reading(ASK, "all of it is valid UTF-8 and common Chinese in GB18030")
        return Reading("utf-8", "all of it is valid UTF-8" if utf8 else "it is plain ASCII")
    if chinese is not None and _is_common(chinese):
        return Reading("gb18030", "all of it is valid GB18030 and common Chinese")
    why = "it is neither valid UTF-8 nor valid GB18030"
    if chinese is not None:
        why = "it is valid GB18030, but reads as uncommon characters (Big5?)"
    return Reading(ASK, why)


def piece_encoding(encoding: str) -> str:
    """Return the encoding of the pieces that `read_pieces` yields: the file's own, or UTF-8."""
    return encoding if encoding in KEEP_ASCII else "utf-8"


def read_pieces(path: Path, encoding: str) -> Iterator[bytes]:
    """Yield a text file in pieces of whole lines, every kind of line end as `\\n`.

    The bytes are those of the file where its encoding is one of `KEEP_ASCII`, not decoded yet;
    else they are UTF-8, decoded strictly.

    Parameters
    ----------
    path : Path
        The file, which may be compressed.
    encoding : str
        Name of a codec, as the mapping says.

    Raises
    ------
    GuanjiaError
        If the file is cut off, or a byte cannot be decoded.
    """
    if encoding not in KEEP_ASCII:
        yield from _decoded(path, encoding, _raw_pieces(path))
        return
    begun: list[bytes] = []
    marked = encoding == "utf-8-sig"
    for raw in _raw_pieces(path):
        text = raw.removeprefix(codecs.BOM_UTF8) if marked else raw
        marked = False
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = text.rfind(b"\n") + 1
        if end:
            yield b"".join((*begun, memoryview(text)[:end]))
            begun = []
        begun.append(text[end:])
    if rest := b"".join(begun):
        yield rest + b"\n"


def decode_pieces(path: Path, encoding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces of a file as UTF-8, decoded strictly.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str
        Name of a codec, as the mapping says.
    pieces : iterable of bytes
        As `read_pieces` yields them.

    Raises
    ------
    GuanjiaError
        If a byte cannot be decoded: the error names file and line.
    """
    return _decoded(path, piece_encoding(encoding), pieces)


def _decoded(path: Path, encoding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode pieces strictly; yield whole lines."""
    try:
        codec = codecs.getincrementaldecoder(encoding)("strict")
        decoder = io.IncrementalNewlineDecoder(codec, translate=True)
        begun: list[str] = []
        for raw in chain(pieces, [b""]):
            text = decoder.decode(raw, final=not raw)
            lines, newline, begins = text.rpartition("\n")
            if newline:
                yield "".join((*begun, lines, newline)).encode()
                begun = []
            begun.append(begins)
        if rest := "".join(begun):
            yield f"{rest}\n".encode()
    except UnicodeDecodeError as fault:
        line = _line_of_fault(path, encoding)
        raise GuanjiaError(
            f"file {path}, line {line}",
            f"is not valid {encoding}: {fault.reason}",
            "deliver the file again, or name its encoding in the mapping",
        ) from fault
    except LookupError as fault:
        raise GuanjiaError(
            f"file {path}", f"cannot be read: {fault}", "name an encoding such as gb18030"
        ) from fault


def _raw_pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file; a line end of two bytes is not cut."""
    try:
        with opened(path) as stream:
            while piece := stream.read(PIECE):
                yield piece + stream.read(1) if piece.endswith(b"\r") else piece
    except EOFError as fault:
        raise GuanjiaError(f"file {path}", "is cut off", "deliver the file again") from fault
    except gzip.BadGzipFile as fault:
        raise GuanjiaError(
            f"file {path}", f"cannot be read: {fault}", "deliver the file again"
        ) from fault


def read_lines(path: Path, encoding: str, most: int) -> list[str]:
    """Read the first lines of a text file, without their ends.

    Parameters
    ----------
    path : Path
        The file, which may be compressed.
    encoding : str
        Name of a codec; what it cannot decode is replaced.
    most : int
        Lines, at most.
    """
    with opened(path) as stream, _text(stream, encoding, "replace") as text:
        return [line.rstrip("\n") for line in islice(text, most)]


def opened(path: Path) -> IO[bytes]:
    """Open a file, which may be compressed (`.gz`)."""
    if path.suffix.lower() == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _text(stream: IO[bytes], encoding: str, errors: str = "strict") -> io.TextIOWrapper:
    """Decode a stream; every kind of line end is read as `\\n`."""
    return io.TextIOWrapper(stream, encoding, errors, newline=None)


def _decodes(path: Path, encoding: str) -> str | None:
    """Return the characters beyond ASCII of the first piece; None if a byte is not valid."""
    beyond: str | None = None
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with opened(path) as stream:
        try:
            while piece := stream.read(PIECE):
                text = decoder.decode(piece)
                if not beyond and not text.isascii():
                    beyond = re.sub(r"[\x00-\x7f]+", "", text)
            decoder.decode(b"", final=True)
        except (UnicodeDecodeError, EOFError):
            return None
    return beyond or ""


def _is_common(text: str) -> bool:
    """Check whether most Chinese characters are among the 3,755 of GB2312 level 1."""
    # Characters of four bytes are proof for GB18030: no other encoding writes them so.
    letters = [x for x in HAN.findall(text[:100_000]) if len(x.encode("gb18030")) == 2]
    common = sum(_in_level_1(letter) for letter in letters)
    # A rare character in a name of a small file is no proof against it.
    allowed = max(MOST_UNCOMMON * len(letters), len(letters) >= 10)
    return bool(letters) and len(letters) - common <= allowed


def _in_level_1(letter: str) -> bool:
    try:
        return 0xB0A1 <= int.from_bytes(letter.encode("gb2312"), "big") <= 0xD7F9
    except UnicodeEncodeError:
        return False


def _line_of_fault(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                return number
    return 0
