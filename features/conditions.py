"""Conditions of target lists: the part of SQL a marketer needs, and nothing that could do harm.

A condition is parsed, every node of its tree is checked against a short list, names are resolved,
and the SQL that runs is written anew from the tree. The text itself never reaches the engine.
"""

import difflib
from collections.abc import Collection, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from features.errors import GuanjiaError

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
CURE = 'write comparisons joined by and, or, not, such as "star >= 3 and renewal < 0.6"'


def compile_condition(where: str, columns: Collection[str]) -> str:
    """The condition as safe SQL over `columns`.

    Parameters
    ----------
    where : str
        Comparisons, `and`, `or`, `not`, `in`, `between`, `is null`, literals, column names.
    columns : Collection[str]
        Names that may appear. `star` and `value` stand for `star_level` and `customer_value`.

    Returns
    -------
    str
        One SQL expression, every name quoted.

    Raises
    ------
    GuanjiaError
        If it is anything else, or names an unknown column: then with the nearest names.

    Examples
    --------
    >>> compile_condition("star >= 3 and renewal < 0.6", ["star_level", "renewal"])
    '"star_level" >= 3 AND "renewal" < 0.6'
    """
    if len(where) > LONGEST:
        raise GuanjiaError("condition", f"is longer than {LONGEST:,} characters", "shorten it")
    tree = _parsed(where)
    _check_predicate(tree)
    for node in tree.walk():
        _check(node)
    for column in tree.find_all(exp.Column):
        asked = column.name
        name = ALIASES.get(asked.lower(), asked.lower())
        if name not in columns:
            raise unknown_name("column", asked, [*columns, *_usable(columns)])
        column.set("this", exp.to_identifier(name, quoted=True))
    return tree.sql(dialect="duckdb", identify=True, comments=False)


class UnknownNameError(GuanjiaError):
    """A column, model, list or customer that nobody knows."""


def unknown_name(kind: str, asked: str, known: Collection[str]) -> UnknownNameError:
    """The error for a name nobody knows: it offers the nearest ones, or all if few."""
    near = difflib.get_close_matches(asked.lower(), sorted(known), n=3, cutoff=0.5)
    offer = near or sorted(known)[:12]
    return UnknownNameError(f"{kind} {asked}", "is not known", f"did you mean {', '.join(offer)}?")


def _usable(columns: Collection[str]) -> list[str]:
    return [alias for alias, name in ALIASES.items() if name in columns]


def _parsed(where: str) -> exp.Expr:
    try:
        found = [tree for tree in sqlglot.parse(where, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError):
        raise GuanjiaError("condition", f"cannot be read: {where!r}", CURE) from None
    if len(found) != 1:
        raise GuanjiaError("condition", "must be exactly one expression", CURE)
    return found[0]


def _check(node: exp.Expr) -> None:
    kind = type(node)
    if kind not in ALLOWED:
        raise GuanjiaError("condition", f"may not use {kind.__name__.upper()}", CURE)
    parts = PARTS.get(kind)
    extra = [name for name, value in node.args.items() if value and parts and name not in parts]
    if extra:
        raise GuanjiaError("condition", f"may not use {kind.__name__} with {extra[0]}", CURE)


def _check_predicate(tree: exp.Expr) -> None:
    # A bare number or text is true or false in DuckDB; in a list it is a slip of the pen.
    if not isinstance(tree, (*TESTS, *JOINS, exp.Column, exp.Boolean)):
        raise GuanjiaError("condition", f"is no comparison: {tree.sql(dialect='duckdb')}", CURE)
