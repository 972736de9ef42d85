"""Evaluate a condition on the values of a single customer, without an engine, in microseconds.

The truth is the same as in the engines (`features.conditions`), in SQL's logic of three values.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlglot import exp

from features.conditions import COMPARISONS, CONNECTORS, constant, resolve

Values = Mapping[str, Any]
Test = Callable[[Values], Any]
"""Part of a condition as a function of a customer's values; None stands for unknown."""


@cache
def compile_test(where: str, columns: frozenset[str]) -> Callable[[Values], bool]:
    """Compile a condition to a function of a customer's values; False where it is unknown.

    A value that is not given is null.

    Raises
    ------
    GuanjiaError
        If the text is no condition, or names an unknown column.

    Examples
    --------
    >>> test = compile_test("star >= 3 and not opted_out", frozenset({"star_level", "opted_out"}))
    >>> test({"star_level": 4, "opted_out": False}), test({"star_level": 4, "opted_out": None})
    (True, False)
    """
    test = _compiled(resolve(where, columns, {}))
    return lambda values: test(values) is True


def _compiled(node: exp.Expr) -> Test:
    """Compile a part of the condition; the tree is walked once, not for every customer."""
    kind = type(node)
    if kind is exp.Column:
        name = node.name
        return lambda values: values.get(name)
    if kind is exp.Paren:
        return _compiled(node.this)
    if kind in COMPARISONS:
        return _compare(COMPARISONS[kind], _compiled(node.this), _compiled(node.expression))
    if kind in _LOGIC:
        return _LOGIC[kind](node)
    value = constant(node)
    return lambda _values: value


def _compare(compare: Callable[[Any, Any], Any], left: Test, right: Test) -> Test:
    def test(values: Values) -> bool | None:
        a, b = left(values), right(values)
        return None if a is None or b is None else bool(compare(a, b))

    return test


def _join(decides: bool, parts: Sequence[Test]) -> Test:
    """Join parts by `and` (a False one decides) or by `or` (a True one decides).

    If none decides, an unknown part makes the join unknown.
    """

    def test(values: Values) -> bool | None:
        known = True
        for part in parts:
            truth = part(values)
            if truth == decides:
                return decides
            known = known and truth is not None
        return (not decides) if known else None

    return test


def _and_or(node: exp.Expr) -> Test:
    return _join(type(node) is exp.Or, [_compiled(node.this), _compiled(node.expression)])


def _not(node: exp.Expr) -> Test:
    part = _compiled(node.this)

    def test(values: Values) -> bool | None:
        truth = part(values)
        return None if truth is None else not truth

    return test


def _is(node: exp.Expr) -> Test:
    expected = None if isinstance(node.expression, exp.Null) else bool(node.expression.this)
    part = _compiled(node.this)
    return lambda values: part(values) is expected


def _in(node: exp.Expr) -> Test:
    left = _compiled(node.this)
    return _join(True, [_compare(operator.eq, left, _compiled(term)) for term in node.expressions])


def _between(node: exp.Expr) -> Test:
    middle, low, high = (
        _compiled(part) for part in (node.this, node.args["low"], node.args["high"])
    )
    return _join(False, [_compare(operator.ge, middle, low), _compare(operator.le, middle, high)])


_LOGIC: Mapping[type[exp.Expr], Callable[[exp.Expr], Test]] = {
    **dict.fromkeys(CONNECTORS, _and_or),
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
}
