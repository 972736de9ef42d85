"""The insurer's civil days as instants, for whoever must say on which day something happened.

A time zone is Python's to know: engines do not agree on how to ask for it.
"""

from datetime import UTC, date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.lake import Lake
from features.settings import cutoff

INSTANT = pa.timestamp("us", "UTC")


def civil_days(lake: Lake, first: date, last: date) -> ir.Table:
    """Every civil day from `first` to `last`, once for each UTC date that it touches.

    Returns
    -------
    ibis Table
        `day` (date), `opens` and `closes` (timestamps, UTC; the day is [opens, closes)), and
        `utc_date` (date), by which instants can be joined without comparing each with each.
    """
    zone = lake.settings.timezone
    rows = []
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        opens, closes = cutoff(day - timedelta(1), zone), cutoff(day, zone)
        touched = {opens.astimezone(UTC).date(), (closes - timedelta(microseconds=1)).date()}
        rows += [(day, opens, closes, utc_date) for utc_date in sorted(touched)]
    columns = list(zip(*rows, strict=True)) or [()] * 4
    types = {"day": pa.date32(), "opens": INSTANT, "closes": INSTANT, "utc_date": pa.date32()}
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types.values(), strict=True)]
    return ibis.memtable(pa.table(arrays, list(types)))


def with_day(rows: ir.Table, instant: str, days: ir.Table) -> ir.Table:
    """The rows whose `instant` falls on one of `days`, with that `day`."""
    joined = rows.inner_join(days, rows[instant].date() == days.utc_date)
    inside = (joined[instant] >= joined.opens) & (joined[instant] < joined.closes)
    return joined.filter(inside).select(*rows.columns, "day")


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 29 February becomes 28 February where there is none.

    Examples
    --------
    >>> years_before(date(2024, 2, 29), 5)
    datetime.date(2019, 2, 28)
    """
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
