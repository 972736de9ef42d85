"""Write the SQL that reads delivered cells as values of the contract's types.

A cell that cannot be read is null: `features.contracts.rules` says so of its row. What could be
read in two ways is not read: a number other than 0 and 1 as a truth, a time zone that several
countries call alike, a number that has lost digits as an id.

Days and times are the insurer's: an instant without a time zone is a time of their clocks, and a
day that is written as an instant (pandas and Spark write midnights) is the day it is there.
"""

import ibis.expr.datatypes as dt

from features.contracts.contract_sql import sql_type
from features.sql import sql_text

TEXT, ZONED = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE")
"""Types of delivered instants without a time zone."""
ZONE_AT_END = r":\d\d(:\d\d)?([.,]\d+)?\s*(Z|z|[+-]\d\d(:?\d\d)?|UTC|GMT|[A-Z]\w+/[A-Z][\w/]+)$"
CHINA_TIME = "CST"
"""Time zone of Java systems in China; elsewhere it is read in other ways, so it is not read."""
IN_CHINA = ("Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "Asia/Taipei", "Asia/Macau", "PRC")
BLANKS = " \t\r\n\u00a0\u3000"
INVISIBLE = "[\u200b-\u200f\u2060\ufeff\u00ad]"
WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
NARROW = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F))
NOTHING = ("", "null", "#n/a", "nan", "nat", "none", "\\n")
"""Texts that stand for an absent cell, in small letters."""
NOBODY = (*NOTHING, "-", "--", "/", "n/a", "无", "不详")
"""Ids that stand for nothing; so do those of zeros alone."""
FIRST_DAY = "1800-01-01"
"""Days before it are others misread, as 1/2/24, or stand for an absent one."""
EXACT = 9_007_199_254_740_992
"""Whole numbers below it are exact as floating-point numbers."""


def is_id(name: str, *, personal: bool = False) -> bool:
    """Check whether a text column holds names of things, in which blanks have no meaning."""
    return name.endswith("_id") or (personal and name.endswith(("phone", "plate", "vin")))


def read_cell(name: str, type_: dt.DataType, delivered: str, timezone: str) -> str:
    """Write the value of a delivered cell as SQL, null where it cannot be read.

    Parameters
    ----------
    name : str
        The cell as SQL.
    type_ : ibis type
        The type of the contract's column.
    delivered : str
        DuckDB's type of the delivered column.
    timezone : str
        The insurer's time zone.
    """
    target = sql_type(type_)
    if isinstance(type_, dt.Date | dt.Timestamp):
        value = _instant_or_day(name, type_, delivered, timezone)
        return f"CASE WHEN isfinite({value}) AND {value} >= '{FIRST_DAY}' THEN {value} END"
    if isinstance(type_, dt.Boolean):
        return _truth(name, delivered)
    if isinstance(type_, dt.String):
        return _text(name, delivered)
    value = f"TRY_CAST({name} AS {target})"
    if isinstance(type_, dt.Integer) and delivered != target:
        # DuckDB rounds 3.7 to 4; a count that is no whole number is a fault, not a four.
        return f"CASE WHEN TRY_CAST({name} AS DOUBLE) = {value} THEN {value} END"
    if isinstance(type_, dt.Floating):
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    return value


def suspect_text(cell: str, *, as_id: bool) -> str:
    """Write a fast test, as SQL, for texts that `clean_text` may change.

    Parameters
    ----------
    cell : str
        The text as SQL.
    as_id : bool
        True if the column holds ids.
    """
    unseen = f"{INVISIBLE}|^[{BLANKS}]|[{BLANKS}]$" + (
        "|[\uff01-\uff5e]|^无$|^不详$" if as_id else ""
    )
    tests = [
        f"CASE WHEN strlen({cell}) <> length({cell})"
        f" THEN regexp_matches({cell}, {sql_text(unseen)}) ELSE false END",
        f"{cell} < '!'",
        f"{cell} LIKE '% '",
        f"CASE WHEN strlen({cell}) <= 4 THEN lower({cell}) IN"
        f" ({', '.join(map(sql_text, NOTHING))}) ELSE false END",
    ]
    if as_id:
        # Nothing that stands for no id is longer, and spreadsheets make a number of no shorter one.
        tests[-1] = f"strlen({cell}) <= 4"
        tests += [
            f"{cell} LIKE '%E+%'",
            f"{cell} LIKE '%e+%'",
            f"{cell} LIKE '%.0'",
            f"{cell} LIKE '0%0'",
        ]
    return " OR ".join(tests)


def clean_text(cell: str, *, as_id: bool) -> str:
    """Write a text as SQL without what only a machine sees; null where it stands for nothing.

    Blanks around it and invisible characters go. In ids, full-width characters become plain ones,
    and a number that a spreadsheet has rounded is null: its last digits are lost.

    Parameters
    ----------
    cell : str
        The text as SQL.
    as_id : bool
        True if the column holds ids.
    """
    seen = f"trim(regexp_replace({cell}, {sql_text(INVISIBLE)}, '', 'g'), {sql_text(BLANKS)})"
    if not as_id:
        listed = ", ".join(map(sql_text, NOTHING))
        return f"CASE WHEN lower({seen}) NOT IN ({listed}) THEN {seen} END"
    seen = f"trim(translate({seen}, {sql_text(WIDE)}, {sql_text(NARROW)}), {sql_text(BLANKS)})"
    listed = ", ".join(map(sql_text, NOBODY))
    lost = r"0+|[+-]?\d+(\.\d+)?[eE]\+\d+|\d{16,}\.0+"
    return (
        f"CASE WHEN lower({seen}) NOT IN ({listed})"
        f" AND NOT regexp_full_match({seen}, {sql_text(lost)})"
        rf" THEN regexp_replace({seen}, '^(\d+)\.0+$', '\1') END"
    )


def read_text(cell: str, *, as_id: bool) -> str:
    """Write a text as SQL as `clean_text` reads it, fast where most cells are clean.

    Parameters
    ----------
    cell : str
        The text as SQL.
    as_id : bool
        True if the column holds ids.
    """
    suspect, clean = (write(cell, as_id=as_id) for write in (suspect_text, clean_text))
    return f"CASE WHEN {suspect} THEN {clean} ELSE {cell} END"


def _instant_or_day(name: str, type_: dt.DataType, delivered: str, timezone: str) -> str:
    zone = sql_text(timezone)
    is_day = isinstance(type_, dt.Date)
    if delivered in NAIVE:
        naive = f"TRY_CAST({name} AS TIMESTAMP)"
        return f"TRY_CAST({name} AS DATE)" if is_day else f"({naive} AT TIME ZONE {zone})"
    if delivered == ZONED:
        return _day_of(name, zone) if is_day else name
    text = name if delivered == TEXT else f"CAST({name} AS VARCHAR)"
    if timezone in IN_CHINA:
        text = rf"regexp_replace({text}, '(:\d\d)\s*{CHINA_TIME}$', '\1')"
    instant = (
        f"CASE WHEN regexp_matches({text}, {sql_text(ZONE_AT_END)})"
        f" THEN TRY_CAST({text} AS TIMESTAMPTZ)"
        f" ELSE TRY_CAST({text} AS TIMESTAMP) AT TIME ZONE {zone} END"
    )
    if not is_day:
        return f"({instant})"
    return (
        f"CASE WHEN strlen({text}) <= 10 THEN TRY_CAST({text} AS DATE)"
        f" ELSE {_day_of(f'({instant})', zone)} END"
    )


def _day_of(instant: str, zone: str) -> str:
    """Write the day that an instant stands for: its day in UTC if it is a midnight there."""
    utc, ours = f"({instant} AT TIME ZONE 'UTC')", f"({instant} AT TIME ZONE {zone})"
    return f"CAST(CASE WHEN {utc} = date_trunc('day', {utc}) THEN {utc} ELSE {ours} END AS DATE)"


def _truth(name: str, delivered: str) -> str:
    if delivered in ("BOOLEAN", TEXT):
        return f"TRY_CAST({name} AS BOOLEAN)"
    number = f"TRY_CAST({name} AS DOUBLE)"
    return f"CASE WHEN {number} = 1 THEN true WHEN {number} = 0 THEN false END"


def _text(name: str, delivered: str) -> str:
    if delivered in ("DOUBLE", "FLOAT"):
        # pandas makes floating-point numbers of whole ones where a cell is absent.
        exact = f"{name} = floor({name}) AND abs({name}) < {EXACT}"
        return f"CASE WHEN {exact} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) END"
    return f"TRY_CAST({name} AS VARCHAR)"
