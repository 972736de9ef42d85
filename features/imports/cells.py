"""Write the SQL that tidies a delivered cell and reads it as identifier, text, code or number.

Everything is an expression over a whole column. A cell that says nothing is null; one that cannot
be read is null as well, but was something before: so `values.py` tells the two apart.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from features.checking.cells import BLANKS, INVISIBLE, NARROW, WIDE
from features.sql import sql_text

FULL_WIDTH, HALF_WIDTH = f"{WIDE}　￥\u00a0", f"{NARROW} ¥ "
YES = ("是", "Y", "YES", "TRUE", "T", "1", "有", "同意", "已同意", "已授权", "真")
NO = ("否", "N", "NO", "FALSE", "F", "0", "无", "不同意", "未同意", "未授权", "没有", "撤回", "假")
DAMAGED = r"^\d(\.\d+)?E\+\d+$"
"""An identifier of which a spreadsheet has lost digits."""
PLAIN_NUMBER = r"[+-]?\d{1,12}(\.\d{1,6}0*)?"
GROUPED_NUMBER = r"[+-]?\d{1,3}(,\d{3}){1,3}(\.\d{1,6})?"
NUMBER = (
    r"^(\()?([+-])?\s*(?:¥|RMB|CNY)?\s*([+-])?(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,6})?0*\s*"
    r"(万元|亿元|千元|元|万|亿|%|‰)?(\))?(-)?$"
)
OWN_UNITS = {
    "万元": "10000",
    "万": "10000",
    "亿元": "100000000",
    "亿": "100000000",
    "千元": "1000",
    "%": "0.01",
    "‰": "0.001",
    "元": "1",
}
LANDLINE = r"0\d{2,3}\d{7,8}"
MOBILE = r"1\d{10}"


def tidy(cell: str, *, half_width: bool = True) -> str:
    """Write the SQL of a cell without blanks around it and without invisible characters.

    Parameters
    ----------
    cell : str
        SQL of the cell.
    half_width : bool
        Read full-width digits, letters and signs as half-width; names stay as they are.
    """
    seen = f"regexp_replace({cell}, {sql_text(INVISIBLE)}, '', 'g')"
    if half_width:
        seen = f"translate({seen}, {sql_text(FULL_WIDTH)}, {sql_text(HALF_WIDTH)})"
    # Most cells are plain ASCII or Chinese without any of these: translating is slow.
    odd = INVISIBLE[:-1] + ("\uff01-\uff5e\u3000\uffe5\u00a0]" if half_width else "]")
    # Trimmed once: the engine computes what occurs twice for all rows, needed or not.
    return (
        f"trim(CASE WHEN strlen({cell}) = length({cell}) THEN {cell}"
        f" WHEN NOT regexp_matches({cell}, {sql_text(odd)}) THEN {cell} ELSE {seen} END,"
        f" {sql_text(BLANKS)})"
    )


def without_nulls(cell: str, nulls: Sequence[str]) -> str:
    """Write the SQL of a tidy cell that is null if it stands in the list of nulls."""
    longest = max(map(len, nulls), default=0)
    listed = ", ".join(sql_text(text.upper()) for text in nulls)
    if not listed:
        return cell
    return (
        f"CASE WHEN length({cell}) > {longest} OR upper({cell}) NOT IN ({listed}) THEN {cell} END"
    )


def identifier(cell: str, suffix: str = "") -> str:
    """Write the SQL of an identifier: its text, without the marks that keep it a text in Excel.

    `="0012"`, `'0012` and `0012.0` are 0012; `6.2E+17` is damaged, and null.
    """
    bare = (
        f"CASE WHEN left({cell}, 1) IN ('=', '''', '`', '\"')"
        f" THEN nullif(trim({cell}, '=''`\"'), '') ELSE {cell} END"
    )
    bare = (
        f"CASE WHEN contains({cell}, '.0') THEN regexp_replace({bare}, '^(\\d+)\\.0+$', '\\1')"
        f" ELSE {bare} END"
    )
    damaged = (
        f"length({cell}) BETWEEN 4 AND 24 AND regexp_matches({cell}, {sql_text(DAMAGED)}, 'i')"
    )
    ending = f" || {sql_text(suffix)}" if suffix else ""
    return f"CASE WHEN NOT ({damaged}) THEN ({bare}){ending} END"


def phone(cell: str) -> str:
    """Write the SQL of a phone number: its digits; null for what is none (masked, too short)."""
    bare = identifier(cell)
    digits = f"regexp_replace(regexp_replace({bare}, '[ ()-]', '', 'g'), '^(\\+|00)?86', '')"
    return (
        f"CASE WHEN regexp_full_match({digits}, {sql_text(f'{MOBILE}|{LANDLINE}')})"
        f" THEN {digits} END"
    )


def plate(cell: str) -> str:
    """Write the SQL of a plate or vehicle identification number: capitals, without blanks."""
    return f"regexp_replace(upper({identifier(cell)}), '[\\s·•.-]', '', 'g')"


def code(cell: str, codes: Mapping[str, str | bool], unknown: str) -> str:
    """Write the SQL of a code: its meaning by the list, null where that is not known.

    Parameters
    ----------
    cell : str
        SQL of the tidy cell.
    codes : mapping of str to str or bool
        Values of the source -> the contract's; "" is none.
    unknown : str
        The meaning that says that it is not known.
    """
    cases = [
        f"WHEN {sql_text(value)} THEN {sql_text(_text(meaning))}"
        for value, meaning in codes.items()
        if meaning not in {"", unknown}
    ]
    return f"CASE {cell} {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"


def number(cell: str, factor: str, decimal: str = ".") -> str:
    """Write the SQL of a number with six decimal places, times a factor.

    Thousands, `¥`, `元`, `万元`, `%`, brackets and a trailing minus are understood; a unit in the
    cell goes before the factor.

    Parameters
    ----------
    cell : str
        SQL of the tidy cell.
    factor : str
        What a bare number is multiplied by.
    decimal : str
        "." or ",".
    """
    if decimal == ",":
        cell = f"translate({cell}, ',.', '.,')"
    # Read as 18 digits, which is fast; multiplied as 24, which cannot overflow.
    times = f"::DECIMAL(24,6) * {factor}" if Decimal(factor) != 1 else ""
    names = ["open", "sign", "inner", "whole_part", "fraction", "unit", "shut", "trailing"]
    units = " ".join(f"WHEN {sql_text(unit)} THEN {value}" for unit, value in OWN_UNITS.items())
    marks = " + ".join(
        f"(p['{name}'] <> '')::INT" for name in ("open", "sign", "inner", "trailing")
    )
    negative = " OR ".join(
        [*(f"p['{name}'] = '-'" for name in ("sign", "inner", "trailing")), "p['open'] <> ''"]
    )
    digits = "TRY_CAST(replace(p['whole_part'], ',', '') || p['fraction'] AS DECIMAL(18,6))"
    # A list of one element, so that the cell is taken apart once and not for each part.
    other = (
        f"list_transform([regexp_extract(upper({cell}), {sql_text(NUMBER)}, {names})], lambda p:"
        f" CASE WHEN (p['open'] = '') = (p['shut'] = '') AND {marks} <= 1"
        f" THEN {digits}::DECIMAL(24,6) * (CASE WHEN {negative} THEN -1 ELSE 1 END)"
        f" * (CASE p['unit'] {units} ELSE {factor} END) END)[1]"
    )
    grouped = f"TRY_CAST(replace({cell}, ',', '') AS DECIMAL(18,6)){times}"
    return (
        f"CASE WHEN regexp_full_match({cell}, {sql_text(PLAIN_NUMBER)})"
        f" THEN TRY_CAST({cell} AS DECIMAL(18,6)){times}"
        f" WHEN regexp_full_match({cell}, {sql_text(GROUPED_NUMBER)}) THEN {grouped}"
        f" ELSE {other} END"
    )


def _text(meaning: str | bool) -> str:
    return str(meaning).lower() if isinstance(meaning, bool) else meaning
