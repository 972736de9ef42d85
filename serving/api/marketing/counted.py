"""Tell counts of conditions: every condition in all its forms, with its parts."""

from datetime import date
from typing import Any

from pydantic import Field

from features.condition_forms.condition import Condition
from serving.lists.conditions.counting import ConditionCount, Counts
from serving.schemas import Message


class PartCounted(Message):
    """Customers who meet a condition or a part of it."""

    path: str = Field(description='Place of the part: "" is the condition, "1.0" a part of a part.')
    plain: str
    chinese: str
    customers: int
    unknown: int = Field(description="Customers for whom it is neither true nor false.")


class Counted(Message):
    """Customers who meet a condition, and each of its parts."""

    as_of: date
    of: int = Field(description="Customers whom the token may see.")
    customers: int
    unknown: int
    parts: list[PartCounted]
    hints: list[str] = Field(description="Tests that hold for everybody or nobody.")


class ConditionCounted(Counted):
    """A condition in all its forms, and who meets it."""

    plain: str = Field(description="As lists and segments take it.")
    chinese: str
    structure: dict[str, Any] = Field(description="Nested groups, as a page builds them.")


def tell_count(counts: Counts, place: int = 0) -> Counted:
    """Return the count of one condition as a message.

    Parameters
    ----------
    counts : Counts
        Counts of several conditions.
    place : int
        Which of them.
    """
    return Counted(**_fields(counts, counts.conditions[place]))


def tell_condition(counts: Counts, place: int, condition: Condition) -> ConditionCounted:
    """Return the count of one condition as a message, with all forms of the condition.

    Parameters
    ----------
    counts : Counts
        Counts of several conditions.
    place : int
        Which of them.
    condition : Condition
        The condition itself.
    """
    return ConditionCounted(
        **_fields(counts, counts.conditions[place]),
        plain=condition.plain,
        chinese=condition.chinese,
        structure=condition.json,
    )


def _fields(counts: Counts, counted: ConditionCount) -> dict[str, Any]:
    return {
        "as_of": counts.as_of,
        "of": counts.customers,
        "customers": counted.customers,
        "unknown": counted.unknown,
        "parts": [PartCounted(**vars(part)) for part in counted.parts],
        "hints": [hint.english for hint in counted.hints],
    }
