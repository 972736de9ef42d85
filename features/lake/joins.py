"""Put relations together: beside each other and under each other."""

from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir


def left_join(left: ir.Table, right: ir.Table, by: Sequence[str]) -> ir.Table:
    """Join columns to every row of a table; null where nothing matches.

    Parameters
    ----------
    left : ibis.Table
        Every row of it stays, once for each match.
    right : ibis.Table
        A column of it that `left` has too is left out.
    by : sequence of str
        Columns of both that must be equal.

    Returns
    -------
    ibis.Table
        The columns of `left`, then those that `right` alone has.
    """
    joined = left.left_join(right, list(by))
    return joined.drop([name for name in joined.columns if name.endswith("_right")])


def union_all(parts: Iterable[ir.Table]) -> ir.Table:
    """Put the rows of at least one table under each other, repeated rows and all."""
    first, *others = parts
    return ibis.union(first, *others) if others else first
