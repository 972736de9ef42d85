"""A condition as a test of one customer's values, where no engine is asked: at an event.

It means what the engines say (`features.conditions`), in SQL's logic of three values.
"""

import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlglot import exp

from features.conditions import COMPARISONS, CONNECTORS, constant, resolved

Values = Mapping[str, Any]


@cache
def holds(where: str, columns: frozenset[str]) -> Callable[[Values], bool]:
    """The condition as a test; false where it is not known. A value that is not given is null.

    Raises
    ------
    GuanjiaError
        If it is no condition, or names an unknown column.

    Examples
    --------
    >>> test = holds("star >= 3 and not opted_out", frozenset({"star_level", "opted_out"}))
    >>> test({"star_level": 4, "opted_out": False}), test({"star_level": 4, "opted_out": None})
    (True, False)
    """
    tree = resolved(where, columns, {})
    return lambda values: _value(tree, values) is True


def _value(node: exp.Expr, values: Values) -> Any:
    kind = type(node)
    if kind is exp.Column:
        return values.get(node.name)
    if kind is exp.Paren:
        return _value(node.this, values)
    if kind in COMPARISONS:
        return _compared(COMPARISONS[kind], node.this, node.expression, values)
    return _LOGIC[kind](node, values) if kind in _LOGIC else constant(node)


def _compared(
    compare: Callable[[Any, Any], Any], left: exp.Expr, right: exp.Expr, values: Values
) -> bool | None:
    sides = (_value(left, values), _value(right, values))
    return None if None in sides else bool(compare(*sides))


def _joined(decides: bool, parts: list[bool | None]) -> bool | None:
    """A false part decides `and`, a true one `or`; else a part that is not known leaves it open."""
    if decides in parts:
        return decides
    return None if None in parts else not decides


def _both(node: exp.Expr, values: Values) -> bool | None:
    parts = [_value(node.this, values), _value(node.expression, values)]
    return _joined(type(node) is exp.Or, parts)


def _not(node: exp.Expr, values: Values) -> bool | None:
    found = _value(node.this, values)
    return None if found is None else not found


def _is(node: exp.Expr, values: Values) -> bool:
    asked = None if isinstance(node.expression, exp.Null) else bool(node.expression.this)
    return _value(node.this, values) is asked


def _in(node: exp.Expr, values: Values) -> bool | None:
    return _joined(
        True, [_compared(operator.eq, node.this, one, values) for one in node.expressions]
    )


def _between(node: exp.Expr, values: Values) -> bool | None:
    low = _compared(operator.ge, node.this, node.args["low"], values)
    return _joined(False, [low, _compared(operator.le, node.this, node.args["high"], values)])


_LOGIC: Mapping[type[exp.Expr], Callable[[exp.Expr, Values], bool | None]] = {
    **dict.fromkeys(CONNECTORS, _both),
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
}
