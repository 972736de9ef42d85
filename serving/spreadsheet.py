"""Write CSV for spreadsheets: UTF-8 with BOM, and no cell that is taken for something else."""

import csv
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from features.publishing import published

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TURNED = re.compile(
    r"0\d+|\d{12,}|\d+(\.\d+)?[eE][+-]?\d+|\d+\.\d*0|\d{1,4}[-/]\d{1,2}([-/]\d{1,4})?|\d+:\d\d(:\d\d)?"
    r"|true|false",
    re.IGNORECASE,
).fullmatch
"""Texts of which a spreadsheet makes another number, a date, a time or a truth."""
TELEPHONE = re.compile(r"\+?[0-9][0-9 ()/-]{4,29}").fullmatch
HOME_COUNTRY = re.compile(r"^(?:\+|00)86")
LANDLINE = re.compile(r"0?(10|2\d|[3-9]\d\d)(\d{7,8})").fullmatch


def cell(value: object) -> str:
    """Convert a value to the text of a cell.

    A text that a spreadsheet would run as a formula or turn into another value gets a leading
    apostrophe: an id keeps its zeros and its last digits, and does not become a date.

    Examples
    --------
    >>> cell("=HYPERLINK(1)"), cell(None), cell("张伟")
    ("'=HYPERLINK(1)", '', '张伟')
    >>> cell("00123"), cell("440106198001011234"), cell("13800000001"), cell(7)
    ("'00123", "'440106198001011234", '13800000001', '7')
    """
    if value is None:
        return ""
    text = str(value).replace("\x00", "")
    if isinstance(value, int | float | Decimal):
        return text  # a number of ours, not text from outside: -2 stays a number
    if text.lstrip(" ").startswith(FORMULA_STARTS) or (isinstance(value, str) and TURNED(text)):
        return f"'{text}"
    return text


def phone_cell(value: object) -> str:
    """Convert a telephone number to the text of a cell, such that it can still be dialled.

    A spreadsheet runs `+86...` as a formula and takes the zero off `020...`; an apostrophe is
    dialled by nobody. So numbers are written as they are dialled from China, and those that begin
    with 0 have a hyphen, which keeps them texts.

    Parameters
    ----------
    value : object
        The number; None: there is none.

    Examples
    --------
    >>> phone_cell("+86 138 1234 5678"), phone_cell("+852-21234567"), phone_cell("02081234567")
    ('13812345678', '00-85221234567', '020-81234567')
    """
    if value is None:
        return ""
    text = str(value).strip()
    if not TELEPHONE(text):
        return cell(text)
    digits = re.sub("[^0-9+]", "", text)
    national = HOME_COUNTRY.sub("", digits)
    if national[:1] == "+" or national[:2] == "00":
        return f"00-{national.lstrip('+0')}"
    landline = LANDLINE(national)
    if landline and (national != digits or national[:1] == "0"):
        return f"0{landline.group(1)}-{landline.group(2)}"
    return national if national != digits else cell(text)


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
