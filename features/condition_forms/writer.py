"""Write the structure of a condition as text: in plain form, and in Chinese."""

from collections.abc import Callable
from decimal import Decimal

from features.condition_forms.structure import (
    LISTS,
    RANGES,
    STATES,
    Member,
    Negation,
    Structure,
    Test,
    Value,
)
from features.condition_forms.vocabulary import Vocabulary
from features.sql import sql_text

CHINESE_STATES = {
    "is null": "为空",
    "is not null": "不为空",
    "is true": "确为是",
    "is not true": "未确为是",
    "is false": "确为否",
    "is not false": "未确为否",
}
CHINESE_SIGNS = {"=": "=", "<>": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


def plain_text(structure: Structure) -> str:
    """Write a structure in the form that `features.conditions` compiles.

    Examples
    --------
    >>> from features.condition_forms.structure import Group
    >>> low = Test("renewal", "<", 0.6)
    >>> both = Group("all", (Test("star_level", ">=", 3), low))
    >>> plain_text(Group("any", (both, Member("loyal"))))
    '(star_level >= 3 and renewal < 0.6) or loyal'
    """
    return _written(structure, _plain_test, lambda name: name, {"all": "and", "any": "or"}, "not ")


def chinese_text(structure: Structure, vocabulary: Vocabulary) -> str:
    """Write a structure in Chinese, such that it reads back as the same structure.

    Parameters
    ----------
    structure : Test, Member, Group or Negation
        The structure.
    vocabulary : Vocabulary
        Labels of its columns, segments and values.
    """

    def test(part: Test) -> str:
        return _chinese_test(part, vocabulary)

    return _written(structure, test, vocabulary.label, {"all": "且", "any": "或"}, "非 ")


def _written(
    structure: Structure,
    test: Callable[[Test], str],
    segment: Callable[[str], str],
    joins: dict[str, str],
    negation: str,
) -> str:
    def write(part: Structure, inside: bool) -> str:
        if isinstance(part, Test):
            return test(part)
        if isinstance(part, Member):
            return segment(part.segment)
        if isinstance(part, Negation):
            simple = isinstance(part.part, Member)
            inner = write(part.part, False)
            return f"{negation}{inner}" if simple else f"{negation}({inner})"
        text = f" {joins[part.kind]} ".join(write(member, True) for member in part.members)
        return f"({text})" if inside else text

    return write(structure, False)


def _plain_test(test: Test) -> str:
    if test.operator in STATES:
        return f"{test.column} {test.operator}"
    if test.other is not None:
        return f"{test.column} {test.operator} {test.other}"
    if isinstance(test.value, tuple):
        values = [_plain_value(value) for value in test.value]
        if test.operator in RANGES:
            return f"{test.column} {test.operator} {values[0]} and {values[1]}"
        return f"{test.column} {test.operator} ({', '.join(values)})"
    if isinstance(test.value, bool):
        return test.column if test.value else f"not {test.column}"
    return f"{test.column} {test.operator} {_plain_value(test.value)}"


def _plain_value(value: Value | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return digits(value) if isinstance(value, int | float) else sql_text(value)


def digits(number: int | float) -> str:
    """Write a number without exponent."""
    return f"{Decimal(repr(number)):f}"


def _chinese_test(test: Test, vocabulary: Vocabulary) -> str:
    label = vocabulary.label(test.column)
    if test.operator in STATES:
        return f"{label} {CHINESE_STATES[test.operator]}"
    if test.other is not None:
        return f"{label} {CHINESE_SIGNS[test.operator]} {vocabulary.label(test.other)}"
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    words = [_chinese_value(value, test.column, vocabulary) for value in values]
    if test.operator in RANGES:
        deny = "不" if test.operator.startswith("not") else ""
        return f"{label} {deny}介于 {words[0]} 和 {words[1]} 之间"
    if test.operator in LISTS:
        deny = "不" if test.operator.startswith("not") else ""
        return f"{label} {deny}属于 ({', '.join(words)})"
    return f"{label} {CHINESE_SIGNS[test.operator]} {words[0]}"


def _chinese_value(value: Value | None, column: str, vocabulary: Vocabulary) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return digits(value)
    codes = vocabulary.columns[column].codes
    label = codes.get(str(value))
    if label is None or [*codes.values()].count(label) > 1 or not label.isalnum():
        return sql_text(value)
    return label
