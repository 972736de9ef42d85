"""Structure of a condition: tests of columns, members of segments, groups, and their JSON.

    {"all": [{"column": "star_level", "operator": ">=", "value": 3},
             {"any": [{"column": "channel", "operator": "in", "value": ["agent", "broker"]},
                      {"not": {"segment": "loyal"}}]}]}

A structure is canonical: a group has two members or more, and what an operator can say is no
negation. So texts and JSON convert both ways without loss.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from features.errors import GuanjiaError, did_you_mean

Value = bool | int | float | str
ORDERED = ("<", "<=", ">", ">=")
COMPARISONS = ("=", "<>", *ORDERED)
LISTS = ("in", "not in")
RANGES = ("between", "not between")
STATES = (
    "is null",
    "is not null",
    "is true",
    "is not true",
    "is false",
    "is not false",
)
"""Operators that take no value."""
OPERATORS = (*COMPARISONS, *LISTS, *RANGES, *STATES)
_PAIRS = {
    "in": "not in",
    "between": "not between",
    "is null": "is not null",
    "is true": "is not true",
    "is false": "is not false",
}
OPPOSITES = _PAIRS | {negative: positive for positive, negative in _PAIRS.items()}
DEEPEST = 30
MOST_PARTS = 500
CURE = "see docs/conditions.md for the parts of a condition"


@dataclass(frozen=True)
class Test:
    """A test of one column.

    Attributes
    ----------
    column : str
        Name of the column.
    operator : str
        One of `OPERATORS`.
    value : bool, int, float, str, tuple of them, or None
        What it is compared with: values of a list, the two ends of a range; None with `other` and
        with operators that take no value.
    other : str or None
        The column it is compared with, in place of a value.
    """

    __test__ = False  # no class of pytest
    column: str
    operator: str
    value: Value | tuple[Value, ...] | None = None
    other: str | None = None


@dataclass(frozen=True)
class Member:
    """Customers of a segment; true or false for everybody."""

    segment: str


@dataclass(frozen=True)
class Group:
    """Members that must hold: `all` of them, or `any`."""

    kind: Literal["all", "any"]
    members: tuple["Structure", ...]


@dataclass(frozen=True)
class Negation:
    """The contrary of a part; unknown where the part is unknown."""

    part: "Structure"


Structure = Test | Member | Group | Negation


def group(kind: Literal["all", "any"], members: list[Structure]) -> Structure:
    """Join members to a group; a single member stands for itself."""
    return members[0] if len(members) == 1 else Group(kind, tuple(members))


def negate(part: Structure) -> Structure:
    """Return the contrary of a part, by its operator where there is a contrary operator."""
    if isinstance(part, Negation):
        return part.part
    if isinstance(part, Test) and part.operator in OPPOSITES:
        return Test(part.column, OPPOSITES[part.operator], part.value)
    if isinstance(part, Test) and part.operator == "=" and isinstance(part.value, bool):
        return Test(part.column, "=", not part.value)
    return Negation(part)


def parts_of(structure: Structure) -> Iterator[tuple[tuple[int, ...], Structure]]:
    """Iterate over a structure and all its parts, each with its path; its own path is ()."""
    yield (), structure
    inner: tuple[Structure, ...] = ()
    if isinstance(structure, Group):
        inner = structure.members
    elif isinstance(structure, Negation):
        inner = (structure.part,)
    for place, part in enumerate(inner):
        for path, deeper in parts_of(part):
            yield (place, *path), deeper


def to_json(structure: Structure) -> dict[str, Any]:
    """Write a structure as nested objects for JSON."""
    if isinstance(structure, Group):
        return {structure.kind: [to_json(member) for member in structure.members]}
    if isinstance(structure, Negation):
        return {"not": to_json(structure.part)}
    if isinstance(structure, Member):
        return {"segment": structure.segment}
    fields: dict[str, Any] = {"column": structure.column, "operator": structure.operator}
    if structure.other is not None:
        return fields | {"other": structure.other}
    if structure.value is None:
        return fields
    many = isinstance(structure.value, tuple)
    return fields | {"value": list(structure.value) if many else structure.value}  # type: ignore[arg-type]


def from_json(written: Any, test: Callable[[Test | Member], Structure]) -> Structure:
    """Read nested objects of JSON as a structure.

    Parameters
    ----------
    written : object
        As `to_json` writes it; a group of a single member is that member.
    test : callable of (Test or Member) to Test or Member
        Checks names and values of a test, or the name of a segment, and returns it in its
        canonical form.

    Raises
    ------
    GuanjiaError
        If it has another form; the error names the place, such as `condition.all[1]`.
    """
    count = 0

    def read(part: Any, place: str, depth: int) -> Structure:
        nonlocal count
        count += 1
        if depth > DEEPEST or count > MOST_PARTS:
            fault = f"has more than {MOST_PARTS} parts, or more than {DEEPEST} levels"
            raise GuanjiaError("condition", fault, "shorten it")
        if not isinstance(part, Mapping):
            raise GuanjiaError(place, "is no object", CURE)
        keys = {*part}
        for kind in ("all", "any"):
            if keys == {kind}:
                members = part[kind]
                if not isinstance(members, list) or not members:
                    raise GuanjiaError(f"{place}.{kind}", "is no list of parts", CURE)
                inner = [
                    read(member, f"{place}.{kind}[{number}]", depth + 1)
                    for number, member in enumerate(members)
                ]
                return group(kind, inner)
        if keys == {"not"}:
            return negate(read(part["not"], f"{place}.not", depth + 1))
        if keys == {"segment"} and isinstance(part["segment"], str):
            return test(Member(part["segment"]))
        return test(_test(part, place))

    return read(written, "condition", 0)


def _test(part: Mapping[str, Any], place: str) -> Test:
    more = {*part} - {"column", "operator", "value", "other"}
    if more or not {"column", "operator"} <= {*part}:
        fault = f"has the fields {', '.join(sorted(map(str, part))) or '(none)'}"
        raise GuanjiaError(place, fault, "write all, any, not, segment, or column and operator")
    column, operator, other = part["column"], part["operator"], part.get("other")
    value: Any = part.get("value")
    if not isinstance(column, str) or not (other is None or isinstance(other, str)):
        raise GuanjiaError(place, "names a column that is no text", CURE)
    if operator not in OPERATORS:
        cure = did_you_mean(str(operator), OPERATORS)
        raise GuanjiaError(place, f"has the unknown operator {operator}", cure)
    if operator in STATES:
        fits = value is None and other is None
    elif operator in (*LISTS, *RANGES):
        size = len(value) if isinstance(value, list) else 0
        fits = other is None and (size == 2 if operator in RANGES else size > 0)
        value = tuple(value) if fits else value
    else:
        fits = (value is None) != (other is None)
    values: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
    if not fits or not all(item is None or isinstance(item, Value) for item in values):
        raise GuanjiaError(place, f"has no value that {operator} can take", CURE)
    return Test(column, operator, value, other)
