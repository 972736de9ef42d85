"""How a tag is declared.

A tag is a pure function named like the tag. Its docstring is the definition; the decorator adds
what a reader and the feature store need: label, unit, window, meaning of null. There are two kinds:

- an *aggregate* tag gets a relation, rows known as of the date (say, the customer's claims), and
  returns an Ibis aggregate over them;
- a *derived* tag (relation None) gets the row of all aggregate tags of its group, of the derived
  tags declared before it, and of the aggregate tags of other groups that it says it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir

Expression = Callable[[ir.Table], ir.Value]
WindowedExpression = Callable[[ir.Table, ir.Value], ir.Value]
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
    needs : tuple of str
        Aggregate tags of other groups that a derived tag reads.
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
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """A span before the cutoff: `contains` tells of each row of an event relation."""

    suffix: str
    words: str
    label: str
    contains: Callable[[ir.Table], ir.Value]


def _days(days: int) -> Window:
    return Window(f"{days}d", f"{days} days", f"近{days}天", lambda rows: rows.days_ago < days)


D7, D30, D90, D180, D365 = (_days(days) for days in (7, 30, 90, 180, 365))
M36 = Window("36m", "36 months", "近36个月", lambda rows: rows.in_36m)
EVER = Window("ever", "ever", "历史", lambda rows: rows.days_ago >= 0)


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
        needs: tuple[str, ...] = (),
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
                    needs,
                )
            )
            return expression

        return declare

    def family(
        self,
        label: str,
        *windows: Window,
        unit: str,
        relation: str,
        null: str = "never null",
        type: Type = "float64",
        empty: int | None = None,
    ) -> Callable[[WindowedExpression], WindowedExpression]:
        """Declare the decorated function of (rows, rows in the window) once per window.

        Tag names are the function's with the window last, labels begin with the window, and the
        docstring's `{window}` becomes the window in words.
        """

        def declare(expression: WindowedExpression) -> WindowedExpression:
            prefix = expression.__name__
            definition = " ".join((expression.__doc__ or "").split())
            for window in windows:
                self.add(
                    Tag(
                        f"{prefix}_{window.suffix}",
                        window.label + label,
                        definition.format(window=window.words),
                        unit,
                        window.words,
                        null,
                        self.name,
                        type,
                        relation,
                        empty,
                        _windowed(expression, window),
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


def _windowed(expression: WindowedExpression, window: Window) -> Expression:
    """The expression with its window filled in."""
    return lambda rows: expression(rows, window.contains(rows))
