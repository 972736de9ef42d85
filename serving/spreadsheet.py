"""Write CSV for spreadsheets: UTF-8 with BOM, and no cell that is taken for a formula."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from features.publishing import published

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: object) -> str:
    """Convert a value to the text of a cell; a text like a formula gets a leading apostrophe.

    Examples
    --------
    >>> cell("=HYPERLINK(1)"), cell(None), cell("张伟")
    ("'=HYPERLINK(1)", '', '张伟')
    """
    if value is None:
        return ""
    text = str(value).replace("\x00", "")
    if isinstance(value, int | float | Decimal):
        return text  # a number of ours, not text from outside: -2 stays a number
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write rows to a file, all of them or none.

    Parameters
    ----------
    path : Path
        The file; only its owner may read it.
    header : sequence of str
        Headings of the columns.
    rows : iterable of sequence
        One value per column in each row.

    Returns
    -------
    int
        Number of rows, without the header.
    """
    count = 0
    with (
        published(path, 0o600) as draft,
        draft.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([cell(name) for name in header])
        for row in rows:
            writer.writerow([cell(value) for value in row])
            count += 1
    return count
