"""Write the SQL that reads a tidy cell as a day or as an instant of the insurer's civil time."""

from collections.abc import Sequence

from features.sql import sql_text

DATE = r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
SHORT_YEAR = r"(\d{2})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
YEAR_LAST = r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"
ORACLE = r"\d{1,2}-[A-Za-z]{3}-(\d{2}|\d{4})"
SERIAL = r"[1-9]\d{4}(\.\d+)?"
"""Days of a spreadsheet since 1899-12-30; a fraction is the time."""
TIME = r"\d{1,2}[:时]\d{1,2}([:分]\d{1,2}([.,]\d{1,9})?秒?)?分?"
ZONE = r" ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)"
JAVA = r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}:\d{2}:\d{2}) CST (\d{4})"
"""What Java's `Date.toString()` writes; CST is China Standard Time."""
NOON = "INTERVAL 12 HOUR"
"""The time of an instant that was delivered as a day: noon lies on that day nearly everywhere."""


def day(cell: str, order: str, zone: str) -> str:
    """Write the SQL of a day.

    An instant gives its civil day; where it names a zone, the day it was for the insurer.

    Parameters
    ----------
    cell : str
        SQL of the tidy cell.
    order : str
        "ymd", "dmy" or "mdy": how days are read that end with the year.
    zone : str
        The insurer's time zone.
    """
    zoned = f"^.*{TIME}{ZONE}$"
    return (
        f"CASE WHEN length({cell}) > 14 AND regexp_matches({cell}, {sql_text(zoned)})"
        f" THEN CAST({_zoned(cell)} AT TIME ZONE {sql_text(zone)} AS DATE)"
        f" ELSE {_civil_day(cell, order)} END"
    )


def birth_day(cell: str, order: str, zone: str) -> str:
    """Write the SQL of a day of birth, which an identity number of 18 places holds as well.

    Parameters
    ----------
    cell, order, zone : str
        As for `day`.
    """
    number = r"\d{6}(19|20)\d{9}[\dXx]"
    inside = f"substr({cell}, 7, 4) || '-' || substr({cell}, 11, 2) || '-' || substr({cell}, 13, 2)"
    return (
        f"CASE WHEN regexp_full_match({cell}, {sql_text(number)}) THEN TRY_CAST({inside} AS DATE)"
        f" ELSE {day(cell, order, zone)} END"
    )


def instant(cell: str, order: str, zone: str) -> str:
    """Write the SQL of an instant: without a zone, and with `CST`, it is the insurer's civil time.

    Parameters
    ----------
    cell, order, zone : str
        As for `day`.
    """
    plain = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,9})?"
    spoken = rf"^(.*[^\d:])?({TIME})( ?CST)?$"
    clock = f"regexp_extract({cell}, {sql_text(spoken)}, 2)"
    clock = f"regexp_replace(replace({clock}, ',', '.'), '[时分]', ':', 'g')"
    clock = f"rtrim(replace({clock}, '秒', ''), ':')"
    date = f"regexp_replace({cell}, {sql_text(f'[ T]*{TIME}( ?CST)?$')}, '')"
    java = f"regexp_replace({cell}, {sql_text(JAVA)}, '\\4 \\1 \\2 \\3')"
    civil = (
        f"CASE WHEN regexp_full_match({cell}, {sql_text(plain)}) THEN TRY_CAST({cell} AS TIMESTAMP)"
        f" WHEN regexp_full_match({cell}, '\\d{{14}}') THEN try_strptime({cell}, '%Y%m%d%H%M%S')"
        f" WHEN regexp_full_match({cell}, {sql_text(JAVA)})"
        f" THEN try_strptime({java}, '%Y %b %d %H:%M:%S')"
        f" WHEN regexp_full_match({cell}, {sql_text(SERIAL)}) AND contains({cell}, '.')"
        f" THEN {_serial_instant(cell)}"
        f" WHEN regexp_matches({cell}, {sql_text(f'[^0-9]{TIME}( ?CST)?$')})"
        f" THEN TRY_CAST({_civil_day(date, order)}::VARCHAR || ' ' || {clock}"
        " AS TIMESTAMP)"
        f" ELSE {_civil_day(cell, order)} + {NOON} END"
    )
    return (
        f"CASE WHEN length({cell}) > 14 AND regexp_matches({cell}, {sql_text(f'{TIME}{ZONE}$')})"
        f" THEN {_zoned(cell)} ELSE ({civil}) AT TIME ZONE {sql_text(zone)} END"
    )


def has_hour(cell: str) -> str:
    """Write the SQL that says whether a cell tells the hour, and not the day alone."""
    return (
        f"(regexp_matches({cell}, '\\d[:时]\\d') OR regexp_full_match({cell}, '\\d{{14}}')"
        f" OR regexp_full_match({cell}, '[1-9]\\d{{4}}\\.\\d+'))"
    )


def without_no_days(value: str, no_days: Sequence[str], civil: str) -> str:
    """Write the SQL of a day or instant that is null where its day stands for no day.

    Parameters
    ----------
    value : str
        SQL of the day or instant.
    no_days : sequence of str
        Days that stand for none.
    civil : str
        SQL of the day, or of the instant as the insurer's clocks show it.
    """
    real = [text for text in no_days if not text.startswith("0000")]
    listed = ", ".join(f"DATE {sql_text(text)}" for text in real)
    return f"CASE WHEN CAST({civil} AS DATE) NOT IN ({listed}) THEN {value} END" if real else value


def no_day_texts(no_days: Sequence[str]) -> list[str]:
    """List the cells that are no day of the calendar and mean none: `0000-00-00`, `00000000`."""
    nil = [text for text in no_days if text.startswith("0000")]
    return [form for text in nil for form in (text, text.replace("-", ""), f"{text} 00:00:00")]


def _civil_day(cell: str, order: str) -> str:
    """Write the SQL of the day of a cell without a zone."""
    after = rf"([ T]+{TIME}( ?CST)?)?"
    last = {"dmy": "\\3-\\2-\\1", "mdy": "\\3-\\1-\\2"}.get(order)
    year = f"CAST(substr({cell}, 1, 2) AS INTEGER)"
    short = (
        f"TRY_CAST((CASE WHEN {year} < 70 THEN '20' ELSE '19' END) || regexp_replace({cell},"
        f" {sql_text(f'^{SHORT_YEAR}{after}$')}, '\\1-\\2-\\3') AS DATE)"
    )
    cases = [
        (r"\d{4}-\d{1,2}-\d{1,2}", f"TRY_CAST({cell} AS DATE)"),
        (r"(19|20|21|99)\d{6}", f"CAST(try_strptime({cell}, '%Y%m%d') AS DATE)"),
        (
            rf"(19|20|21|99)\d{{6}}[ T]+{TIME}( ?CST)?",
            f"CAST(try_strptime(substr({cell}, 1, 8), '%Y%m%d') AS DATE)",
        ),
        (
            f"{DATE}{after}",
            f"TRY_CAST(regexp_replace({cell}, {sql_text(f'^{DATE}{after}$')}, '\\1-\\2-\\3')"
            " AS DATE)",
        ),
        (r"\d{14}", f"CAST(try_strptime({cell}, '%Y%m%d%H%M%S') AS DATE)"),
        (SERIAL, f"DATE '1899-12-30' + CAST(floor(TRY_CAST({cell} AS DOUBLE)) AS INTEGER)"),
        (
            ORACLE,
            f"CAST(CASE WHEN regexp_matches({cell}, '-\\d\\d$')"
            f" THEN try_strptime({cell}, '%d-%b-%y')"
            f" ELSE try_strptime({cell}, '%d-%b-%Y') END AS DATE)",
        ),
    ]
    if last:
        swapped = f"regexp_replace({cell}, {sql_text(f'^{YEAR_LAST}{after}$')}, {sql_text(last)})"
        cases.append((f"{YEAR_LAST}{after}", f"TRY_CAST({swapped} AS DATE)"))
    else:
        cases.append((f"{SHORT_YEAR}{after}", short))
    tests = " ".join(
        f"WHEN regexp_full_match({cell}, {sql_text(pattern)}) THEN {value}"
        for pattern, value in cases
    )
    return f"CASE {tests} END"


def _zoned(cell: str) -> str:
    """Write the SQL of an instant that names its zone."""
    offset = f"regexp_replace({cell}, '([+-]\\d{{2}})(\\d{{2}})$', '\\1:\\2')"
    named = f"regexp_replace(replace({offset}, '/', '-'), ' ?(UTC|GMT)$', 'Z')"
    return f"TRY_CAST({named} AS TIMESTAMPTZ)"


def _serial_instant(cell: str) -> str:
    seconds = f"CAST(round(TRY_CAST({cell} AS DOUBLE) * 86400) AS BIGINT)"
    return f"TIMESTAMP '1899-12-30 00:00:00' + to_seconds({seconds})"
