"""The birthday tag 生日, of the underwriting group; birthday wishes are timed by it."""

import ibis
import ibis.expr.types as ir

from features.tags.groups.underwriting import GROUP

tag = GROUP.tag


@tag("距生日天数", unit="days", relation="customers", null="date of birth unknown", type="int64")
def days_to_next_birthday(t: ir.Table) -> ir.Value:
    """Days to the customer's next birthday; on the day itself to that of the next year. Who was
    born on 29 February has it on the last day of February."""
    this_year = _birthday(t.birth_date, t.as_of.year())
    next_year = _birthday(t.birth_date, t.as_of.year() + 1)
    coming = (this_year > t.as_of).ifelse(this_year, next_year)
    return coming.delta(t.as_of, unit="day").cast("int64").min()


def _birthday(born: ir.Value, year: ir.Value) -> ir.Value:
    """Find the birthday in a year; that of 29 February is the last day of February."""
    leap = (born.month() == 2) & (born.day() == 29)
    month, day = leap.ifelse(3, born.month()), leap.ifelse(1, born.day())
    # Spark makes dates of 32-bit numbers only.
    date = ibis.date(year.cast("int32"), month.cast("int32"), day.cast("int32"))
    return leap.ifelse((date - ibis.interval(days=1)).cast("date"), date)
