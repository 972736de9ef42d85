"""The birthday tag 生日, of the underwriting group; birthday wishes are timed by it."""

import ibis.expr.types as ir

from features.tags.exact import anniversary
from features.tags.groups.underwriting import GROUP

tag = GROUP.tag


@tag("距生日天数", unit="days", relation="customers", null="date of birth unknown", type="int64")
def days_to_next_birthday(t: ir.Table) -> ir.Value:
    """Days to the customer's next birthday; on the day itself to that of the next year. Who was
    born on 29 February has it on the last day of February."""
    this_year = anniversary(t.birth_date, t.as_of.year())
    next_year = anniversary(t.birth_date, t.as_of.year() + 1)
    coming = (this_year > t.as_of).ifelse(this_year, next_year)
    return coming.delta(t.as_of, unit="day").cast("int64").min()
