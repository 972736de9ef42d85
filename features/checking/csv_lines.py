"""Read CSV files as they are delivered: each line is a row, or a fault with its line number.

The files are comma-separated UTF-8 text with one heading line. A line that is wrong costs itself:
it goes on with the cells it has and with its fault. A file that is wrong as a whole (another
encoding, another separator, two layouts one below the other) is refused with its line.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.contracts.contract import Contract
from features.errors import GuanjiaError

CELLS = "the line has more or fewer cells than the heading"
QUOTES = "the line has a quote that is not closed, or text after a closed one"
ENCODING = "the line holds bytes that are not UTF-8"
HEADING = "the line repeats the heading"
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SAVE_AS = "save it as CSV UTF-8 (in a spreadsheet: CSV UTF-8, comma delimited)"
LARGEST_CELL = 1 << 24
_NOT_TEXT = re.compile("[\udc80-\udcff]")
"""How Python writes bytes that are not UTF-8."""


@dataclass(frozen=True)
class Line:
    """A row of a CSV file.

    Attributes
    ----------
    number : int
        Its line in the file, from 1; of a row over several lines the first.
    cells : list of str
        Its cells, as many as the heading has; what is missing is empty.
    fault : str or None
        What is wrong with the line.
    """

    number: int
    cells: list[str]
    fault: str | None = None


class _Lines(Iterator[str]):
    """The lines of a text file with their numbers; lines can be given back to be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.number = 0
        self.read: list[str] = []
        """Lines read since the list was last cleared."""

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.read.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        """Give back the lines read but for the first: a quote that is not closed took them."""
        taken = self.read[1:]
        self._again.extendleft(reversed(taken))
        self.number -= len(taken)


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


def read_lines(path: Path, contract: Contract, heading: Sequence[str]) -> Iterator[Line]:
    """Read the rows of a CSV file below its heading; blank lines are passed over.

    Parameters
    ----------
    path : Path
        The file.
    contract : Contract
        The contract of the table, to see a second heading in the middle of the file.
    heading : sequence of str
        The names of the columns, as `read_heading` returns them.

    Raises
    ------
    GuanjiaError
        If a heading with other columns stands in the middle of the file: the rows below it have
        another layout than those above.
    """
    csv.field_size_limit(LARGEST_CELL)
    width = len(heading)
    with _open(path) as stream:
        lines = _Lines(iter(stream))
        reader = csv.reader(lines, strict=True)
        next(reader)
        while True:
            lines.read.clear()
            first = lines.number + 1
            fault = None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells, fault = lines.read[0].rstrip("\n").split(","), QUOTES
            if not cells:
                continue
            if fault is None and len(cells) != width:
                fault = CELLS
            if fault and len(lines.read) > 1:
                lines.give_back_all_but_first()
                cells, fault = lines.read[0].rstrip("\n").split(","), QUOTES
            if contract.key in cells and len(set(cells) & set(contract.columns)) > 1:
                _refuse_other_layout(path, first, cells, heading)
                fault = HEADING
            if not all(map(str.isascii, cells)) and any(map(_NOT_TEXT.search, cells)):
                cells, fault = [_NOT_TEXT.sub("\ufffd", cell) for cell in cells], ENCODING
            if fault:
                cells = (cells + [""] * width)[:width]
            yield Line(first, cells, fault)


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
