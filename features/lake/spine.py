"""Build the spine: the (customer, as of, cutoff) that every tag and every rating is joined with.

A snapshot needs all customers on a few dates; training needs some customers, each on different
dates (`docs/adr/0003-as-of-spine-and-knowledge-time.md`). If the dates are few they are constants,
and no table has to be joined with a row for every customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import ibis
import ibis.expr.types as ir

from features.lake import Lake, Moments
from features.lake.joins import union_all
from features.lake.known_at import known_at
from features.settings import cutoff

SPINE = ["customer_id", "as_of"]
MONTHS = 36


@dataclass(frozen=True)
class Spine:
    """Customers and the dates as of which they are looked at.

    Attributes
    ----------
    pairs : ibis.Table (customer_id: string, as_of: date, cutoff: timestamp UTC)
        One row a customer and date.
    dates : tuple of (date, datetime)
        As-of dates with their cutoffs, if `pairs` holds every customer known on each of them; else
        empty.
    moments : tuple of (ibis date, ibis timestamp)
        `dates` as expressions.
    """

    pairs: ir.Table
    dates: tuple[tuple[date, datetime], ...] = ()
    moments: Moments = ()

    def join(self, rows: ir.Table) -> list[ir.Table]:
        """Add `as_of`, `cutoff` and `from_36m` (the date 36 months earlier) to rows of customers.

        Returns
        -------
        list of ibis.Table
            One table a date if the spine has dates, else one table, joined by `customer_id`.
        """
        if not self.moments:
            pairs = self.pairs.mutate(from_36m=months_before(self.pairs.as_of, MONTHS))
            return [pairs.inner_join(rows, "customer_id")]
        return [
            rows.mutate(as_of=as_of, cutoff=end, from_36m=months_before(as_of, MONTHS))
            for as_of, end in self.moments
        ]


def months_before(day: ir.Value, months: int) -> ir.Value:
    """Shift a day back by whole months; a day that the month lacks becomes its last day."""
    return (day - ibis.interval(months=months)).cast("date")


def spine_of_customers(lake: Lake, dates: Sequence[date]) -> Spine:
    """Build the spine of every customer known at the end of each date."""
    days = tuple((day, cutoff(day, lake.settings.timezone)) for day in sorted(set(dates)))
    moments = tuple(
        (ibis.literal(day, "date"), ibis.literal(end, "timestamp('UTC', 6)")) for day, end in days
    )
    customers = lake.table("customers")
    known = [
        rows.filter(known_at(rows, rows.cutoff)).select("customer_id", "as_of", "cutoff")
        for rows in Spine(customers, days, moments).join(customers)
    ]
    return Spine(union_all(known).distinct(), days, moments)


def spine_of(pairs: ir.Table) -> Spine:
    """Build the spine of the given customers and dates, without duplicates."""
    return Spine(pairs.select("customer_id", "as_of", "cutoff").distinct())
