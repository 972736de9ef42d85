"""Compute tags independently of the order of rows: sums are exact, with one division at the end."""

import ibis
import ibis.expr.types as ir


def ratio(part: ir.Value, total: ir.Value) -> ir.Value:
    """Divide exact numbers; null where `total` is null, 0 or less."""
    quotient = part.cast("float64") / total.cast("float64")
    return (total > 0).ifelse(quotient, ibis.null("float64"))


def mean(values: ir.Value, where: ir.Value) -> ir.Value:
    """Average integers or decimals over the rows `where` is true; null without any."""
    return ratio(values.sum(where=where), values.count(where=where))


def share(rows: ir.Table, chosen: ir.Value, of: ir.Value) -> ir.Value:
    """Compute the share of some rows that meet a condition; null without any row.

    Parameters
    ----------
    rows : ibis.Table
        The relation that is counted.
    chosen : ibis boolean
        The condition.
    of : ibis boolean
        Marks the rows among which the share is counted.
    """
    return ratio(rows.count(where=of & chosen), rows.count(where=of))


def yuan(value: ir.Value) -> ir.Value:
    """Convert an aggregated decimal to the float that models read."""
    return value.cast("float64")


def whole_years(earlier: ir.Value, later: ir.Value) -> ir.Value:
    """Count the whole years between two dates; from 29 February a year is complete on 1 March."""
    before = (later.month() * 100 + later.day()) < (earlier.month() * 100 + earlier.day())
    return later.year() - earlier.year() - before.cast("int64")


def anniversary(first: ir.Value, year: ir.Value) -> ir.Value:
    """Find the anniversary of a date in a year; that of 29 February is the last day of February."""
    leap = (first.month() == 2) & (first.day() == 29)
    month, day = leap.ifelse(3, first.month()), leap.ifelse(1, first.day())
    # Spark makes dates of 32-bit numbers only.
    moved = ibis.date(year.cast("int32"), month.cast("int32"), day.cast("int32"))
    return leap.ifelse((moved - ibis.interval(days=1)).cast("date"), moved)
