"""Compile conditions of segments, lists and models: a small, safe part of SQL.

A condition is parsed, every node of its tree is checked against a short list of allowed kinds, and
names are resolved. SQL or an Ibis expression is then generated from the tree: the text itself never
reaches the engine.

A comparison with a null is never true, and neither is its negation: for customers of unknown age
neither `age_years >= 60` nor `not age_years >= 60` holds; `age_years is null` selects them.
Compared with a tag of yes or no, 1 is yes and 0 is no; `==` is read as `=`.

The same condition runs as SQL (`compile_condition`), in any engine (`predicate`), over the rows of
a frame (`features.condition_rows`) and on the values of a single customer
(`features.condition_truth`).
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from features.errors import GuanjiaError, InputError, UnknownNameError, unknown_name

LONGEST = 2_000
ALIASES: Mapping[str, str] = {"star": "star_level", "value": "customer_value"}

TESTS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Is)
JOINS = (exp.And, exp.Or, exp.Not, exp.Paren)
VALUES = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Neg)
ALLOWED = frozenset((*TESTS, *JOINS, *VALUES))
PARTS: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Column: frozenset({"this"}),
    exp.In: frozenset({"this", "expressions"}),
    exp.Between: frozenset({"this", "low", "high"}),
}
WIDE_SIGNS = {
    "“": "'",
    "”": "'",
    "‘": "'",
    "’": "'",
    "≥": ">=",
    "≤": "<=",
    "≠": "<>",
    "、": ",",
    "\u3000": "a space",
}
"""Signs of a Chinese input method -> what a condition has in their place."""
WIDE_OFFSET = 0xFEE0
"""From a full-width character to the plain one."""
CURE = 'write comparisons joined by and, or, not, such as "star >= 3 and renewal < 0.6"'
NULL_CURE = "write `is null` or `is not null`"
ALIKE = "compare numbers with numbers, texts with texts, yes or no with true or false, 1 or 0"
COMPARISONS: Mapping[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}
CONNECTORS: Mapping[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.And: operator.and_,
    exp.Or: operator.or_,
}


def compile_condition(
    where: str, columns: Collection[str], segments: Mapping[str, str] | None = None
) -> str:
    """Compile a condition to safe SQL over columns.

    Parameters
    ----------
    where : str
        Comparisons, `and`, `or`, `not`, `in`, `between`, `is null`, literals, column names.
    columns : collection of str
        Names that may appear. `star` and `value` stand for `star_level` and `customer_value`.
    segments : mapping of str to str, optional
        Named conditions that may appear too: true for customers of the segment, else false.

    Returns
    -------
    str
        One SQL expression, every name quoted.

    Raises
    ------
    GuanjiaError
        If the text is anything else, or names an unknown column (the error suggests names).

    Examples
    --------
    >>> compile_condition("star >= 3 and renewal < 0.6", ["star_level", "renewal"])
    '"star_level" >= 3 AND "renewal" < 0.6'
    >>> compile_condition("not gold", ["star_level"], {"gold": "star = 3"})
    'NOT (("star_level" = 3) IS TRUE)'
    """
    tree = resolve(where, columns, segments or {})
    return str(tree.sql(dialect="duckdb", identify=True, comments=False))


def predicate(where: str, table: ir.Table) -> ir.BooleanValue:
    """Compile a condition to an Ibis expression over a table, for any engine; null if unknown.

    Raises
    ------
    GuanjiaError
        As `compile_condition`, and if it compares values of different kinds, a number with a text.

    Examples
    --------
    >>> stars = ibis.table({"star_level": "int64"}, name="stars")
    >>> print(ibis.to_sql(stars.filter(predicate("star >= 3", stars)), pretty=False))
    SELECT * FROM "stars" AS "t0" WHERE "t0"."star_level" >= 3
    """
    return _truth(resolve(where, table.columns, {}), table)


def columns_of(where: str, columns: Collection[str]) -> list[str]:
    """List the columns that a condition reads, once each, in alphabetical order."""
    return sorted(mentioned(where, columns))


def mentioned(where: str, columns: Collection[str]) -> list[str]:
    """List the columns that a condition reads, once each, in the order of the condition."""
    tree = resolve(where, columns, {})
    return list(dict.fromkeys(column.name for column in tree.find_all(exp.Column, bfs=False)))


def resolve(where: str, columns: Collection[str], segments: Mapping[str, str]) -> exp.Expr:
    """Parse and check a condition; resolve aliases to columns and segments to their conditions.

    Parameters
    ----------
    where : str
        The condition.
    columns : collection of str
        Names of columns that may appear.
    segments : mapping of str to str
        Conditions of segments that may appear, by name.

    Returns
    -------
    sqlglot expression
        The checked tree.

    Raises
    ------
    GuanjiaError
        As `compile_condition`.
    """
    if len(where) > LONGEST:
        chinese = "条件", f"超过 {LONGEST:,} 个字", "请写短一些"
        fault = f"is longer than {LONGEST:,} characters"
        raise InputError("condition", fault, "shorten it", chinese=chinese)
    tree = _parse(where)
    _check_predicate(tree)
    for node in tree.walk():
        _check(node)
    for column in list(tree.find_all(exp.Column)):
        written = column.name
        name = ALIASES.get(written.lower(), written.lower())
        if name in columns:
            column.set("this", exp.to_identifier(name))
        elif name in segments:
            rule = exp.Paren(this=resolve(segments[name], columns, {}))
            member = exp.Paren(this=exp.Is(this=rule, expression=exp.Boolean(this=True)))
            if column is tree:
                return member
            column.replace(member)
        elif column.this.quoted:
            cure = f"write texts in single quotes: '{written}'"
            raise UnknownNameError(f"column {written}", "is not known", cure)
        else:
            raise unknown_name("column", written, [*columns, *_aliases(columns), *segments])
    return tree


def _aliases(columns: Collection[str]) -> list[str]:
    return [alias for alias, name in ALIASES.items() if name in columns]


def compared_texts(where: str, columns: Collection[str]) -> list[tuple[str, str]]:
    """List the texts that a condition asks for, each with its column, in their order.

    Examples
    --------
    >>> compared_texts("channel = 'agent' and star in (1, 2)", ["channel", "star_level"])
    [('channel', 'agent')]
    """
    pairs = []
    for test in resolve(where, columns, {}).find_all(exp.EQ, exp.In, bfs=False):
        sides = [test.this, *test.args.get("expressions", []), test.args.get("expression")]
        names = [side.name for side in sides if isinstance(side, exp.Column)]
        texts = [side.name for side in sides if isinstance(side, exp.Literal) and side.is_string]
        pairs += [(name, text) for name in names for text in texts]
    return pairs


def _refuse_wide_signs(where: str) -> None:
    """Refuse signs of a Chinese input method outside of texts, naming the plain sign."""
    outside = re.sub("'[^']*'", "", where)
    for sign in outside:
        plain = WIDE_SIGNS.get(sign) or (
            chr(ord(sign) - WIDE_OFFSET) if "\uff01" <= sign <= "\uff5e" else None
        )
        if plain is not None:
            cure = f"write {plain} in its place, with the input method set to English"
            raise GuanjiaError("condition", f"holds the full-width sign {sign}", cure)


def _parse(where: str) -> exp.Expr:
    _refuse_wide_signs(where)
    try:
        trees = [tree for tree in sqlglot.parse(where, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError):
        raise GuanjiaError("condition", f"cannot be read: {where!r}", CURE) from None
    if len(trees) != 1:
        raise GuanjiaError("condition", "must be exactly one expression", CURE)
    return trees[0]


def _check(node: exp.Expr) -> None:
    kind = type(node)
    if kind not in ALLOWED:
        raise GuanjiaError("condition", f"may not use {kind.__name__.upper()}", CURE)
    parts = PARTS.get(kind)
    extra = [name for name, value in node.args.items() if value and parts and name not in parts]
    if extra:
        raise GuanjiaError("condition", f"may not use {kind.__name__} with {extra[0]}", CURE)
    if kind is exp.Null and not isinstance(node.parent, exp.Is):
        raise GuanjiaError("condition", "compares with null, which is never true", NULL_CURE)
    if kind is exp.Is and not isinstance(node.expression, exp.Null | exp.Boolean):
        raise GuanjiaError("condition", "may use IS only with null, true or false", CURE)
    if kind is exp.Neg and not isinstance(node.this, exp.Literal):
        raise GuanjiaError("condition", "may use - only before a number", CURE)
    if kind is exp.In and not node.expressions:
        raise GuanjiaError("condition", "may not use IN with an empty list", CURE)


def _check_predicate(tree: exp.Expr) -> None:
    # A bare number or text is true or false in DuckDB; here it is a mistake.
    if not isinstance(tree, (*TESTS, *JOINS, exp.Column, exp.Boolean)):
        raise GuanjiaError("condition", f"is no comparison: {tree.sql(dialect='duckdb')}", CURE)


def _truth(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    """Compile a part that must be true or false: an operand of and, or, not."""
    truth = _value(node, table)
    if not truth.type().is_boolean():
        raise GuanjiaError("condition", f"is no comparison: {node.sql(dialect='duckdb')}", CURE)
    return truth


def _value(node: exp.Expr, table: ir.Table) -> Any:
    """Compile a checked tree to an Ibis expression."""
    kind = type(node)
    if kind is exp.Paren:
        return _value(node.this, table)
    if kind is exp.Column:
        return table[node.name]
    if kind in CONNECTORS:
        return CONNECTORS[kind](_truth(node.this, table), _truth(node.expression, table))
    if kind is exp.Not:
        return ~_truth(node.this, table)
    return _test(node, table) if kind in TESTS else ibis.literal(constant(node))


def _test(node: exp.Expr, table: ir.Table) -> ir.BooleanValue:
    kind = type(node)
    if kind is exp.Is and isinstance(node.expression, exp.Null):
        return _value(node.this, table).isnull()
    if kind is exp.Is:
        return (_truth(node.this, table) == constant(node.expression)).fill_null(False)
    if kind is exp.In:
        value, *others = _comparable([node.this, *node.expressions], table)
        return value.isin(others)
    if kind is exp.Between:
        value, low, high = _comparable([node.this, node.args["low"], node.args["high"]], table)
        return value.between(low, high)
    left, right = _comparable([node.this, node.expression], table)
    return COMPARISONS[kind](left, right)


def constant(node: exp.Expr) -> bool | int | float | str:
    """Return the Python value of a literal in a checked tree."""
    if isinstance(node, exp.Neg):
        return -float(node.this.name) if not node.this.is_int else -int(node.this.name)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if node.is_string:
        return str(node.name)
    return int(node.name) if node.is_int else float(node.name)


def _comparable(nodes: list[exp.Expr], table: ir.Table) -> list[Any]:
    """Compile parts that are compared: all numbers, all texts, or all yes or no."""
    values = [_value(node, table) for node in nodes]
    if any(value.type().is_boolean() for value in values):
        values = [
            ibis.literal(node.name == "1") if _is_0_or_1(node) else value
            for node, value in zip(nodes, values, strict=True)
        ]
    kinds = [_kind(value) for value in values]
    for node, kind in zip(nodes, kinds, strict=True):
        if kind != kinds[0]:
            first, second = (part.sql(dialect="duckdb") for part in (nodes[0], node))
            fault = f"compares {first} ({kinds[0]}) with {second} ({kind})"
            raise GuanjiaError("condition", fault, ALIKE)
    return values


def _is_0_or_1(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name in ("0", "1")


def _kind(value: ir.Value) -> str:
    type_ = value.type()
    if type_.is_boolean():
        return "yes or no"
    return "number" if type_.is_numeric() else "text" if type_.is_string() else str(type_)
