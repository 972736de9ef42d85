"""A condition as a test of one customer's values, where no engine is asked: at an event.

It means what the engines say (`features.conditions`), in SQL's logic of three values.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlglot import exp

from features.conditions import COMPARISONS, CONNECTORS, constant, resolved

Values = Mapping[str, Any]
Test = Callable[[Values], Any]


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
    test = _made(resolved(where, columns, {}))
    return lambda values: test(values) is True


def _made(node: exp.Expr) -> Test:
    """A part of the condition as a function: the tree is walked once, not for every customer."""
    kind = type(node)
    if kind is exp.Column:
        name = node.name
        return lambda values: values.get(name)
    if kind is exp.Paren:
        return _made(node.this)
    if kind in COMPARISONS:
        return _compared(COMPARISONS[kind], _made(node.this), _made(node.expression))
    if kind in _LOGIC:
        return _LOGIC[kind](node)
    value = constant(node)
    return lambda _values: value


def _compared(compare: Callable[[Any, Any], Any], left: Test, right: Test) -> Test:
    def test(values: Values) -> bool | None:
        one, other = left(values), right(values)
        return None if one is None or other is None else bool(compare(one, other))

    return test


def _joined(decides: bool, parts: Sequence[Test]) -> Test:
    """A false part decides `and`, a true one `or`; else a part that is not known leaves it open."""

    def test(values: Values) -> bool | None:
        known = True
        for part in parts:
            found = part(values)
            if found == decides:
                return decides
            known = known and found is not None
        return (not decides) if known else None

    return test


def _both(node: exp.Expr) -> Test:
    return _joined(type(node) is exp.Or, [_made(node.this), _made(node.expression)])


def _not(node: exp.Expr) -> Test:
    part = _made(node.this)

    def test(values: Values) -> bool | None:
        found = part(values)
        return None if found is None else not found

    return test


def _is(node: exp.Expr) -> Test:
    asked = None if isinstance(node.expression, exp.Null) else bool(node.expression.this)
    part = _made(node.this)
    return lambda values: part(values) is asked


def _in(node: exp.Expr) -> Test:
    one = _made(node.this)
    return _joined(True, [_compared(operator.eq, one, _made(each)) for each in node.expressions])


def _between(node: exp.Expr) -> Test:
    one, low, high = (_made(part) for part in (node.this, node.args["low"], node.args["high"]))
    return _joined(False, [_compared(operator.ge, one, low), _compared(operator.le, one, high)])


_LOGIC: Mapping[type[exp.Expr], Callable[[exp.Expr], Test]] = {
    **dict.fromkeys(CONNECTORS, _both),
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
}
