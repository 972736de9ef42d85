"""Hold a condition in all its forms: structure, plain text, Chinese text, SQL, hints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlglot import exp

from features.condition_forms.faults import condition_fault, too_long, unlike
from features.condition_forms.reader import read_text
from features.condition_forms.structure import (
    LISTS,
    RANGES,
    Group,
    Member,
    Structure,
    Test,
    from_json,
    group,
    negate,
    parts_of,
    to_json,
)
from features.condition_forms.values import checked, hint, refuse_order
from features.condition_forms.vocabulary import Vocabulary
from features.condition_forms.writer import chinese_text, plain_text
from features.conditions import LONGEST, compile_condition, resolve
from features.texts import Sentence


@dataclass(frozen=True)
class Condition:
    """A condition that was read, with the vocabulary it was read by."""

    structure: Structure
    vocabulary: Vocabulary

    @cached_property
    def plain(self) -> str:
        """The condition in the form that `features.conditions` compiles."""
        return plain_text(self.structure)

    @cached_property
    def chinese(self) -> str:
        """The condition in Chinese; it reads back as the same structure."""
        return chinese_text(self.structure, self.vocabulary)

    @property
    def json(self) -> dict[str, Any]:
        """The structure as nested objects."""
        return to_json(self.structure)

    @cached_property
    def sql(self) -> str:
        """The condition as SQL over its columns."""
        return compile_condition(self.plain, self.vocabulary.columns, self.vocabulary.rules)

    @cached_property
    def columns(self) -> list[str]:
        """The columns it reads, those of its segments included, in alphabetical order."""
        tree = resolve(self.plain, self.vocabulary.columns, self.vocabulary.rules)
        return sorted({column.name for column in tree.find_all(exp.Column)})

    @cached_property
    def hints(self) -> list[Sentence]:
        """Sentences on tests that hold for everybody or nobody, whatever the data."""
        columns = self.vocabulary.columns
        tests = (part for _, part in parts_of(self.structure) if isinstance(part, Test))
        hints = (hint(test, columns[test.column]) for test in tests)
        return list(dict.fromkeys(sentence for sentence in hints if sentence))

    def part(self, structure: Structure) -> "Condition":
        """Return a part of it as a condition of its own."""
        return Condition(structure, self.vocabulary)


def read_condition(written: str | Mapping[str, Any], vocabulary: Vocabulary) -> Condition:
    """Read a condition: a text as people type it, or nested objects as a page builds them.

    Parameters
    ----------
    written : str or mapping
        The condition.
    vocabulary : Vocabulary
        The columns and segments that it may name.

    Raises
    ------
    GuanjiaError
        If it is no condition, names what is unknown or ambiguous, compares unlike things, or asks
        a closed set for a value that it does not hold.
    """
    if isinstance(written, str):
        return Condition(read_text(written, vocabulary), vocabulary)
    structure = from_json(written, lambda test: _resolved(test, vocabulary))
    condition = Condition(structure, vocabulary)
    if len(condition.plain) > LONGEST:
        raise too_long()
    return condition


def all_of(conditions: list[Condition]) -> Condition:
    """Join conditions of one vocabulary: all must hold, and each part of them is said once.

    Parameters
    ----------
    conditions : list of Condition
        One or more.
    """
    members: dict[Structure, None] = {}
    for condition in conditions:
        part = condition.structure
        if isinstance(part, Group) and part.kind == "all":
            members.update(dict.fromkeys(part.members))
        else:
            members[part] = None
    return Condition(group("all", [*members]), conditions[0].vocabulary)


def _resolved(test: Test | Member, vocabulary: Vocabulary) -> Structure:
    """Resolve the names of a test, and bring its values into their canonical form."""
    if isinstance(test, Member):
        name = vocabulary.resolve(test.segment)
        if name not in vocabulary.segments:
            raise condition_fault(
                f"names {name}, which is no segment",
                "name a segment",
                f"{name} 不是分群",
                "请写一个分群",
            )
        return Member(name)
    name = vocabulary.resolve(test.column)
    if name not in vocabulary.columns:
        raise condition_fault(
            f"names {name}, which is no column",
            'write {"segment": ...} for a segment',
            f"{name} 是分群，不是标签",
            '分群请写成 {"segment": ...}',
        )
    column = vocabulary.columns[name]
    if test.other is not None:
        other = vocabulary.resolve(test.other)
        if other not in vocabulary.columns or vocabulary.columns[other].kind != column.kind:
            raise unlike(
                f"compares {name} with {other}, which is of another kind",
                f"把 {name} 与 {other} 相比，两者不是同一类",
            )
        resolved = Test(name, test.operator, other=other)
    elif test.operator in (*LISTS, *RANGES) and isinstance(test.value, tuple):
        values = tuple(checked(value, column) for value in test.value)
        resolved = Test(name, test.operator, values)
    elif test.value is None or isinstance(test.value, tuple):
        if "null" not in test.operator and column.kind != "yes or no":
            raise condition_fault(
                f"asks whether {name} ({column.kind}) {test.operator}",
                "compare it with a value",
                f"{column.label}不能问“{test.operator}”",
                "请与一个取值比较",
            )
        resolved = Test(name, test.operator)
    else:
        resolved = Test(name, test.operator, checked(test.value, column))
        if test.operator == "<>" and isinstance(resolved.value, bool):
            return negate(Test(name, "=", resolved.value))
    refuse_order(resolved, column)
    return resolved
