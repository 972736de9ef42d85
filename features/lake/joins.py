"""Combine relations: join them on common columns, and stack them."""

from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir


def left_join(left: ir.Table, right: ir.Table, by: Sequence[str]) -> ir.Table:
    """Join columns to every row of a table; null where nothing matches.

    Parameters
    ----------
    left : ibis.Table
        All its rows stay; a row with several matches is repeated.
    right : ibis.Table
        Its columns that `left` has too are dropped.
    by : sequence of str
        Columns of both that must be equal.

    Returns
    -------
    ibis.Table
        The columns of `left`, then those that only `right` has.
    """
    joined = left.left_join(right, list(by))
    return joined.drop([name for name in joined.columns if name.endswith("_right")])


def union_all(parts: Iterable[ir.Table]) -> ir.Table:
    """Append the rows of tables to each other, duplicates included."""
    first, *others = parts
    return ibis.union(first, *others) if others else first
