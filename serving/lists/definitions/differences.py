"""Tell in words how two versions of a list differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.lists.definitions.definition import LABELS, ListDefinition


@dataclass(frozen=True)
class Difference:
    """A field in which two versions of a list differ.

    Attributes
    ----------
    field : str
        The field.
    before, after : object
        Its values, as in JSON.
    chinese, english : str
        The change in words.
    """

    field: str
    before: Any
    after: Any
    chinese: str
    english: str


def compare_definitions(before: ListDefinition, after: ListDefinition) -> list[Difference]:
    """List the fields in which two versions differ, in the order of the fields.

    Examples
    --------
    >>> one = ListDefinition(name="old_cars", label="老车", model="renewal", where="star >= 3")
    >>> [change.english for change in compare_definitions(one, one.model_copy(update={"size": 9}))]
    ['size: not set -> 9']
    """
    differences = []
    old, new = before.document(), after.document()
    for field, label in LABELS.items():
        if old[field] == new[field]:
            continue
        was, is_now = _words(old[field]), _words(new[field])
        differences.append(
            Difference(
                field,
                old[field],
                new[field],
                f"{label}：{was or '未设置'} → {is_now or '未设置'}",
                f"{field}: {was or 'not set'} -> {is_now or 'not set'}",
            )
        )
    return differences


def _words(value: Any) -> str:
    """Write a value of a definition as a person writes it; nothing at all is empty."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
