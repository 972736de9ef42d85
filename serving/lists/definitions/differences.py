"""Tell in words how two versions of a list differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from serving.lists.definitions.definition import LABELS, ListDefinition
from training.models import MODELS

NO_WORDS: Mapping[str, str] = MappingProxyType({})
LABELS_OF: Mapping[str, Mapping[str, str]] = {
    "model": {name: spec.label for name, spec in MODELS.items()},
    "channel": CONTACT_CHANNEL_LABELS,
    "effect": {"raises": "提高", "lowers": "降低"},
}
"""Field whose values are names -> the Chinese of each."""


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


def compare_definitions(
    before: ListDefinition, after: ListDefinition, chinese: Mapping[str, str] = NO_WORDS
) -> list[Difference]:
    """List the fields in which two versions differ, in the order of the fields.

    Parameters
    ----------
    before, after : ListDefinition
        The two versions.
    chinese : mapping of str to str
        Condition -> the same in Chinese; one that is not there stays as it is stored.

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
        unset, unset_english = "未设置", "not set"
        words = {**LABELS_OF.get(field, NO_WORDS), **(chinese if field == "where" else NO_WORDS)}
        differences.append(
            Difference(
                field,
                old[field],
                new[field],
                f"{label}：{words.get(was, was) or unset} → {words.get(is_now, is_now) or unset}",
                f"{field}: {was or unset_english} -> {is_now or unset_english}",
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
