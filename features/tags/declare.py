"""Declare tags: functions with a label, unit, window and meaning of null.

A tag is a pure function named like the tag. Its docstring is the definition; the decorator adds
label, unit, window and meaning of null for readers and the feature store. There are two kinds:

- an *aggregate* tag gets a relation, rows known as of the date (say, the customer's claims), and
  returns an Ibis aggregate over them;
- a *derived* tag (relation None) gets a row with all aggregate tags of its group, the derived tags
  declared before it, and the aggregate tags of other groups that it lists in `needs`.

Tags that differ only in the window are a `family`; tags that differ in a value, say the channel,
are `members` of one function, each with its full name.
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
"""Function of (rows, value) or (rows, rows in the window, value): see `TagGroup.members`."""
Type = Literal["int64", "float64", "string", "boolean"]


@dataclass(frozen=True)
class Tag:
    """One tag as declared.

    Attributes
    ----------
    name, label, definition, unit, window : str
        `unit` is "yuan", "days", "claims", "share", ...; `window` is "36 months", "as of", ...
    null : str
        Meaning of null for this tag.
    group : str
        The tag group, which is also its Feast view.
    type : {"int64", "float64", "string", "boolean"}
        Type in files, in Feast and in models.
    relation : str or None
        The relation it aggregates; None for a tag derived from others of its group.
    empty : int or None
        The value of a customer without any row in the relation (0 for counts, else None). If the
        relation's table is absent altogether, the tag is null all the same.
    expression : callable of ibis.Table to ibis value
        The decorated function.
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
    """A span before the cutoff; `contains` marks the rows of an event relation that lie in it.

    Names of tags end with `suffix` ("30d"), labels begin with `label` ("近30天"), and definitions
    contain `words` ("30 days").
    """

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
        self._families: list[list[list[Tag]]] | None = None

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
            Fields of `Tag`; its name and definition are the function's name and docstring.
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
        """Declare the decorated function of (rows, rows in the window) as one tag per window.

        Tag names are the function's name and the window; labels begin with the window; `{window}`
        in the docstring becomes the window in words.

        Parameters
        ----------
        label : str
            Chinese label without the window.
        *windows : Window
            One tag for each, in this order.
        unit, relation, null, type, empty
            Fields of `Tag`.
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
        """Declare the decorated function as one tag for each of several values.

        The names are written in full, so that a search for a tag leads to the function. `{value}`
        in the docstring and in `null` becomes the member's value; `{value.name}` is a part of it.

        Parameters
        ----------
        names : mapping of str to (str, object)
            Tag name -> Chinese label, and the value that the function takes as its last argument.
        *windows : Window
            With windows the function takes (rows, rows in the window, value) and every member has
            one tag per window; `names` then has names and labels without the window, as in
            `family`. Without windows it takes (rows, value).
        unit, window, null, type, relation, empty
            Fields of `Tag`; `window` is used if there are no windows.
        """

        def declare(expression: MemberExpression) -> MemberExpression:
            tags = []
            for name, (label, value) in names.items():
                bound = _with_value(expression, value)
                tags.append(
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
            if self._families is None:
                self._add_all(tags)
            else:
                self._families.append(tags)
            return expression

        return declare

    @contextmanager
    def interleaved(self) -> Iterator[None]:
        """Order the `members` declared in the block by turns: first the first of each function.

        The catalogue is then ordered by channel, or by line, and not by function.

        Raises
        ------
        ValueError
            If the functions have different numbers of members.
        """
        families: list[list[list[Tag]]] = []
        self._families = families
        yield
        self._families = None
        for tags in zip(*families, strict=True):
            self._add_all(tags)

    def _add_all(self, tags: Iterable[Iterable[Tag]]) -> None:
        for tag in chain.from_iterable(tags):
            self.add(tag)

    def add(self, tag: Tag) -> None:
        """Add a tag to the group.

        Raises
        ------
        ValueError
            If the group has a tag of that name, or the tag has no definition.
        """
        if tag.name in self.tags:
            raise ValueError(f"tag {tag.name} is declared twice in group {self.name}")
        if not tag.definition:
            raise ValueError(f"tag {tag.name} has no docstring, which is its definition")
        self.tags[tag.name] = tag


def _definition(expression: Callable[..., ir.Value]) -> str:
    """Join the lines of the docstring."""
    return " ".join((expression.__doc__ or "").split())


def _windowed(expression: WindowedExpression, window: Window) -> Expression:
    """Bind the window of an expression."""
    return lambda rows: expression(rows, window.contains(rows))


def _with_value(expression: MemberExpression, value: Any) -> MemberExpression:
    """Bind the last parameter of an expression."""
    return lambda *rows: expression(*rows, value)
