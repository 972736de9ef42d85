"""Hold a condition while a page builds it: groups and rows, some of them not complete yet.

A draft says more than a structure: a group may be empty, a row may have no tag or no value yet,
and values are as they were typed. `draft_of` and `structure_of` convert both ways without loss
(`tests/serving/console/test_drafts.py`).
"""

from dataclasses import dataclass, field
from typing import Literal

from features.condition_forms.faults import condition_fault
from features.condition_forms.structure import (
    COMPARISONS,
    LISTS,
    OPERATORS,
    RANGES,
    STATES,
    Group,
    Member,
    Structure,
    Test,
    Value,
    group,
    negate,
)
from features.condition_forms.value_fields import read_values
from features.condition_forms.values import checked, refuse_order
from features.condition_forms.vocabulary import Column, Vocabulary
from features.condition_forms.writer import digits
from features.errors import GuanjiaError

GroupKind = Literal["all", "any", "none"]
BELONGS, BELONGS_NOT = "in segment", "not in segment"
YES, NO = "yes", "no"
OF_TAG = "tag "
"""Begins the operator of a row that compares two tags."""


class IncompleteRowError(GuanjiaError):
    """A row has no tag, no operator or no value yet."""


@dataclass
class DraftRow:
    """A test of one tag, or of one segment, as it stands in the form.

    Attributes
    ----------
    column : str
        The tag, score or segment; empty: none is chosen yet.
    operator : str
        An operator of structures, `yes`, `no`, `in segment`, `not in segment`, or `tag <` and the
        like to compare with another tag; empty: none yet.
    values : tuple of str
        As typed.
    find : str or None
        Words by which a tag is searched; None: none is searched.
    part : str
        Group of tags that the search is limited to; empty: all.
    """

    column: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    find: str | None = None
    part: str = ""


@dataclass
class DraftGroup:
    """Members that must hold: all of them, any, or none."""

    kind: GroupKind = "all"
    members: list["Draft"] = field(default_factory=list)


Draft = DraftRow | DraftGroup


def draft_of(structure: Structure | None) -> DraftGroup:
    """Return the draft that shows a structure; of None, an empty group."""
    if structure is None:
        return DraftGroup()
    draft = _draft(structure)
    return draft if isinstance(draft, DraftGroup) else DraftGroup("all", [draft])


def _draft(structure: Structure) -> Draft:
    if isinstance(structure, Group):
        return DraftGroup(structure.kind, [_draft(member) for member in structure.members])
    if isinstance(structure, Member):
        return DraftRow(structure.segment, BELONGS)
    if isinstance(structure, Test):
        return _row(structure)
    part = structure.part
    if isinstance(part, Member):
        return DraftRow(part.segment, BELONGS_NOT)
    if isinstance(part, Group) and part.kind == "any":
        return DraftGroup("none", [_draft(member) for member in part.members])
    return DraftGroup("none", [_draft(part)])


def _row(test: Test) -> DraftRow:
    if test.other is not None:
        return DraftRow(test.column, f"{OF_TAG}{test.operator}", (test.other,))
    if test.operator == "=" and isinstance(test.value, bool):
        return DraftRow(test.column, YES if test.value else NO)
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    texts = tuple(typed(value) for value in values if value is not None)
    return DraftRow(test.column, test.operator, texts)


def typed(value: Value) -> str:
    """Write a value as a field of the form holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return digits(value) if isinstance(value, int | float) else value


def structure_of(
    draft: Draft, vocabulary: Vocabulary, *, lenient: bool = False
) -> Structure | None:
    """Return the structure that a draft says; None: it says nothing yet.

    Parameters
    ----------
    draft : DraftRow or DraftGroup
        The draft.
    vocabulary : Vocabulary
        The columns and segments that it may name.
    lenient : bool
        Leave out rows that are not complete or are refused.

    Raises
    ------
    GuanjiaError
        If a row is not complete (`IncompleteRowError`) or a value is refused.
    """
    if isinstance(draft, DraftRow):
        try:
            return _structure_of_row(draft, vocabulary)
        except GuanjiaError:
            if lenient:
                return None
            raise
    parts = (structure_of(member, vocabulary, lenient=lenient) for member in draft.members)
    members = [part for part in parts if part is not None]
    if not members:
        return None
    if draft.kind == "none":
        return negate(group("any", members))
    return group(draft.kind, members)


def is_of_segment(row: DraftRow, vocabulary: Vocabulary) -> bool:
    """Check whether a row asks for a segment; a tag may be called like one."""
    may_be = row.operator in (BELONGS, BELONGS_NOT) or row.column not in vocabulary.columns
    return may_be and row.column in vocabulary.segments


def _structure_of_row(row: DraftRow, vocabulary: Vocabulary) -> Structure:
    if is_of_segment(row, vocabulary):
        member = Member(row.column)
        return negate(member) if row.operator == BELONGS_NOT else member
    column = vocabulary.columns.get(row.column)
    if column is None:
        chinese = "这一条", "还没有选标签", "请搜索一个标签，或删去这一条"
        cure = "search one, or remove the row"
        raise IncompleteRowError("row", "has no tag yet", cure, chinese=chinese)
    test = _test(row, column, vocabulary)
    refuse_order(test, column)
    if test.operator == "<>" and isinstance(test.value, bool):
        return negate(Test(test.column, "=", test.value))
    return test


def _test(row: DraftRow, column: Column, vocabulary: Vocabulary) -> Test:
    """Read what a row asks of a column.

    Raises
    ------
    GuanjiaError
        If it is not complete, or a value is refused.
    """
    name, operator = column.name, row.operator
    if operator in (YES, NO) and column.kind == "yes or no":
        return Test(name, "=", operator == YES)
    if operator in STATES and ("null" in operator or column.kind == "yes or no"):
        return Test(name, operator)
    if operator.startswith(OF_TAG) and operator.removeprefix(OF_TAG) in COMPARISONS:
        return _of_tag(row, column, vocabulary)
    if operator not in OPERATORS or operator in STATES:
        chinese = column.label, "还没有选怎样比较", "请选一种"
        raise IncompleteRowError(
            f"row {column.label}", "has no comparison yet", "choose one", chinese=chinese
        )
    if operator in RANGES:
        values = [_value(text, row, column, vocabulary) for text in (*row.values, "", "")[:2]]
        return Test(name, operator, tuple(value for few in values for value in few[:1]))
    texts = [text for text in row.values if text] or [""]
    if operator not in LISTS:
        return Test(name, operator, _value(texts[0], row, column, vocabulary)[0])
    many = [value for text in texts for value in _value(text, row, column, vocabulary)]
    return Test(name, operator, tuple(many))


def _of_tag(row: DraftRow, column: Column, vocabulary: Vocabulary) -> Test:
    if not any(row.values):
        chinese = column.label, "还没有选与哪个标签比", "请选一个"
        raise IncompleteRowError(
            f"row {column.label}", "names no other tag yet", "name one", chinese=chinese
        )
    other = vocabulary.columns.get(vocabulary.resolve(row.values[0]))
    if other is None or other.kind != column.kind:
        fault = f"compares {column.label} with {row.values[0]}, which is of another kind"
        raise condition_fault(
            fault,
            "compare tags of one kind",
            f"把{column.label}与 {row.values[0]} 相比，两者不是同一类",
            "请比较同一类的标签",
        )
    return Test(column.name, row.operator.removeprefix(OF_TAG), other=other.name)


def _value(text: str, row: DraftRow, column: Column, vocabulary: Vocabulary) -> list[Value]:
    """Read a field of a row; a number may have its unit, and be several in a list."""
    if not text:
        chinese = column.label, "还没有填取值", "请填上"
        raise IncompleteRowError(
            f"row {column.label}", "has no value yet", "fill it in", chinese=chinese
        )
    coded = column.codes and row.operator in ("=", "<>", *LISTS)
    if column.kind != "number" or coded:
        return [checked(text, column)]
    values = read_values(text, column, vocabulary)
    if len(values) > 1 and row.operator not in LISTS:
        raise condition_fault(
            f"has several values, {text}",
            "write one number",
            f"{column.label}写了几个取值：{text}",
            "请只写一个数字",
        )
    return values
