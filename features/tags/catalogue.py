"""How a tag is declared, and the catalogue of all that are.

A tag is a pure function named like the tag. Its docstring is the definition; the decorator adds
what a reader and the feature store need: label, unit, window, meaning of null. There are two kinds:

- an *aggregate* tag gets a relation, rows known as of the date (say, the customer's claims), and
  returns an Ibis aggregate over them;
- a *derived* tag (relation None) gets the row of all aggregate tags of its group.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir

Expression = Callable[[ir.Table], ir.Value]
Type = Literal["int64", "float64", "string", "boolean"]


@dataclass(frozen=True)
class Tag:
    """One tag as declared.

    Attributes
    ----------
    name, label, definition, unit, window : str
        `unit` is "yuan", "days", "claims", "share", ...; `window` is "36 months", "as of", ...
    null : str
        What null means for this tag.
    group : str
        The tag group, which is also its Feast view.
    type : {"int64", "float64", "string", "boolean"}
        Type in files, in Feast and in models.
    relation : str or None
        The relation it aggregates; None for a tag derived from others of its group.
    empty : int or None
        The value of a customer without any row in the relation (0 for counts, else None). Where the
        relation's table is absent altogether, the tag is null whatever this says.
    expression : Callable[[ir.Table], ir.Value]
        The function itself.
    """

    name: str
    label: str
    definition: str
    unit: str
    window: str
    null: str
    group: str
    type: Type
    relation: str | None
    empty: int | None
    expression: Expression


class TagGroup:
    """The tags of one group, in the order of their declaration."""

    def __init__(self, name: str, label: str) -> None:
        self.name = name
        self.label = label
        self.tags: dict[str, Tag] = {}

    def tag(
        self,
        label: str,
        *,
        unit: str,
        window: str = "as of",
        null: str = "never null",
        type: Type = "float64",
        relation: str | None = None,
        empty: int | None = None,
    ) -> Callable[[Expression], Expression]:
        """Declare the decorated function as a tag of this group."""

        def declare(expression: Expression) -> Expression:
            name = expression.__name__
            definition = " ".join((expression.__doc__ or "").split())
            self.add(
                Tag(
                    name,
                    label,
                    definition,
                    unit,
                    window,
                    null,
                    self.name,
                    type,
                    relation,
                    empty,
                    expression,
                )
            )
            return expression

        return declare

    def add(self, tag: Tag) -> None:
        """Add one tag; families call this once per window."""
        if tag.name in self.tags:
            raise ValueError(f"tag {tag.name} is declared twice in group {self.name}")
        if not tag.definition:
            raise ValueError(f"tag {tag.name} has no docstring, which is its definition")
        self.tags[tag.name] = tag


def groups() -> dict[str, TagGroup]:
    """All tag groups by name, in the order of the catalogue."""
    from features.tags import behaviour, claims, engagement, loyalty, underwriting

    found = [m.GROUP for m in (underwriting, claims, behaviour, engagement, loyalty)]
    return {group.name: group for group in found}


def catalogue() -> dict[str, Tag]:
    """All tags by name. Names are unique over all groups."""
    tags: dict[str, Tag] = {}
    for group in groups().values():
        for name, tag in group.tags.items():
            if name in tags:
                raise ValueError(f"tag {name} is in both {tags[name].group} and {group.name}")
            tags[name] = tag
    return tags
