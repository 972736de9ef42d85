"""Check the values of a condition against their columns: codes, units, per cents, bounds."""

from collections.abc import Iterable
from decimal import Decimal
from math import isfinite

from features.condition_forms.faults import KIND_LABELS, condition_fault
from features.condition_forms.structure import LISTS, RANGES, Test, Value
from features.condition_forms.vocabulary import Column, folded
from features.errors import InputError, suggestions
from features.texts import Sentence

TRUE = ("true", "是", "yes", "真", "1")
FALSE = ("false", "否", "no", "假", "0")
MULTIPLES = {
    "": Decimal(1),
    "%": Decimal("0.01"),
    "‰": Decimal("0.001"),
    "百": Decimal(100),
    "千": Decimal(1_000),
    "万": Decimal(10_000),
    "百万": Decimal(1_000_000),
    "千万": Decimal(10_000_000),
    "亿": Decimal(100_000_000),
}
PER_CENT = ("%", "‰")
SAME_UNITS = {"岁": "年", "周岁": "年", "日": "天"}
UNITS = (
    *("元", "天", "年", "月", "个月", "星", "级", "次", "个", "辆", "张", "种", "位", "项", "分"),
    *("座", "门", "公里", "千瓦", "千克", "米", "毫升", "个年度", "小时", "周", *SAME_UNITS),
)
"""Words that may follow a number; the column says which one is right."""


def number(digits: str, multiple: str, unit: str, column: Column) -> int | float:
    """Read a number as it was typed, such as 10, 万 and 元.

    Parameters
    ----------
    digits : str
        The number as Python's Decimal reads it.
    multiple : str
        A key of `MULTIPLES`.
    unit : str
        The unit that follows it; empty: none.
    column : Column
        The column it is compared with.

    Raises
    ------
    GuanjiaError
        If the unit is another one than the column's, or per cents are no share.
    """
    if multiple in PER_CENT and not column.is_share:
        raise condition_fault(
            f"writes {column.label} in per cent, which is no share",
            f"write it in {column.unit or 'plain numbers'}",
            f"{column.label}不是比例，不能写百分数",
            f"请{_in_unit(column)}",
        )
    if unit and SAME_UNITS.get(unit, unit) != column.unit:
        raise condition_fault(
            f"writes {column.label} in {unit}",
            f"write it in {column.unit or 'plain numbers'}",
            f"{column.label}的单位写成了{unit}",
            f"请{_in_unit(column)}",
        )
    return as_number(Decimal(digits) * MULTIPLES[multiple])


def as_number(exact: Decimal | float) -> int | float:
    """Return a number as int where it is whole, else as float."""
    return int(exact) if exact == int(exact) else float(exact)


def text_value(text: str, column: Column) -> Value:
    """Return the value that a text means in a column: the code of a label, true or false, itself.

    Parameters
    ----------
    text : str
        As it was written, without quotes.
    column : Column
        The column it is compared with.

    Raises
    ------
    GuanjiaError
        If it is none of the values of a closed set, or the column takes no text; the error names
        the nearest.
    """
    plain = folded(text)
    if column.kind == "yes or no":
        if plain not in (*TRUE, *FALSE):
            raise condition_fault(
                f"asks for {column.label} = {text}, which is yes or no",
                "write 是 or 否, true or false",
                f"{column.label}只有是和否，不能是 {text}",
                "请写“是”或“否”",
            )
        return plain in TRUE
    if column.codes:
        return _code(text, column)
    if column.kind == "number":
        raise condition_fault(
            f"compares {column.name} (number) with '{text}' (text)",
            f"write a number for {column.label}",
            f"{column.label}是数字，不能与“{text}”比较",
            f"请给{column.label}写一个数字",
        )
    if column.kind == "text" and column.values is not None:
        known = column.values()
        if known and text not in known:
            alike = next((value for value in known if folded(value) == plain), None)
            if alike is None:
                cure, chinese_cure = suggestions(text, {*known})
                raise condition_fault(
                    f"asks for {column.name} = '{text}', which no customer has",
                    cure,
                    f"没有客户的{column.label}是“{text}”",
                    chinese_cure,
                )
            return alike
    return text


def _code(text: str, column: Column) -> Value:
    """Find the code of a label, or the code itself, in a closed set."""
    exact = [code for code in column.codes if str(code) == text]
    labelled = [code for code, label in column.codes.items() if folded(label) == folded(text)]
    codes = exact or labelled
    if len(codes) == 1:
        return codes[0]
    known = ", ".join(f"{label} ({code})" for code, label in column.codes.items())
    listed = "、".join(f"{label}（{code}）" for code, label in column.codes.items())
    if codes:
        raise condition_fault(
            f"asks for {column.label} = {text}, which several values are called",
            f"write its code: {known}",
            f"{column.label}有几个取值都叫“{text}”",
            f"请写代码：{listed}",
        )
    words = dict.fromkeys([*column.codes.values(), *map(str, column.codes)])
    cure, chinese_cure = suggestions(text, words)
    if not cure.startswith("did"):
        cure, chinese_cure = f"use one of {known}", f"可选：{listed}"
    raise condition_fault(
        f"asks for {column.name} = '{text}', which {column.label} cannot be",
        cure,
        f"{column.label}不能是“{text}”",
        chinese_cure,
    )


def checked(value: Value, column: Column) -> Value:
    """Return a value of JSON or of a plain condition in its canonical form.

    Parameters
    ----------
    value : bool, int, float or str
        The value; a text may be a label.
    column : Column
        The column it is compared with.

    Raises
    ------
    GuanjiaError
        As `text_value`, and if a number is compared with a text.
    """
    if isinstance(value, str):
        return text_value(value, column)
    if isinstance(value, bool) != (column.kind == "yes or no"):
        if column.kind == "yes or no" and value in (0, 1):
            return bool(value)
        raise _other_kind(column, f"{str(value).lower()}", "是" if value is True else f"{value}")
    if isinstance(value, bool):
        return value
    if column.kind != "number":
        return text_value(f"{as_number(value)}", column) if column.codes else _refuse(value, column)
    if not isfinite(value):
        raise condition_fault(
            f"asks for {column.label} = {value}",
            _write(column),
            f"{column.label}不能是 {value}",
            _write_in_chinese(column),
        )
    return as_number(value)


def _refuse(value: Value, column: Column) -> Value:
    raise _other_kind(column, f"{value} (number)", f"{value}")


def _other_kind(column: Column, value: str, chinese_value: str) -> InputError:
    """Make the error of a value that is not of the kind of its column.

    Parameters
    ----------
    column : Column
        The column.
    value, chinese_value : str
        The value as it is written in either language.
    """
    kind = KIND_LABELS[column.kind]
    return condition_fault(
        f"compares {column.name} ({column.kind}) with {value}",
        _write(column),
        f"{column.label}是{kind}，不能与 {chinese_value} 比较",
        _write_in_chinese(column),
    )


def _in_unit(column: Column) -> str:
    return f"以{column.unit}为单位" if column.unit else "直接写数字"


def _write_in_chinese(column: Column) -> str:
    kind = {"yes or no": "“是”或“否”", "number": "一个数字"}.get(column.kind, "加引号的文字")
    return f"{column.label}请写{kind}"


def _write(column: Column) -> str:
    wanted_kind = {"yes or no": "是 or 否", "number": "a number"}.get(
        column.kind, "a text in quotes"
    )
    return f"write {wanted_kind} for {column.label}"


def refuse_order(test: Test, column: Column) -> None:
    """Refuse an order of what has none, and a number that a closed set does not hold.

    Raises
    ------
    GuanjiaError
        If a text, or yes or no, is asked to be greater; or 7 stars of 5 are asked for.
    """
    if test.operator in ("<", "<=", ">", ">=", *RANGES) and column.kind in ("text", "yes or no"):
        raise condition_fault(
            f"asks for an order of {column.label}, which is {column.kind}",
            "write =, <>, in or not in",
            f"{column.label}是{KIND_LABELS[column.kind]}，不能比大小",
            "请用“等于”“不等于”“属于”或“不属于”",
        )
    if column.codes and test.operator in ("=", "<>", *LISTS):
        for value in _values(test):
            if value not in column.codes:
                _code(str(value), column)


def hint(test: Test, column: Column) -> Sentence | None:
    """Say that a test holds for everybody or for nobody, because of the bounds of a column.

    Parameters
    ----------
    test : Test
        The test.
    column : Column
        Its column.

    Returns
    -------
    Sentence or None
        None if values on both sides of the test are possible.
    """
    low = float("-inf") if column.lowest is None else column.lowest
    high = float("inf") if column.highest is None else column.highest
    outside = [
        value
        for value in _values(test)
        if not isinstance(value, bool | str) and not low <= value <= high
    ]
    if not outside:
        return None
    of_share, chinese_share = (" (60% is 0.6)", "（60% 即 0.6）") if column.is_share else ("", "")
    bounds, chinese_bounds = f"between {low:g} and {high:g}", f"在 {low:g} 与 {high:g} 之间"
    if high == float("inf"):
        bounds, chinese_bounds = f"{low:g} or more", f"不小于 {low:g}"
    return Sentence(
        f"{column.label} ({column.name}) is {bounds}{of_share}, and never {outside[0]:g}",
        f"{column.label}{chinese_bounds}{chinese_share}，不会是 {outside[0]:g}",
    )


def _values(test: Test) -> Iterable[Value]:
    if test.value is None:
        return ()
    return test.value if isinstance(test.value, tuple) else (test.value,)
