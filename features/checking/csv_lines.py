"""Read CSV files as they are delivered: each line is a row, or a fault with its line number.

The files are comma-separated UTF-8 text with one heading line. A line that is wrong costs itself:
it goes on with the cells it has and with its fault. A file that is wrong as a whole (another
encoding, another separator, two layouts one below the other) is refused with its line.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from features.contracts.contract import Contract
from features.errors import GuanjiaError
from features.plain_csv import parse_plain_lines

CELLS = "the line has more or fewer cells than the heading"
QUOTES = "the line has a quote that is not closed, or text after a closed one"
ENCODING = "the line holds bytes that are not UTF-8"
HEADING = "the line repeats the heading"
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SAVE_AS = "save it as CSV UTF-8 (in a spreadsheet: CSV UTF-8, comma delimited)"
LARGEST_CELL = 1 << 24
BATCH = 20_000
_NOT_TEXT = re.compile("[\udc80-\udcff]")
"""How Python writes bytes that are not UTF-8."""


class Batch(NamedTuple):
    """Rows of a CSV file, in their order.

    Attributes
    ----------
    numbers : sequence of int
        The line of each row in the file, from 1; of a row over several lines the first.
    columns : list of pyarrow.Array of string
        The cells of each column of the heading; an empty or missing cell is null.
    faults : list of (str or None)
        What is wrong with each line.
    """

    numbers: Sequence[int]
    columns: list[pa.Array]
    faults: list[str | None]


class _Lines(Iterator[str]):
    """The lines of a text file with their numbers; lines can be given back to be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.number = 0
        self.read: list[str] = []
        """Lines read one by one since the list was last cleared."""

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.read.append(line)
        return line

    def take(self, most: int) -> list[str]:
        """Read so many lines at once, or those that are left."""
        again = [self._again.popleft() for _ in range(min(most, len(self._again)))]
        lines = again + list(islice(self._lines, most - len(again)))
        self.number += len(lines)
        return lines

    def give_back(self, lines: Sequence[str]) -> None:
        """Give back the lines that were read last."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def read_heading(path: Path, contract: Contract) -> list[str]:
    """Read the names of the columns of a CSV file.

    Raises
    ------
    GuanjiaError
        If the file is not UTF-8 text, is separated by something else than commas, or names a
        column of the contract twice.
    """
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
        kind = "UTF-16 text" if start[:1] in (b"\xff", b"\xfe") else "no text file"
        raise GuanjiaError(f"file {path}", f"is {kind}, not UTF-8", SAVE_AS)
    _refuse_other_encoding(path)
    with _open(path) as stream_of_text:
        heading = next(csv.reader(stream_of_text), [])
    names = [name.strip() for name in heading]
    if not set(names) & set(contract.columns):
        for separator, word in SEPARATORS.items():
            if {name.strip() for name in ",".join(heading).split(separator)} & {*contract.columns}:
                fault = f"line 1 is separated by {word}, not by commas"
                raise GuanjiaError(f"file {path}", fault, SAVE_AS)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        fault = f"names {', '.join(twice)} twice in its heading"
        raise GuanjiaError(f"file {path}", fault, "keep the column that counts")
    return [name or f"column_{place}" for place, name in enumerate(names, 1)]


def read_batches(
    path: Path, contract: Contract, heading: Sequence[str], size: int = BATCH
) -> Iterator[Batch]:
    """Read the rows of a CSV file below its heading; blank lines are passed over.

    Parameters
    ----------
    path : Path
        The file.
    contract : Contract
        The contract of the table, to see a second heading in the middle of the file.
    heading : sequence of str
        The names of the columns, as `read_heading` returns them.
    size : int
        Lines read at once; it decides nothing but speed.

    Raises
    ------
    GuanjiaError
        If a heading with other columns stands in the middle of the file: the rows below it have
        another layout than those above.
    """
    csv.field_size_limit(LARGEST_CELL)
    with _open(path) as stream:
        lines = _Lines(iter(stream))
        next(csv.reader(lines, strict=True))
        while chunk := lines.take(size):
            columns = _plain_columns(chunk, contract, heading)
            if columns is not None:
                first = lines.number - len(chunk) + 1
                yield Batch(range(first, lines.number + 1), columns, [None] * len(chunk))
                continue
            lines.give_back(chunk)
            yield _line_by_line(lines, len(chunk), path, contract, heading)


def _plain_columns(
    chunk: list[str], contract: Contract, heading: Sequence[str]
) -> list[pa.Array] | None:
    """Parse lines that are a whole row each; None if one of them needs to be looked at."""
    text = "".join(chunk)
    if contract.key in text or not (text.isascii() or not _NOT_TEXT.search(text)):
        return None
    table = parse_plain_lines((text if text.endswith("\n") else f"{text}\n").encode(), heading)
    return None if table is None else [column.combine_chunks() for column in table.columns]


def _line_by_line(
    lines: _Lines, most: int, path: Path, contract: Contract, heading: Sequence[str]
) -> Batch:
    """Read rows one by one, from at least so many lines, each with its fault."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    faults: list[str | None] = []
    width, end = len(heading), lines.number + most
    reader = csv.reader(lines, strict=True)
    while lines.number < end:
        lines.read.clear()
        first = lines.number + 1
        fault = None
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            cells, fault = _split(lines.read[0]), QUOTES
        if not cells:
            continue
        if fault is None and len(cells) != width:
            fault = CELLS
        if fault and len(lines.read) > 1:
            # A quote that is not closed took the lines below: they are rows of their own.
            lines.give_back(lines.read[1:])
            cells, fault = _split(lines.read[0]), QUOTES
        if contract.key in cells and len(set(cells) & set(contract.columns)) > 1:
            _refuse_other_layout(path, first, cells, heading)
            fault = HEADING
        if any(map(_NOT_TEXT.search, cells)):
            cells, fault = [_NOT_TEXT.sub("\ufffd", cell) for cell in cells], ENCODING
        numbers.append(first)
        rows.append((cells + [""] * width)[:width])
        faults.append(fault)
    columns = [
        pa.array([row[place] or None for row in rows], pa.string()) for place in range(width)
    ]
    return Batch(numbers, columns, faults)


def _split(line: str) -> list[str]:
    return line.rstrip("\n").split(",")


def _open(path: Path):  # type: ignore[no-untyped-def]
    return path.open(encoding="utf-8-sig", errors="surrogateescape")


def _refuse_other_encoding(path: Path) -> None:
    """Refuse a file whose lines beyond ASCII are all unreadable; few such lines are faults."""
    bad_line = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                bad_line = bad_line or number
            else:
                return
    if bad_line:
        fault = f"is not UTF-8 text: line {bad_line} cannot be read (is it GBK, as saved by Excel?)"
        raise GuanjiaError(f"file {path}", fault, SAVE_AS)


def _refuse_other_layout(
    path: Path, number: int, cells: Sequence[str], heading: Sequence[str]
) -> None:
    names = [cell.strip() for cell in cells]
    if names != list(heading):
        changed = sorted(set(names) ^ set(heading))
        fault = f"has a second heading in line {number}, with other columns ({', '.join(changed)})"
        raise GuanjiaError(f"file {path}", fault, "split it into a file for each layout")
