"""Find the dialect of a text file: what separates its cells and what encloses them.

The dialect is found once, on the first lines, and stands in the mapping from then on: told the
dialect, readers go wrong far less often than when they sniff each file (Vitagliano et al., Pollock:
A Data Loading Benchmark, VLDB 2023).
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DELIMITERS = (",", "\t", ";", "|", "^", "\x01", "|@|", "||")
QUOTES = ('"', "")
LEAST_REGULAR = 0.5
"""Share of records that have the usual number of cells, below which a dialect is not likely."""


@dataclass(frozen=True)
class Dialect:
    """How a line is cut into cells.

    Attributes
    ----------
    delimiter : str
        What stands between two cells.
    quote : str
        What encloses a cell that holds a delimiter; empty: nothing does.
    sure : bool
        False if another dialect fits the lines nearly as well.
    """

    delimiter: str
    quote: str
    sure: bool = True


def split_lines(lines: Sequence[str], dialect: Dialect) -> list[tuple[int, list[str]]]:
    """Cut lines into records: the number of lines read after each, and its cells.

    A record with a line end inside quotes takes several lines; an empty line has no cells.
    """
    if len(dialect.delimiter) > 1 or not dialect.quote:
        return [
            (number, line.split(dialect.delimiter) if line else [])
            for number, line in enumerate(lines, 1)
        ]
    reader = csv.reader(
        (line + "\n" for line in lines), delimiter=dialect.delimiter, quotechar=dialect.quote
    )
    records = []
    try:
        records = [(reader.line_num, cells) for cells in reader]
    except csv.Error:
        return records
    return records


def find_dialect(lines: Sequence[str]) -> Dialect:
    """Find the dialect in which most lines have one number of cells, and more than one cell."""
    scored = sorted(
        (
            (_regularity(lines, Dialect(delimiter, quote)), -place, delimiter, quote)
            for place, (quote, delimiter) in enumerate(
                (quote, delimiter) for quote in QUOTES for delimiter in DELIMITERS
            )
        ),
        reverse=True,
    )
    (best, _, delimiter, quote), *others = scored
    if best < LEAST_REGULAR:
        # A file of one column has no delimiter to be seen.
        single = not any(mark in line for line in lines for mark in DELIMITERS)
        return Dialect(",", '"', sure=single)
    rival = max((score for score, _, other, _ in others if other != delimiter), default=0.0)
    return Dialect(delimiter, quote, sure=best - rival >= 0.05 or delimiter.startswith("|"))


def _regularity(lines: Sequence[str], dialect: Dialect) -> float:
    """Score a dialect: the share of records of the usual width, less where quotes are left over."""
    records = [cells for _, cells in split_lines(lines, dialect) if cells]
    widths = Counter(len(cells) for cells in records)
    if not records:
        return 0.0
    width, usual = max(widths.items(), key=lambda item: (item[1], item[0]))
    if width < 2:
        return 0.0
    # A record over many lines means a quote that never closed.
    lines_used = len(records) / max(1, sum(bool(line) for line in lines))
    enclosed = sum(
        cell.startswith('"') and cell.endswith('"') and len(cell) > 1
        for cells in records
        for cell in cells
    ) / sum(map(len, records))
    empty_ends = sum(not cell for cells in records for cell in cells[1:-1]) / sum(map(len, records))
    # The first record of the usual width names columns: cut at a decimal comma, it is a row.
    first = next(cells for cells in records if len(cells) == width)
    named = sum(not any(sign.isdecimal() for sign in cell) for cell in first) >= 0.5 * width
    regular = usual / len(records) * min(1.0, lines_used)
    return regular - enclosed - 0.2 * empty_ends - (0.0 if named else 0.1)
