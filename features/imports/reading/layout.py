"""Find the headings of a sheet: titles above them, headings of two rows, rows of totals below."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SEARCHED = 20
"""Rows in which the headings are looked for."""
VALUE = re.compile(
    r"[-+(]?[¥￥]?[\d.,/:%\s年月日TZ+-]*\d[\d.,/:%\s年月日TZ+-]*[)元万]*"
    r"|[A-Za-z]{0,6}[\d-]{5,}[\dXx]?|true|false|(?=\D*\d)[A-HJ-NPR-Z\d]{17}",
    re.IGNORECASE,
)
"""Cells that are values and no headings: numbers, days, instants, identifiers."""
TOTAL = r"^\s*(合\s*计|总\s*计|小\s*计|本页合计|本页小计|累\s*计|(grand\s+)?total|sum)\s*[::]?\s*$"
FOOTER = (
    r"^\s*(共\s*[\d,]+\s*[条行笔件].*|总(条|行|记录)数.*|[\d,]+ rows? (selected|affected).*"
    r"|(制表|填表|审核|打印|导出|统计)(人|时间|日期|单位)?\s*[::].*|备注\s*[::].*|注\s*[::].*"
    r"|第\s*\d+\s*页.*|-+\s*(end|完).*)\s*$"
)
"""Rows below the data: `TOTAL` in the first filled cell, `FOOTER` in a row's only cell."""


@dataclass(frozen=True)
class Headings:
    """Where the headings of a sheet stand.

    Attributes
    ----------
    row : int
        Place of the first row of headings; rows before it are titles.
    rows : int
        Rows of headings: 1 or 2; 0 where the data begins without any.
    names : tuple of str
        A heading for each column; two rows are joined: "交强险/保费".
    """

    row: int
    rows: int
    names: tuple[str, ...]


def find_headings(
    rows: Sequence[Sequence[str]], spans: Sequence[tuple[int, int, int]] = ()
) -> Headings:
    """Find the headings: the first row that is nearly as wide as the data and holds no values.

    Parameters
    ----------
    rows : sequence of sequence of str
        The first rows of the sheet; an empty cell is "".
    spans : sequence of (int, int, int)
        Merged cells of a row: row, first and last column.

    Returns
    -------
    Headings
        Names are unique; a column without a heading is named by its place: "列3".
    """
    widths = Counter(len(row) for row in rows if any(row))
    width = max(widths, key=lambda size: (widths[size], size), default=0)
    for place, row in enumerate(rows[:SEARCHED]):
        spanned = sum(last - first for at, first, last in spans if at == place)
        if not _names_columns(row, width, spanned):
            continue
        while len(row) > width and not row[-1].strip():
            row = row[:-1]  # noqa: PLW2901  (a delimiter ends the headings, and not the rows)
        following = rows[place + 1] if place + 1 < len(rows) else ()
        if _continues(row, following, [span for span in spans if span[0] == place]):
            upper = _spread(row, [span for span in spans if span[0] == place], following)
            names = [_joined(above, below) for above, below in _paired(upper, following, width)]
            return Headings(place, 2, _unique(names))
        names = [" ".join(name.split()) for name in row] + [""] * (width - len(row))
        return Headings(place, 1, _unique(names))
    return Headings(0, 0, _unique([""] * width))


def _names_columns(row: Sequence[str], width: int, spanned: int) -> bool:
    filled = [cell.strip() for cell in row if cell.strip()]
    if not filled or any(VALUE.fullmatch(cell) for cell in filled):
        return False
    return len(filled) >= max(1, min(2, width)) and len(filled) + spanned >= 0.5 * width


def _continues(
    row: Sequence[str], following: Sequence[str], spans: Sequence[tuple[int, int, int]]
) -> bool:
    """Check whether the next row goes on with the headings: it names what the first spans."""
    gaps = [place for place, cell in enumerate(row) if not cell.strip()]
    filled = [cell.strip() for cell in following if cell.strip()]
    if not filled or not (gaps or spans) or any(VALUE.fullmatch(cell) for cell in filled):
        return False
    # Below a cell of one row stands nothing; below a spanned one stand the parts.
    parts = {place for place, cell in enumerate(following) if cell.strip()}
    # Without merged cells, a row that fills all columns is data.
    return set(gaps) <= parts and (bool(spans) or len(parts) < len(row))


def _spread(
    row: Sequence[str], spans: Sequence[tuple[int, int, int]], following: Sequence[str]
) -> list[str]:
    """Write a spanned heading over each of its columns."""
    names = list(row)
    for _, first, last in spans:
        names[first : last + 1] = [row[first]] * (last - first + 1)
    for place in range(1, len(names)):
        if not names[place].strip() and place < len(following) and following[place].strip():
            names[place] = names[place - 1]
    return names


def _paired(upper: Sequence[str], lower: Sequence[str], width: int) -> list[tuple[str, str]]:
    above = [*upper, *[""] * (width - len(upper))]
    below = [*lower, *[""] * (width - len(lower))]
    return list(zip(above, below, strict=False))


def _joined(above: str, below: str) -> str:
    parts = [" ".join(part.split()) for part in (above, below)]
    return "/".join(part for part in parts if part)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Name nameless columns by place, and the second of two alike by its number."""
    used: Counter[str] = Counter()
    unique = []
    for place, name in enumerate(names, 1):
        heading = name or f"列{place}"
        used[heading] += 1
        unique.append(heading if used[heading] == 1 else f"{heading}#{used[heading]}")
    return tuple(unique)
