"""The spine: whom to look at, and when. Every tag and every rating is a join with it.

A snapshot asks about all customers on a few dates, training about some customers, each on dates of
his own (`docs/adr/0003-as-of-spine-and-knowledge-time.md`). Where the dates are few they are
constants, and no table has to be joined with a row for every customer.
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
    """Customers and dates.

    Attributes
    ----------
    pairs : ibis Table (customer_id: string, as_of: date, cutoff: timestamp UTC)
        Each customer and date once.
    dates : tuple of (date, datetime)
        As-of dates with their cutoffs, if `pairs` holds every customer known on each of them; else
        empty.
    moments : tuple of (ibis date, ibis timestamp)
        The same as expressions.
    """

    pairs: ir.Table
    dates: tuple[tuple[date, datetime], ...] = ()
    moments: Moments = ()

    def meets(self, rows: ir.Table) -> list[ir.Table]:
        """Rows of a table with `as_of`, `cutoff` and `from_36m`, the last day before 36 months.

        One table a date where the spine has dates, else one that is joined by `customer_id`.
        """
        if not self.moments:
            pairs = self.pairs.mutate(from_36m=months_before(self.pairs.as_of, MONTHS))
            return [pairs.inner_join(rows, "customer_id")]
        return [
            rows.mutate(as_of=as_of, cutoff=end, from_36m=months_before(as_of, MONTHS))
            for as_of, end in self.moments
        ]


def months_before(day: ir.Value, months: int) -> ir.Value:
    """The same day so many months earlier; the end of a shorter month where there is none."""
    return (day - ibis.interval(months=months)).cast("date")


def spine_of_customers(lake: Lake, dates: Sequence[date]) -> Spine:
    """Every customer known at the end of each date."""
    days = tuple((day, cutoff(day, lake.settings.timezone)) for day in sorted(set(dates)))
    moments = tuple(
        (ibis.literal(day, "date"), ibis.literal(end, "timestamp('UTC', 6)")) for day, end in days
    )
    customers = lake.table("customers")
    known = [
        met.filter(known_at(met, met.cutoff)).select("customer_id", "as_of", "cutoff")
        for met in Spine(customers, days, moments).meets(customers)
    ]
    return Spine(union_all(known).distinct(), days, moments)


def spine_of(pairs: ir.Table) -> Spine:
    """Any customers and dates, each once."""
    return Spine(pairs.select("customer_id", "as_of", "cutoff").distinct())
