"""How a tag is declared.

A tag is a pure function named like the tag. Its docstring is the definition; the decorator adds
what a reader and the feature store need: label, unit, window, meaning of null. There are two kinds:

- an *aggregate* tag gets a relation, rows known as of the date (say, the customer's claims), and
  returns an Ibis aggregate over them;
- a *derived* tag (relation None) gets the row of all aggregate tags of its group, of the derived
  tags declared before it, and of the aggregate tags of other groups that it says it needs.

Tags that differ in a window alone are a `family`; those that differ in a value, say the channel,
are `members` of one, whose names stand there in full.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import ibis.expr.types as ir

Expression = Callable[[ir.Table], ir.Value]
WindowedExpression = Callable[[ir.Table, ir.Value], ir.Value]
MemberExpression = Callable[..., ir.Value]
"""Of (rows, value) or (rows, rows in the window, value): see `TagGroup.members`."""
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
        self._turns: list[list[list[Tag]]] | None = None

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
        """Declare the decorated function as a tag of this group.

        Parameters
        ----------
        label, unit, window, null, type, relation, empty, needs
            As `Tag` has them; name and definition are the function's name and docstring.
        """

        def declare(expression: Expression) -> Expression:
            self.add(
                Tag(
                    name=expression.__name__,
                    label=label,
                    definition=_definition(expression),
                    unit=unit,
                    window=window,
                    null=null,
                    group=self.name,
                    type=type,
                    relation=relation,
                    empty=empty,
                    expression=expression,
                    needs=needs,
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

        Parameters
        ----------
        label : str
            Chinese label without the window.
        windows : Window
            One tag each, in this order.
        unit, relation, null, type, empty
            As `Tag` has them.
        """

        def declare(expression: WindowedExpression) -> WindowedExpression:
            for window in windows:
                self.add(
                    Tag(
                        name=f"{expression.__name__}_{window.suffix}",
                        label=window.label + label,
                        definition=_definition(expression).format(window=window.words),
                        unit=unit,
                        window=window.words,
                        null=null,
                        group=self.name,
                        type=type,
                        relation=relation,
                        empty=empty,
                        expression=_windowed(expression, window),
                    )
                )
            return expression

        return declare

    def members(
        self,
        names: Mapping[str, tuple[str, Any]],
        *windows: Window,
        unit: str,
        window: str = "as of",
        null: str = "never null",
        type: Type = "float64",
        relation: str | None = None,
        empty: int | None = None,
    ) -> Callable[[MemberExpression], MemberExpression]:
        """Declare the decorated function once for each member of a family of alike tags.

        The names stand in full, so that a search for one leads to the function. The `{value}` of
        the docstring and of `null` becomes the member's value; say `{value.name}` for a part of it.

        Parameters
        ----------
        names : Mapping[str, tuple of (str, Any)]
            Tag name -> Chinese label, and the value that the function takes last.
        windows : Window
            With windows the function is one of (rows, rows in the window, value), and every member
            has a tag for each window: `names` then has names and labels without the window, as
            `family` does. Without windows it is one of (rows, value).
        unit, window, null, type, relation, empty
            As `Tag` has them; `window` says the window of a member without windows.
        """

        def declare(expression: MemberExpression) -> MemberExpression:
            turns = []
            for name, (label, value) in names.items():
                bound = _with_value(expression, value)
                turns.append(
                    [
                        Tag(
                            name=f"{name}_{span.suffix}" if span else name,
                            label=span.label + label if span else label,
                            definition=_definition(expression).format(
                                value=value, window=span.words if span else window
                            ),
                            unit=unit,
                            window=span.words if span else window,
                            null=null.format(value=value),
                            group=self.name,
                            type=type,
                            relation=relation,
                            empty=empty,
                            expression=_windowed(bound, span) if span else bound,
                        )
                        for span in windows or (None,)
                    ]
                )
            if self._turns is None:
                self._add_all(turns)
            else:
                self._turns.append(turns)
            return expression

        return declare

    @contextmanager
    def by_turns(self) -> Iterator[None]:
        """Put the families declared in the block side by side: first the first member of each.

        The catalogue then reads by channel, or by line, and not by function.

        Raises
        ------
        ValueError
            If they have not as many members.
        """
        families: list[list[list[Tag]]] = []
        self._turns = families
        yield
        self._turns = None
        for turn in zip(*families, strict=True):
            self._add_all(turn)

    def _add_all(self, tags: Iterable[Iterable[Tag]]) -> None:
        for tag in chain.from_iterable(tags):
            self.add(tag)

    def add(self, tag: Tag) -> None:
        """Add one tag; families call this once per window.

        Raises
        ------
        ValueError
            If the group has a tag of that name, or it has no definition.
        """
        if tag.name in self.tags:
            raise ValueError(f"tag {tag.name} is declared twice in group {self.name}")
        if not tag.definition:
            raise ValueError(f"tag {tag.name} has no docstring, which is its definition")
        self.tags[tag.name] = tag


def _definition(expression: Callable[..., ir.Value]) -> str:
    """The docstring on one line."""
    return " ".join((expression.__doc__ or "").split())


def _windowed(expression: WindowedExpression, window: Window) -> Expression:
    """The expression with its window filled in."""
    return lambda rows: expression(rows, window.contains(rows))


def _with_value(expression: MemberExpression, value: Any) -> MemberExpression:
    """The expression with its last parameter filled in."""
    return lambda *rows: expression(*rows, value)
