"""Arithmetic of tags that no order of rows can change: sums exact, one division at the end."""

import ibis
import ibis.expr.types as ir


def ratio(part: ir.Value, whole: ir.Value) -> ir.Value:
    """`part` / `whole` of exact numbers; null where `whole` is null, 0 or less."""
    found = part.cast("float64") / whole.cast("float64")
    return (whole > 0).ifelse(found, ibis.null("float64"))


def mean(values: ir.Value, where: ir.Value) -> ir.Value:
    """Mean of whole numbers or decimals over the rows chosen; null without any."""
    return ratio(values.sum(where=where), values.count(where=where))


def share(rows: ir.Table, chosen: ir.Value, of: ir.Value) -> ir.Value:
    """Share of the rows `of` that are `chosen` too; null without any."""
    return ratio(rows.count(where=of & chosen), rows.count(where=of))


def yuan(value: ir.Value) -> ir.Value:
    """A decimal, aggregated, as the float that models read."""
    return value.cast("float64")


def whole_years(earlier: ir.Value, later: ir.Value) -> ir.Value:
    """Whole years between two dates; 29 February comes of age on 1 March."""
    before = (later.month() * 100 + later.day()) < (earlier.month() * 100 + earlier.day())
    return later.year() - earlier.year() - before.cast("int64")
