"""Write the SQL that reads plain cells at once: the usual form of each kind, and no other.

Nearly all cells of an export are plain: `2024-03-01`, `1,234.50`, letters and digits. Each
expression here is null for a cell that it is not made for; such a cell is read by the rules of
`cells.py` and `days.py`. Where it is not null it is what those rules give, and there is nothing to
report of the cell: it says something, has its hour, loses no digit.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from features.checking.cells import BLANKS, INVISIBLE
from features.imports.cells import FULL_WIDTH, MOBILE
from features.instants import instant_of_civil
from features.sql import sql_text

PLATE = r"\p{Han}?[0-9A-Z]+"
AMOUNT = r"[+-]?(\d{1,12}|\d{1,3}(,\d{3}){1,3})(\.\d{1,2})?"
DAY = r"[1-9]\d{3}[-/]\d{1,2}[-/]\d{1,2}"
INSTANT = DAY + r" \d{2}:\d{2}:\d{2}(\.\d{3}(\d{3})?)?"
WHOLE_NUMBER = r"\d{1,9}"
FIRST_YEAR, LAST_YEAR = 1902, 9990
ODD_TEXT = f"{INVISIBLE}|^[{BLANKS}]|[{BLANKS}]$"


def identifier(cell: str, nulls: Sequence[str], suffix: str = "") -> str:
    """Write the SQL of an identifier of plain letters and digits.

    Parameters
    ----------
    cell : str
        SQL of the cell as delivered.
    nulls : sequence of str
        Cells that say nothing, in capitals.
    suffix : str
        Is put behind it.
    """
    ending = f" || {sql_text(suffix)}" if suffix else ""
    # An address leaves letters, digits and -_.~ as they are; comparing is faster than a pattern.
    shape = f"url_encode({cell}) = {cell} AND NOT contains({cell}, '.')"
    return f"CASE WHEN {_says_something(cell, nulls)} AND {shape} THEN {cell}{ending} END"


def plate(cell: str, nulls: Sequence[str]) -> str:
    """Write the SQL of a plate or vehicle identification number in capitals, without blanks."""
    return _text_like(cell, PLATE, nulls)


def phone(cell: str, nulls: Sequence[str]) -> str:
    """Write the SQL of a mobile number without blanks or a country."""
    return _text_like(cell, MOBILE, nulls)


def text(cell: str, nulls: Sequence[str]) -> str:
    """Write the SQL of a text without blanks around it and invisible characters."""
    clean = f"NOT regexp_matches({cell}, {sql_text(ODD_TEXT)})"
    return f"CASE WHEN {_says_something(cell, nulls)} AND {clean} THEN {cell} END"


def code(cell: str, codes: Mapping[str, str], nulls: Sequence[str]) -> str | None:
    """Write the SQL of a code that is written exactly as in the list; None if none can be.

    Parameters
    ----------
    cell : str
        SQL of the cell as delivered.
    codes : mapping of str to str
        Values of the source -> the contract's.
    nulls : sequence of str
        Cells that say nothing, in capitals.
    """
    odd = set(FULL_WIDTH)
    cases = " ".join(
        f"WHEN {sql_text(value)} THEN {sql_text(meaning)}"
        for value, meaning in codes.items()
        if value.isprintable() and value == value.strip() and not odd.intersection(value)
        if value.upper() not in nulls
    )
    return f"CASE {cell} {cases} END" if cases else None


def guess_day(cell: str) -> str:
    """Write the SQL of a day as `2024-03-01` or `2024/3/1`, whichever day it is.

    The engine reads little else as a day of these lengths: blanks and backslashes between numbers.
    """
    shape = f"strlen({cell}) BETWEEN 8 AND 10 AND NOT contains({cell}, ' ')"
    return f"CASE WHEN {shape} AND NOT contains({cell}, '\\') THEN TRY_CAST({cell} AS DATE) END"


def day(cell: str, guess: str, nulls: Sequence[str], no_days: Sequence[str]) -> str:
    """Write the SQL of a day that was guessed and may stand in an export.

    Parameters
    ----------
    cell : str
        SQL of the cell as delivered.
    guess : str
        Of the day that `guess_day` gives.
    nulls : sequence of str
        Cells that say nothing, in capitals.
    no_days : sequence of str
        Days that stand for none.
    """
    usual = _usual(guess, no_days) + _no_null(cell, nulls, DAY)
    return f"CASE WHEN {usual} THEN {guess} END"


def guess_instant(cell: str) -> str:
    """Write the SQL of an instant as `2024-03-01 10:11:12`, as the insurer's clocks show it.

    A database writes three or six digits of the second behind it.
    """
    shape = f"strlen({cell}) = 19 AND {cell} LIKE '____-__-__ __:__:__'"
    exact = f"strlen({cell}) IN (23, 26) AND {cell} LIKE '____-__-__ __:__:__.%'"
    exact += f" AND regexp_full_match({cell}, '.{{20}}\\d+')"
    return f"CASE WHEN {shape} OR ({exact}) THEN TRY_CAST({cell} AS TIMESTAMP) END"


def instant(cell: str, guess: str, nulls: Sequence[str], no_days: Sequence[str], zone: str) -> str:
    """Write the SQL of an instant that was guessed and may stand in an export.

    Parameters
    ----------
    cell : str
        SQL of the cell as delivered.
    guess : str
        Of the civil time that `guess_instant` gives.
    nulls : sequence of str
        Cells that say nothing, in capitals.
    no_days : sequence of str
        Days that stand for none.
    zone : str
        The insurer's time zone.
    """
    usual = _usual(guess, no_days) + _no_null(cell, nulls, INSTANT)
    return f"CASE WHEN {usual} THEN {instant_of_civil(guess, zone)} END"


def number(cell: str, nulls: Sequence[str], factor: str, target: str) -> str | None:
    """Write the SQL of an amount with two decimal places at most; None if it cannot be so read.

    Parameters
    ----------
    cell : str
        SQL of the cell as delivered.
    nulls : sequence of str
        Cells that say nothing, in capitals.
    factor : str
        What the number is multiplied by.
    target : str
        The type: a decimal of two places at least, or whole numbers.
    """
    if Decimal(factor) != int(Decimal(factor)):
        return None
    shape = AMOUNT if target.startswith("DECIMAL") else WHOLE_NUMBER
    times = f"::DECIMAL(24,6) * {factor}" if Decimal(factor) != 1 else ""
    digits = f"TRY_CAST(replace({cell}, ',', '') AS DECIMAL(18,2)){times}"
    return (
        f"CASE WHEN regexp_full_match({cell}, {sql_text(shape)}){_no_null(cell, nulls, shape)}"
        f" THEN TRY_CAST({digits} AS {target}) END"
    )


def _text_like(cell: str, pattern: str, nulls: Sequence[str], ending: str = "") -> str:
    shape = f"regexp_full_match({cell}, {sql_text(pattern)})"
    return f"CASE WHEN {_says_something(cell, nulls)} AND {shape} THEN {cell}{ending} END"


def _says_something(cell: str, nulls: Sequence[str]) -> str:
    """Write the SQL of a test that is fast for long cells: more bytes than every null has."""
    longer = f"strlen({cell}) > {max((len(null.encode()) for null in nulls), default=0)}"
    listed = ", ".join(sql_text(null.upper()) for null in nulls)
    return f"({longer} OR upper({cell}) NOT IN ({listed}))" if listed else longer


def _usual(value: str, no_days: Sequence[str]) -> str:
    """Write the SQL that keeps out days that may stand for none: nearly all are of other years."""
    usual = f"{value} >= DATE '{FIRST_YEAR}-01-01' AND {value} < DATE '{LAST_YEAR}-01-01'"
    inside = [day for day in no_days if FIRST_YEAR <= int(day[:4]) < LAST_YEAR]
    listed = ", ".join(f"DATE {sql_text(day)}" for day in inside)
    return f"{usual} AND CAST({value} AS DATE) NOT IN ({listed})" if listed else usual


def _no_null(cell: str, nulls: Sequence[str], shape: str) -> str:
    """Write the SQL that keeps out the nulls that have the shape of a value."""
    alike = [text for text in nulls if re.fullmatch(shape, text, re.ASCII)]
    return f" AND {cell} NOT IN ({', '.join(map(sql_text, alike))})" if alike else ""
