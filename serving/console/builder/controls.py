"""Say by which controls a row of a draft is filled in: its operators, and fields for its values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from features.condition_forms.structure import COMPARISONS, LISTS, ORDERED, RANGES, STATES
from features.condition_forms.vocabulary import Column, Vocabulary
from features.tags.catalogue import catalogue
from serving.console.builder.draft import (
    BELONGS,
    BELONGS_NOT,
    NO,
    OF_TAG,
    YES,
    DraftRow,
    is_of_segment,
)

Words = tuple[str, str]
"""Chinese, English."""
Choice = tuple[str, Words]
Control = Literal["none", "choice", "choices", "number", "numbers", "range", "text", "texts", "tag"]
NO_UNIT: Words = ("", "")
UNITS_OF_SCORES = {"元": "yuan", "次": "claims"}
MOST_CHOICES = 60
"""Known values beyond which a field of text is offered in place of choices."""

OPERATOR_WORDS: Mapping[str, Words] = {
    "=": ("等于", "is"),
    "<>": ("不等于", "is not"),
    "<": ("小于", "less than"),
    "<=": ("不超过 ≤", "at most"),
    ">": ("大于", "more than"),
    ">=": ("至少 ≥", "at least"),
    "between": ("介于", "between"),
    "not between": ("不介于", "not between"),
    "in": ("属于", "is any of"),
    "not in": ("不属于", "is none of"),
    "is null": ("为空", "is null"),
    "is not null": ("不为空", "is not null"),
    YES: ("是", "yes"),
    NO: ("否", "no"),
    "is true": ("确为是", "is true"),
    "is not true": ("未确为是", "is not true"),
    "is false": ("确为否", "is false"),
    "is not false": ("未确为否", "is not false"),
    BELONGS: ("属于该分群", "is in the segment"),
    BELONGS_NOT: ("不属于该分群", "is not in the segment"),
}
GROUP_WORDS: Mapping[str, tuple[str, str, Words]] = {
    "all": ("满足以下全部（且）", "All of these hold", ("且", "and")),
    "any": ("满足以下任一（或）", "Any of these holds", ("或", "or")),
    "none": ("以下都不满足（非）", "None of these holds", ("或", "or")),
}
"""Kind of a group -> its words in two languages, and what joins its members."""
NULLS = ("is null", "is not null")
VALUES: Words = ("与取值比", "with a value")
TAGS: Words = ("与另一标签比", "with another tag")
RECORDS: Words = ("是否有记录", "on record")


@dataclass(frozen=True)
class Controls:
    """The controls of a row.

    Attributes
    ----------
    label, name : str
        The tag or segment, in Chinese and as files name it.
    is_segment : bool
        Whether it is a segment.
    unit : Words
        Unit behind a number; empty: none.
    operators : list of (Words, list of Choice)
        Operators, grouped.
    operator : Words
        The operator chosen, in words.
    control : str
        Kind of the fields for its values.
    choices : list of (str, str)
        Value -> label, for choices; names of tags for `tag`.
    values : tuple of str
        Values as typed.
    """

    label: str
    name: str
    is_segment: bool
    unit: Words
    operators: list[tuple[Words, list[Choice]]]
    operator: Words
    control: Control
    choices: list[tuple[str, str]]
    values: tuple[str, ...]


def first_operator(name: str, vocabulary: Vocabulary) -> str:
    """Return the operator that a row begins with."""
    column = vocabulary.columns.get(name)
    if column is None:
        return BELONGS
    return {"yes or no": YES, "text": "in"}.get(column.kind, ">=")


def controls_of(
    row: DraftRow, vocabulary: Vocabulary, branches: Collection[str] | None = None
) -> Controls | None:
    """Say by which controls a row is filled in; None: it has no tag yet.

    Parameters
    ----------
    row : DraftRow
        The row.
    vocabulary : Vocabulary
        The tags and segments.
    branches : collection of str, optional
        Branches whose customers the user sees, and which are offered; default: all.
    """
    if is_of_segment(row, vocabulary):
        codes = (BELONGS, BELONGS_NOT)
        operators = [(VALUES, [(code, OPERATOR_WORDS[code]) for code in codes])]
        label = vocabulary.segments[row.column].label
        chosen = OPERATOR_WORDS.get(row.operator, OPERATOR_WORDS[BELONGS])
        return Controls(
            label=label,
            name=row.column,
            is_segment=True,
            unit=NO_UNIT,
            operators=operators,
            operator=chosen,
            control="none",
            choices=[],
            values=(),
        )
    column = vocabulary.columns.get(row.column)
    if column is None:
        return None
    control, choices = _fields(row, column, vocabulary, branches)
    return Controls(
        label=column.label,
        name=column.name,
        is_segment=False,
        unit=NO_UNIT if control in ("none", "choice", "choices", "tag") else _unit(column),
        operators=_operators(column, row.operator),
        operator=_words(row.operator),
        control=control,
        choices=choices,
        values=row.values,
    )


def _unit(column: Column) -> Words:
    if column.is_share:
        return "可写 60%", "or 60%"
    tag = catalogue().get(column.name)
    return column.unit, UNITS_OF_SCORES.get(column.unit, "") if tag is None else tag.unit


def _operators(column: Column, chosen: str) -> list[tuple[Words, list[Choice]]]:
    """List the operators of a column, in groups; the one chosen is among them in any case."""
    if column.kind == "yes or no":
        values: Sequence[str] = (YES, NO)
        states: Sequence[str] = STATES
    else:
        ordered = column.kind in ("number", "date")
        values = (*((*ORDERED, *RANGES) if ordered else ()), "=", "<>", *LISTS)
        states = NULLS
    compared = [sign for sign in COMPARISONS if column.kind in ("number", "date")
                or sign not in ORDERED]  # fmt: skip
    groups = [
        (VALUES, [*values]),
        (RECORDS, [*states]),
        (TAGS, [f"{OF_TAG}{sign}" for sign in compared]),
    ]
    known = [code for _, codes in groups for code in codes]
    if chosen and chosen not in known and chosen in OPERATOR_WORDS:
        groups[0][1].append(chosen)
    return [(words, [(code, _words(code)) for code in codes]) for words, codes in groups]


def _words(code: str) -> Words:
    chinese, english = OPERATOR_WORDS.get(code.removeprefix(OF_TAG), ("", ""))
    if code.startswith(OF_TAG):
        return f"{chinese}（另一标签）", f"{english} (another tag)"
    return chinese, english


def _fields(
    row: DraftRow, column: Column, vocabulary: Vocabulary, branches: Collection[str] | None
) -> tuple[Control, list[tuple[str, str]]]:
    """Choose the fields for the values of a row, and what they offer."""
    operator = row.operator
    if operator in (*STATES, YES, NO, ""):
        return "none", []
    if operator.startswith(OF_TAG):
        alike = [other for other in vocabulary.columns.values() if other.kind == column.kind]
        return "tag", [(other.name, other.label) for other in alike if other is not column]
    if operator in RANGES:
        return "range", []
    many = operator in LISTS
    choices = _choices(row, column, branches)
    if choices:
        return ("choices" if many else "choice"), choices
    if column.kind == "number":
        return ("numbers" if many else "number"), []
    return ("texts" if many else "text"), []


def _choices(
    row: DraftRow, column: Column, branches: Collection[str] | None
) -> list[tuple[str, str]]:
    """List the values of a closed set, or of a few that customers have; with those typed."""
    choices = {str(code): label for code, label in column.codes.items()}
    if column.kind == "yes or no":
        choices = {"true": "是", "false": "否"}
    elif not choices and column.values is not None:
        known = column.values()
        if column.name == "branch" and branches is not None:
            known = {*known} & {*branches}
        if len(known) <= MOST_CHOICES:
            choices = {value: value for value in sorted(known)}
    if not choices:
        return []
    return [*choices.items(), *((v, v) for v in row.values if v and v not in choices)]
